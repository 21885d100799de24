//! What generators look at, what they ask for, and what comes out.

use argosy_object::{Object, Value};
use argosy_tree::{ReadSet, Tree};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A cluster as generators see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// `name` of the Secret.
    pub name: String,
    /// `server` of the Secret.
    pub server: String,
    /// `project` of the Secret, or empty.
    pub project: String,
    /// The Secret's labels.
    pub labels: BTreeMap<String, String>,
    /// The Secret's annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A tree by where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeKey {
    /// `repoURL` as the generator gives it, rendered.
    pub repo_url: String,
    /// `revision` as the generator gives it, rendered; empty for the default branch.
    pub revision: String,
}

/// What generating needs and was not given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The clusters that have a Secret.
    Clusters,
    /// A repository's tree.
    Tree(TreeKey),
}

/// What the generators may look at.
#[derive(Clone, Default)]
pub struct GeneratorInputs {
    /// All clusters that have a Secret, in any order; `None` until asked for.
    pub clusters: Option<Vec<Cluster>>,
    /// Trees by where they come from.
    pub trees: BTreeMap<TreeKey, Arc<dyn Tree>>,
    /// What `now` gives.
    pub now: jiff::Timestamp,
    /// What random functions start from. The same seed and set give the same result, so that
    /// nothing drifts; it must be a secret where templates make passwords.
    pub seed: [u8; 32],
}

/// How far generating came.
#[derive(Debug)]
pub enum Step {
    /// All Applications.
    Done(Generation),
    /// What is to be given before the next call, sorted.
    Needs(Vec<Need>),
}

/// What a set generates.
#[derive(Debug, Default)]
pub struct Generation {
    /// The Applications in the order of the generators. Names may be equal or missing: that is
    /// for [`crate::validate`] to find.
    pub apps: Vec<Generated>,
    /// What was read of each tree: as long as these hold, the result is the same.
    pub reads: BTreeMap<TreeKey, ReadSet>,
}

/// One Application and what it was made of.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The Application: `apiVersion`, `kind`, `metadata` and `spec`.
    pub app: Object,
    /// Its parameters.
    pub params: Value,
    /// Index of the entry of `spec.generators`.
    pub generator: usize,
}
