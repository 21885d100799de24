//! Records of strangers, programs that die, operations that are called off.

use crate::program::Program;
use crate::server::{Ground, Process, Server};
use crate::state;
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api, ListOptions, Resource, WriteOptions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
/// A hook that does not end while a test looks.
const NEVER: &str = "charts/web --set hookLatency=600s";

fn secrets() -> Resource {
    Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true)
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(plain).unwrap();
    STANDARD.encode(packer.finish().unwrap()).into_bytes()
}

async fn put(server: &Server, name: &str, version: i64, data: &[u8]) {
    let secret = Object::new(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {
            "name": format!("sh.helm.release.v1.{name}.v{version}"), "namespace": "strange",
            "labels": {"owner": "helm", "name": name, "status": "deployed", "version": version.to_string()},
        },
        "data": {"release": STANDARD.encode(data)},
    }));
    let options = WriteOptions::default();
    server
        .client
        .create(&secrets(), &secret.unwrap(), &options)
        .await
        .unwrap();
}

async fn names(server: &Server) -> Vec<String> {
    let options = ListOptions {
        namespace: Some("strange".into()),
        labels: Some("owner=helm".into()),
        fields: None,
    };
    let found = server.client.list(&secrets(), &options).await.unwrap();
    found
        .items
        .iter()
        .map(|secret| secret.name().to_owned())
        .collect()
}

pub async fn strange_records_harm_nothing(ground: Ground) {
    let Some(server) = Server::start(ground, "strange_records_harm_nothing").await else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let run = |line: &str| Program::Argosy.run(&server, home.path(), "strange", line);
    let made = run("install web charts/web --create-namespace --set hooks=false");
    assert_eq!(made.code, Some(0), "{}", made.err);
    put(&server, "web", 7, &packed(&vec![b' '; 65 << 20])).await;
    put(&server, "web", 8, b"%%% no base64").await;
    put(
        &server,
        "web",
        9,
        &packed(br#"{"name":"other","info":{"status":"deployed"}}"#),
    )
    .await;
    put(&server, "web", 10, &packed(br#"{"name":["web"]}"#)).await;
    put(&server, "ghost", 1, b"").await;
    let before = names(&server).await;
    let list = run("list -q");
    assert_eq!((list.code, &*list.out), (Some(0), "web"), "{}", list.err);
    let status = run("get metadata web");
    assert!(status.out.contains("REVISION: 1"), "{}", status.out);
    let ghost = run("status ghost");
    assert_eq!(ghost.err, "Error: no revision for release \"ghost\"");
    let ghost = run("uninstall ghost");
    assert_eq!(ghost.code, Some(1), "{}", ghost.out);
    let upgraded = run("upgrade web charts/web --set text=two --set hooks=false --history-max 2");
    assert_eq!(upgraded.code, Some(0), "{}", upgraded.err);
    let gone = run("uninstall web");
    assert_eq!(gone.code, Some(0), "{}", gone.err);
    // What could not be read is still there, and nothing else is.
    let mut left = before;
    left.retain(|name| name != "sh.helm.release.v1.web.v1");
    assert_eq!(names(&server).await, left);
}

async fn until_hook_runs(server: &Server, namespace: &str) {
    let started = Instant::now();
    while !is_running(server, namespace).await {
        assert!(started.elapsed() < PATIENCE, "the hook does not begin");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn is_running(server: &Server, namespace: &str) -> bool {
    let jobs = Resource::new(Gvk::new("batch", "v1", "Job"), "jobs", true);
    let options = ListOptions {
        namespace: Some(namespace.into()),
        ..ListOptions::default()
    };
    let found = server.client.list(&jobs, &options).await;
    found.is_ok_and(|list| !list.items.is_empty())
}

fn state_of(records: &[Value]) -> (&str, &str) {
    let info = &records.last().unwrap()["release"]["info"];
    (
        info["status"].as_str().unwrap(),
        info["description"].as_str().unwrap(),
    )
}

pub async fn a_killed_program_leaves_a_pending_release(ground: Ground) {
    let test = "a_killed_program_leaves_a_pending_release";
    let Some(server) = Server::start(ground, test).await else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let line = format!("install web {NEVER} --create-namespace");
    let mut command = Program::Argosy.command(&server, home.path(), "killed", &line);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let child = Process(child);
    until_hook_runs(&server, "killed").await;
    drop(child); // SIGKILL
    let records = state::records(&server, "killed").await;
    assert_eq!(
        state_of(&records),
        ("pending-install", "Initial install underway")
    );
    for program in [Program::Argosy, Program::Helm] {
        let said = program.run(&server, home.path(), "killed", "upgrade web charts/web");
        let wanted =
            "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress";
        assert_eq!((said.code, &*said.err), (Some(1), wanted));
    }
    let gone = Program::Argosy.run(&server, home.path(), "killed", "uninstall web --no-hooks");
    assert_eq!(gone.code, Some(0), "{}", gone.err);
}

pub async fn an_interrupt_is_recorded(ground: Ground) {
    let Some(server) = Server::start(ground, "an_interrupt_is_recorded").await else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let line = format!("install web {NEVER} --create-namespace");
    let mut command = Program::Argosy.command(&server, home.path(), "stopped", &line);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until_hook_runs(&server, "stopped").await;
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text, "Release web has been cancelled.\n");
    assert_eq!(output.status.code(), Some(1));
    let records = state::records(&server, "stopped").await;
    assert_eq!(
        state_of(&records),
        ("failed", "Release \"web\" failed: context canceled")
    );
}
