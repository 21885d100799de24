//! `argosy run`: the controllers on an existing cluster.

use super::up::{default_data_dir, ended, failure, init_logs, instead_of};
use crate::controllers::{ControllerSettings, Controllers};
use crate::serving::{Serving, ServingFlags};
use crate::session::Session;
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
    #[command(flatten)]
    serving: ServingFlags,
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
        crate::git::apply(&session.settings.git, &mut git);
        git.local_roots.clone_from(&session.settings.local_repos);
        git.instead_of = instead_of(session)?;
        let namespace = session.settings.namespace.clone();
        session.block_on(async move {
            let connected = session.connect()?;
            let settings = ControllerSettings {
                namespace,
                git,
                remote_hosts: session.settings.remote_hosts.clone(),
            };
            let controllers = Controllers::start(connected.service, connected.transport, settings)
                .await
                .map_err(failure)?;
            session.tell(&format!("hub         {}", connected.spec.server));
            let serving = Serving::start(&self.serving, &controllers, session)
                .await
                .map_err(failure)?;
            ended().await;
            session.tell("draining …");
            serving.stop().await;
            controllers.drain().await;
            Ok(0)
        })
    }
}
