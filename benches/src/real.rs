//! A fleet on a real kube-apiserver.

use anyhow::Context as _;
use argosy_testkit::realapi::{Assets, RealCluster, RealOptions};
use std::path::Path;
use std::process::Command;

/// Starts the API server, runs `argosy bench fleet` on it and ends it.
pub fn run(argosy: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let Some(assets) = Assets::locate() else {
        eprintln!("SKIPPED: a fleet on a real kube-apiserver: `make assets` builds one");
        return Ok(());
    };
    let options = RealOptions {
        controllers: true,
        without_autoscaler: true,
    };
    let cluster = RealCluster::start_with(&assets, options)?;
    let status = Command::new(argosy)
        .args(["bench", "fleet", "--kubeconfig"])
        .arg(cluster.kubeconfig())
        .args(arguments)
        .status()
        .with_context(|| format!("cannot run {}", argosy.display()))?;
    anyhow::ensure!(status.success(), "the bench failed");
    Ok(())
}
