//! The real API starts, answers kubectl, and leaves nothing behind.
#![allow(clippy::unwrap_used)] // a test's helpers may panic too

use argosy_testkit::realapi::{RealCluster, RealOptions, assets_or_skip};
use std::process::Command;

#[test]
fn real_cluster_answers_kubectl_and_runs_controllers() {
    let Some(assets) = assets_or_skip("real_cluster_answers_kubectl_and_runs_controllers") else {
        return;
    };
    let cluster = RealCluster::start().unwrap();
    assert!(
        cluster
            .get("/version")
            .unwrap()
            .contains("\"gitVersion\": \"v1.")
    );
    let Some(kubectl) = assets.tool("kubectl") else {
        return argosy_testkit::realapi::skipped("kubectl on the real cluster", "no kubectl");
    };
    let run = |arguments: &[&str]| {
        let output = Command::new(&kubectl)
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{arguments:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    };
    run(&["create", "namespace", "shop"]);
    run(&["-n", "shop", "create", "deployment", "web", "--image=nginx"]);
    run(&[
        "-n",
        "shop",
        "wait",
        "--for=create",
        "rs",
        "-l",
        "app=web",
        "--timeout=30s",
    ]);
    // The namespace controller finishes the deletion, so this returns only where it runs.
    run(&["delete", "namespace", "shop", "--timeout=60s"]);
}

#[test]
fn dropping_the_cluster_ends_its_processes_and_folder() {
    let Some(assets) = assets_or_skip("dropping_the_cluster_ends_its_processes_and_folder") else {
        return;
    };
    let cluster = RealCluster::start_with(&assets, RealOptions::default()).unwrap();
    let (folder, url) = (cluster.folder().to_owned(), cluster.url());
    drop(cluster);
    assert!(!folder.exists());
    let address = url.trim_start_matches("https://");
    assert!(std::net::TcpStream::connect(address).is_err());
}
