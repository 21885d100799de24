//! The charts that a chart depends on and that its repository does not hold.

use crate::error::RenderError;
use crate::request::{Answers, Caches, ChartNeed, Need};
use argosy_helm::{Chart, load_beside, load_folder};
use argosy_tree::{Limits, RelPath, Rooted};

/// What was fetched, or what must be.
pub(crate) enum Fetched {
    /// All of it.
    Charts(Vec<Chart>),
    /// What is still missing.
    Needs(Vec<Need>),
}

/// The subcharts that the chart in a folder lacks.
///
/// # Errors
/// [`RenderError::Helm`] in Helm's words.
pub(crate) fn fetched(
    reader: &Rooted<'_>,
    path: &RelPath,
    pass_credentials: bool,
    answers: &Answers,
    caches: &Caches,
) -> Result<Fetched, RenderError> {
    let failed = |error| RenderError::Helm(Box::new(error));
    let lacking = argosy_helm::lacking(reader, path, &caches.templates).map_err(failed)?;
    let (mut charts, mut needs): (Vec<Chart>, Vec<Need>) = (Vec::new(), Vec::new());
    for dependency in &lacking {
        let chart = if dependency.repository.starts_with("file://") {
            load_beside(reader, path, dependency).map_err(failed)?
        } else {
            let need = ChartNeed {
                repository: dependency.repository.as_str().into(),
                name: dependency.name.as_str().into(),
                version: dependency.version.as_str().into(),
                pass_credentials,
            };
            match answers.charts.get(&need) {
                Some(tree) => {
                    let reader = Rooted::new(&**tree, Limits::default());
                    load_folder(&reader, &RelPath::root()).map_err(failed)?
                }
                None => {
                    let need = Need::Chart(need);
                    if !needs.contains(&need) {
                        needs.push(need);
                    }
                    continue;
                }
            }
        };
        // One chart may be asked for under several aliases.
        let is_there = charts.iter().any(|other| {
            other.name() == chart.name() && other.metadata.version == chart.metadata.version
        });
        if !is_there {
            charts.push(chart);
        }
    }
    Ok(if needs.is_empty() {
        Fetched::Charts(charts)
    } else {
        Fetched::Needs(needs)
    })
}
