//! Repositories behind a real smart-HTTP server.

use crate::world::{World, revision, until, wanted};
use argosy_git::InsteadOf;
use argosy_git::author::Change;
use argosy_object::{Class, Classified};
use argosy_ports::{SourceErrorKind, Sources};
use argosy_testkit::githttp::GitServer;
use std::path::{Path, PathBuf};

fn files(dir: &Path, wanted: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, wanted));
        } else if path.extension().is_some_and(|ext| ext == wanted) {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_public_repository_is_mirrored_and_followed_through_pushes() {
    let world = World::new();
    let builder = world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let repo = world
        .sources
        .repo(&format!("{}/app.git", server.url), "default");
    let first = builder.head_of("main").unwrap().unwrap();
    let artifact = world.resolve(&repo, "main").await.unwrap();
    assert_eq!(&*artifact.revision, first);
    assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 1\n");
    let mut main = world.sources.follow(&repo, &wanted("main"));
    let mut range = world.sources.follow(&repo, &wanted(">=1 <2"));
    let second = builder
        .commit("main", "second", &[Change::text("a/app.yaml", "v: 2\n")])
        .unwrap();
    let seen = until(&mut main, "the commit", |s| revision(s) == Some(&second)).await;
    assert_eq!(
        world.read(&seen.artifact.unwrap(), "a/app.yaml").await,
        "v: 2\n"
    );
    builder.tag("v1.0.0", "main", Some("one")).unwrap();
    until(&mut range, "the tag", |s| revision(s) == Some(&second)).await;
    let forced = builder
        .amend("main", "instead", &[Change::text("a/app.yaml", "v: 3\n")])
        .unwrap();
    let seen = until(&mut main, "the forced push", |s| {
        revision(s) == Some(&forced)
    })
    .await;
    assert_eq!(
        world.read(&seen.artifact.unwrap(), "a/app.yaml").await,
        "v: 3\n"
    );
    builder.tag("v1.0.0", "main", Some("moved")).unwrap();
    until(&mut range, "the moved tag", |s| {
        revision(s) == Some(&forced)
    })
    .await;
    builder.delete_ref("refs/tags/v1.0.0").unwrap();
    let seen = until(&mut range, "the tag's end", |s| s.error.is_some()).await;
    assert_eq!(revision(&seen), Some(&*forced));
    let by_sha = world.resolve(&repo, &first[..10]).await.unwrap();
    assert_eq!(world.read(&by_sha, "a/app.yaml").await, "v: 1\n");
}

#[tokio::test]
async fn a_branch_may_become_a_folder_of_branches() {
    let world = World::new();
    let builder = world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let repo = world.sources.repo(&format!("{}/app.git", server.url), "");
    builder
        .commit("topic", "t", &[Change::text("t", "1")])
        .unwrap();
    world.resolve(&repo, "topic").await.unwrap();
    builder.delete_ref("refs/heads/topic").unwrap();
    let deep = builder
        .commit("topic/deep", "t", &[Change::text("t", "2")])
        .unwrap();
    world.sources.refresh(&repo).await.unwrap();
    let artifact = world.resolve(&repo, "topic/deep").await.unwrap();
    assert_eq!(&*artifact.revision, deep);
    let error = world.resolve(&repo, "topic").await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::NoRevision);
}

#[tokio::test]
async fn a_private_repository_wants_its_credential_and_never_shows_it() {
    let world = World::new();
    world.make("app.git");
    let server = GitServer::start(&world.repos(), Some(("bot", "s3cret")));
    let url = format!("{}/app.git", server.url);
    let repo = world.sources.repo(&url, "default");
    let error = world.resolve(&repo, "main").await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unauthorized);
    assert_eq!(error.class(), Class::Denied);
    assert!(error.hint.unwrap().contains("secret-type: repository"));

    world.login(&server.url, "bot", "wrong");
    let repo = world.sources.repo(&url, "default");
    assert_eq!(&*repo.credential.0, "argocd/login");
    let error = world.resolve(&repo, "main").await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unauthorized);
    assert!(error.message.contains("`argocd/login`"), "{error}");
    assert!(!format!("{error:?}").contains("wrong"));

    assert!(world.sources.probe(&repo).await.is_err());
    world.login(&server.url, "bot", "s3cret");
    world.sources.probe(&repo).await.unwrap();
    let artifact = world.resolve(&repo, "main").await.unwrap();
    assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 1\n");
    // Without the credential the mirror of those who have it stays out of reach.
    let stranger = argosy_ports::RepoRef {
        url: url.as_str().into(),
        credential: argosy_ports::CredentialId::default(),
        project: "default".into(),
    };
    let error = world.resolve(&stranger, "main").await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unauthorized);

    let inline = url.replace("http://", "http://bot:wr0ng@");
    let error = world
        .resolve(&world.sources.repo(&inline, ""), "main")
        .await
        .unwrap_err();
    assert!(!format!("{error:?}").contains("wr0ng"), "{error:?}");
    assert!(!format!("{:?}", files(world.dir.path(), "lock")).contains("s3cret"));
}

