//! The objects of a build, in the order in which they came.

use crate::budget::Budget;
use crate::error::KustomizeError;
use crate::id::ResId;
use crate::resource::{Behavior, Resource};
use std::collections::HashSet;

/// The objects of a build.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResMap {
    pub(crate) list: Vec<Resource>,
    pub(crate) budget: Budget,
}

/// A current id as it is compared: with the effective namespace.
fn key(id: &ResId) -> ResId {
    ResId {
        namespace: id.effective_namespace().to_owned(),
        ..id.clone()
    }
}

impl ResMap {
    /// Adds objects that are not there yet.
    pub(crate) fn append_all(
        &mut self,
        more: impl IntoIterator<Item = Resource>,
    ) -> Result<(), KustomizeError> {
        let mut known: HashSet<ResId> = self.list.iter().map(|r| key(&r.id())).collect();
        for resource in more {
            let id = resource.id();
            if !known.insert(key(&id)) {
                return Err(KustomizeError::failed(format!(
                    "may not add resource with an already registered id: {id}"
                )));
            }
            self.list.push(resource);
        }
        Ok(())
    }

    /// Refuses two objects of the same current id.
    pub(crate) fn check_unique(&self, what: &str) -> Result<(), KustomizeError> {
        let mut known = HashSet::new();
        for resource in &self.list {
            let id = resource.id();
            if !known.insert(key(&id)) {
                return Err(KustomizeError::failed(format!(
                    "{what} produces ID conflict: {id}"
                )));
            }
        }
        Ok(())
    }

    /// Where the objects stand that have or had an id that `fits`.
    pub(crate) fn by_any_id(&self, fits: impl Fn(&ResId) -> bool) -> Vec<usize> {
        let found = |r: &Resource| !r.is_empty() && r.any_ids().iter().any(&fits);
        (0..self.list.len())
            .filter(|at| found(&self.list[*at]))
            .collect()
    }

    /// The one object that a strategic merge patch is for.
    pub(crate) fn target_of(&self, id: &ResId) -> Result<usize, KustomizeError> {
        let found = self.by_any_id(|other| other.same(id));
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(KustomizeError::failed(format!(
                "no matches for Id {id}; failed to find unique target for patch {id}"
            ))),
            _ => Err(KustomizeError::failed(format!(
                "multiple matches for Id {id}; failed to find unique target for patch {id}"
            ))),
        }
    }

    /// Adds generated objects, which may replace or be merged into what is there.
    pub(crate) fn absorb(&mut self, mut new: Resource) -> Result<(), KustomizeError> {
        let id = new.id();
        let found = self.by_any_id(|other| other.same(&id));
        match (found.as_slice(), new.behavior) {
            ([], Behavior::Merge | Behavior::Replace) => Err(KustomizeError::failed(format!(
                "id {id} does not exist; cannot merge or replace"
            ))),
            ([], _) => self.append_all([new]),
            ([at], Behavior::Replace) => {
                new.take_metadata_of(&self.list[*at]);
                self.list[*at] = new;
                Ok(())
            }
            ([at], Behavior::Merge) => {
                let old = &self.list[*at];
                new.take_metadata_of(old);
                new.source.clone_from(&old.source);
                crate::generate::merge_data(&mut new.value, &old.value);
                self.list[*at] = new;
                Ok(())
            }
            ([_], behavior) => Err(KustomizeError::failed(format!(
                "id {id} exists; can not use behavior: '{}', behavior must be merge or replace",
                behavior.name()
            ))),
            (_, _) => Err(KustomizeError::failed(format!(
                "found multiple objects that could accept merge of {id}"
            ))),
        }
    }
}
