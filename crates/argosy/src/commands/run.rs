//! `argosy run`: the controllers on an existing cluster.

use super::up::{default_data_dir, ended, failure, init_logs, instead_of};
use crate::controllers::{ControllerSettings, Controllers};
use crate::metrics::{Listen, Metrics};
use crate::session::Session;
use crate::web::{Web, WebFlags};
use argosy_cli::Failure;
use argosy_git::GitSettings;
use clap::Args;
use std::path::PathBuf;

/// Runs the controllers against the cluster of the kubeconfig until Ctrl-C
#[derive(Args)]
#[command(after_help = "Examples:
  argosy run --kubeconfig hub.yaml
  argosy run --context hub --local-repos /srv/git")]
pub struct RunCommand {
    /// Folder of mirrors [default: ~/.local/share/argosy]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where /healthz, /readyz and /metrics are served: an address of the loopback, or off
    #[arg(long, value_name = "IP:PORT|off", default_value = "127.0.0.1:0", value_parser = Listen::parse)]
    pub metrics_listen: Listen,
    #[command(flatten)]
    web: WebFlags,
}

impl RunCommand {
    /// Runs until Ctrl-C.
    ///
    /// # Errors
    /// [`Failure`] where the hub cannot be reached or prepared.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        init_logs(session);
        let data_dir = self.data_dir.unwrap_or_else(|| default_data_dir(session));
        let mut git = GitSettings::new(data_dir.join("repositories"));
        git.local_roots.clone_from(&session.settings.local_repos);
        git.instead_of = instead_of(session)?;
        let namespace = session.settings.namespace.clone();
        let metrics_listen = self.metrics_listen;
        session.block_on(async move {
            let connected = session.connect()?;
            let settings = ControllerSettings { namespace, git };
            let controllers = Controllers::start(connected.service, connected.transport, settings)
                .await
                .map_err(failure)?;
            let web = Web::start(&self.web, &controllers).await.map_err(failure)?;
            let metrics = Metrics::start(metrics_listen, &controllers)
                .await
                .map_err(failure)?;
            session.tell(&format!("hub         {}", connected.spec.server));
            if let Some(web) = &web {
                web.announce(session);
            }
            if let Some(metrics) = &metrics {
                session.tell(&format!("metrics     {}/metrics", metrics.url()));
            }
            ended().await;
            session.tell("draining …");
            drop(metrics);
            if let Some(web) = web {
                web.stop().await;
            }
            controllers.drain().await;
            Ok(0)
        })
    }
}
