//! What rendering is asked for, and what it answers.

use crate::detect::Tool;
use argosy_crds::Source;
use argosy_kustomize::{Remote, RemoteChart, RemoteFile, RemoteTree};
use argosy_object::{Digest, Finding, Object, Origin, Redacted, Str};
use argosy_tree::{ReadSet, Tree};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One source of one application.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The source, as the spec has it.
    pub source: Source,
    /// The application's name: Helm's release name where the source names none.
    pub app_name: String,
    /// The destination namespace.
    pub namespace: String,
    /// The project.
    pub project: String,
    /// The resolved revision, 40 hexadecimal digits.
    pub revision: String,
    /// The cluster's version, such as `v1.36.0`.
    pub kube_version: String,
    /// The cluster's API versions and kinds, sorted.
    pub api_versions: Arc<[String]>,
    /// What holds for all applications.
    pub tools: ToolSettings,
    /// What random functions start from. It must be a secret of the installation's, or whoever has
    /// the repository knows the passwords that its charts make.
    pub seed: Seed,
    /// What `now` is: the application's creation, so that nothing drifts by itself.
    pub born: Option<jiff::Timestamp>,
}

/// What a fleet's operator says of the tools (`argocd-cm`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolSettings {
    /// `kustomize.buildOptions`: flags of `kustomize build`.
    pub kustomize_build_options: String,
    /// Tools that are switched off (`helm.enable: "false"`); of [`Tool::Directory`], that is
    /// Jsonnet.
    pub disabled: Vec<Tool>,
}

/// What random functions start from; it does not show.
#[derive(Clone, Debug)]
pub struct Seed(Redacted<Digest>);

impl Default for Seed {
    /// No secret at all, for renderings that nobody applies.
    fn default() -> Self {
        Self(Redacted::new(Digest::of(b"")))
    }
}

impl Seed {
    /// Takes a secret.
    pub fn new(secret: &[u8]) -> Self {
        Self(Redacted::new(Digest::of(secret)))
    }

    /// The seed of one application among those of an installation.
    #[must_use]
    pub fn of_application(&self, namespace: &str, name: &str) -> Self {
        let parts = [&self.0.reveal().0, namespace.as_bytes(), name.as_bytes()];
        Self(Redacted::new(Digest::of_parts(parts)))
    }

    pub(crate) fn digest(&self) -> Digest {
        *self.0.reveal()
    }
}

/// Something that the tree does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// The tree of the sibling source whose `ref` has this name.
    Reference(Str),
    /// What a kustomization names elsewhere: a repository's tree or a file.
    Remote(Remote),
    /// A chart of a chart repository.
    Chart(ChartNeed),
}

/// A chart that another one depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChartNeed {
    /// URL of the chart repository or registry, or `@name`.
    pub repository: Str,
    /// The chart's name.
    pub name: Str,
    /// A version or a range.
    pub version: Str,
    /// Whether the repository's credential goes along to other hosts.
    pub pass_credentials: bool,
}

impl From<&RemoteChart> for ChartNeed {
    fn from(chart: &RemoteChart) -> Self {
        Self {
            repository: chart.repo.as_str().into(),
            name: chart.name.as_str().into(),
            version: chart.version.as_str().into(),
            pass_credentials: false,
        }
    }
}

/// Answers to needs.
#[derive(Clone, Default)]
pub struct Answers {
    /// Trees of sibling sources, by `ref`; `None`: there is no such source.
    pub references: BTreeMap<Str, Option<Arc<dyn Tree>>>,
    /// Trees of other repositories that kustomizations name.
    pub remote_trees: BTreeMap<RemoteTree, Arc<dyn Tree>>,
    /// Files that kustomizations name by URL.
    pub remote_files: BTreeMap<RemoteFile, Bytes>,
    /// Charts that were asked for, by charts and by kustomizations.
    pub charts: BTreeMap<ChartNeed, Arc<dyn Tree>>,
}

/// What is kept from one rendering to the next.
#[derive(Default)]
pub struct Caches {
    /// Compiled chart templates.
    pub templates: argosy_helm::TemplateCache,
}

/// Done, or in need of something.
#[derive(Debug)]
pub enum Step {
    /// The objects.
    Done(Rendered),
    /// What must be answered first.
    Needs(Vec<Need>),
}

/// Facts of the cluster that the outcome depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The cluster's version and API versions.
    pub capabilities: bool,
}

/// The objects of one source.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// In the tool's order.
    pub objects: Vec<(Object, Origin)>,
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// What was looked at in the source's own tree.
    pub reads: ReadSet,
    /// What was looked at in the trees of sibling sources.
    pub reference_reads: BTreeMap<Str, ReadSet>,
    /// What was looked at in the trees of other repositories.
    pub remote_reads: BTreeMap<RemoteTree, ReadSet>,
    /// What was read of files elsewhere, by its digest.
    pub remote_files: BTreeMap<RemoteFile, Digest>,
    /// What else the outcome depends on.
    pub facts: Facts,
    /// The tool.
    pub tool: Tool,
}

impl Request {
    /// A digest of everything but the trees.
    pub fn digest(&self) -> Digest {
        let source = serde_json::to_string(&self.source).unwrap_or_default();
        let apis = self.api_versions.join(",");
        let born = self.born.map(|born| born.to_string()).unwrap_or_default();
        let parts = [
            source.as_str(),
            &self.app_name,
            &self.namespace,
            &self.project,
            &self.kube_version,
            &apis,
            &self.tools.kustomize_build_options,
            &born,
        ];
        let disabled = self.tools.disabled.iter().map(|tool| tool.as_str());
        let parts = parts.into_iter().chain(disabled).map(str::as_bytes);
        let seed = self.seed.digest();
        Digest::of_parts(parts.chain([&seed.0[..]]))
    }
}
