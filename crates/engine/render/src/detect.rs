//! Which tool renders a folder.

use crate::error::RenderError;
use crate::request::ToolSettings;
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
/// manifests. One that is switched off leaves plain manifests, even where the source names it.
/// Compat: as an application controller was observed to choose.
pub(crate) fn tool(
    reader: &Rooted<'_>,
    path: &RelPath,
    source: &Source,
    settings: &ToolSettings,
) -> Result<Tool, RenderError> {
    let enabled = |tool: Tool| !settings.disabled.contains(&tool);
    if source.plugin.is_some() {
        return Err(RenderError::Unsupported {
            what: "a config management plugin",
            place: "spec.source.plugin".into(),
        });
    }
    let named: Vec<Tool> = [
        (source.kustomize.is_some(), Tool::Kustomize),
        (source.helm.is_some(), Tool::Helm),
        (source.directory.is_some(), Tool::Directory),
    ]
    .into_iter()
    .filter_map(|(named, tool)| named.then_some(tool))
    .collect();
    match named.as_slice() {
        [] => {}
        [tool] if enabled(*tool) => return Ok(*tool),
        [_] => return Ok(Tool::Directory),
        several => {
            let names: Vec<&str> = several.iter().map(|tool| tool.as_str()).collect();
            return Err(RenderError::SeveralTools(names.join(",")));
        }
    }
    for name in KUSTOMIZATIONS {
        if enabled(Tool::Kustomize) && reader.is_file(&path.child(name))? {
            return Ok(Tool::Kustomize);
        }
    }
    if enabled(Tool::Helm) && reader.is_file(&path.child("Chart.yaml"))? {
        return Ok(Tool::Helm);
    }
    Ok(Tool::Directory)
}
