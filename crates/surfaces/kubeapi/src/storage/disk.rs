//! The store on disk: one file for all clusters, group commit, bounded history.
//!
//! A thread owns all writing. It takes what waits, does it in one transaction, and answers only
//! when that is on disk; then it publishes a new read snapshot and the events together, under
//! one lock, so that a reader never sees one without the other.

mod spare;
#[cfg(test)]
mod tests;

use super::log::{EventStream, Log, LogHost};
use super::memory::{check, page, stored};
use super::{
    CommitError, CommitFuture, Event, Expired, HistoryLimits, Page, Range, Rev, Storage, Stored,
    Write,
};
use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition,
    WriteTransaction,
};
use spare::{Spare, SpareFile, Spared};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tokio::sync::{mpsc, oneshot};

/// Full key (`CLUSTER/GROUP/RESOURCE/..`) to revision and JSON.
const OBJECTS: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("objects");
/// Revision to full key, value before and value after.
const EVENTS: TableDefinition<'_, u64, (&str, OldValue<'_>, Option<&[u8]>)> =
    TableDefinition::new("events");
/// `revision`, `format`, and `floor/CLUSTER` for clusters that dropped events.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

type OldValue<'a> = Option<(u64, &'a [u8])>;

/// Version of the layout above.
const FORMAT: u64 = 1;
/// Commits done in one transaction at most.
const GROUP_MAX: usize = 256;
/// Commits that may wait.
const QUEUE_MAX: usize = 1024;
/// Memory for pages of the file.
const CACHE_BYTES: usize = 32 << 20;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The database refused.
    #[error("cannot use the store `{path}`")]
    Database {
        /// The file.
        path: String,
        /// What the database says.
        source: redb::Error,
    },
    /// The file has another layout.
    #[error("store `{path}` has format {found}, this version reads {FORMAT}")]
    Format {
        /// The file.
        path: String,
        /// The format found.
        found: u64,
    },
}

/// The file that holds the objects of all clusters. Clones share it.
#[derive(Clone)]
pub struct DiskStore {
    shared: Arc<Shared>,
}

struct Shared {
    view: RwLock<View>,
    queue: mpsc::Sender<Request>,
    /// Why the file cannot be used any more.
    failure: OnceLock<String>,
}

/// What readers see: a snapshot, and the events up to it.
struct View {
    snapshot: Arc<ReadTransaction>,
    rev: Rev,
    logs: HashMap<Arc<str>, Log>,
    limits: HistoryLimits,
    /// Events that fell out of a log and still stand in the file.
    stale: Vec<(Arc<str>, Rev)>,
}

enum Request {
    Commit {
        cluster: Arc<str>,
        writes: Vec<Write>,
        reply: Reply,
    },
    Forget {
        cluster: Arc<str>,
        reply: Reply,
    },
}

type Reply = oneshot::Sender<Result<Rev, CommitError>>;

impl DiskStore {
    /// Opens or makes the file. The caller sees to it that no other process has it open.
    ///
    /// # Errors
    /// [`DiskError`] where the file cannot be read or has another format.
    pub fn open(path: &Path, limits: HistoryLimits) -> Result<Self, DiskError> {
        let shown = path.display().to_string();
        let file = std::fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let fail = |source: redb::Error| DiskError::Database {
            path: shown.clone(),
            source,
        };
        let file = file.map_err(|error| fail(redb::Error::Io(error)))?;
        let backend = FileBackend::new(file).map_err(|error| fail(error.into()))?;
        let spare = Spare::new(Box::new(SpareFile::beside(path)));
        Self::open_in(&shown, backend, spare, limits)
    }

    fn open_in(
        shown: &str,
        backend: impl StorageBackend,
        spare: Arc<Spare>,
        limits: HistoryLimits,
    ) -> Result<Self, DiskError> {
        let fail = |source: redb::Error| DiskError::Database {
            path: shown.to_owned(),
            source,
        };
        let database = redb::Builder::new()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(Spared::new(backend, spare.clone()))
            .map_err(|error| fail(error.into()))?;
        if let Some(found) = prepare(&database).map_err(fail)? {
            return Err(DiskError::Format {
                path: shown.to_owned(),
                found,
            });
        }
        let view = load(&database, limits).map_err(fail)?;
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        let shared = Arc::new(Shared {
            view: RwLock::new(view),
            queue,
            failure: OnceLock::new(),
        });
        // A weak handle, so that dropping the last store ends the thread.
        let writer = Writer {
            database,
            spare,
            shared: Arc::downgrade(&shared),
            requests,
        };
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(|error| fail(redb::Error::Io(error)))?;
        Ok(Self { shared })
    }

