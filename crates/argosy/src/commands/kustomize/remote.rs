//! Bases and files elsewhere, fetched for commands with what the caller may read.

use crate::session::Session;
use argosy_cli::Failure;
use argosy_kustomize::{Remote, RemoteChart, RemoteFile, RemoteTree, Remotes};
use argosy_ports::{ChartRef, Sources as _, Wanted};
use argosy_tree::{Limits, Rooted, Tree};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The largest file that is fetched by URL.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// How often a build may ask for more; each time it may be for many.
pub(crate) const MAX_ROUNDS: usize = 8;

/// How much one build may fetch.
const MAX_REMOTES: usize = 64;

/// What was fetched so far.
#[derive(Default)]
pub(crate) struct Fetched {
    pub(crate) trees: BTreeMap<RemoteTree, Arc<dyn Tree>>,
    pub(crate) files: BTreeMap<RemoteFile, bytes::Bytes>,
    pub(crate) charts: BTreeMap<RemoteChart, Arc<dyn Tree>>,
}

impl Fetched {
    /// Fetches what a build asked for.
    ///
    /// # Errors
    /// [`Failure`] for the first thing that cannot be read, with its URL.
    pub(crate) fn fetch(&mut self, session: &Session, needs: &[Remote]) -> Result<(), Failure> {
        let known = self.trees.len() + self.files.len() + self.charts.len();
        if known + needs.len() > MAX_REMOTES {
            let text = format!("more than {MAX_REMOTES} remote bases and files are used");
            return Err(Failure::new(text));
        }
        let sources = session.sources_without_credentials()?;
        session.block_on(async {
            for need in needs {
                let url = match need {
                    Remote::Tree(tree) => &tree.repo,
                    Remote::File(file) => &file.0,
                    Remote::Chart(chart) => &chart.repo,
                };
                let failed = |error: &dyn std::error::Error| {
                    Failure::from_error(error).while_doing(format!("cannot read `{url}`"))
                };
                let repo = sources.repo(url, "");
                match need {
                    Remote::Tree(tree) => {
                        let wanted = Wanted {
                            revision: tree.revision.as_str().into(),
                            ..Wanted::default()
                        };
                        let limit = Duration::from_secs(tree.timeout_seconds.into());
                        let fetch = async {
                            sources.refresh(&repo).await?;
                            let artifact = sources.resolve(&repo, &wanted).await?;
                            sources.tree(&artifact).await
                        };
                        let found = tokio::time::timeout(limit, fetch).await;
                        let found = found.map_err(|late| failed(&late))?;
                        let found = found.map_err(|error| failed(&error))?;
                        self.trees.insert(tree.clone(), found);
                    }
                    Remote::File(file) => {
                        let content = sources.file(&repo, MAX_FILE_BYTES).await;
                        let content = content.map_err(|error| failed(&error))?;
                        self.files.insert(file.clone(), content.into());
                    }
                    Remote::Chart(chart) => {
                        let wanted = ChartRef {
                            repo,
                            name: chart.name.as_str().into(),
                            version: chart.version.as_str().into(),
                            pass_credentials: false,
                        };
                        let found = sources.chart(&wanted).await;
                        let (_, tree) = found.map_err(|error| failed(&error))?;
                        self.charts.insert(chart.clone(), tree);
                    }
                }
            }
            Ok(())
        })
    }

    /// As a build takes it.
    pub(crate) fn remotes(&self) -> Remotes<'_> {
        Remotes {
            trees: self
                .trees
                .iter()
                .map(|(name, tree)| (name.clone(), Rooted::new(&**tree, Limits::default())))
                .collect(),
            files: self.files.clone(),
            charts: self
                .charts
                .iter()
                .map(|(name, tree)| (name.clone(), Rooted::new(&**tree, Limits::default())))
                .collect(),
            allowed: true,
        }
    }
}
