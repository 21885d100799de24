//! The recent changes of one store: watches read them, pages of the past are rebuilt from them.
//!
//! Watches pull: a stream is a cursor into the log and a slot shared by all streams of the same
//! prefix, woken when a change of that prefix arrives. Nothing is buffered for a watch; one that
//! falls behind what the log keeps is cut.

use super::{Event, Expired, HistoryLimits, Rev, Stored};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use tokio::sync::Notify;

/// The bounded history of a store, and those who wait for more.
pub(super) struct Log {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    limits: HistoryLimits,
    /// Revision of the last event.
    rev: Rev,
    /// Events up to this revision are gone.
    floor: Rev,
    slots: HashMap<Arc<str>, Weak<Slot>>,
    prune_at: usize,
}

/// What all streams of one prefix share.
struct Slot {
    wake: Notify,
    /// Revision of the last event of this prefix that the log dropped.
    dropped: AtomicU64,
}

/// Events of one pull at most: keeps the lock short.
const PULL_MAX: usize = 256;

impl Log {
    pub(super) fn new(limits: HistoryLimits, rev: Rev) -> Self {
        let (events, slots) = (VecDeque::new(), HashMap::new());
        Self {
            events,
            bytes: 0,
            limits,
            rev,
            floor: rev,
            slots,
            prune_at: 16,
        }
    }

    pub(super) fn rev(&self) -> Rev {
        self.rev
    }

    /// Sets the floor of a log whose events are still to be appended.
    pub(super) fn restore_floor(&mut self, floor: Rev) {
        self.floor = floor;
    }

    /// Tells the log that revisions up to `rev` went to other logs.
    pub(super) fn advance(&mut self, rev: Rev) {
        self.rev = self.rev.max(rev);
    }

    /// Adds an event, wakes its watches and returns the revisions that fell out.
    pub(super) fn append(&mut self, event: Event) -> Vec<Rev> {
        self.rev = event.rev;
        self.bytes += weight(&event);
        for prefix in prefixes(&event.key) {
            if let Some(slot) = self.slots.get(prefix).and_then(Weak::upgrade) {
                slot.wake.notify_waiters();
            }
        }
        self.events.push_back(Arc::new(event));
        let mut dropped = Vec::new();
        while self.events.len() > self.limits.events
            || (self.bytes > self.limits.bytes && self.events.len() > 1)
        {
            let Some(event) = self.events.pop_front() else {
                break;
            };
            self.bytes -= weight(&event);
            self.floor = event.rev;
            for prefix in prefixes(&event.key) {
                if let Some(slot) = self.slots.get(prefix).and_then(Weak::upgrade) {
                    slot.dropped.store(event.rev, Ordering::Release);
                }
            }
            dropped.push(event.rev);
        }
        dropped
    }

    /// The values that keys under `prefix` had at revision `at`, where they changed since.
    pub(super) fn undo(
        &self,
        prefix: &str,
        at: Rev,
    ) -> Result<BTreeMap<Arc<str>, Option<Stored>>, Expired> {
        if at < self.floor {
            return Err(Expired {
                wanted: at,
                oldest: self.floor,
            });
        }
        let mut past = BTreeMap::new();
        for event in self.events.iter().rev().take_while(|event| event.rev > at) {
            if event.key.starts_with(prefix) {
                past.insert(event.key.clone(), event.old.clone());
            }
        }
        Ok(past)
    }

    fn slot(&mut self, prefix: &Arc<str>) -> Arc<Slot> {
        if let Some(slot) = self.slots.get(prefix).and_then(Weak::upgrade) {
            return slot;
        }
        if self.slots.len() >= self.prune_at {
            self.slots.retain(|_, slot| slot.strong_count() > 0);
            self.prune_at = (self.slots.len() * 2).max(16);
        }
        let slot = Arc::new(Slot {
            wake: Notify::new(),
            dropped: AtomicU64::new(self.floor),
        });
        self.slots.insert(prefix.clone(), Arc::downgrade(&slot));
        slot
    }

    /// Opens a stream; `host` is the store that owns this log.
    pub(super) fn stream(
        &mut self,
        host: Arc<dyn LogHost>,
        prefix: &str,
        from: Rev,
    ) -> Result<EventStream, Expired> {
        if from < self.floor {
            return Err(Expired {
                wanted: from,
                oldest: self.floor,
            });
        }
        let prefix: Arc<str> = prefix.into();
        let slot = self.slot(&prefix);
        Ok(EventStream {
            host,
            slot,
            prefix,
            cursor: from,
        })
    }

    fn pull(&self, prefix: &str, cursor: Rev) -> (Vec<Arc<Event>>, Rev) {
        let start = self.events.partition_point(|event| event.rev <= cursor);
        let mut found = Vec::new();
        for event in self.events.range(start..) {
            if covers(prefix, &event.key) {
                found.push(event.clone());
                if found.len() == PULL_MAX {
                    return (found, event.rev);
                }
            }
        }
        (found, self.rev)
    }
}

/// A store that lends its log.
pub(super) trait LogHost: Send + Sync {
    fn with_log(&self, look: &mut dyn FnMut(&Log));
}

/// Changes under one prefix, in order.
pub struct EventStream {
    host: Arc<dyn LogHost>,
    slot: Arc<Slot>,
    prefix: Arc<str>,
    cursor: Rev,
}

impl EventStream {
    /// Waits for changes and returns those there are, at most a few hundred.
    ///
    /// Cancel-safe: a dropped call loses nothing.
    ///
    /// # Errors
    /// [`Expired`] where the reader was too slow: events were dropped before they were read.
    pub async fn next(&mut self) -> Result<Vec<Arc<Event>>, Expired> {
        loop {
            let slot = self.slot.clone();
            let mut woken = std::pin::pin!(slot.wake.notified());
            woken.as_mut().enable();
            let batch = self.poll()?;
            if !batch.is_empty() {
                return Ok(batch);
            }
            woken.await;
        }
    }

    /// The changes there are by now; may be empty.
    ///
    /// # Errors
    /// As [`EventStream::next`].
    pub fn poll(&mut self) -> Result<Vec<Arc<Event>>, Expired> {
        let mut outcome = (Vec::new(), self.cursor);
        let mut dropped = 0;
        self.host.with_log(&mut |log| {
            dropped = self.slot.dropped.load(Ordering::Acquire);
            outcome = log.pull(&self.prefix, self.cursor);
        });
        if dropped > self.cursor {
            return Err(Expired {
                wanted: self.cursor,
                oldest: dropped,
            });
        }
        self.cursor = outcome.1.max(self.cursor);
        Ok(outcome.0)
    }

    /// Everything up to this revision has been returned.
    pub fn cursor(&self) -> Rev {
        self.cursor
    }
}

/// Whether a watch of `prefix` sees `key`: a prefix ends in `/`, anything else is one key.
fn covers(prefix: &str, key: &str) -> bool {
    if prefix.ends_with('/') {
        key.starts_with(prefix)
    } else {
        key == prefix
    }
}

/// All prefixes under which a key may be watched: each up to a `/`, and the key.
fn prefixes(key: &str) -> impl Iterator<Item = &str> {
    key.match_indices('/')
        .map(|(at, _)| &key[..=at])
        .chain(std::iter::once(key))
}

fn weight(event: &Event) -> usize {
    event.old.as_ref().map_or(0, |old| old.json.len())
        + event.new.as_ref().map_or(0, bytes::Bytes::len)
        + event.key.len()
}