    /// The store of one cluster.
    pub fn cluster(&self, name: &str) -> Arc<dyn Storage> {
        let (shared, cluster) = (self.shared.clone(), Arc::<str>::from(name));
        shared.with_view_mut(|view| {
            view.log(&cluster);
        });
        Arc::new(DiskStorage { shared, cluster })
    }

    /// Removes everything a cluster holds.
    ///
    /// # Errors
    /// [`CommitError::Failed`] where the file cannot be written.
    pub async fn forget(&self, name: &str) -> Result<(), CommitError> {
        let cluster = Arc::<str>::from(name);
        self.shared
            .request(|reply| Request::Forget { cluster, reply })
            .await
            .map(|_| ())
    }
}

/// Makes the tables; returns a format that is not ours.
fn prepare(database: &Database) -> Result<Option<u64>, redb::Error> {
    let transaction = database.begin_write()?;
    let found = {
        transaction.open_table(OBJECTS)?;
        transaction.open_table(EVENTS)?;
        let mut meta = transaction.open_table(META)?;
        let found = meta.get("format")?.map(|guard| guard.value());
        if found.is_none() {
            meta.insert("format", FORMAT)?;
            meta.insert("revision", 1)?;
        }
        found
    };
    transaction.commit()?;
    Ok(found.filter(|format| *format != FORMAT))
}

fn load(database: &Database, limits: HistoryLimits) -> Result<View, redb::Error> {
    let snapshot = Arc::new(database.begin_read()?);
    let meta = snapshot.open_table(META)?;
    let rev = meta.get("revision")?.map_or(1, |guard| guard.value());
    let logs = HashMap::new();
    let mut view = View {
        snapshot: snapshot.clone(),
        rev,
        logs,
        limits,
        stale: Vec::new(),
    };
    for entry in snapshot.open_table(EVENTS)?.iter()? {
        let (at, value) = entry?;
        let (full, old, new) = value.value();
        let Some((cluster, key)) = split(full) else {
            continue;
        };
        let cluster: Arc<str> = cluster.into();
        if !view.logs.contains_key(&cluster) {
            let floor = meta
                .get(floor_key(&cluster).as_str())?
                .map_or(1, |guard| guard.value());
            view.log(&cluster).restore_floor(floor);
        }
        let old = old.map(|(rev, json)| stored(rev, json));
        let new = new.map(Bytes::copy_from_slice);
        let event = Event {
            rev: at.value(),
            key: key.into(),
            old,
            new,
        };
        let dropped = view.log(&cluster).append(event);
        view.stale
            .extend(dropped.into_iter().map(|rev| (cluster.clone(), rev)));
    }
    for log in view.logs.values_mut() {
        log.advance(rev);
    }
    Ok(view)
}

fn floor_key(cluster: &str) -> String {
    format!("floor/{cluster}")
}

fn split(full: &str) -> Option<(&str, &str)> {
    full.find('/').map(|at| full.split_at(at))
}

impl View {
    /// The log of a cluster. A cluster without one has had no event since the file was opened,
    /// so its history begins now.
    fn log(&mut self, cluster: &Arc<str>) -> &mut Log {
        let (limits, rev) = (self.limits, self.rev);
        self.logs
            .entry(cluster.clone())
            .or_insert_with(|| Log::new(limits, rev))
    }
}

