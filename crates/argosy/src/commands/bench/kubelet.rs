//! `argosy bench kubelet`: pods of a real API server become ready, though nothing runs them.
//!
//! A process of its own, so that what it costs is not counted as Argosy's.

use crate::commands::up::ended;
use crate::session::Session;
use argosy_cli::Failure;
use argosy_ports::SystemTime;
use argosy_simulate::Options;
use clap::Args;
use std::sync::Arc;
use std::time::Duration;

/// Plays scheduler and kubelet on the cluster of the kubeconfig.
#[derive(Args)]
pub struct KubeletCommand {
    /// How long a pod takes to be ready, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 300)]
    latency: u64,
    /// Play the horizontal autoscaler, too
    #[arg(long)]
    autoscalers: bool,
}

impl KubeletCommand {
    /// Runs until it is ended.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        let options = Options {
            controllers: false,
            autoscalers: self.autoscalers,
            latency: Duration::from_millis(self.latency),
            ..Options::default()
        };
        session.block_on(async {
            let service = session.connect()?.service;
            tokio::select! {
                () = argosy_simulate::run(service, options, Arc::new(SystemTime)) => {}
                () = ended() => {}
            }
            Ok(0)
        })
    }
}
