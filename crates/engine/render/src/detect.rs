//! Which tool renders a folder.

use crate::error::RenderError;
use argosy_crds::Source;
use argosy_tree::{RelPath, Rooted};

/// A rendering tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// A Helm chart.
    Helm,
    /// A kustomization.
    Kustomize,
    /// Plain manifests.
    Directory,
}

impl Tool {
    /// `status.sourceType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Helm => "Helm",
            Self::Kustomize => "Kustomize",
            Self::Directory => "Directory",
        }
    }
}

/// Names of a kustomization, in the order in which they are looked for.
pub(crate) const KUSTOMIZATIONS: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The tool: the block that the source names, else a kustomization, else a chart, else plain
/// manifests. Compat: as an application controller was observed to choose.
pub(crate) fn tool(
    reader: &Rooted<'_>,
    path: &RelPath,
    source: &Source,
) -> Result<Tool, RenderError> {
    if source.plugin.is_some() {
        return Err(RenderError::Unsupported {
            what: "a config management plugin",
            place: "spec.source.plugin".into(),
        });
    }
    if source.helm.is_some() {
        return Ok(Tool::Helm);
    }
    if source.kustomize.is_some() {
        return Ok(Tool::Kustomize);
    }
    if source.directory.is_some() {
        return Ok(Tool::Directory);
    }
    for name in KUSTOMIZATIONS {
        if reader.is_file(&path.child(name))? {
            return Ok(Tool::Kustomize);
        }
    }
    if reader.is_file(&path.child("Chart.yaml"))? {
        return Ok(Tool::Helm);
    }
    Ok(Tool::Directory)
}
