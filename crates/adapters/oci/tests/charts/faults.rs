//! Chart repositories and registries that are down, slow, flapping, refusing, or silent in the
//! middle of an answer: the error says what is wrong and what to do, what is here already stays,
//! and what comes later is found without anybody's help.

use crate::material::{Entry, hex, index, packed};
use argosy_fetch::Patience;
use argosy_object::{Class, Classified as _};
use argosy_oci::{ChartSettings, ChartSources};
use argosy_ports::{RepoRef, Seen, SystemTime, Wanted};
use argosy_testkit::disk::{grow, small_disk, with_small_disk};
use argosy_testkit::faults::{Fault, FaultyWay};
use argosy_testkit::web::{Reply, WebServer};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Short, so that silence is noticed soon.
const PATIENCE: Patience = Patience {
    connect: Duration::from_millis(500),
    first_byte: Duration::from_millis(500),
    silence: Duration::from_millis(500),
    whole: Duration::from_secs(20),
};

/// A fault, and what is to be read of it.
const FAULTS: [(Fault, Class, &str, &str); 9] = [
    (Fault::Drops, Class::Transient, "", "tried again by itself"),
    (
        Fault::Hangs,
        Class::Transient,
        "in time",
        "tried again by itself",
    ),
    (Fault::Says(401), Class::Denied, "401", "argosy repo add"),
    (Fault::Says(403), Class::Denied, "403", "argosy repo add"),
    (Fault::Says(404), Class::Stalled, "404", "check `repoURL`"),
    (
        Fault::Says(429),
        Class::Transient,
        "429",
        "tried again by itself",
    ),
    (
        Fault::Says(500),
        Class::Transient,
        "500",
        "tried again by itself",
    ),
    (
        Fault::Cuts(20),
        Class::Transient,
        "",
        "tried again by itself",
    ),
    (
        Fault::Stalls(20),
        Class::Transient,
        "in time",
        "tried again by itself",
    ),
];

type Versions = Arc<Mutex<Vec<String>>>;

/// A chart repository at `/`, and a registry at `/v2/team/web`, of the same versions of `web`.
fn server(versions: &Versions) -> WebServer {
    let shown = versions.clone();
    WebServer::start(move |asked| {
        let versions = shown.lock().unwrap().clone();
        if asked.target.starts_with("/v2/") {
            return Reply::ok(format!(
                "{{\"name\": \"team/web\", \"tags\": [\"{}\"]}}",
                versions.join("\", \"")
            ));
        }
        if let Some(version) = asked.target.strip_prefix("/web-") {
            return Reply::ok(packed("web", version.trim_end_matches(".tgz")));
        }
        let rows: Vec<(String, String)> = versions
            .iter()
            .map(|version| (format!("web-{version}.tgz"), hex(&packed("web", version))))
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
        Reply::ok(index(&entries))
    })
}

fn sources(folder: &Path) -> ChartSources {
    let mut settings = ChartSettings::new(folder);
    settings.interval = Duration::from_millis(20);
    settings.max_backoff = Duration::from_millis(80);
    settings.patience = Some(PATIENCE);
    ChartSources::new(settings, Arc::new(SystemTime))
}

fn wanted() -> Wanted {
    Wanted {
        revision: "*".into(),
        chart: "web".into(),
        ..Wanted::default()
    }
}

async fn until(
    receiver: &mut watch::Receiver<Seen>,
    what: &str,
    fits: impl Fn(&Seen) -> bool,
) -> Seen {
    let wait = receiver.wait_for(|seen| fits(seen));
    let seen = tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .map(|seen| seen.unwrap().clone());
    seen.unwrap_or_else(|_| panic!("{what} did not come: {:?}", receiver.borrow()))
}

fn version(seen: &Seen) -> Option<&str> {
    seen.artifact.as_ref().map(|artifact| &*artifact.revision)
}

