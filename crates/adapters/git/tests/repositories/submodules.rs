//! Submodules, held against a checkout of the real `git`.

use crate::world::{World, read, try_read, wanted};
use argosy_git::Credentials;
use argosy_git::author::{Change, RepoBuilder};
use argosy_object::{Object, json};
use argosy_ports::{SourceErrorKind, Sources};
use argosy_testkit::githttp::GitServer;
use argosy_tree::{Limits, Mode, RelPath, Rooted, Tree, touched};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

fn head(repo: &RepoBuilder) -> String {
    repo.head_of("main").unwrap().unwrap()
}

fn declared(modules: &[(&str, &str)]) -> Change {
    let text: String = modules
        .iter()
        .map(|(path, url)| format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n"))
        .collect::<Vec<_>>()
        .concat();
    Change::text(".gitmodules", &text)
}

/// An outer repository with a module, which has a module of its own.
fn nested(world: &World) -> RepoBuilder {
    let leaf = world.make("leaf.git");
    leaf.commit("main", "l", &[Change::text("leaf.yaml", "leaf: 1\n")])
        .unwrap();
    let lib = world.make("lib.git");
    lib.commit(
        "main",
        "m",
        &[
            Change::text("x/lib.yaml", "lib: 1\n"),
            declared(&[("deep/leaf", "../leaf.git")]),
            Change::Submodule("deep/leaf".into(), head(&leaf)),
        ],
    )
    .unwrap();
    let outer = world.make("outer.git");
    outer
        .commit(
            "main",
            "m",
            &[
                declared(&[("vendor/lib", "../lib.git"), ("gone", "../nothing.git")]),
                Change::Submodule("vendor/lib".into(), head(&lib)),
                Change::text("vendor/own.yaml", "own: 1\n"),
            ],
        )
        .unwrap();
    outer
}

/// All files below a folder of the disk, but Git's own.
fn on_disk(dir: &Path, at: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name == ".git" {
            continue;
        }
        let path = format!("{at}{name}");
        if entry.path().is_dir() {
            on_disk(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, std::fs::read(entry.path()).unwrap());
        }
    }
}

fn in_tree(tree: &dyn Tree) -> BTreeMap<String, Vec<u8>> {
    let rooted = Rooted::new(tree, Limits::default());
    let files = rooted.walk(&RelPath::root()).unwrap();
    files
        .into_iter()
        .map(|path| (path.to_string(), rooted.read(&path).unwrap().to_vec()))
        .collect()
}

#[tokio::test]
async fn modules_within_modules_are_what_git_checks_out() {
    let world = World::new();
    let outer = nested(&world);
    let repo = world.local("outer.git");
    let artifact = world.resolve(&repo, "main").await.unwrap();
    let tree = world.sources.tree(&artifact).await.unwrap();
    let out = world.dir.path().join("out");
    let cloned = Command::new("git")
        .args(["-c", "protocol.file.allow=always", "clone", "-q"])
        .arg("--recurse-submodules")
        .arg(&*repo.url)
        .arg(&out)
        .env("GIT_CONFIG_COUNT", "2")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("GIT_CONFIG_KEY_1", "protocol.file.allow")
        .env("GIT_CONFIG_VALUE_1", "always")
        .output()
        .unwrap();
    assert!(cloned.status.success(), "{cloned:?}");
    let mut checked_out = BTreeMap::new();
    on_disk(&out, "", &mut checked_out);
    assert!(checked_out.contains_key("vendor/lib/deep/leaf/leaf.yaml"));
    assert_eq!(in_tree(&*tree), checked_out);
    // The same commit is composed once.
    let again = world.sources.tree(&artifact).await.unwrap();
    assert!(Arc::ptr_eq(&tree, &again));
    drop(outer);
}

#[tokio::test]
async fn a_module_that_moves_on_is_noticed_by_those_who_read_it_alone() {
    let world = World::new();
    let outer = nested(&world);
    let repo = world.local("outer.git");
    let trees = async || {
        let artifact = world.resolve(&repo, "main").await.unwrap();
        world.sources.tree(&artifact).await.unwrap()
    };
    world.sources.refresh(&repo).await.unwrap();
    let before = trees().await;
    let reads_of = |path: &str| {
        let rooted = Rooted::new(&*before, Limits::default());
        rooted.read(&RelPath::new(path).unwrap()).unwrap();
        rooted.reads()
    };
    let of_module = reads_of("vendor/lib/x/lib.yaml");
    let of_neighbour = reads_of("vendor/own.yaml");
    let lib = RepoBuilder::open(&world.repos().join("lib.git")).unwrap();
    lib.commit("main", "2", &[Change::text("x/lib.yaml", "lib: 2\n")])
        .unwrap();
    let module = Change::Submodule("vendor/lib".into(), head(&lib));
    outer.commit("main", "2", &[module]).unwrap();
    world.sources.refresh(&repo).await.unwrap();
    let after = trees().await;
    assert_eq!(read(&*after, "vendor/lib/x/lib.yaml"), "lib: 2\n");
    let changed = touched(&*before, &*after).unwrap();
    assert!(changed.hits(&of_module));
    assert!(!changed.hits(&of_neighbour));
    assert!(!of_module.holds(&*after).unwrap());
    assert!(of_neighbour.holds(&*after).unwrap());

    // A link that is there all the time, and declared no more: the folder above it is as before.
    outer.commit("main", "3", &[declared(&[])]).unwrap();
    world.sources.refresh(&repo).await.unwrap();
    let without = trees().await;
    assert_eq!(try_read(&*without, "vendor/lib/x/lib.yaml"), None);
    let vendor = without.entry(&without.root(), "vendor").unwrap().unwrap();
    let link = without.entry(&vendor.oid, "lib").unwrap().unwrap();
    assert_eq!(link.mode, Mode::Submodule);
    assert!(touched(&*after, &*without).unwrap().hits(&of_module));
}

