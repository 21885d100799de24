//! Compares what is desired with what is live.
//!
//! An object is in sync where applying it would change nothing: the three-way patch (or the
//! server-side merge) that an apply would send is worked out here, applied to the live object
//! and compared with it, after defaults and canonical forms. [`unified_diff`] shows the difference.
#![warn(missing_docs)]

mod compare;
mod ignore;
mod lines;
mod normalize;

pub use compare::{CompareError, Comparison, Desired, Forbidden, Row, compare};
pub use ignore::{IgnoreError, IgnoreRules};
pub use lines::unified_diff;
pub use normalize::{differences, is_equal};
