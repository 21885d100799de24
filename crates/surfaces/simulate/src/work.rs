//! What a controller wants done: the reducers give these, the driver does them.

use crate::kinds::{Id, Kind};
use argosy_object::Value;
use std::time::Duration;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Create an object.
    Create(Kind, Value),
    /// Change an object by a merge patch.
    Patch(Id, Value),
    /// Change an object's status by a merge patch; the patch is the status alone.
    Status(Id, Value),
    /// Change an object's annotations together with its status, where no generation is counted.
    Annotate(Id, Value),
    /// Delete an object.
    Delete {
        /// Which.
        id: Id,
        /// The UID it must have.
        uid: String,
        /// `gracePeriodSeconds`.
        grace_seconds: Option<i64>,
    },
    /// Bind a pod to a node.
    Bind(Id, String),
    /// Look again, after a while.
    Wake(Id, Duration),
}

impl Work {
    /// Whose work it is in a real cluster.
    pub fn actor(&self) -> &'static str {
        match self {
            Self::Bind(..) => "kube-scheduler",
            Self::Status(id, _) if matches!(id.kind, Kind::Pod | Kind::Node) => "kubelet",
            _ => "kube-controller-manager",
        }
    }
}

/// The status patch of an object, where it says anything new.
pub fn status(id: Id, object: &Value, wanted: Value) -> Option<Work> {
    let old = object.get("status").unwrap_or(&Value::Null);
    let differs = wanted
        .as_object()
        .into_iter()
        .flatten()
        .any(|(name, value)| {
            let was = old.get(name).unwrap_or(&Value::Null);
            // A count of zero and a list of nothing are not stored.
            let nothing =
                |v: &Value| v.is_null() || *v == 0 || v.as_array().is_some_and(Vec::is_empty);
            was != value && !(nothing(was) && nothing(value))
        });
    differs.then_some(Work::Status(id, wanted))
}
