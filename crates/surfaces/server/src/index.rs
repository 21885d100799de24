//! The fleet as rows: counted as they change, searched and sorted as they are asked for.
//!
//! An index: `apply`, `remove` and `reset` behind a lock, and a channel that tells of changes.
//! A page costs one pass over the rows and a sort of those found, a change one row.

use crate::journal::{Journal, Seq};
use crate::query::AppQuery;
use crate::row::{AppKey, AppRow, ClusterNames};
use crate::view::{Changes, ClusterSummary, Counts, Page, Summary};
use argosy_crds::{HealthCode, SyncCode};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

/// Subjects whose last change is remembered.
const REMEMBERED: usize = 131_072;

/// A cluster as the hub knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its API server.
    pub server: String,
    /// Labels of its Secret.
    pub labels: BTreeMap<String, String>,
    /// Whether it is left alone.
    pub paused: bool,
}

/// All rows.
#[derive(Debug)]
pub struct FleetIndex {
    state: RwLock<State>,
    changed: watch::Sender<Seq>,
}

#[derive(Debug)]
struct State {
    rows: BTreeMap<AppKey, Entry>,
    clusters: BTreeMap<String, Cluster>,
    names: ClusterNames,
    counts: HashMap<String, Counts>,
    totals: Counts,
    journal: Journal<Subject>,
}

#[derive(Debug)]
struct Entry {
    row: Arc<AppRow>,
    haystack: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Application(AppKey),
    Objects(AppKey),
    Clusters,
}

impl Default for FleetIndex {
    fn default() -> Self {
        let state = State {
            rows: BTreeMap::new(),
            clusters: BTreeMap::new(),
            names: ClusterNames::default(),
            counts: HashMap::new(),
            totals: Counts::default(),
            journal: Journal::new(REMEMBERED),
        };
        Self {
            state: RwLock::new(state),
            changed: watch::channel(0).0,
        }
    }
}

impl FleetIndex {
    /// What clusters are called now, for [`AppRow::of`].
    pub fn names(&self) -> ClusterNames {
        self.read().names.clone()
    }

    /// Takes rows as they are now, and forgets those that are gone.
    pub fn apply(&self, rows: impl IntoIterator<Item = AppRow>, gone: &[AppKey]) {
        let mut state = self.write();
        for row in rows {
            state.apply(row);
        }
        for key in gone {
            state.remove(key);
        }
        self.tell(&state);
    }

    /// Takes all rows: what is not among them is gone.
    pub fn reset(&self, rows: Vec<AppRow>) {
        let mut state = self.write();
        let present: std::collections::HashSet<AppKey> = rows.iter().map(AppRow::key).collect();
        let gone: Vec<AppKey> = state
            .rows
            .keys()
            .filter(|key| !present.contains(key))
            .cloned()
            .collect();
        for row in rows {
            state.apply(row);
        }
        for key in &gone {
            state.remove(key);
        }
        self.tell(&state);
    }

    /// Takes all clusters. Rows find their clusters' names again.
    pub fn set_clusters(&self, clusters: Vec<Cluster>) {
        let mut state = self.write();
        let clusters: BTreeMap<String, Cluster> = clusters
            .into_iter()
            .map(|cluster| (cluster.name.clone(), cluster))
            .collect();
        if clusters == state.clusters {
            return;
        }
        state.names = ClusterNames::new(
            clusters
                .values()
                .map(|cluster| (cluster.server.clone(), cluster.name.clone())),
        );
        state.clusters = clusters;
        state.journal.note(Subject::Clusters);
        let renamed: Vec<AppRow> = state
            .rows
            .values()
            .filter_map(|entry| {
                let cluster = state.names.name_of(&entry.row.destination);
                (cluster != entry.row.cluster).then(|| AppRow {
                    cluster,
                    ..(*entry.row).clone()
                })
            })
            .collect();
        for row in renamed {
            state.apply(row);
        }
        self.tell(&state);
    }

    /// Notes that live objects of Applications changed.
    pub fn touch(&self, keys: impl IntoIterator<Item = AppKey>) {
        let mut state = self.write();
        for key in keys {
            if state.rows.contains_key(&key) {
                state.journal.note(Subject::Objects(key));
            }
        }
        self.tell(&state);
    }

    /// One row.
    pub fn row(&self, key: &AppKey) -> Option<Arc<AppRow>> {
        self.read().rows.get(key).map(|entry| entry.row.clone())
    }

