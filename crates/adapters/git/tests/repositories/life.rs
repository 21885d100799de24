//! What happens to a repository in its life: all of it is noticed, and a mirror survives it.

use crate::world::{World, until, wanted};
use argosy_git::Credentials;
use argosy_git::author::{Change, RepoBuilder};
use argosy_object::{Object, json};
use argosy_ports::{RepoRef, SourceErrorKind, Sources};
use argosy_testkit::githttp::GitServer;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

struct Life {
    world: World,
    builder: RepoBuilder,
    _server: GitServer,
    repo: RepoRef,
}

impl Life {
    fn begin(world: World) -> Self {
        let builder = world.make("app.git");
        let server = GitServer::start(&world.repos(), None);
        let repo = world
            .sources
            .repo(&format!("{}/app.git", server.url), "default");
        Self {
            world,
            builder,
            _server: server,
            repo,
        }
    }

    async fn look(&self, revision: &str) -> Result<String, SourceErrorKind> {
        self.world.sources.refresh(&self.repo).await.unwrap();
        let found = self.world.resolve(&self.repo, revision).await;
        found
            .map(|artifact| artifact.revision.to_string())
            .map_err(|error| error.kind)
    }

    fn commit(&self, branch: &str, text: &str) -> String {
        let change = Change::text("a/app.yaml", text);
        self.builder.commit(branch, "m", &[change]).unwrap()
    }

    fn packs(&self) -> Vec<u64> {
        std::fs::read_dir(packs_of(&self.world.dir.path().join("data")))
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "pack"))
            .map(|entry| entry.metadata().unwrap().len())
            .collect()
    }
}

