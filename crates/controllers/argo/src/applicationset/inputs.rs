//! What generating needs from outside: clusters and trees.

use super::ApplicationSetController;
use argosy_crds::names;
use argosy_generate::{
    Cluster, GenerateError, Generation, GeneratorInputs, IgnoreError, Need, Step, TreeKey, generate,
};
use argosy_object::{Class, Classified, Digest, Key, Object, Value};
use argosy_ports::{RepoRef, SourceError, Wanted};
use argosy_tree::Tree;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

/// How often generating may ask for more.
const MAX_ROUNDS: usize = 8;

/// A set that does not generate. Its Applications stay as they are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The set itself is at fault.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// A rule of `ignoreApplicationDifferences` cannot be followed.
    #[error(transparent)]
    Ignore(#[from] IgnoreError),
    /// A repository cannot be read.
    #[error("git generator: `{repo_url}`: {source}")]
    Source {
        /// The repository.
        repo_url: String,
        /// The cause.
        source: SourceError,
    },
    /// It never has enough.
    #[error("generating asked for more than {MAX_ROUNDS} times")]
    Endless,
}

impl Classified for InputError {
    fn class(&self) -> Class {
        match self {
            Self::Generate(error) => error.class(),
            Self::Ignore(_) => Class::Stalled,
            Self::Source { source, .. } => source.class(),
            Self::Endless => Class::Bug,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Generate(error) => error.hint(),
            Self::Source { source, .. } => source.hint(),
            Self::Ignore(_) | Self::Endless => None,
        }
    }
}

impl ApplicationSetController {
    /// Generates, answering needs until there are none, and follows what was asked for.
    pub(crate) async fn generate(&self, key: &Key, set: &Object) -> Result<Generation, InputError> {
        let mut inputs = GeneratorInputs {
            now: self.hub.ports.clock.now(),
            // A set's own uid: nothing drifts, and no two sets make the same passwords.
            seed: Digest::of_parts([set.uid().as_bytes(), b"generate"]).0,
            ..GeneratorInputs::default()
        };
        let mut followed = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            match generate(set, &inputs)? {
                Step::Done(generation) => {
                    self.follows.set(key, followed);
                    let reads = generation.reads.values().cloned().collect();
                    let mut known = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
                    known.insert(key.clone(), reads);
                    return Ok(generation);
                }
                Step::Needs(needs) => {
                    for need in needs {
                        match need {
                            Need::Clusters => inputs.clusters = Some(self.clusters()),
                            Need::Tree(want) => {
                                let followed_now = self.followed(set, &want);
                                followed.insert(followed_now.clone());
                                // Followed before it is read: a commit in between is not missed.
                                self.follows.set(key, followed.clone());
                                let tree = self.tree(set, &followed_now).await;
                                let tree = tree.map_err(|source| InputError::Source {
                                    repo_url: want.repo_url.clone(),
                                    source,
                                })?;
                                inputs.trees.insert(want, tree);
                            }
                        }
                    }
                }
            }
        }
        Err(InputError::Endless)
    }

    async fn tree(
        &self,
        set: &Object,
        (repo, revision): &(RepoRef, Wanted),
    ) -> Result<Arc<dyn Tree>, SourceError> {
        let sources = &self.hub.ports.sources;
        if set.annotation(names::SET_REFRESH) == Some("true") {
            sources.refresh(repo).await?;
        }
        let artifact = sources.resolve(repo, revision).await?;
        sources.tree(&artifact).await
    }

    /// A repository as the project of the set's template sees it; where that is a template
    /// itself, with credentials that belong to no project.
    fn followed(&self, set: &Object, want: &TreeKey) -> (RepoRef, Wanted) {
        let project = set
            .pointer("/spec/template/spec/project")
            .and_then(Value::as_str)
            .filter(|project| !project.contains("{{"))
            .unwrap_or("");
        let repo = self.hub.ports.sources.repo(&want.repo_url, project);
        (
            repo,
            Wanted {
                revision: want.revision.as_str().into(),
                tag_prefix: None,
                ..Wanted::default()
            },
        )
    }

    /// The clusters that Secrets name.
    pub(crate) fn clusters(&self) -> Vec<Cluster> {
        let secrets = self.hub.destinations.all();
        let entry = |cluster: &argosy_crds::ClusterSecret| Cluster {
            name: cluster.name.clone(),
            server: cluster.server.clone(),
            project: cluster.project.clone(),
            labels: cluster.labels.clone(),
            annotations: cluster.annotations.clone(),
        };
        secrets.iter().map(entry).collect()
    }
}
