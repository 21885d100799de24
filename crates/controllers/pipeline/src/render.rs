//! Stage `render`: trees and options become objects, on a bounded pool and cached by read set.

use crate::error::StageError;
use crate::remote::{Permit, Reach};
use crate::source::Sourced;
use argosy_frame::offload;
use argosy_object::{Blob, Digest, Finding, Object, Origin, Str};
use argosy_ports::{ChartRef, ClusterFacts, Sources};
use argosy_render::{
    Answers, Caches, ChartNeed, Facts, Need, Remote, RemoteFile, RemoteTree, Rendered, Request,
    Step, Tool, concatenate, render,
};
use argosy_tree::{Changed, Oid, ReadSet, Tree};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// How often a rendering may ask for more.
const MAX_ROUNDS: usize = 8;

/// Renders on as many threads as there are cores.
pub struct RenderPool {
    caches: Arc<Caches>,
    slots: Arc<Semaphore>,
    rendered: AtomicU64,
    sources: Option<Arc<dyn Sources>>,
    remote_hosts: Vec<String>,
}

/// What one application rendered to last.
#[derive(Default)]
pub struct RenderCache {
    sources: Mutex<Vec<Option<Arc<Entry>>>>,
}

/// One source's last outcome, as bytes.
struct Entry {
    request: Digest,
    root: Oid,
    reference_roots: BTreeMap<Str, Oid>,
    reads: ReadSet,
    reference_reads: BTreeMap<Str, ReadSet>,
    remote_roots: BTreeMap<RemoteTree, Oid>,
    remote_reads: BTreeMap<RemoteTree, ReadSet>,
    remote_files: BTreeMap<RemoteFile, Digest>,
    facts: Facts,
    tool: Tool,
    objects: Vec<(Blob, Origin)>,
    findings: Vec<Finding>,
}

/// The objects of all sources of an application.
#[derive(Debug, Default)]
pub struct RenderedApp {
    /// In the order of the sources.
    pub objects: Vec<(Object, Origin)>,
    /// What was noticed.
    pub findings: Vec<Finding>,
    /// The tool of each source that rendered something.
    pub tools: Vec<Tool>,
}

impl Default for RenderPool {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            caches: Arc::default(),
            slots: Arc::new(Semaphore::new(cores)),
            rendered: AtomicU64::new(0),
            sources: None,
            remote_hosts: Vec::new(),
        }
    }
}

impl RenderCache {
    /// Whether a change of files could matter to the last rendering: a recorded answer is among
    /// what changed, or there is no complete record.
    pub fn is_hit(&self, changed: &Changed) -> bool {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.is_empty()
            || sources.iter().any(|entry| match entry {
                None => true,
                Some(entry) => {
                    changed.hits(&entry.reads)
                        || entry
                            .reference_reads
                            .values()
                            .chain(entry.remote_reads.values())
                            .any(|reads| changed.hits(reads))
                }
            })
    }

    /// The trees of other repositories that the last rendering read.
    pub fn remotes(&self) -> Vec<RemoteTree> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = sources.iter().flatten();
        entries
            .flat_map(|entry| entry.remote_reads.keys().cloned())
            .collect()
    }

    /// Forgets everything (`refresh: hard`).
    pub fn clear(&self) {
        self.sources
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn get(&self, index: usize) -> Option<Arc<Entry>> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.get(index).cloned().flatten()
    }

    fn forget(&self, index: usize) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = sources.get_mut(index) {
            *entry = None;
        }
    }

    fn set(&self, index: usize, entry: Arc<Entry>) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() <= index {
            sources.resize_with(index + 1, || None);
        }
        sources[index] = Some(entry);
    }
}

impl RenderPool {
    /// A pool that fetches what renderings need from elsewhere.
    #[must_use]
    pub fn with_sources(mut self, sources: Arc<dyn Sources>) -> Self {
        self.sources = Some(sources);
        self
    }

    /// A pool whose kustomizations may name bases of these hosts only; none: of all hosts.
    #[must_use]
    pub fn with_remote_hosts(mut self, hosts: Vec<String>) -> Self {
        self.remote_hosts = hosts;
        self
    }

    /// How many sources were really rendered, not taken from a cache.
    pub fn rendered(&self) -> u64 {
        self.rendered.load(Ordering::Relaxed)
    }

