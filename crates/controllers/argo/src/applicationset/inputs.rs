//! What generating needs from outside: clusters and trees.

use super::ApplicationSetController;
use argosy_crds::names;
use argosy_generate::{ClusterEntry, GenerateError, GitWant, Inputs, Outcome, Step, generate};
use argosy_object::{Class, Classified, Key, Object};
use argosy_ports::{SourceError, Wanted};
use std::collections::BTreeSet;

/// How often generating may ask for more.
const MAX_ROUNDS: usize = 8;

/// A set that does not generate. Its Applications stay as they are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The set itself is at fault.
    #[error(transparent)]
    Generate(#[from] GenerateError),
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
            Self::Source { source, .. } => source.class(),
            Self::Endless => Class::Bug,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Generate(error) => error.hint(),
            Self::Source { source, .. } => source.hint(),
            Self::Endless => None,
        }
    }
}

impl ApplicationSetController {
    /// Generates, answering needs until there are none, and follows what was asked for.
    pub(crate) async fn generate(&self, key: &Key, set: &Object) -> Result<Outcome, InputError> {
        let mut inputs = Inputs { clusters: self.clusters(), ..Inputs::default() };
        let mut followed = BTreeSet::new();
        let refreshes = set.annotation(names::SET_REFRESH) == Some("true");
        for _ in 0..MAX_ROUNDS {
            match generate(set, &inputs)? {
                Step::Done(outcome) => {
                    self.follows.set(key, followed);
                    let reads = outcome.reads.values().cloned().collect();
                    self.reads
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .insert(key.clone(), reads);
                    return Ok(outcome);
                }
                Step::Needs(wants) => {
                    for want in wants {
                        let repo = self.repo(set, &want);
                        let revision = wanted(&want);
                        followed.insert((repo.clone(), revision.clone()));
                        // Followed before it is read: a commit in between is not missed.
                        self.follows.set(key, followed.clone());
                        if refreshes {
                            let _ = self.hub.ports.sources.refresh(&repo).await;
                        }
                        let tree = self.tree(&repo, &revision).await.map_err(|source| {
                            InputError::Source { repo_url: want.repo_url.to_string(), source }
                        })?;
                        inputs.git.insert(want, tree);
                    }
                }
            }
        }
        Err(InputError::Endless)
    }

    async fn tree(
        &self,
        repo: &argosy_ports::RepoRef,
        revision: &Wanted,
    ) -> Result<std::sync::Arc<dyn argosy_tree::Tree>, SourceError> {
        let artifact = self.hub.ports.sources.resolve(repo, revision).await?;
        self.hub.ports.sources.tree(&artifact).await
    }

    /// A repository as the project of the set's template sees it; where that is a template
    /// itself, with credentials that belong to no project.
    fn repo(&self, set: &Object, want: &GitWant) -> argosy_ports::RepoRef {
        let project = set
            .pointer("/spec/template/spec/project")
            .and_then(argosy_object::Value::as_str)
            .filter(|project| !project.contains("{{"))
            .unwrap_or("");
        self.hub.ports.sources.repo(&want.repo_url, project)
    }

    /// The clusters that Secrets name, and the hub itself where none of them is it.
    fn clusters(&self) -> Vec<ClusterEntry> {
        let secrets = self.hub.destinations.all();
        let mut all: Vec<ClusterEntry> = secrets
            .iter()
            .map(|cluster| ClusterEntry {
                name: cluster.name.clone(),
                server: cluster.server.clone(),
                project: cluster.project.clone(),
                labels: cluster.labels.clone(),
                annotations: cluster.annotations.clone(),
                is_local: false,
            })
            .collect();
        if !all.iter().any(|cluster| cluster.server == names::IN_CLUSTER) {
            all.push(ClusterEntry {
                name: "in-cluster".into(),
                server: names::IN_CLUSTER.into(),
                is_local: true,
                ..ClusterEntry::default()
            });
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

fn wanted(want: &GitWant) -> Wanted {
    Wanted { revision: want.revision.clone(), tag_prefix: None }
}