impl Shared {
    fn with_view<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_view_mut<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        change(&mut self.view.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that the file cannot be used any more: what is read from now on may be wrong.
    fn fail(&self, error: &redb::Error) {
        tracing::error!(%error, "the store cannot be used any more");
        self.failure.get_or_init(|| {
            format!("the store cannot be used any more: {error}; see to the disk and start again")
        });
    }

    async fn request(&self, make: impl FnOnce(Reply) -> Request) -> Result<Rev, CommitError> {
        let closed = || CommitError::Failed("the writer has stopped".into());
        let (reply, answer) = oneshot::channel();
        self.queue.send(make(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

/// The thread that writes.
struct Writer {
    database: Database,
    spare: Arc<Spare>,
    shared: std::sync::Weak<Shared>,
    requests: mpsc::Receiver<Request>,
}

/// A commit's answer, held back until the transaction is on disk.
struct Held {
    reply: Reply,
    outcome: Result<Rev, CommitError>,
}

impl Writer {
    fn run(mut self) {
        while let Some(first) = self.requests.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP_MAX {
                let Ok(next) = self.requests.try_recv() else {
                    break;
                };
                group.push(next);
            }
            let Some(shared) = self.shared.upgrade() else {
                return;
            };
            self.perform(&shared, group);
        }
    }

    fn perform(&self, shared: &Shared, group: Vec<Request>) {
        if let Err(error) = self.spare.hold() {
            tracing::error!(%error, "the disk is full: writes are refused");
            for request in group {
                let (Request::Commit { reply, .. } | Request::Forget { reply, .. }) = request;
                let _ = reply.send(Err(CommitError::Full));
            }
            return;
        }
        let (start, stale) =
            shared.with_view_mut(|view| (view.rev, std::mem::take(&mut view.stale)));
        let mut work = Work {
            rev: start,
            events: Vec::new(),
            held: Vec::new(),
            forgot: Vec::new(),
        };
        match self.transact(&mut work, group, &stale) {
            Ok(snapshot) => {
                publish(shared, &mut work, snapshot);
                for Held { reply, outcome } in work.held {
                    // Who no longer waits has lost interest, not the write.
                    let _ = reply.send(outcome);
                }
            }
            Err(error) => {
                shared.fail(&error);
                shared.with_view_mut(|view| view.stale.extend(stale));
                for Held { reply, .. } in work.held {
                    let _ = reply.send(Err(CommitError::Failed(error.to_string())));
                }
            }
        }
    }

    fn transact(
        &self,
        work: &mut Work,
        group: Vec<Request>,
        stale: &[(Arc<str>, Rev)],
    ) -> Result<ReadTransaction, redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        for request in group {
            match request {
                Request::Commit {
                    cluster,
                    writes,
                    reply,
                } => {
                    let outcome = Ok(work.rev);
                    work.held.push(Held { reply, outcome });
                    let outcome = work.commit(&transaction, &cluster, writes)?;
                    if let Some(held) = work.held.last_mut() {
                        held.outcome = outcome;
                    }
                }
                Request::Forget { cluster, reply } => {
                    work.held.push(Held {
                        reply,
                        outcome: Ok(work.rev),
                    });
                    work.forget(&transaction, cluster)?;
                }
            }
        }
        compact(&transaction, stale)?;
        transaction.open_table(META)?.insert("revision", work.rev)?;
        transaction.commit()?;
        Ok(self.database.begin_read()?)
    }
}

/// Removes dropped events, and notes how far back each cluster's history now goes.
fn compact(transaction: &WriteTransaction, stale: &[(Arc<str>, Rev)]) -> Result<(), redb::Error> {
    if stale.is_empty() {
        return Ok(());
    }
    let mut events = transaction.open_table(EVENTS)?;
    let mut meta = transaction.open_table(META)?;
    for (cluster, rev) in stale {
        events.remove(rev)?;
        meta.insert(floor_key(cluster).as_str(), rev)?;
    }
    Ok(())
}

fn publish(shared: &Shared, work: &mut Work, snapshot: ReadTransaction) {
    shared.with_view_mut(|view| {
        view.snapshot = Arc::new(snapshot);
        view.rev = work.rev;
        for cluster in &work.forgot {
            view.logs.remove(cluster);
        }
        for (cluster, event) in work.events.drain(..) {
            let dropped = view.log(&cluster).append(event);
            view.stale
                .extend(dropped.into_iter().map(|rev| (cluster.clone(), rev)));
        }
    });
}

/// What one transaction has done so far.
struct Work {
    rev: Rev,
    events: Vec<(Arc<str>, Event)>,
    held: Vec<Held>,
    forgot: Vec<Arc<str>>,
}

impl Work {
    fn commit(
        &mut self,
        transaction: &WriteTransaction,
        cluster: &Arc<str>,
        writes: Vec<Write>,
    ) -> Result<Result<Rev, CommitError>, redb::Error> {
        let mut objects = transaction.open_table(OBJECTS)?;
        for write in &writes {
            let full = format!("{cluster}{}", write.key);
            let found = objects.get(full.as_str())?.map(|guard| guard.value().0);
            if let Err(conflict) = check(write, found) {
                return Ok(Err(conflict));
            }
        }
        let mut events = transaction.open_table(EVENTS)?;
        for write in writes {
            self.rev += 1;
            let full = format!("{cluster}{}", write.key);
            let old = match &write.value {
                Some(json) => objects.insert(full.as_str(), (self.rev, &json[..]))?,
                None => objects.remove(full.as_str())?,
            };
            let old = old.map(|guard| stored(guard.value().0, guard.value().1));
            let before = old.as_ref().map(|old| (old.rev, &old.json[..]));
            events.insert(self.rev, (full.as_str(), before, write.value.as_deref()))?;
            let event = Event {
                rev: self.rev,
                key: write.key,
                old,
                new: write.value,
            };
            self.events.push((cluster.clone(), event));
        }
        Ok(Ok(self.rev))
    }

    fn forget(
        &mut self,
        transaction: &WriteTransaction,
        cluster: Arc<str>,
    ) -> Result<(), redb::Error> {
        let (from, to) = (format!("{cluster}/"), format!("{cluster}0"));
        transaction
            .open_table(OBJECTS)?
            .retain_in(from.as_str()..to.as_str(), |_, _| false)?;
        let mine = |full: &str| full.starts_with(&from);
        transaction
            .open_table(EVENTS)?
            .retain(|_, (full, _, _)| !mine(full))?;
        transaction
            .open_table(META)?
            .remove(floor_key(&cluster).as_str())?;
        self.events.retain(|(owner, _)| *owner != cluster);
        self.forgot.push(cluster);
        Ok(())
    }
}

/// One cluster's part of the file.
#[derive(Clone)]
struct DiskStorage {
    shared: Arc<Shared>,
    cluster: Arc<str>,
}

impl DiskStorage {
    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.cluster)
    }

    fn read_page(
        &self,
        snapshot: &ReadTransaction,
        past: BTreeMap<Arc<str>, Option<Stored>>,
        range: Range<'_>,
        rev: Rev,
    ) -> Result<Page, redb::Error> {
        let objects = snapshot.open_table(OBJECTS)?;
        let (prefix, from) = (
            self.full(range.prefix),
            self.full(range.after.unwrap_or(range.prefix)),
        );
        let skip = self.cluster.len();
        let mut failed = None;
        let present = objects
            .range::<&str>((Bound::Excluded(from.as_str()), Bound::Unbounded))?
            .map_while(|entry| match entry {
                Ok((key, value)) => {
                    let full = key.value();
                    let (rev, json) = value.value();
                    full.starts_with(&prefix)
                        .then(|| (full[skip..].into(), stored(rev, json)))
                }
                Err(error) => {
                    failed = Some(error);
                    None
                }
            });
        let page = page(present, past, range, rev);
        match failed {
            None => Ok(page),
            Some(error) => Err(error.into()),
        }
    }

    fn read(&self, key: &str) -> Result<Option<Stored>, redb::Error> {
        let snapshot = self.shared.with_view(|view| view.snapshot.clone());
        let objects = snapshot.open_table(OBJECTS)?;
        let found = objects.get(self.full(key).as_str())?;
        Ok(found.map(|guard| stored(guard.value().0, guard.value().1)))
    }
}

impl LogHost for DiskStorage {
    fn with_log(&self, look: &mut dyn FnMut(&Log)) {
        self.shared.with_view(|view| {
            if let Some(log) = view.logs.get(&self.cluster) {
                look(log);
            }
        });
    }
}

impl Storage for DiskStorage {
    fn get(&self, key: &str) -> Option<Stored> {
        self.read(key).unwrap_or_else(|error| {
            self.shared.fail(&error);
            None
        })
    }