    /// Renders all sources of an application.
    ///
    /// A source is rendered anew only where its request changed or an answer in its read set
    /// did; else its bytes are taken from `cache`. `permit` says what kustomizations may name
    /// elsewhere. A file that was named by URL is read anew only when the cache is cleared.
    ///
    /// # Errors
    /// [`StageError::Render`] for the first source that fails.
    pub async fn render(
        &self,
        sources: &[Sourced],
        template: &Request,
        facts: &ClusterFacts,
        cache: &RenderCache,
        permit: &Permit<'_>,
    ) -> Result<RenderedApp, StageError> {
        let reach = Reach {
            sources: self.sources.as_ref(),
            project: &template.project,
            permit,
            hosts: &self.remote_hosts,
        };
        let references: BTreeMap<Str, Arc<dyn Tree>> = sources
            .iter()
            .filter(|s| !s.source.reference.is_empty())
            .map(|s| (Str::from(s.source.reference.as_str()), s.tree.clone()))
            .collect();
        let mut outcomes = Vec::new();
        let mut tools = Vec::new();
        for (index, sourced) in sources.iter().enumerate() {
            let source = &sourced.source;
            // A source that is only a reference supplies files and renders nothing.
            if !source.reference.is_empty() && source.path.is_empty() && source.chart.is_empty() {
                continue;
            }
            let request = Request {
                source: source.clone(),
                revision: sourced.artifact.revision.to_string(),
                kube_version: facts.kube_version.clone(),
                api_versions: facts.api_versions.clone(),
                ..template.clone()
            };
            let outcome = self
                .one(
                    index,
                    request,
                    sourced.tree.clone(),
                    &references,
                    (cache, &reach),
                )
                .await
                .map_err(|error| number(error, index + 1, sources.len()))?;
            tools.push(outcome.tool);
            outcomes.push(outcome);
        }
        let all = concatenate(outcomes);
        Ok(RenderedApp {
            objects: all.objects,
            findings: all.findings,
            tools,
        })
    }

