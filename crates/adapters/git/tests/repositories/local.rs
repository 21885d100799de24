//! Repositories of the local disk.

use crate::world::{World, read, revision, until, wanted};
use argosy_git::author::{Change, RepoBuilder};
use argosy_object::{Class, Classified};
use argosy_ports::{SourceErrorKind, Sources, Wanted};
use argosy_tree::{Mode, TreeError};
use std::process::Command;

#[tokio::test]
async fn every_spelling_of_a_revision_finds_its_commit() {
    let world = World::new();
    let repo = world.make("app.git");
    let first = repo.head_of("main").unwrap().unwrap();
    repo.tag("v1.0.0", "main", None).unwrap();
    let second = repo
        .commit("main", "second", &[Change::text("a/app.yaml", "v: 2\n")])
        .unwrap();
    repo.tag("v1.4.0", "main", Some("annotated")).unwrap();
    repo.tag("app-1.2.3", "main", None).unwrap();
    repo.commit("dev", "other", &[Change::text("b", "x")])
        .unwrap();
    let repo = world.local("app.git");
    for (spelling, commit) in [
        ("", &second),
        ("HEAD", &second),
        ("main", &second),
        ("refs/heads/main", &second),
        ("v1.0.0", &first),
        ("refs/tags/v1.4.0", &second),
        ("1.*", &second),
        ("~1.0", &first),
        (&*first.clone(), &first),
        (&first[..8], &first),
        (&*first.to_uppercase(), &first),
    ] {
        let artifact = world.resolve(&repo, spelling).await.unwrap();
        assert_eq!(&*artifact.revision, commit, "{spelling}");
    }
    let prefixed = Wanted {
        revision: "1.*".into(),
        tag_prefix: Some("app-".into()),
        ..Wanted::default()
    };
    let artifact = world.sources.resolve(&repo, &prefixed).await.unwrap();
    assert_eq!(&*artifact.revision, second);
    for missing in ["gone", "9.*", "0123456789", &"0".repeat(40)] {
        let error = world.resolve(&repo, missing).await.unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::NoRevision, "{missing}");
        assert_eq!(error.class(), Class::Stalled);
        assert!(error.message.contains(missing), "{error}");
        assert!(error.message.contains("app.git"), "{error}");
    }
}

#[tokio::test]
async fn a_tree_is_sorted_and_knows_modes_and_refuses_what_is_too_large() {
    let world = World::new();
    let repo = world.make("app.git");
    repo.commit(
        "main",
        "kinds",
        &[
            Change::Executable("run.sh".into(), b"#!/bin/sh\n".to_vec()),
            Change::Link("link".into(), "a/app.yaml".into()),
            Change::Link("out".into(), "../../etc/passwd".into()),
            Change::text("a.txt", "before the folder a in Git's own order"),
            Change::Write("big.bin".into(), vec![b'x'; 300_000]),
        ],
    )
    .unwrap();
    let artifact = world
        .resolve(&world.local("app.git"), "main")
        .await
        .unwrap();
    let tree = world.sources.tree(&artifact).await.unwrap();
    let listed: Vec<String> = tree
        .list(&tree.root())
        .unwrap()
        .iter()
        .map(|(name, entry)| format!("{name} {:?}", entry.mode))
        .collect();
    let expected = [
        "a Dir",
        "a.txt File",
        "big.bin File",
        "link Link",
        "out Link",
    ];
    assert_eq!(listed[..5], expected);
    assert_eq!(listed[5], "run.sh Executable");
    assert_eq!(read(&*tree, "link"), "v: 1\n");
    let big = tree.entry(&tree.root(), "big.bin").unwrap().unwrap();
    assert_eq!(big.mode, Mode::File);
    let error = tree.blob(&big.oid, 1000).unwrap_err();
    assert!(
        matches!(error, TreeError::Limit { limit: 1000, .. }),
        "{error}"
    );
    assert_eq!(tree.blob(&big.oid, 300_000).unwrap().len(), 300_000);
    let rooted = argosy_tree::Rooted::new(&*tree, argosy_tree::Limits::default());
    let error = rooted
        .read(&argosy_tree::RelPath::new("out").unwrap())
        .unwrap_err();
    assert!(matches!(error, TreeError::Outside { .. }), "{error}");
}