#[tokio::test]
async fn a_login_inside_the_url_works() {
    let world = World::new();
    world.make("app.git");
    let server = GitServer::start(&world.repos(), Some(("bot", "p:w@d")));
    let url = format!("{}/app.git", server.url).replace("http://", "http://bot:p%3Aw%40d@");
    let repo = world.sources.repo(&url, "");
    world.resolve(&repo, "main").await.unwrap();
}

#[tokio::test]
async fn many_followers_of_a_remote_cost_one_poll() {
    let world = World::with(|s| s.remote_interval = std::time::Duration::from_hours(1));
    world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let repo = world.sources.repo(&format!("{}/app.git", server.url), "");
    let mut receivers: Vec<_> = (0..500)
        .map(|_| world.sources.follow(&repo, &wanted("main")))
        .collect();
    for receiver in &mut receivers {
        until(receiver, "the state", |s| s.artifact.is_some()).await;
    }
    assert_eq!(server.fetches(), 1);
    let refreshes = (0..50).map(|_| world.sources.refresh(&repo));
    for result in futures(refreshes).await {
        result.unwrap();
    }
    assert!(server.fetches() <= 3, "{}", server.fetches());
}

async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = all.map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|cx| {
        for (future, slot) in &mut pending {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *slot = Some(value);
            }
        }
        if pending.iter().all(|(_, slot)| slot.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pending.into_iter().filter_map(|(_, slot)| slot).collect()
}

#[tokio::test]
async fn an_unreachable_server_keeps_the_last_good_state_and_recovers() {
    let world = World::new();
    let builder = world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let repo = world.sources.repo(&format!("{}/app.git", server.url), "");
    let mut main = world.sources.follow(&repo, &wanted("main"));
    let seen = until(&mut main, "the state", |s| s.artifact.is_some()).await;
    let first = seen.artifact.unwrap();
    server.set_down(true);
    let seen = until(&mut main, "the error", |s| s.error.is_some()).await;
    let error = seen.error.unwrap();
    assert_eq!(error.class(), Class::Transient);
    assert!(error.message.contains("HTTP 503"), "{error}");
    assert_eq!(seen.artifact.as_ref(), Some(&first));
    assert_eq!(world.read(&first, "a/app.yaml").await, "v: 1\n");
    let second = builder
        .commit("main", "2", &[Change::text("b", "2")])
        .unwrap();
    server.set_down(false);
    let seen = until(&mut main, "the recovery", |s| revision(s) == Some(&second)).await;
    assert!(seen.error.is_none());
}

#[tokio::test]
async fn servers_that_are_none_get_an_error_that_names_them() {
    let world = World::new();
    let server = GitServer::start(&world.repos(), None);
    let error = world
        .resolve(
            &world.sources.repo(&format!("{}/none.git", server.url), ""),
            "main",
        )
        .await
        .unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::NoRepository);
    assert!(error.message.contains("none.git"), "{error}");
    let closed = world.sources.repo("http://127.0.0.1:1/x.git", "");
    let error = world.resolve(&closed, "main").await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn a_broken_fetch_leaves_the_mirror_as_it_was() {
    let world = World::new();
    let builder = world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let repo = world.sources.repo(&format!("{}/app.git", server.url), "");
    let first = world.resolve(&repo, "main").await.unwrap();
    let noise: Vec<u8> = (0..200_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let second = builder
        .commit("main", "2", &[Change::Write("noise".into(), noise)])
        .unwrap();
    server.set_cut(true);
    let error = world.sources.refresh(&repo).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error}");
    assert_eq!(world.resolve(&repo, "main").await.unwrap(), first);
    assert_eq!(world.read(&first, "a/app.yaml").await, "v: 1\n");
    server.set_cut(false);
    world.sources.refresh(&repo).await.unwrap();
    assert_eq!(
        &*world.resolve(&repo, "main").await.unwrap().revision,
        second
    );
}

#[tokio::test]
async fn a_mirror_is_found_again_and_a_damaged_one_is_cloned_anew() {
    let world = World::new();
    world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let url = format!("{}/app.git", server.url);
    let repo = world.sources.repo(&url, "");
    let artifact = world.resolve(&repo, "main").await.unwrap();
    let requests = server.requests();

    // A second process reads what the first one left, without a request.
    let again = world.again();
    assert_eq!(
        again.resolve(&repo, &wanted("main")).await.unwrap(),
        artifact
    );
    assert_eq!(server.requests(), requests);

    // A torn snapshot, as after a crash of the disk.
    let mirror = world.dir.path().join("data/mirrors");
    let snapshot = std::fs::read_dir(&mirror)
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("snapshot"))
        .find(|path| path.exists())
        .unwrap();
    let text = std::fs::read_to_string(&snapshot).unwrap();
    std::fs::write(&snapshot, &text[..text.len() - 20]).unwrap();
    let third = world.again();
    let found = third.resolve(&repo, &wanted("main")).await.unwrap();
    assert_eq!(found, artifact);
    assert!(server.requests() > requests);

    // A pack whose content is damaged is noticed when it is read; the next look clones anew.
    for pack in files(&mirror, "pack") {
        let mut bytes = std::fs::read(&pack).unwrap();
        let middle = bytes.len() / 2;
        for byte in &mut bytes[14..middle] {
            *byte ^= 0xff;
        }
        make_writable(&pack);
        std::fs::write(&pack, bytes).unwrap();
    }
    let fourth = world.again();
    let tried = fourth.resolve(&repo, &wanted("main")).await;
    if tried.is_err() {
        fourth.refresh(&repo).await.unwrap();
    }
    let found = fourth.resolve(&repo, &wanted("main")).await.unwrap();
    let tree = fourth.tree(&found).await.unwrap();
    if crate::world::try_read(&*tree, "a/app.yaml").is_none() {
        fourth.refresh(&repo).await.unwrap();
        let tree = fourth.tree(&found).await.unwrap();
        assert_eq!(crate::world::read(&*tree, "a/app.yaml"), "v: 1\n");
    }
}

