//! A Git server that is down, slow, flapping, refusing, or silent in the middle of a pack: what
//! was known stays readable, the error says what is wrong and what to do, and what comes later is
//! found without anybody's help.

use crate::world::{World, read, revision, until, wanted};
use argosy_fetch::Patience;
use argosy_git::author::Change;
use argosy_object::{Class, Classified as _};
use argosy_ports::Sources as _;
use argosy_testkit::disk::{grow, small_disk, with_small_disk};
use argosy_testkit::faults::{Fault, FaultyWay};
use argosy_testkit::githttp::GitServer;
use std::time::Duration;

/// Short, so that silence is noticed soon, and long enough for a real `git` on a busy machine.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(3),
    first_byte: Duration::from_secs(3),
    silence: Duration::from_secs(1),
    whole: Duration::from_secs(20),
};

/// A fault, and what is to be read of it.
const FAULTS: [(Fault, Class, &str, &str); 11] = [
    (
        Fault::Drops,
        Class::Transient,
        "cannot be reached",
        "tried again by itself",
    ),
    (
        Fault::Hangs,
        Class::Transient,
        "cannot be reached",
        "tried again by itself",
    ),
    (
        Fault::Says(401),
        Class::Denied,
        "HTTP 401",
        "argosy repo add",
    ),
    (
        Fault::Says(403),
        Class::Denied,
        "HTTP 403",
        "argosy repo add",
    ),
    (
        Fault::Says(404),
        Class::Stalled,
        "no Git repository",
        "check the URL",
    ),
    (
        Fault::Says(409),
        Class::Transient,
        "HTTP 409",
        "tried again by itself",
    ),
    (
        Fault::Says(429),
        Class::Transient,
        "HTTP 429",
        "tried again by itself",
    ),
    (
        Fault::Says(500),
        Class::Transient,
        "HTTP 500",
        "tried again by itself",
    ),
    (
        Fault::Cuts(70),
        Class::Transient,
        "cannot be reached",
        "tried again by itself",
    ),
    (
        Fault::Stalls(70),
        Class::Transient,
        "cannot be reached",
        "tried again by itself",
    ),
    (
        Fault::Stalls(100_000),
        Class::Transient,
        "cannot be reached",
        "tried again by itself",
    ),
];

/// What no compression makes smaller, so that an answer can end in the middle of it.
fn noise(seed: u32) -> Change {
    let bytes = (0..100_000_u32)
        .flat_map(|n| (n ^ seed).wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    Change::Write("noise".into(), bytes)
}

#[tokio::test]
async fn every_fault_is_told_leaves_the_mirror_readable_and_heals_by_itself() {
    let world = World::with(|settings| settings.patience = PATIENCE);
    let builder = world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let way = FaultyWay::to(&server.url);
    let repo = world.sources.repo(&format!("{}/app.git", way.url), "");
    let mut main = world.sources.follow(&repo, &wanted("main"));
    let mut known = until(&mut main, "the state", |seen| seen.artifact.is_some())
        .await
        .artifact
        .unwrap();
    for (number, (fault, class, message, hint)) in FAULTS.into_iter().enumerate() {
        way.set(fault);
        let next = builder
            .commit("main", "next", &[noise(number as u32)])
            .unwrap();
        let what = format!("the error of {fault:?}");
        let seen = until(&mut main, &what, |seen| seen.error.is_some()).await;
        let error = seen.error.unwrap();
        assert_eq!(error.class(), class, "{fault:?}: {error}");
        assert!(error.message.contains(message), "{fault:?}: {error}");
        assert!(error.message.contains(way.host()), "{fault:?}: {error}");
        let told = error.hint.as_deref().unwrap_or_default();
        assert!(told.contains(hint), "{fault:?}: {told}");
        assert_eq!(seen.artifact.as_ref(), Some(&known), "{fault:?}");
        assert_eq!(
            world.read(&known, "a/app.yaml").await,
            "v: 1\n",
            "{fault:?}"
        );
        assert!(way.struck() > 0, "{fault:?}");

        way.set(Fault::None);
        let what = format!("the recovery from {fault:?}");
        let seen = until(&mut main, &what, |seen| {
            seen.error.is_none() && revision(seen) == Some(&next)
        })
        .await;
        known = seen.artifact.unwrap();
    }
}

#[tokio::test]
async fn slow_and_flapping_servers_are_followed_all_the_same() {
    let world = World::with(|settings| settings.patience = PATIENCE);
    let builder = world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let way = FaultyWay::to(&server.url);
    let repo = world.sources.repo(&format!("{}/app.git", way.url), "");
    let mut main = world.sources.follow(&repo, &wanted("main"));
    until(&mut main, "the state", |seen| seen.artifact.is_some()).await;
    for (number, fault) in [Fault::Slow(Duration::from_millis(20)), Fault::Flaps]
        .into_iter()
        .enumerate()
    {
        way.set(fault);
        let next = builder
            .commit("main", "next", &[noise(number as u32)])
            .unwrap();
        let what = format!("a commit behind {fault:?}");
        let seen = until(&mut main, &what, |seen| revision(seen) == Some(&next)).await;
        assert!(seen.artifact.is_some());
        assert!(way.struck() > 0);
    }
}

#[test]
fn a_full_disk_is_told_and_what_is_there_stays_readable() {
    let test = "a full disk under a mirror";
    with_small_disk(test, "faults::mirror_on_a_small_disk", 1024);
}

#[tokio::test]
#[ignore = "started by a_full_disk_is_told_and_what_is_there_stays_readable"]
async fn mirror_on_a_small_disk() {
    let disk = small_disk();
    let world = World::with(|settings| settings.data_dir = disk.join("data"));
    let builder = world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let repo = world.sources.repo(&format!("{}/app.git", server.url), "");
    let mut main = world.sources.follow(&repo, &wanted("main"));
    let first = until(&mut main, "the state", |seen| seen.artifact.is_some())
        .await
        .artifact
        .unwrap();
    for seed in 0..4 {
        builder.commit("main", "more", &[noise(seed)]).unwrap();
    }
    let seen = until(&mut main, "the error", |seen| seen.error.is_some()).await;
    let error = seen.error.unwrap();
    assert_eq!(error.class(), Class::Transient, "{error}");
    assert!(error.message.contains("No space left"), "{error}");
    assert!(error.message.contains("app.git"), "{error}");
    let hint = error.hint.unwrap_or_default();
    assert!(hint.contains("disk space"), "{hint}");
    let known = seen.artifact.unwrap();
    assert_eq!(world.read(&known, "a/app.yaml").await, "v: 1\n");
    assert_eq!(world.read(&first, "a/app.yaml").await, "v: 1\n");

    // A process that starts on the full disk has what was there.
    let again = world.again();
    let found = again.resolve(&repo, &wanted("main")).await.unwrap();
    let tree = again.tree(&found).await.unwrap();
    assert_eq!(read(&*tree, "a/app.yaml"), "v: 1\n");

    grow(&disk, 32 << 10);
    let last = builder.head_of("main").unwrap().unwrap();
    let seen = until(&mut main, "the recovery", |seen| {
        seen.error.is_none() && revision(seen) == Some(&last)
    })
    .await;
    assert!(seen.artifact.is_some());
}