#[tokio::test]
async fn followers_see_commits_and_the_last_good_state_beside_an_error() {
    let world = World::new();
    let builder = world.make("app.git");
    let first = builder.head_of("main").unwrap().unwrap();
    let repo = world.local("app.git");
    let mut main = world.sources.follow(&repo, &wanted("main"));
    let mut range = world.sources.follow(&repo, &wanted("1.*"));
    until(&mut main, "the first commit", |s| {
        revision(s) == Some(&first)
    })
    .await;
    let seen = until(&mut range, "the error", |s| s.error.is_some()).await;
    assert_eq!(seen.error.unwrap().kind, SourceErrorKind::NoRevision);
    builder.tag("v1.0.0", "main", None).unwrap();
    until(&mut range, "the tag", |s| {
        revision(s) == Some(&first) && s.error.is_none()
    })
    .await;
    let second = builder
        .commit(
            "main",
            "second",
            &[Change::Remove("a".into()), Change::text("n", "1")],
        )
        .unwrap();
    let seen = until(&mut main, "the commit", |s| revision(s) == Some(&second)).await;
    assert_eq!(world.read(&seen.artifact.unwrap(), "n").await, "1");
    builder.set_ref("refs/heads/other", &second).unwrap();
    builder.delete_ref("refs/heads/main").unwrap();
    let seen = until(&mut main, "the error", |s| s.error.is_some()).await;
    assert_eq!(revision(&seen), Some(&*second));
    std::fs::remove_dir_all(builder.path()).unwrap();
    until(&mut main, "no repository", |s| {
        s.error
            .as_ref()
            .is_some_and(|e| e.kind == SourceErrorKind::NoRepository)
    })
    .await;
    let again = RepoBuilder::init(builder.path()).unwrap();
    let anew = again
        .commit("main", "anew", &[Change::text("z", "9")])
        .unwrap();
    let seen = until(&mut main, "the new one", |s| revision(s) == Some(&anew)).await;
    assert_eq!(world.read(&seen.artifact.unwrap(), "z").await, "9");
}

#[tokio::test]
async fn thousands_of_followers_share_one_poll_that_ends_with_them() {
    let world =
        World::with(|settings| settings.local_interval = std::time::Duration::from_millis(5));
    let builder = world.make("app.git");
    let repo = world.local("app.git");
    let mut receivers: Vec<_> = (0..3000)
        .map(|_| world.sources.follow(&repo, &wanted("main")))
        .collect();
    until(&mut receivers[2999], "the state", |s| s.artifact.is_some()).await;
    let second = builder
        .commit("main", "2", &[Change::text("b", "2")])
        .unwrap();
    for receiver in &mut receivers {
        until(receiver, "the commit", |s| revision(s) == Some(&second)).await;
    }
    assert!(
        world.sources.looks(&repo) < 1000,
        "{}",
        world.sources.looks(&repo)
    );
    drop(receivers);
    // The poll sees that nobody follows at its next round; then looks stop growing.
    let mut last = world.sources.looks(&repo);
    let mut quiet = 0;
    for _ in 0..400 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let now = world.sources.looks(&repo);
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
        if quiet == 10 {
            return;
        }
    }
    panic!("the poll goes on without followers");
}

#[tokio::test]
async fn refresh_tells_followers_before_it_returns() {
    let world = World::with(|s| s.local_interval = std::time::Duration::from_hours(1));
    let builder = world.make("app.git");
    let repo = world.local("app.git");
    let mut receiver = world.sources.follow(&repo, &wanted("main"));
    until(&mut receiver, "the state", |s| s.artifact.is_some()).await;
    let second = builder
        .commit("main", "2", &[Change::text("b", "2")])
        .unwrap();
    world.sources.refresh(&repo).await.unwrap();
    assert_eq!(revision(&receiver.borrow()), Some(&*second));
}

