//! A disk that is full, and one that fails.

use super::spare::{Room, Spare};
use super::*;
use crate::storage::Expect;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use std::collections::BTreeSet;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

const PAGE: u64 = 4096;
const SPARE_PAGES: usize = 256;

/// A disk of so many pages, of which the store has some and somebody else the rest.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<DiskState>);

#[derive(Debug, Default)]
struct DiskState {
    file: InMemoryBackend,
    pages: Mutex<Pages>,
    is_broken: AtomicBool,
}

#[derive(Debug, Default)]
struct Pages {
    written: BTreeSet<u64>,
    others: usize,
    spare: usize,
    all: usize,
}

impl Pages {
    fn check(&self) -> io::Result<()> {
        if self.written.len() + self.others + self.spare > self.all {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.0.is_broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("a bad sector"));
        }
        self.0.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.0.is_broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("a bad sector"));
        }
        let mut pages = self.0.pages.lock().unwrap();
        let touched = offset / PAGE..(offset + data.len() as u64).div_ceil(PAGE);
        let new: Vec<u64> = touched.filter(|at| pages.written.insert(*at)).collect();
        if let Err(error) = pages.check() {
            for at in new {
                pages.written.remove(&at);
            }
            return Err(error);
        }
        drop(pages);
        self.0.file.write(offset, data)
    }
}

impl Room for Disk {
    fn take(&self) -> io::Result<()> {
        let mut pages = self.0.pages.lock().unwrap();
        pages.spare = SPARE_PAGES;
        let outcome = pages.check();
        if outcome.is_err() {
            pages.spare = 0;
        }
        outcome
    }

    fn give_up(&self) -> io::Result<()> {
        self.0.pages.lock().unwrap().spare = 0;
        Ok(())
    }
}

impl Disk {
    fn new() -> Self {
        let disk = Self::default();
        disk.0.pages.lock().unwrap().all = 100_000;
        disk
    }

    fn open(&self) -> DiskStore {
        let spare = Spare::new(Box::new(self.clone()));
        DiskStore::open_in("disk", self.clone(), spare, HistoryLimits::SMALL).unwrap()
    }

    /// Somebody else takes all but so many pages.
    fn leave(&self, free: usize) {
        let mut pages = self.0.pages.lock().unwrap();
        pages.others = pages.all - pages.written.len() - pages.spare - free;
    }

    fn clean(&self) {
        self.0.pages.lock().unwrap().others = 0;
    }
}

fn put(name: &str) -> Vec<Write> {
    vec![Write {
        key: format!("/g/r/{name}").into(),
        expect: Expect::Absent,
        value: Some(vec![b'x'; 20_000].into()),
    }]
}

fn names(store: &dyn Storage) -> Vec<String> {
    let range = Range {
        prefix: "/g/r/",
        ..Range::default()
    };
    let page = store.range(range).unwrap();
    page.items
        .into_iter()
        .map(|(key, _)| key[5..].into())
        .collect()
}

#[tokio::test]
async fn full_disk_refuses_writes_loses_none_and_goes_on_when_there_is_room() {
    let disk = Disk::new();
    let store = disk.open();
    let hub = store.cluster("hub");
    hub.commit(put("before")).await.unwrap();
    disk.leave(0);
    let mut acknowledged = vec!["before".to_owned()];
    let mut refused = 0;
    for at in 0..20 {
        let name = format!("n{at:02}");
        match hub.commit(put(&name)).await {
            Ok(_) => acknowledged.push(name),
            Err(CommitError::Full) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0, "the disk is full");
    acknowledged.sort();
    assert_eq!(names(&*hub), acknowledged);
    assert_eq!(hub.failure(), None, "reads go on");
    disk.clean();
    hub.commit(put("z")).await.unwrap();
    acknowledged.push("z".into());
    assert_eq!(names(&*hub), acknowledged);
    // What was told is there after a restart, and nothing else.
    drop((hub, store));
    let mut again = None;
    for _ in 0..500 {
        match DiskStore::open_in(
            "disk",
            disk.clone(),
            Spare::new(Box::new(disk.clone())),
            HistoryLimits::SMALL,
        ) {
            Ok(store) => {
                again = Some(store);
                break;
            }
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    }
    assert_eq!(names(&*again.unwrap().cluster("hub")), acknowledged);
}

#[tokio::test]
async fn disk_that_fails_is_no_empty_store() {
    let disk = Disk::new();
    let store = disk.open();
    let hub = store.cluster("hub");
    hub.commit(put("a")).await.unwrap();
    disk.0.is_broken.store(true, Ordering::SeqCst);
    assert!(matches!(
        hub.commit(put("b")).await,
        Err(CommitError::Failed(_))
    ));
    // The database does not read any more; whoever asks is told so, and not that nothing is there.
    let _ = hub.get("/g/r/a");
    assert!(hub.failure().is_some());
}
