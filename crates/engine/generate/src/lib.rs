//! ApplicationSets: generators in, Applications out.
//!
//! [`generate()`] is a function of the set and of what its generators look at: the list of
//! clusters and the trees of Git repositories. What it lacks it asks for; the caller answers and
//! calls again. [`decide`] and its neighbours then say what becomes of the Applications that are
//! there already. Nothing here reads a cluster or writes to one.
//!
//! Compat: Argo CD 3.6's applicationset controller. Where upstream's result depends on the order
//! of a Go map, ours is sorted.
#![warn(missing_docs)]

mod decide;
mod error;
mod functions;
mod generate;
mod generators;
mod ignore;
mod inputs;
mod merge;
mod normalize;
mod params;
mod patch;
mod paths;
mod policy;
mod render;
mod requeue;
mod selector;
mod template;
mod validate;

pub use decide::{Decision, Preserved, decide, deletions, release};
pub use error::GenerateError;
pub use functions::{normalize, slugify};
pub use generate::generate;
pub use ignore::{IgnoreError, IgnoreRules};
pub use inputs::{Cluster, Generated, Generation, GeneratorInputs, Need, Step, TreeKey};
pub use normalize::normalize_spec;
pub use policy::Policy;
pub use requeue::requeue_after_seconds;
pub use validate::{Facts, Invalid, validate};
