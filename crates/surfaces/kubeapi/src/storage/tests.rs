//! What both stores promise.

use super::*;

fn put(key: &str, expect: Expect, text: &str) -> Write {
    Write {
        key: key.into(),
        expect,
        value: Some(Bytes::copy_from_slice(text.as_bytes())),
    }
}

fn stores(limits: HistoryLimits) -> (tempfile::TempDir, Vec<Arc<dyn Storage>>) {
    let folder = tempfile::tempdir().unwrap();
    let disk = DiskStore::open(&folder.path().join("s.redb"), limits).unwrap();
    (
        folder,
        vec![Arc::new(MemoryStorage::new(limits)), disk.cluster("hub")],
    )
}

fn keys(page: &Page) -> Vec<&str> {
    page.items.iter().map(|(key, _)| &**key).collect()
}

#[tokio::test]
async fn write_with_wrong_expectation_changes_nothing() {
    let (_folder, stores) = stores(HistoryLimits::SMALL);
    for store in stores {
        let rev = store
            .commit(vec![put("/g/r/a", Expect::Absent, "1")])
            .await
            .unwrap();
        let both = vec![
            put("/g/r/b", Expect::Absent, "2"),
            put("/g/r/a", Expect::Absent, "3"),
        ];
        assert!(matches!(
            store.commit(both).await,
            Err(CommitError::Conflict { found: Some(found), .. }) if found == rev
        ));
        assert_eq!(store.get("/g/r/b"), None);
        assert_eq!(store.revision(), rev);
        store
            .commit(vec![put("/g/r/a", Expect::Rev(rev), "4")])
            .await
            .unwrap();
        assert_eq!(&store.get("/g/r/a").unwrap().json[..], b"4");
    }
}

#[tokio::test]
async fn page_of_the_past_shows_what_was() {
    let (_folder, stores) = stores(HistoryLimits::SMALL);
    for store in stores {
        for name in ["a", "b", "d"] {
            store
                .commit(vec![put(&format!("/g/r/{name}"), Expect::Absent, "1")])
                .await
                .unwrap();
        }
        store
            .commit(vec![put("/g/rr/a", Expect::Absent, "1")])
            .await
            .unwrap();
        let first = store
            .range(Range {
                prefix: "/g/r/",
                limit: 1,
                ..Range::default()
            })
            .unwrap();
        assert_eq!((keys(&first), first.remaining), (vec!["/g/r/a"], 2));
        let b = store.get("/g/r/b").unwrap().rev;
        let gone = Write {
            key: "/g/r/b".into(),
            expect: Expect::Rev(b),
            value: None,
        };
        store
            .commit(vec![gone, put("/g/r/c", Expect::Absent, "1")])
            .await
            .unwrap();
        let rest = Range {
            prefix: "/g/r/",
            after: Some("/g/r/a"),
            limit: 0,
            at: Some(first.rev),
        };
        assert_eq!(keys(&store.range(rest).unwrap()), ["/g/r/b", "/g/r/d"]);
        let now = store.range(Range { at: None, ..rest }).unwrap();
        assert_eq!(keys(&now), ["/g/r/c", "/g/r/d"]);
    }
}

#[tokio::test]
async fn watch_resumes_and_sees_only_its_prefix() {
    let (_folder, stores) = stores(HistoryLimits::SMALL);
    for store in stores {
        let from = store.revision();
        store
            .commit(vec![put("/g/r/ns/a", Expect::Absent, "1")])
            .await
            .unwrap();
        let mut stream = store.watch("/g/r/ns/", from).unwrap();
        let mut other = store.watch("/g/other/", from).unwrap();
        assert_eq!(&*stream.next().await.unwrap()[0].key, "/g/r/ns/a");
        let waiter = tokio::spawn(async move { stream.next().await.unwrap()[0].key.to_string() });
        tokio::task::yield_now().await;
        store
            .commit(vec![put("/g/r/ns2/b", Expect::Absent, "1")])
            .await
            .unwrap();
        store
            .commit(vec![put("/g/r/ns/c", Expect::Absent, "1")])
            .await
            .unwrap();
        assert_eq!(waiter.await.unwrap(), "/g/r/ns/c");
        assert!(other.poll().unwrap().is_empty());
        assert_eq!(other.cursor(), store.revision());
    }
}

#[tokio::test]
async fn slow_watch_is_cut_and_idle_one_is_not() {
    let (_folder, stores) = stores(HistoryLimits {
        events: 4,
        bytes: 1 << 20,
    });
    for store in stores {
        let from = store.revision();
        let mut slow = store.watch("/g/r/", from).unwrap();
        let mut idle = store.watch("/g/quiet/", from).unwrap();
        for index in 0..10 {
            store
                .commit(vec![put(&format!("/g/r/{index}"), Expect::Absent, "1")])
                .await
                .unwrap();
        }
        assert!(slow.poll().is_err());
        assert!(idle.poll().unwrap().is_empty());
        assert!(store.watch("/g/r/", from).is_err());
        let past = Range {
            prefix: "/g/r/",
            at: Some(from),
            ..Range::default()
        };
        assert!(store.range(past).is_err());
    }
}

#[tokio::test]
async fn disk_store_keeps_objects_history_and_floor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.redb");
    let limits = HistoryLimits {
        events: 4,
        bytes: 1 << 20,
    };
    let (middle, last) = {
        let disk = DiskStore::open(&path, limits).unwrap();
        let (hub, edge) = (disk.cluster("hub"), disk.cluster("edge"));
        edge.commit(vec![put("/g/r/x", Expect::Absent, "1")])
            .await
            .unwrap();
        let mut middle = 0;
        for index in 0..8 {
            let write = put(&format!("/g/r/{index}"), Expect::Absent, "1");
            let rev = hub.commit(vec![write]).await.unwrap();
            if index == 5 {
                middle = rev;
            }
        }
        (middle, hub.revision())
    };
    // The writer thread lets go of the file when the last handle is gone.
    let disk = loop {
        match DiskStore::open(&path, limits) {
            Ok(disk) => break disk,
            Err(DiskError::Database { .. }) => std::thread::yield_now(),
            Err(other) => panic!("{other}"),
        }
    };
    let (hub, edge) = (disk.cluster("hub"), disk.cluster("edge"));
    assert_eq!(hub.revision(), last);
    assert!(hub.watch("/g/r/", 1).is_err());
    let mut resumed = hub.watch("/g/r/", middle).unwrap();
    let seen: Vec<String> = resumed
        .poll()
        .unwrap()
        .iter()
        .map(|event| event.key.to_string())
        .collect();
    assert_eq!(seen, ["/g/r/6", "/g/r/7"]);
    assert_eq!(edge.watch("/g/r/", 1).unwrap().poll().unwrap().len(), 1);
    disk.forget("hub").await.unwrap();
    assert_eq!(hub.get("/g/r/7"), None);
    assert!(edge.get("/g/r/x").is_some());
}

#[tokio::test]
async fn commits_that_wait_together_are_all_done() {
    let (_folder, stores) = stores(HistoryLimits::SMALL);
    for store in stores {
        let mut tasks = Vec::new();
        for index in 0..100 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                store
                    .commit(vec![put(&format!("/g/r/{index}"), Expect::Absent, "1")])
                    .await
            }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let all = store
            .range(Range {
                prefix: "/g/r/",
                ..Range::default()
            })
            .unwrap();
        assert_eq!(all.items.len(), 100);
    }
}
