//! Charts behind the port: ranges, caches, followers, tenants.

use crate::material::{Entry, hex, index, packed};
use argosy_fetch::Credentials;
use argosy_object::{Object, json};
use argosy_oci::{ChartSettings, ChartSources};
use argosy_ports::{RepoRef, SourceErrorKind, SystemTime, Wanted};
use argosy_testkit::web::{Reply, WebServer};
use argosy_tree::{Limits, RelPath, Rooted, Tree};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LOGIN: &str = "Basic YW5uOnNlY3JldA==";

/// A chart repository whose versions of `web` a test may add to.
struct Shelf {
    server: WebServer,
    versions: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Shelf {
    fn new(versions: &[&'static str], with_login: bool, with_digests: bool) -> Self {
        let versions: Arc<Mutex<BTreeSet<&'static str>>> =
            Arc::new(Mutex::new(versions.iter().copied().collect()));
        let shown = versions.clone();
        let server = WebServer::start(move |asked| {
            if with_login && asked.header("authorization") != LOGIN {
                return Reply::status(401, "");
            }
            let versions = shown.lock().unwrap().clone();
            if let Some(version) = asked.target.strip_prefix("/web-") {
                let version = version.trim_end_matches(".tgz");
                return Reply::ok(packed("web", version));
            }
            let etag = format!("\"{}\"", hex(format!("{versions:?}").as_bytes()));
            if asked.header("if-none-match") == etag {
                return Reply::status(304, "");
            }
            let rows: Vec<(String, String)> = versions
                .iter()
                .map(|version| {
                    let digest = if with_digests {
                        hex(&packed("web", version))
                    } else {
                        String::new()
                    };
                    (format!("web-{version}.tgz"), digest)
                })
                .collect();
            let entries: Vec<Entry<'_>> = versions
                .iter()
                .zip(&rows)
                .map(|(version, (url, digest))| Entry {
                    name: "web",
                    version,
                    url,
                    digest,
                })
                .collect();
            Reply::ok(index(&entries)).with("etag", &etag)
        });
        Self { server, versions }
    }

    fn add(&self, version: &'static str) {
        self.versions.lock().unwrap().insert(version);
    }

    fn archives(&self) -> usize {
        let asked = self.server.asked();
        asked
            .iter()
            .filter(|asked| asked.target.ends_with(".tgz"))
            .count()
    }
}

fn sources(folder: &tempfile::TempDir) -> ChartSources {
    let mut settings = ChartSettings::new(folder.path());
    settings.interval = Duration::from_millis(20);
    ChartSources::new(settings, Arc::new(SystemTime))
}

fn wanted(revision: &str) -> Wanted {
    Wanted {
        revision: revision.into(),
        chart: "web".into(),
        ..Wanted::default()
    }
}

async fn version_in_tree(sources: &ChartSources, repo: &RepoRef, revision: &str) -> String {
    let artifact = sources.resolve(repo, &wanted(revision)).await.unwrap();
    let tree = sources.tree(&artifact).await.unwrap();
    chart_yaml(&*tree)
        .lines()
        .find_map(|line| line.strip_prefix("version: "))
        .unwrap()
        .to_owned()
}

fn chart_yaml(tree: &dyn Tree) -> String {
    let reader = Rooted::new(tree, Limits::default());
    let bytes = reader.read(&RelPath::new("Chart.yaml").unwrap()).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn ranges_resolve_and_archives_are_fetched_once_also_by_the_next_process() {
    for with_digests in [true, false] {
        let shelf = Shelf::new(&["1.0.0", "1.2.0", "2.0.0-rc.1"], false, with_digests);
        let folder = tempfile::tempdir().unwrap();
        let first = sources(&folder);
        let repo = first.repo(&shelf.server.url, "");
        for (range, version) in [
            ("", "1.2.0"),
            ("1.0.0", "1.0.0"),
            ("^1", "1.2.0"),
            (">0.0.0-0", "2.0.0-rc.1"),
        ] {
            assert_eq!(
                version_in_tree(&first, &repo, range).await,
                version,
                "{range}"
            );
        }
        assert_eq!(shelf.archives(), 3);
        assert_eq!(shelf.server.count("/index.yaml"), 1);
        let again = sources(&folder);
        assert_eq!(version_in_tree(&again, &repo, "^1").await, "1.2.0");
        assert_eq!(shelf.archives(), 3, "{with_digests}");
        let last = shelf.server.asked().pop().unwrap();
        assert!(last.header("if-none-match").starts_with('"'));
    }
}

#[tokio::test]
async fn followers_of_a_range_see_a_new_version_and_others_ask_no_more() {
    let shelf = Shelf::new(&["1.0.0"], false, true);
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&folder);
    let repo = sources.repo(&shelf.server.url, "");
    let mut range = sources.follow(&repo, &wanted("1.*"));
    let revision = |seen: &argosy_ports::Seen| {
        let artifact = seen.artifact.as_ref();
        artifact.map(|artifact| artifact.revision.to_string())
    };
    let seen = range
        .wait_for(|seen| seen.artifact.is_some())
        .await
        .unwrap();
    assert_eq!(revision(&seen).as_deref(), Some("1.0.0"));
    drop(seen);
    shelf.add("1.1.0");
    let seen = range.wait_for(|seen| revision(seen).as_deref() == Some("1.1.0"));
    tokio::time::timeout(Duration::from_secs(20), seen)
        .await
        .unwrap()
        .unwrap();
    drop(range);
    let mut exact = sources.follow(&repo, &wanted("1.0.0"));
    exact
        .wait_for(|seen| seen.artifact.is_some())
        .await
        .unwrap();
    let before = shelf.server.count("/index.yaml");
    tokio::time::sleep(Duration::from_millis(200)).await;
    // The poll for the range may have had a last look under way.
    assert!(shelf.server.count("/index.yaml") <= before + 1);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_the_way_out() {
    let shelf = Shelf::new(&["1.0.0"], false, true);
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&folder);
    let repo = sources.repo(&shelf.server.url, "");
    let error = sources.resolve(&repo, &wanted("^9")).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::NoRevision);
    assert!(
        error
            .message
            .contains("no version of chart \"web\" suits \"^9\""),
        "{error}"
    );
    assert!(error.hint.unwrap().contains("targetRevision"));
    let mut other = wanted("1.0.0");
    other.chart = "none".into();
    let error = sources.resolve(&repo, &other).await.unwrap_err();
    assert!(
        error.message.contains("chart \"none\" not found"),
        "{error}"
    );
    let closed = sources.repo("http://127.0.0.1:1", "");
    let error = sources
        .resolve(&closed, &wanted("1.0.0"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unreachable);
}

fn secret(name: &str, url: &str, project: &str, password: &str) -> Object {
    Object::new(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"type": "helm", "name": "shelf", "url": url, "project": project,
            "username": "ann", "password": password},
    }))
    .unwrap()
}

