//! Stage `source`: from what the spec names to immutable trees.

use crate::error::StageError;
use argosy_crds::Source;
use argosy_object::Str;
use argosy_ports::{Artifact, Sources, Wanted};
use argosy_tree::Tree;
use std::sync::Arc;

/// One source with its files.
#[derive(Clone)]
pub struct Sourced {
    /// The source as the spec has it.
    pub source: Source,
    /// The resolved revision.
    pub artifact: Artifact,
    /// Its files.
    pub tree: Arc<dyn Tree>,
}

/// Resolves sources one after another, from the mirrors.
///
/// # Errors
/// [`StageError::Source`] for the first that fails.
pub async fn source(
    sources: &dyn Sources,
    wanted: &[Source],
    project: &str,
) -> Result<Vec<Sourced>, StageError> {
    let mut all = Vec::with_capacity(wanted.len());
    for one in wanted {
        let repo = sources.repo(&one.repo_url, project);
        let failed = |source| StageError::Source {
            message: format!(
                "Failed to load target state of `{}`: {source}",
                one.repo_url
            ),
            source,
        };
        let artifact = sources
            .resolve(&repo, &wanted_of(one))
            .await
            .map_err(failed)?;
        let tree = sources.tree(&artifact).await.map_err(failed)?;
        all.push(Sourced {
            source: one.clone(),
            artifact,
            tree,
        });
    }
    Ok(all)
}

/// The revision that a source wants: of its repository, or of its chart.
pub fn wanted_of(source: &Source) -> Wanted {
    let prefix = source.tag_prefix.as_str();
    Wanted {
        revision: source.target_revision.as_str().into(),
        tag_prefix: (!prefix.is_empty()).then(|| Str::from(prefix)),
        chart: source.chart.as_str().into(),
        pass_credentials: source
            .helm
            .as_ref()
            .is_some_and(|helm| helm.pass_credentials),
    }
}