#[tokio::test]
async fn submodules_can_be_switched_off() {
    let world = World::with(|settings| settings.submodules = false);
    nested(&world);
    let artifact = world
        .resolve(&world.local("outer.git"), "main")
        .await
        .unwrap();
    let tree = world.sources.tree(&artifact).await.unwrap();
    assert_eq!(try_read(&*tree, "vendor/lib/x/lib.yaml"), None);
    assert_eq!(read(&*tree, "vendor/own.yaml"), "own: 1\n");
}

#[tokio::test]
async fn a_module_is_read_with_the_projects_own_credential_and_only_where_it_may() {
    let world = World::new();
    let lib = world.make("lib.git");
    let server = GitServer::start(&world.repos(), Some(("bot", "s3cret")));
    let outer = world.make("outer.git");
    let url = format!("{}/lib.git", server.url);
    let module = [
        declared(&[("lib", &url)]),
        Change::Submodule("lib".into(), head(&lib)),
    ];
    outer.commit("main", "m", &module).unwrap();
    let secret = Object::new(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "lib", "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"url": url, "username": "bot", "password": "s3cret", "project": "team"},
    }));
    let (credentials, _) = Credentials::of([&secret.unwrap()]);
    world.sources.set_credentials(credentials);
    let tree_of = async |project: &str| {
        let local = world.local("outer.git");
        let repo = world.sources.repo(&local.url, project);
        let artifact = world.sources.resolve(&repo, &wanted("main")).await.unwrap();
        world.sources.tree(&artifact).await
    };
    let tree = tree_of("team").await.unwrap();
    assert_eq!(read(&*tree, "lib/a/app.yaml"), "v: 1\n");
    let error = tree_of("others").await.err().unwrap();
    assert_eq!(error.kind, SourceErrorKind::Unauthorized, "{error}");
    assert!(error.message.starts_with("submodule `lib` of"), "{error}");

    world.sources.set_permit(Arc::new(|project, url| {
        if url.starts_with("http") {
            return Err(format!("{project} has other sources"));
        }
        Ok(())
    }));
    // Even what is composed already is asked for again.
    let error = tree_of("team").await.err().unwrap();
    assert_eq!(error.kind, SourceErrorKind::Forbidden, "{error}");
    assert!(error.hint.unwrap().contains("sourceRepos"));
}

#[tokio::test]
async fn local_modules_lie_under_the_allowed_folders_or_are_refused() {
    let world = World::new();
    let outside = world.dir.path().join("outside.git");
    let secret = RepoBuilder::init(&outside).unwrap();
    secret
        .commit("main", "s", &[Change::text("secret", "s")])
        .unwrap();
    for url in [
        format!("file://{}", outside.display()),
        outside.display().to_string(),
        "../../outside.git".to_owned(),
        "--upload-pack=id".to_owned(),
        "ext::id".to_owned(),
    ] {
        let outer = world.make(&format!("outer-{}.git", url.len()));
        let module = [
            declared(&[("m", &url)]),
            Change::Submodule("m".into(), head(&secret)),
        ];
        outer.commit("main", "m", &module).unwrap();
        let name = format!("outer-{}.git", url.len());
        let artifact = world.resolve(&world.local(&name), "main").await.unwrap();
        let error = world.sources.tree(&artifact).await.err().unwrap();
        let refused = [SourceErrorKind::Forbidden, SourceErrorKind::NoRepository];
        assert!(refused.contains(&error.kind), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_chain_of_modules_and_a_crowd_of_them_end() {
    let world = World::new();
    let mut inner = head(&world.make("m0.git"));
    for n in 1..=10 {
        let repo = world.make(&format!("m{n}.git"));
        let module = [
            declared(&[("m", &format!("../m{}.git", n - 1))]),
            Change::Submodule("m".into(), inner),
        ];
        repo.commit("main", "m", &module).unwrap();
        inner = head(&repo);
    }
    let tree_of = async |name: &str| {
        let artifact = world.resolve(&world.local(name), "main").await.unwrap();
        world.sources.tree(&artifact).await
    };
    let tree = tree_of("m8.git").await.unwrap();
    assert_eq!(read(&*tree, "m/m/m/m/m/m/m/m/a/app.yaml"), "v: 1\n");
    let error = tree_of("m9.git").await.err().unwrap();
    assert_eq!(error.kind, SourceErrorKind::Unsupported, "{error}");

    let crowd = world.make("crowd.git");
    let commit = head(&RepoBuilder::open(&world.repos().join("m0.git")).unwrap());
    let names: Vec<String> = (0..65).map(|n| format!("c{n}")).collect();
    let modules: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), "../m0.git")).collect();
    let mut changes = vec![declared(&modules)];
    changes.extend(
        names
            .iter()
            .map(|n| Change::Submodule(n.clone(), commit.clone())),
    );
    crowd.commit("main", "m", &changes).unwrap();
    let error = tree_of("crowd.git").await.err().unwrap();
    assert!(error.message.contains("at most 64"), "{error}");
}