    fn range(&self, range: Range<'_>) -> Result<Page, Expired> {
        let (snapshot, rev, past) = self.shared.with_view(|view| {
            let past = match (range.at, view.logs.get(&self.cluster)) {
                (Some(at), Some(log)) => log.undo(range.prefix, at),
                _ => Ok(BTreeMap::new()),
            };
            (view.snapshot.clone(), range.at.unwrap_or(view.rev), past)
        });
        Ok(self
            .read_page(&snapshot, past?, range, rev)
            .unwrap_or_else(|error| {
                self.shared.fail(&error);
                Page {
                    rev,
                    ..Page::default()
                }
            }))
    }

    fn commit(&self, writes: Vec<Write>) -> CommitFuture<'_> {
        let cluster = self.cluster.clone();
        Box::pin(self.shared.request(|reply| Request::Commit {
            cluster,
            writes,
            reply,
        }))
    }

    fn watch(&self, prefix: &str, from: Rev) -> Result<EventStream, Expired> {
        let host = Arc::new(self.clone());
        self.shared
            .with_view_mut(|view| view.log(&self.cluster).stream(host, prefix, from))
    }

    fn revision(&self) -> Rev {
        self.shared.with_view(|view| view.rev)
    }

    fn failure(&self) -> Option<String> {
        self.shared.failure.get().cloned()
    }
}
