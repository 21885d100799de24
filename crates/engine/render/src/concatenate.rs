//! Several sources become one list of objects.

use crate::request::Rendered;
use argosy_object::{Finding, Object, Origin};

/// The objects of all sources, in the order of the sources.
#[derive(Clone, Debug, Default)]
pub struct Concatenated {
    /// Objects; of equal keys the last counts, which the stage `desired` decides, since only it
    /// knows the namespaces.
    pub objects: Vec<(Object, Origin)>,
    /// Findings of all sources.
    pub findings: Vec<Finding>,
}

/// Joins the outcomes of several sources. With more than one, each origin's file is prefixed by
/// its source's number.
pub fn concatenate(sources: Vec<Rendered>) -> Concatenated {
    let mut all = Concatenated::default();
    let is_many = sources.len() > 1;
    for (index, rendered) in sources.into_iter().enumerate() {
        all.findings.extend(rendered.findings);
        for (object, mut origin) in rendered.objects {
            if is_many {
                origin.file = format!("sources[{index}]/{}", origin.file).into();
            }
            all.objects.push((object, origin));
        }
    }
    all
}