    /// The rows that a query asks for.
    pub fn page(&self, query: &AppQuery) -> Page {
        let state = self.read();
        let mut page = Page {
            seq: state.journal.seq(),
            ..Page::default()
        };
        let mut fitting: Vec<&Arc<AppRow>> = Vec::new();
        for Entry { row, haystack } in state.rows.values() {
            let labels = state
                .clusters
                .get(&row.cluster)
                .map(|cluster| &cluster.labels);
            if !query.fits_place(row, haystack, labels) {
                continue;
            }
            let (fits_sync, fits_health) = (query.fits_sync(row), query.fits_health(row));
            if fits_health {
                *page.sync.entry(row.sync).or_default() += 1;
            }
            if fits_sync {
                *page.health.entry(row.health).or_default() += 1;
            }
            if fits_sync && fits_health {
                fitting.push(row);
            }
        }
        page.total = fitting.len();
        fitting.sort_unstable_by(|a, b| query.compare(a, b));
        let first = fitting.partition_point(|row| !query.is_after(row));
        let start = first.saturating_add(query.skip).min(fitting.len());
        let end = start.saturating_add(query.limit).min(fitting.len());
        page.start = start;
        page.rows = fitting[start..end]
            .iter()
            .map(|row| (*row).clone())
            .collect();
        page.next = (end < fitting.len())
            .then(|| page.rows.last().map(|row| query.cursor(row)))
            .flatten();
        page
    }

    /// All clusters with their counts, those too that only Applications name.
    pub fn summary(&self) -> Summary {
        let state = self.read();
        let mut clusters: Vec<ClusterSummary> = state
            .clusters
            .values()
            .map(|cluster| ClusterSummary {
                name: cluster.name.clone(),
                server: cluster.server.clone(),
                labels: cluster.labels.clone(),
                paused: cluster.paused,
                known: true,
                counts: state.counts.get(&cluster.name).cloned().unwrap_or_default(),
            })
            .collect();
        let named = state
            .counts
            .iter()
            .filter(|(name, counts)| counts.total > 0 && !state.clusters.contains_key(*name));
        clusters.extend(named.map(|(name, counts)| ClusterSummary {
            name: name.clone(),
            server: String::new(),
            labels: BTreeMap::new(),
            paused: false,
            known: name == "in-cluster",
            counts: counts.clone(),
        }));
        clusters.sort_by(|a, b| a.name.cmp(&b.name));
        Summary {
            seq: state.journal.seq(),
            totals: state.totals.clone(),
            clusters,
        }
    }

    /// What changed after `since`.
    pub fn changes(&self, since: Seq, max: usize) -> Changes {
        let state = self.read();
        let Some((subjects, seq)) = state.journal.since(since, max) else {
            return Changes::Reset {
                seq: state.journal.seq(),
            };
        };
        let (mut rows, mut gone, mut objects, mut clusters) = (vec![], vec![], vec![], false);
        for subject in subjects {
            match subject {
                Subject::Application(key) => match state.rows.get(&key) {
                    Some(entry) => rows.push(entry.row.clone()),
                    None => gone.push(key),
                },
                Subject::Objects(key) => objects.push(key),
                Subject::Clusters => clusters = true,
            }
        }
        let totals = state.totals.clone();
        Changes::Batch {
            seq,
            rows,
            gone,
            objects,
            clusters,
            totals,
        }
    }

    /// The number of the last change, and news of it.
    pub fn changed(&self) -> watch::Receiver<Seq> {
        self.changed.subscribe()
    }

    fn tell(&self, state: &State) {
        let seq = state.journal.seq();
        self.changed.send_if_modified(|told| {
            let is_news = *told != seq;
            *told = seq;
            is_news
        });
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&mut self, row: AppRow) {
        let key = row.key();
        if self.rows.get(&key).is_some_and(|entry| *entry.row == row) {
            return;
        }
        let haystack = row.haystack();
        self.count(&row, Count::In);
        let entry = Entry {
            row: Arc::new(row),
            haystack,
        };
        if let Some(before) = self.rows.insert(key.clone(), entry) {
            self.count(&before.row, Count::Out);
        }
        self.journal.note(Subject::Application(key));
    }

    fn remove(&mut self, key: &AppKey) {
        if let Some(before) = self.rows.remove(key) {
            self.count(&before.row, Count::Out);
            self.journal.note(Subject::Application(key.clone()));
        }
    }

    fn count(&mut self, row: &AppRow, way: Count) {
        let of_cluster = self.counts.entry(row.cluster.clone()).or_default();
        for counts in [of_cluster, &mut self.totals] {
            way.step(&mut counts.total);
            way.step(counts.sync.entry(row.sync).or_default());
            way.step(counts.health.entry(row.health).or_default());
            if row.is_running() {
                way.step(&mut counts.running);
            }
            if (row.sync, row.health) == (SyncCode::OutOfSync, HealthCode::Healthy) {
                way.step(&mut counts.drifted);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Count {
    In,
    Out,
}

impl Count {
    fn step(self, count: &mut usize) {
        match self {
            Self::In => *count += 1,
            Self::Out => *count = count.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests;
