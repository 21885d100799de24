//! `argosy app sync`.

use super::{Patience, SomeApps, print_app, show};
use crate::session::Session;
use argosy_cli::hub::SyncRequest;
use argosy_cli::{Failure, Format};
use argosy_crds::{Backoff, Retry};
use clap::Args;

/// Brings applications to what Git says.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app sync guestbook
  argosy app sync guestbook --prune --timeout 2m
  argosy app sync guestbook --resource apps:Deployment:web
  argosy app sync -l team=shop --dry-run")]
pub struct SyncCommand {
    #[command(flatten)]
    apps: SomeApps,
    #[command(flatten)]
    patience: Patience,
    /// Another revision than the target
    #[arg(long, default_value = "")]
    revision: String,
    /// Revisions of several sources, in their order (repeatable)
    #[arg(long, value_name = "REVISION", conflicts_with = "revision")]
    revisions: Vec<String>,
    /// Delete what is gone from Git
    #[arg(long)]
    prune: bool,
    /// Write nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete and make anew what cannot be changed
    #[arg(long)]
    force: bool,
    /// Replace instead of patch
    #[arg(long)]
    replace: bool,
    /// Server-side apply
    #[arg(long)]
    server_side: bool,
    /// Only what is out of sync
    #[arg(long)]
    apply_out_of_sync_only: bool,
    /// hook, or apply
    #[arg(long, default_value = "hook", value_parser = ["hook", "apply"])]
    strategy: String,
    /// Only this resource: GROUP:KIND:NAME or GROUP:KIND:NAMESPACE/NAME, `!` before leaves out (repeatable)
    #[arg(long, value_name = "RESOURCE")]
    resource: Vec<String>,
    /// Sync option, such as CreateNamespace=true (repeatable)
    #[arg(long, value_name = "OPTION")]
    sync_option: Vec<String>,
    /// Retries where it fails
    #[arg(long, value_name = "N", default_value_t = 0)]
    retry_limit: i64,
    /// Time before the first retry
    #[arg(long, value_name = "TIME", default_value = "5s")]
    retry_backoff_duration: String,
    /// Factor from one retry to the next
    #[arg(long, value_name = "N", default_value_t = 2)]
    retry_backoff_factor: i64,
    /// Longest time before a retry
    #[arg(long, value_name = "TIME", default_value = "3m0s")]
    retry_backoff_max_duration: String,
    /// Do not wait
    #[arg(long = "async")]
    is_async: bool,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl SyncCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let request = self.request();
        session.block_on(async {
            let hub = session.connect()?.hub;
            for app in self.apps.find(&hub).await? {
                let started = hub.start_sync(&app, &request).await?;
                if self.is_async {
                    print_app(session, &started, self.output, false)?;
                    continue;
                }
                let mut progress = session.progress(self.output);
                let done = hub
                    .operation_done(&app, self.patience.timeout, |app| show(&mut progress, app))
                    .await;
                progress.clear();
                match done {
                    Ok(app) => print_app(session, &app, self.output, true)?,
                    Err(failure) => {
                        // What happened to each resource is worth more than the sentence alone.
                        let app = hub.app(app.name(), app.namespace()).await?;
                        print_app(session, &app, self.output, true)?;
                        return Err(failure);
                    }
                }
            }
            Ok(0)
        })
    }

    fn request(&self) -> SyncRequest {
        let mut options = self.sync_option.clone();
        let flags = [
            (self.replace, "Replace=true"),
            (self.server_side, "ServerSideApply=true"),
            (self.apply_out_of_sync_only, "ApplyOutOfSyncOnly=true"),
        ];
        options.extend(
            flags
                .iter()
                .filter(|(set, _)| *set)
                .map(|(_, o)| (*o).to_owned()),
        );
        let retry = (self.retry_limit != 0).then(|| Retry {
            limit: self.retry_limit,
            backoff: Some(Backoff {
                duration: self.retry_backoff_duration.clone(),
                factor: Some(self.retry_backoff_factor),
                max_duration: self.retry_backoff_max_duration.clone(),
            }),
            ..Retry::default()
        });
        SyncRequest {
            revision: self.revision.clone(),
            revisions: self.revisions.clone(),
            prune: self.prune,
            dry_run: self.dry_run,
            force: self.force,
            apply_only: self.strategy == "apply",
            resources: self.resource.clone(),
            options,
            retry,
            user: super::USER.into(),
        }
    }
}
