//! A store in memory, for tests and simulated clusters.

use super::log::{EventStream, Log, LogHost};
use super::{
    CommitError, CommitFuture, Event, Expect, Expired, HistoryLimits, Page, Range, Rev, Storage,
    Stored, Write,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A store in memory. Clones share their content.
#[derive(Clone)]
pub struct MemoryStorage {
    state: Arc<RwLock<State>>,
}

struct State {
    objects: BTreeMap<Arc<str>, Stored>,
    log: Log,
}

impl MemoryStorage {
    /// An empty store.
    pub fn new(limits: HistoryLimits) -> Self {
        let state = State {
            objects: BTreeMap::new(),
            log: Log::new(limits, 1),
        };
        Self {
            state: Arc::new(RwLock::new(state)),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn commit(&mut self, writes: Vec<Write>) -> Result<Rev, CommitError> {
        for write in &writes {
            let found = self.objects.get(&write.key).map(|stored| stored.rev);
            check(write, found)?;
        }
        for write in writes {
            let rev = self.log.rev() + 1;
            let old = match &write.value {
                Some(json) => {
                    let stored = Stored {
                        rev,
                        json: json.clone(),
                    };
                    self.objects.insert(write.key.clone(), stored)
                }
                None => self.objects.remove(&write.key),
            };
            self.log.append(Event {
                rev,
                key: write.key,
                old,
                new: write.value,
            });
        }
        Ok(self.log.rev())
    }
}

/// Whether a write finds what it expects.
pub(super) fn check(write: &Write, found: Option<Rev>) -> Result<(), CommitError> {
    let fits = match write.expect {
        Expect::Absent => found.is_none(),
        Expect::Rev(rev) => found == Some(rev),
    };
    if fits {
        Ok(())
    } else {
        Err(CommitError::Conflict {
            key: write.key.clone(),
            found,
        })
    }
}

impl LogHost for MemoryStorage {
    fn with_log(&self, look: &mut dyn FnMut(&Log)) {
        look(&self.read().log);
    }
}

impl Storage for MemoryStorage {
    fn get(&self, key: &str) -> Option<Stored> {
        self.read().objects.get(key).cloned()
    }

    fn range(&self, range: Range<'_>) -> Result<Page, Expired> {
        let state = self.read();
        let rev = range.at.unwrap_or_else(|| state.log.rev());
        let past = match range.at {
            Some(at) => state.log.undo(range.prefix, at)?,
            None => BTreeMap::new(),
        };
        let from = range.after.unwrap_or(range.prefix);
        let present = state
            .objects
            .range::<str, _>((Bound::Excluded(from), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(range.prefix))
            .map(|(key, stored)| (key.clone(), stored.clone()));
        Ok(page(present, past, range, rev))
    }

    fn commit(&self, writes: Vec<Write>) -> CommitFuture<'_> {
        let outcome = self.write().commit(writes);
        Box::pin(std::future::ready(outcome))
    }

    fn watch(&self, prefix: &str, from: Rev) -> Result<EventStream, Expired> {
        let host = Arc::new(self.clone());
        self.write().log.stream(host, prefix, from)
    }

    fn revision(&self) -> Rev {
        self.read().log.rev()
    }
}

/// Merges what is there now with what was there before the changes since, cut to the limit.
pub(super) fn page(
    present: impl Iterator<Item = (Arc<str>, Stored)>,
    mut past: BTreeMap<Arc<str>, Option<Stored>>,
    range: Range<'_>,
    rev: Rev,
) -> Page {
    let mut page = Page {
        rev,
        ..Page::default()
    };
    if let Some(after) = range.after {
        past.retain(|key, _| &**key > after);
    }
    let mut take = |key: Arc<str>, stored: Stored| {
        if range.limit == 0 || page.items.len() < range.limit {
            page.items.push((key, stored));
        } else {
            page.remaining += 1;
        }
    };
    for (key, stored) in present {
        while past
            .first_key_value()
            .is_some_and(|(first, _)| *first < key)
        {
            if let Some((gone, Some(was))) = past.pop_first() {
                take(gone, was);
            }
        }
        match past.remove(&key) {
            None => take(key, stored),
            Some(Some(was)) => take(key, was),
            Some(None) => {}
        }
    }
    for (key, was) in past {
        if let Some(was) = was {
            take(key, was);
        }
    }
    page
}

/// Copies a value out of a borrowed page of the store.
pub(super) fn stored(rev: Rev, json: &[u8]) -> Stored {
    Stored {
        rev,
        json: Bytes::copy_from_slice(json),
    }
}