/// Follows a range through all faults; a new version appears behind each.
async fn follow_through_faults(repository: impl Fn(&ChartSources, &FaultyWay) -> RepoRef) {
    let versions = Versions::default();
    versions.lock().unwrap().push("1.0.0".into());
    let server = server(&versions);
    let way = FaultyWay::to(&server.url);
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(folder.path());
    let repo = repository(&sources, &way);
    let mut range = sources.follow(&repo, &wanted());
    until(&mut range, "the first version", |seen| {
        seen.artifact.is_some()
    })
    .await;
    for (number, (fault, class, message, hint)) in FAULTS.into_iter().enumerate() {
        let known = range.borrow().artifact.clone();
        way.set(fault);
        let next = format!("1.{}.0", number + 1);
        versions.lock().unwrap().push(next.clone());
        let what = format!("the error of {fault:?}");
        let seen = until(&mut range, &what, |seen| seen.error.is_some()).await;
        let error = seen.error.unwrap();
        assert_eq!(error.class(), class, "{fault:?}: {error}");
        assert!(error.message.contains(message), "{fault:?}: {error}");
        assert!(error.message.contains(way.host()), "{fault:?}: {error}");
        let told = error.hint.as_deref().unwrap_or_default();
        assert!(told.contains(hint), "{fault:?}: {told}");
        assert_eq!(seen.artifact, known, "{fault:?}");
        assert!(way.struck() > 0, "{fault:?}");

        way.set(Fault::None);
        let what = format!("the recovery from {fault:?}");
        let seen = until(&mut range, &what, |seen| {
            seen.error.is_none() && version(seen) == Some(&next)
        });
        seen.await;
    }
    for (number, fault) in [Fault::Slow(Duration::from_millis(20)), Fault::Flaps]
        .into_iter()
        .enumerate()
    {
        way.set(fault);
        let next = format!("2.{number}.0");
        versions.lock().unwrap().push(next.clone());
        let what = format!("a version behind {fault:?}");
        until(&mut range, &what, |seen| version(seen) == Some(&next)).await;
    }
}

#[tokio::test]
async fn a_chart_repositorys_faults_are_told_and_heal_by_themselves() {
    follow_through_faults(|sources, way| sources.repo(&way.url, "")).await;
}

#[tokio::test]
async fn a_registrys_faults_are_told_and_heal_by_themselves() {
    let of = |sources: &ChartSources, way: &FaultyWay| {
        sources.repo(&format!("oci://{}/team", way.host()), "")
    };
    follow_through_faults(of).await;
}

#[test]
fn a_full_disk_is_told_and_what_is_there_stays_readable() {
    let test = "a full disk under charts";
    with_small_disk(test, "faults::charts_on_a_small_disk", 64);
}

#[tokio::test]
#[ignore = "started by a_full_disk_is_told_and_what_is_there_stays_readable"]
async fn charts_on_a_small_disk() {
    let disk = small_disk();
    let versions = Versions::default();
    versions.lock().unwrap().push("1.0.0".into());
    let server = server(&versions);
    let sources = sources(&disk.join("data"));
    let repo = sources.repo(&server.url, "");
    let mut range = sources.follow(&repo, &wanted());
    let first = until(&mut range, "the first version", |seen| {
        seen.artifact.is_some()
    })
    .await;
    let first = first.artifact.unwrap();
    sources.tree(&first).await.unwrap();

    // What else takes room on a disk.
    let filler = disk.join("filler");
    let full = std::fs::write(&filler, vec![0; 1 << 20]);
    assert!(full.is_err(), "the disk is small");
    versions.lock().unwrap().push("1.1.0".into());
    let fetch = async {
        let artifact = sources.resolve(&repo, &wanted()).await?;
        sources.refresh(&repo).await?;
        let artifact = sources.resolve(&repo, &wanted()).await.unwrap_or(artifact);
        sources.tree(&artifact).await.map(|_| artifact)
    };
    let error = fetch.await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error}");
    assert!(error.message.contains("No space left"), "{error}");
    let hint = error.hint.unwrap_or_default();
    assert!(hint.contains("disk space"), "{hint}");
    sources.tree(&first).await.unwrap();

    grow(&disk, 4 << 10);
    let seen = until(&mut range, "the recovery", |seen| {
        seen.error.is_none() && version(seen) == Some("1.1.0")
    })
    .await;
    sources.refresh(&repo).await.unwrap();
    sources.tree(&seen.artifact.unwrap()).await.unwrap();
}
