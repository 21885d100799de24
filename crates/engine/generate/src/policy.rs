//! What a set may do to its Applications.

use argosy_object::{Object, Value};

/// `spec.syncPolicy.applicationsSync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Create, update and delete.
    #[default]
    Sync,
    /// Only create.
    CreateOnly,
    /// Create and update.
    CreateUpdate,
    /// Create and delete.
    CreateDelete,
}

impl Policy {
    /// The policy of a set; `controller` is what counts where the set has none, or where sets may
    /// not choose.
    pub fn of(set: &Object, controller: Self, sets_may_choose: bool) -> Self {
        let own = set
            .pointer("/spec/syncPolicy/applicationsSync")
            .and_then(Value::as_str);
        own.filter(|_| sets_may_choose)
            .and_then(Self::parse)
            .unwrap_or(controller)
    }

    /// Reads a policy's name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "sync" | "" => Self::Sync,
            "create-only" => Self::CreateOnly,
            "create-update" => Self::CreateUpdate,
            "create-delete" => Self::CreateDelete,
            _ => return None,
        })
    }

    /// Whether Applications that the set owns are changed.
    pub fn allows_update(self) -> bool {
        matches!(self, Self::Sync | Self::CreateUpdate)
    }

    /// Whether Applications that the set no longer generates are deleted, and its own deletion
    /// takes them along.
    pub fn allows_delete(self) -> bool {
        matches!(self, Self::Sync | Self::CreateDelete)
    }
}