#[allow(clippy::permissions_set_readonly_false)] // a file of the test's own folder
fn make_writable(path: &Path) {
    let mut permissions = std::fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions).unwrap();
}

#[tokio::test]
async fn names_elsewhere_and_bare_commits_are_fetched_when_wanted() {
    let world = World::new();
    let builder = world.make("app.git");
    let pull = builder
        .commit("tmp", "pull", &[Change::text("p", "1")])
        .unwrap();
    builder.set_ref("refs/pull/7/head", &pull).unwrap();
    builder.delete_ref("refs/heads/tmp").unwrap();
    let server = GitServer::start(&world.repos(), None);
    let repo = world.sources.repo(&format!("{}/app.git", server.url), "");
    for spelling in ["refs/pull/7/head", "pull/7/head"] {
        let artifact = world.resolve(&repo, spelling).await.unwrap();
        assert_eq!(&*artifact.revision, pull, "{spelling}");
    }
    let other = World::new();
    let repo = other.sources.repo(&repo.url, "");
    let artifact = other.resolve(&repo, &pull).await.unwrap();
    assert_eq!(other.read(&artifact, "p").await, "1");
    let error = other.resolve(&repo, &"1".repeat(40)).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::NoRevision, "{error}");
    // The failure of one commit is no failure of the repository.
    other.resolve(&repo, "main").await.unwrap();
}

#[tokio::test]
async fn redirects_are_followed_and_credentials_are_not_sent_along() {
    let world = World::new();
    world.make("app.git");
    let real = GitServer::start(&world.repos(), None);
    let old = GitServer::start(&world.repos(), None);
    old.redirect_to(&real.url);
    world.login(&old.url, "bot", "s3cret");
    let repo = world.sources.repo(&format!("{}/app.git", old.url), "");
    let artifact = world.resolve(&repo, "main").await.unwrap();
    assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 1\n");
    assert!(!old.authorizations().is_empty());
    assert!(
        real.authorizations().is_empty(),
        "{:?}",
        real.authorizations()
    );
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused() {
    let world = World::with(|s| s.max_fetch_bytes = 50_000);
    let builder = world.make("app.git");
    let noise: Vec<u8> = (0..50_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    builder
        .commit("main", "2", &[Change::Write("noise".into(), noise)])
        .unwrap();
    let server = GitServer::start(&world.repos(), None);
    let repo = world.sources.repo(&format!("{}/app.git", server.url), "");
    let error = world.resolve(&repo, "main").await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unsupported, "{error}");
    assert!(error.message.contains("50000 bytes"), "{error}");
}

#[tokio::test]
async fn urls_are_read_from_elsewhere_where_a_rule_says_so() {
    let world = World::with(|s| {
        let repos = s.local_roots[0].display().to_string();
        s.instead_of = vec![InsteadOf {
            base: "https://gitlab.internal/platform/".into(),
            other: format!("file://{repos}/"),
        }];
    });
    let builder = world.make("app.git");
    let repo = world
        .sources
        .repo("https://gitlab.internal/platform/app.git", "default");
    let artifact = world.resolve(&repo, "main").await.unwrap();
    assert_eq!(
        Some(artifact.revision.to_string()),
        builder.head_of("main").unwrap()
    );
    assert_eq!(
        &*artifact.repo.url,
        "https://gitlab.internal/platform/app.git"
    );
}

#[tokio::test]
async fn forty_pushes_keep_the_mirror_readable() {
    let world = World::with(|s| s.remote_interval = std::time::Duration::from_hours(1));
    let builder = world.make("app.git");
    let server = GitServer::start(&world.repos(), None);
    let repo = world.sources.repo(&format!("{}/app.git", server.url), "");
    for n in 0..40 {
        let text = format!("v: {n}\n");
        let commit = builder
            .commit("main", "n", &[Change::text("a/app.yaml", &text)])
            .unwrap();
        world.sources.refresh(&repo).await.unwrap();
        let artifact = world.resolve(&repo, "main").await.unwrap();
        assert_eq!(&*artifact.revision, commit);
        assert_eq!(world.read(&artifact, "a/app.yaml").await, text);
    }
}