/// The folder of packs of the only mirror in a data folder.
fn packs_of(data: &Path) -> std::path::PathBuf {
    std::fs::read_dir(data.join("mirrors"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("objects/pack"))
        .find(|path| path.exists())
        .unwrap()
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(arguments)
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn branches_and_tags_that_move_go_and_come_back_are_followed() {
    let life = Life::begin(World::new());
    let first = life.commit("dev", "v: 1\n");
    life.builder.tag("v1", "dev", Some("one")).unwrap();
    assert_eq!(life.look("dev").await.as_deref(), Ok(&*first));
    let second = life.commit("dev", "v: 2\n");
    life.builder.tag("v1", "dev", None).unwrap();
    assert_eq!(life.look("v1").await.as_deref(), Ok(&*second));
    life.builder.delete_ref("refs/heads/dev").unwrap();
    assert_eq!(life.look("dev").await, Err(SourceErrorKind::NoRevision));
    let third = life.commit("dev", "v: 3\n");
    assert_ne!(third, second);
    assert_eq!(life.look("dev").await.as_deref(), Ok(&*third));
}

#[tokio::test]
async fn a_default_branch_that_is_renamed_is_what_head_means() {
    let life = Life::begin(World::new());
    let mut head = life.world.sources.follow(&life.repo, &wanted("HEAD"));
    until(&mut head, "the first", |seen| seen.artifact.is_some()).await;
    let trunk = life.commit("trunk", "v: 2\n");
    let folder = life.world.repos().join("app.git");
    git(&folder, &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    life.builder.delete_ref("refs/heads/main").unwrap();
    until(&mut head, "the other branch", |seen| {
        crate::world::revision(seen) == Some(&trunk)
    })
    .await;
    assert_eq!(life.look("main").await, Err(SourceErrorKind::NoRevision));
}

#[tokio::test]
async fn an_empty_repository_is_one_without_revisions_until_something_comes() {
    let world = World::new();
    let empty = RepoBuilder::init(&world.repos().join("empty.git")).unwrap();
    let server = GitServer::start(&world.repos(), None);
    let remote = format!("{}/empty.git", server.url);
    for repo in [world.sources.repo(&remote, ""), world.local("empty.git")] {
        world.sources.refresh(&repo).await.unwrap();
        let error = world.resolve(&repo, "HEAD").await.unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::NoRevision, "{error}");
    }
    let first = empty
        .commit("main", "m", &[Change::text("a/app.yaml", "v: 1\n")])
        .unwrap();
    for repo in [world.sources.repo(&remote, ""), world.local("empty.git")] {
        world.sources.refresh(&repo).await.unwrap();
        let artifact = world.resolve(&repo, "HEAD").await.unwrap();
        assert_eq!(&*artifact.revision, first);
    }
}

#[tokio::test]
async fn object_names_of_sha_256_are_refused_in_words() {
    let world = World::new();
    let dir = world.repos();
    git(
        &dir,
        &["init", "-q", "--bare", "--object-format=sha256", "new.git"],
    );
    let server = GitServer::start(&world.repos(), None);
    let remote = format!("{}/new.git", server.url);
    for repo in [world.sources.repo(&remote, ""), world.local("new.git")] {
        let error = world.sources.refresh(&repo).await.unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::Unsupported, "{error}");
        assert!(error.message.contains("sha256"), "{error}");
        assert!(error.hint.unwrap().contains("SHA-1"));
    }
}

fn noise(seed: u32) -> Vec<u8> {
    (0..100_000_u32)
        .flat_map(|n| (n ^ seed).wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

#[tokio::test]
async fn a_rewritten_branch_is_followed_and_what_it_left_behind_goes_in_time() {
    let world = World::with(|settings| {
        settings.garbage_patience = Duration::ZERO;
        settings.remote_interval = Duration::from_hours(1);
    });
    let life = Life::begin(world);
    let large = Change::Write("noise".into(), noise(1));
    let secret = life.builder.commit("main", "m", &[large]).unwrap();
    assert_eq!(life.look("main").await.as_deref(), Ok(&*secret));
    assert_eq!(life.packs().len(), 1);
    let before: u64 = life.packs().iter().sum();
    // Another root, that shares nothing with the branch.
    let other = life.commit("other", "v: 9\n");
    life.builder.set_ref("refs/heads/main", &other).unwrap();
    life.builder.delete_ref("refs/heads/other").unwrap();
    git(
        &life.world.repos().join("app.git"),
        &["gc", "-q", "--prune=now"],
    );
    assert_eq!(life.look("main").await.as_deref(), Ok(&*other));
    assert_eq!(life.packs().len(), 2);
    let artifact = life.world.resolve(&life.repo, "main").await.unwrap();
    assert_eq!(life.world.read(&artifact, "a/app.yaml").await, "v: 9\n");
    // The next look is after the mirror's patience.
    assert_eq!(life.look("main").await.as_deref(), Ok(&*other));
    let after: u64 = life.packs().iter().sum();
    assert_eq!(life.packs().len(), 1);
    assert!(after * 10 < before, "{after} of {before}");
    assert_eq!(life.look(&secret).await, Err(SourceErrorKind::NoRevision));
    assert_eq!(life.world.read(&artifact, "a/app.yaml").await, "v: 9\n");
}

#[tokio::test]
async fn a_branch_that_only_grows_leaves_nothing_behind() {
    let world = World::with(|settings| settings.garbage_patience = Duration::ZERO);
    let life = Life::begin(world);
    life.look("main").await.unwrap();
    for n in 2..6 {
        let commit = life.commit("main", &format!("v: {n}\n"));
        assert_eq!(life.look("main").await.as_deref(), Ok(&*commit));
    }
    assert_eq!(life.packs().len(), 5);
}

#[tokio::test]
async fn a_shallow_mirror_has_the_newest_commits_and_fetches_others_by_name() {
    let life = Life::begin(World::new());
    let url = life.repo.url.to_string();
    let secret = Object::new(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "shallow", "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"url": url, "depth": "1"},
    }));
    let mut commits = Vec::new();
    for n in 0..30_u32 {
        let change = Change::Write("noise".into(), noise(n));
        commits.push(life.builder.commit("main", "m", &[change]).unwrap());
    }
    let (credentials, _) = Credentials::of([&secret.unwrap()]);
    life.world.sources.set_credentials(credentials);
    let repo = life.world.sources.repo(&url, "default");
    let life = Life { repo, ..life };
    assert_eq!(life.look("main").await.as_deref(), Ok(&*commits[29]));
    let whole: u64 = life.packs().iter().sum();
    assert!(whole < 800_000, "{whole} bytes of one commit");
    // A short name says nothing of a commit that is not here; a whole one fetches it.
    let short = life.look(&commits[3][..10]).await;
    assert_eq!(short, Err(SourceErrorKind::NoRevision));
    assert_eq!(life.look(&commits[3]).await.as_deref(), Ok(&*commits[3]));
    let next = life.commit("main", "v: next\n");
    assert_eq!(life.look("main").await.as_deref(), Ok(&*next));
    let artifact = life.world.resolve(&life.repo, "main").await.unwrap();
    assert_eq!(life.world.read(&artifact, "a/app.yaml").await, "v: next\n");
}

/// Runs in a process of its own, and is killed while it fetches.
#[tokio::test]
#[ignore = "started by a_fetch_killed_in_the_middle_leaves_a_whole_mirror"]
async fn fetch_until_killed() {
    let data = std::env::var("ARGOSY_TEST_DATA").unwrap();
    let url = std::env::var("ARGOSY_TEST_URL").unwrap();
    let settings = argosy_git::GitSettings::new(data);
    let sources =
        argosy_git::GitSources::new(settings, std::sync::Arc::new(argosy_ports::SystemTime));
    let repo = sources.repo(&url, "default");
    for _ in 0..1000 {
        let _ = sources.refresh(&repo).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_killed_in_the_middle_leaves_a_whole_mirror() {
    let life = Life::begin(World::new());
    let first = life.look("main").await.unwrap();
    let data = life.world.dir.path().join("data");
    let mut caught = 0;
    for n in 0..8_u32 {
        let change = Change::Write("noise".into(), noise(n));
        let newest = life.builder.commit("main", "m", &[change]).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "life::fetch_until_killed", "--ignored"])
            .env("ARGOSY_TEST_DATA", &data)
            .env("ARGOSY_TEST_URL", &*life.repo.url)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // A pack that is half here has a name of its own until it is whole.
        let packs = packs_of(&data);
        let begun = std::time::Instant::now();
        let half_here = || {
            let entries = std::fs::read_dir(&packs).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).any(|path| {
                !path
                    .extension()
                    .is_some_and(|ext| ext == "pack" || ext == "idx")
            })
        };
        while !half_here() && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_mins(1), "no fetch begins");
            std::thread::yield_now();
        }
        caught += usize::from(half_here());
        child.kill().unwrap();
        child.wait().unwrap();
        let again = life.world.again();
        let found = again.resolve(&life.repo, &wanted("main")).await.unwrap();
        assert!([&*first, &*newest].contains(&&*found.revision) || n > 0);
        let tree = again.tree(&found).await.unwrap();
        assert_eq!(crate::world::read(&*tree, "a/app.yaml"), "v: 1\n");
        again.refresh(&life.repo).await.unwrap();
        let found = again.resolve(&life.repo, &wanted("main")).await.unwrap();
        assert_eq!(&*found.revision, newest);
        let tree = again.tree(&found).await.unwrap();
        let size = tree.blob(
            &tree.entry(&tree.root(), "noise").unwrap().unwrap().oid,
            1 << 20,
        );
        assert_eq!(size.unwrap().len(), 400_000);
    }
    assert!(caught > 0, "no fetch was killed in its middle");
}