    async fn one(
        &self,
        index: usize,
        request: Request,
        tree: Arc<dyn Tree>,
        references: &BTreeMap<Str, Arc<dyn Tree>>,
        (cache, reach): (&RenderCache, &Reach<'_>),
    ) -> Result<Rendered, StageError> {
        let digest = request.digest();
        if let Some(entry) = cache.get(index)
            && entry.request == digest
            && entry.holds(&*tree, references)
            && entry.holds_elsewhere(reach).await?
        {
            return entry.rendered();
        }
        let root = tree.root();
        let rounds = self.rounds(request, tree, references, reach).await;
        let (rendered, remote_roots) = rounds.inspect_err(|_| {
            // What was read on the way to the failure is not known: any change may end it.
            cache.forget(index);
        })?;
        self.rendered.fetch_add(1, Ordering::Relaxed);
        let reference_roots = rendered
            .reference_reads
            .keys()
            .filter_map(|name| Some((name.clone(), references.get(name)?.root())))
            .collect();
        cache.set(
            index,
            Arc::new(Entry::new(
                digest,
                root,
                (reference_roots, remote_roots),
                &rendered,
            )),
        );
        Ok(rendered)
    }

    /// Renders, answering needs until there are none. A place in the pool is held only while
    /// something is rendered, not while something is fetched.
    async fn rounds(
        &self,
        request: Request,
        tree: Arc<dyn Tree>,
        references: &BTreeMap<Str, Arc<dyn Tree>>,
        reach: &Reach<'_>,
    ) -> Result<(Rendered, BTreeMap<RemoteTree, Oid>), StageError> {
        let (request, mut answers) = (Arc::new(request), Answers::default());
        for _ in 0..MAX_ROUNDS {
            let permit = self
                .slots
                .clone()
                .acquire_owned()
                .await
                .expect("the pool is never closed");
            let (caches, tree) = (self.caches.clone(), tree.clone());
            let (asked, given) = (request.clone(), answers.clone());
            let task = offload(move || {
                let _permit = permit;
                render(&asked, &*tree, &given, &caches)
            });
            let step = task
                .await
                .map_err(|error| StageError::Panicked(error.to_string()))?
                .map_err(|source| StageError::Render {
                    index: 0,
                    count: 0,
                    source: Box::new(source),
                })?;
            let needs = match step {
                Step::Done(rendered) => {
                    let roots = answers.remote_trees.iter();
                    let roots = roots
                        .map(|(name, tree)| (name.clone(), tree.root()))
                        .collect();
                    return Ok((rendered, roots));
                }
                Step::Needs(needs) => needs,
            };
            for need in needs {
                match need {
                    Need::Reference(name) => {
                        let tree = references.get(&name).cloned();
                        answers.references.insert(name, tree);
                    }
                    Need::Remote(Remote::Tree(need)) => {
                        let tree = reach.tree(&need).await?;
                        answers.remote_trees.insert(need, tree);
                    }
                    Need::Remote(Remote::File(need)) => {
                        let file = reach.file(&need).await?;
                        answers.remote_files.insert(need, file.into());
                    }
                    Need::Remote(Remote::Chart(chart)) => {
                        let need = ChartNeed::from(&chart);
                        let tree = self.chart(&need, &request.project).await?;
                        answers.charts.insert(need, tree);
                    }
                    Need::Chart(need) => {
                        let tree = self.chart(&need, &request.project).await?;
                        answers.charts.insert(need, tree);
                    }
                }
            }
        }
        Err(StageError::Compare(format!(
            "rendering asked for more than {MAX_ROUNDS} times"
        )))
    }

    /// A chart that another one depends on, with the credentials of the application's project.
    async fn chart(&self, need: &ChartNeed, project: &str) -> Result<Arc<dyn Tree>, StageError> {
        let Some(sources) = &self.sources else {
            return Err(StageError::Compare(format!(
                "chart `{}` of `{}` is not in the chart's `charts/`, and nothing is fetched here",
                need.name, need.repository
            )));
        };
        let chart = ChartRef {
            repo: sources.repo(&need.repository, project),
            name: need.name.clone(),
            version: need.version.clone(),
            pass_credentials: need.pass_credentials,
        };
        let (_, tree) = sources
            .chart(&chart)
            .await
            .map_err(|source| StageError::Source {
                message: format!("Failed to fetch a dependency of the chart: {source}"),
                source,
            })?;
        Ok(tree)
    }
}

fn number(error: StageError, at: usize, of: usize) -> StageError {
    match error {
        StageError::Render { source, .. } => StageError::Render {
            index: at,
            count: of,
            source,
        },
        other => other,
    }
}

impl Entry {
    fn new(
        request: Digest,
        root: Oid,
        (reference_roots, remote_roots): (BTreeMap<Str, Oid>, BTreeMap<RemoteTree, Oid>),
        rendered: &Rendered,
    ) -> Self {
        Self {
            request,
            root,
            reference_roots,
            reads: rendered.reads.clone(),
            reference_reads: rendered.reference_reads.clone(),
            remote_roots,
            remote_reads: rendered.remote_reads.clone(),
            remote_files: rendered.remote_files.clone(),
            facts: rendered.facts,
            tool: rendered.tool,
            objects: rendered
                .objects
                .iter()
                .map(|(o, at)| (Blob::new(o), at.clone()))
                .collect(),
            findings: rendered.findings.clone(),
        }
    }

    /// Whether all recorded looks still get the same answers.
    fn holds(&self, tree: &dyn Tree, references: &BTreeMap<Str, Arc<dyn Tree>>) -> bool {
        let own = self.root == tree.root() || self.reads.holds(tree).unwrap_or(false);
        own && self.reference_reads.iter().all(|(name, reads)| {
            references.get(name).is_some_and(|tree| {
                self.reference_roots.get(name) == Some(&tree.root())
                    || reads.holds(&**tree).unwrap_or(false)
            })
        })
    }

    /// Whether what was read of other repositories is still what they have. A project that has
    /// lost the right to one of them gets the error and not the old outcome.
    async fn holds_elsewhere(&self, reach: &Reach<'_>) -> Result<bool, StageError> {
        for (need, reads) in &self.remote_reads {
            let tree = reach.tree(need).await?;
            let is_same = self.remote_roots.get(need) == Some(&tree.root());
            if !is_same && !reads.holds(&*tree).unwrap_or(false) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn rendered(&self) -> Result<Rendered, StageError> {
        let objects = self
            .objects
            .iter()
            .map(|(blob, origin)| Ok((blob.object()?, origin.clone())))
            .collect::<Result<_, argosy_object::BlobError>>()
            .map_err(|error| StageError::Panicked(error.to_string()))?;
        Ok(Rendered {
            objects,
            findings: self.findings.clone(),
            reads: self.reads.clone(),
            reference_reads: self.reference_reads.clone(),
            remote_reads: self.remote_reads.clone(),
            remote_files: self.remote_files.clone(),
            facts: self.facts,
            tool: self.tool,
        })
    }
}

#[cfg(test)]
mod tests;
