//! Semantic versions and ranges as Masterminds/semver v3 reads them.
//!
//! Helm, Argo CD and Flux all choose versions with that library, and its ranges are neither
//! npm's nor Cargo's: `>=1.2 <2`, `!=1.x`, `1.2 - 2.3`, `^1 || ~2.1`, with pre-releases let in
//! only by a range that names one. Texts of errors are the library's, since people read them.
#![warn(missing_docs)]

mod constraint;
mod range;
mod scan;
mod version;

pub use constraint::{Constraint, ConstraintError};
pub use version::{Version, VersionError};