#[tokio::test]
async fn a_checked_out_repository_is_read_and_its_hooks_are_not_run() {
    let world = World::new();
    let dir = world.repos().join("work");
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args([
                "-C",
                dir.to_str().unwrap(),
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@t",
            ])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    std::fs::create_dir(&dir).unwrap();
    git(&["init", "-q", "-b", "trunk"]);
    std::fs::write(dir.join("f"), "1").unwrap();
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    git(&["tag", "-a", "-m", "t", "v2"]);
    let head = git(&["rev-parse", "HEAD"]);
    let marker = world.dir.path().join("ran");
    let config = format!(
        "[core]\n fsmonitor = touch {}\n[include]\n path = /nonexistent\n",
        marker.display()
    );
    let path = dir.join(".git/config");
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, before + &config).unwrap();
    std::fs::write(dir.join("f"), "not committed").unwrap();
    let repo = world.local("work");
    for spelling in ["HEAD", "trunk", "v2"] {
        let artifact = world.resolve(&repo, spelling).await.unwrap();
        assert_eq!(&*artifact.revision, head);
        assert_eq!(world.read(&artifact, "f").await, "1");
    }
    git(&["-c", "core.fsmonitor=false", "gc", "-q"]);
    let artifact = world.resolve(&repo, "trunk").await.unwrap();
    assert_eq!(world.read(&artifact, "f").await, "1");
    assert!(!marker.exists());
}

#[tokio::test]
async fn alternates_and_git_files_that_lead_outside_are_denied() {
    let world = World::new();
    let outside = world.dir.path().join("outside.git");
    RepoBuilder::init(&outside)
        .unwrap()
        .commit("main", "x", &[Change::text("x", "secret")])
        .unwrap();
    let lured = world.make("lured.git");
    let info = lured.path().join("objects/info");
    std::fs::create_dir_all(&info).unwrap();
    let objects = outside.join("objects");
    std::fs::write(info.join("alternates"), format!("{}\n", objects.display())).unwrap();
    let error = world
        .resolve(&world.local("lured.git"), "main")
        .await
        .unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Forbidden, "{error}");
    assert!(error.hint.unwrap().contains("--local-repos"));
    let work = world.repos().join("linked");
    std::fs::create_dir(&work).unwrap();
    std::fs::write(
        work.join(".git"),
        format!("gitdir: {}\n", outside.display()),
    )
    .unwrap();
    let error = world
        .resolve(&world.local("linked"), "main")
        .await
        .unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Forbidden, "{error}");
}

#[tokio::test]
async fn a_folder_that_is_no_repository_says_so() {
    let world = World::new();
    std::fs::create_dir(world.repos().join("plain")).unwrap();
    let error = world
        .resolve(&world.local("plain"), "main")
        .await
        .unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::NoRepository);
    let error = world
        .resolve(&world.local("nothing"), "main")
        .await
        .unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::NoRepository);
    let repo = world.sources.repo("ftp://host/a/b.git", "");
    let mut receiver = world.sources.follow(&repo, &wanted("main"));
    let seen = until(&mut receiver, "the error", |s| s.error.is_some()).await;
    assert!(seen.error.unwrap().message.contains("scheme `ftp`"));
}

#[test]
fn paths_that_git_cannot_hold_are_refused_by_the_author() {
    let dir = tempfile::tempdir().unwrap();
    let repo = RepoBuilder::init(&dir.path().join("r")).unwrap();
    for path in ["../x", "/x", "a//b", ".git/config", ""] {
        assert!(
            repo.commit("main", "m", &[Change::text(path, "")]).is_err(),
            "{path}"
        );
    }
    let one = repo
        .commit("main", "m", &[Change::text("a/b/c", "1")])
        .unwrap();
    let amended = repo
        .amend("main", "m", &[Change::text("a/b/c", "2")])
        .unwrap();
    assert_ne!(one, amended);
    let fsck = Command::new("git")
        .args(["-C", repo.path().to_str().unwrap(), "fsck", "--strict"])
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .output()
        .unwrap();
    assert!(fsck.status.success(), "{fsck:?}");
}