#[tokio::test]
async fn a_tenant_without_the_credential_gets_nothing_that_another_has_fetched() {
    let shelf = Shelf::new(&["1.0.0"], true, true);
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&folder);
    let (credentials, faults) = Credentials::of(&[
        secret("right", &shelf.server.url, "team", "secret"),
        secret("wrong", &shelf.server.url, "others", "guess"),
    ]);
    assert!(faults.is_empty(), "{faults:?}");
    sources.set_credentials(credentials);
    let team = sources.repo(&shelf.server.url, "team");
    assert_eq!(version_in_tree(&sources, &team, "1.*").await, "1.0.0");
    // By its name it is the same repository.
    assert_eq!(sources.repo("@shelf", "team"), team);
    assert_eq!(sources.repo("alias:shelf", "team"), team);
    for project in ["others", "nobody"] {
        let repo = sources.repo(&shelf.server.url, project);
        let error = sources.resolve(&repo, &wanted("1.0.0")).await.unwrap_err();
        assert_eq!(
            error.kind,
            SourceErrorKind::Unauthorized,
            "{project}: {error}"
        );
        // Not even an artifact that was made up opens what is in the cache.
        let mut artifact = sources.resolve(&team, &wanted("1.0.0")).await.unwrap();
        artifact.repo = repo;
        assert!(sources.tree(&artifact).await.is_err(), "{project}");
    }
}

#[tokio::test]
async fn a_repository_that_is_down_still_gives_what_an_earlier_process_has_seen() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(&["1.0.0"], false, true);
    let repo = {
        let sources = sources(&folder);
        let repo = sources.repo(&shelf.server.url, "");
        version_in_tree(&sources, &repo, "1.*").await;
        repo
    };
    drop(shelf);
    let again = sources(&folder);
    assert_eq!(version_in_tree(&again, &repo, "1.*").await, "1.0.0");
}

/// A gzipped tar of one file.
fn archive(path: &str, text: &str) -> Vec<u8> {
    let mut block = [0_u8; 512];
    block[..path.len()].copy_from_slice(path.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{:011o}", text.len()).as_bytes());
    block[148..156].copy_from_slice(b"        ");
    block[156] = b'0';
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut tar = block.to_vec();
    tar.extend(text.as_bytes());
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut zip, &tar).unwrap();
    zip.finish().unwrap()
}

#[tokio::test]
async fn a_registry_may_hold_any_files_by_tag_and_by_digest() {
    let text = Arc::new(Mutex::new("first"));
    let shown = text.clone();
    let server = WebServer::start(move |asked| {
        let layer = archive("app/one.yaml", *shown.lock().unwrap());
        if asked.target.contains("/blobs/") {
            return Reply::ok(layer);
        }
        Reply::ok(format!(
            "{{\"layers\": [{{\"mediaType\": \"application/vnd.oci.image.layer.v1.tar+gzip\", \
             \"digest\": \"sha256:{}\", \"size\": {}}}]}}",
            hex(&layer),
            layer.len()
        ))
    });
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&folder);
    let repo = sources.repo(&format!("oci://{}/team/app", server.host()), "");
    let tagged = Wanted {
        revision: "main".into(),
        ..Wanted::default()
    };
    let read = async |artifact: &argosy_ports::Artifact| {
        let tree = sources.tree(artifact).await.unwrap();
        let reader = Rooted::new(&*tree, Limits::default());
        let bytes = reader.read(&RelPath::new("app/one.yaml").unwrap()).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    let mut followed = sources.follow(&repo, &tagged);
    let first = sources.resolve(&repo, &tagged).await.unwrap();
    assert!(first.revision.starts_with("sha256:"), "{}", first.revision);
    assert_eq!(read(&first).await, "first");
    *text.lock().unwrap() = "second";
    let moved = followed.wait_for(|seen| {
        let artifact = seen.artifact.as_ref();
        artifact.is_some_and(|artifact| artifact.revision != first.revision)
    });
    let moved = tokio::time::timeout(Duration::from_secs(20), moved).await;
    let second = moved.unwrap().unwrap().artifact.clone().unwrap();
    assert_eq!(read(&second).await, "second");
    // What a digest names does not move, and its tree is still here.
    assert_eq!(read(&first).await, "first");
}
