//! What renderings share: loaded charts and parsed templates.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argosy_gotmpl::Set;
use argosy_tree::Oid;
use bytes::Bytes;

use crate::chart::Chart;

/// Loaded charts by the identity of their folder, and parsed templates by those of their
/// sources. Bounded; the longest unused goes first. Shared between renderings and threads.
#[derive(Debug, Default)]
pub struct TemplateCache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The most recently used last.
    charts: VecDeque<(Oid, Arc<Chart>)>,
    sets: VecDeque<KeptSet>,
}

/// Sources are told apart by their address: the entry keeps them alive, so that no other can
/// take it over.
#[derive(Debug)]
struct KeptSet {
    hash: u64,
    sources: Vec<(String, Bytes)>,
    set: Arc<Set>,
}

const MAX_CHARTS: usize = 128;
const MAX_SETS: usize = 256;

impl TemplateCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chart of a folder of this identity.
    pub(crate) fn chart(&self, folder: &Oid) -> Option<Arc<Chart>> {
        let charts = &mut self.kept().charts;
        let place = charts.iter().rposition(|(known, _)| known == folder)?;
        let entry = charts.remove(place)?;
        let chart = entry.1.clone();
        charts.push_back(entry);
        Some(chart)
    }

    pub(crate) fn keep_chart(&self, folder: Oid, chart: Chart) -> Arc<Chart> {
        let chart = Arc::new(chart);
        let charts = &mut self.kept().charts;
        charts.push_back((folder, chart.clone()));
        if charts.len() > MAX_CHARTS {
            charts.pop_front();
        }
        chart
    }

    /// The parsed templates of these sources.
    pub(crate) fn find<'s>(
        &self,
        sources: impl Iterator<Item = (&'s str, &'s Bytes)> + Clone,
    ) -> Option<Arc<Set>> {
        let hash = hash_of(sources.clone());
        let sets = &mut self.kept().sets;
        let place = sets.iter().rposition(|kept| {
            kept.hash == hash
                && kept.sources.len() == sources.clone().count()
                && kept.sources.iter().zip(sources.clone()).all(
                    |((known, bytes), (name, wanted))| {
                        known == name && address(bytes) == address(wanted)
                    },
                )
        })?;
        let entry = sets.remove(place)?;
        let set = entry.set.clone();
        sets.push_back(entry);
        Some(set)
    }

    pub(crate) fn keep<'s>(
        &self,
        sources: impl Iterator<Item = (&'s str, &'s Bytes)> + Clone,
        set: Arc<Set>,
    ) -> Arc<Set> {
        let hash = hash_of(sources.clone());
        let sources = sources
            .map(|(name, bytes)| (name.to_owned(), bytes.clone()))
            .collect();
        let sets = &mut self.kept().sets;
        sets.push_back(KeptSet {
            hash,
            sources,
            set: set.clone(),
        });
        if sets.len() > MAX_SETS {
            sets.pop_front();
        }
        set
    }
}

fn address(bytes: &Bytes) -> (usize, usize) {
    (bytes.as_ptr().addr(), bytes.len())
}

fn hash_of<'s>(sources: impl Iterator<Item = (&'s str, &'s Bytes)>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, bytes) in sources {
        name.hash(&mut hasher);
        address(bytes).hash(&mut hasher);
    }
    hasher.finish()
}
