//! Starts a real Kubernetes API on loopback and says where its kubeconfig is; ends with its
//! standard input.
#![allow(clippy::print_stdout)] // it talks to whoever runs it

use argosy_testkit::realapi::{Assets, RealCluster, RealOptions};
use std::io::Read as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let assets = Assets::locate().ok_or("no kube-apiserver here: `make assets` builds one")?;
    let options = RealOptions {
        controllers: true,
        without_autoscaler: true,
    };
    let cluster = RealCluster::start_with(&assets, options)?;
    println!("{}", cluster.kubeconfig().display());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
