//! `argosy helm uninstall`: the end of releases.

use super::flags::Context;
use super::kube::{block_on, connect, interruptible};
use super::operate::{WaitFlags, arguments};
use super::{HelmFailure, Outcome};
use argosy_helm::release::Cascade;
use argosy_release::{Options, UninstallRequest};
use clap::Args;

/// Uninstalls releases, as `helm uninstall` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm uninstall web -n shop
  argosy helm uninstall web --keep-history --wait")]
pub struct UninstallCommand {
    /// Releases
    #[arg(value_name = "RELEASE", num_args = 0..)]
    args: Vec<String>,
    /// Change nothing
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    dry_run: bool,
    /// No hooks
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    no_hooks: bool,
    /// A release that is not there is no error
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    ignore_not_found: bool,
    /// Keep the revisions
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    keep_history: bool,
    /// What happens to owned objects: background, foreground or orphan
    #[arg(long, value_name = "HOW", default_value = "background")]
    cascade: String,
    /// Description of the last revision
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    description: String,
    #[command(flatten)]
    wait: WaitFlags,
}

impl UninstallCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        if self.args.is_empty() {
            return arguments(
                "uninstall",
                "at least 1 argument",
                "RELEASE_NAME [...] [flags]",
            );
        }
        let cascade = match self.cascade.as_str() {
            "background" => Cascade::Background,
            "foreground" => Cascade::Foreground,
            "orphan" => Cascade::Orphan,
            other => {
                return Err(format!(
                    "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \
                     \"orphan\""
                )
                .into());
            }
        };
        let options = self.wait.resolve(context, Options::default())?;
        block_on(context, async {
            let connected = connect(context)?;
            for name in &self.args {
                let request = UninstallRequest {
                    name: name.clone(),
                    dry_run: self.dry_run,
                    ignore_not_found: self.ignore_not_found,
                    keep_history: self.keep_history,
                    cascade,
                    options: Options {
                        no_hooks: self.no_hooks,
                        description: self.description.clone(),
                        ..options.clone()
                    },
                };
                let work = connected.releases.uninstall(request);
                let done = interruptible(&connected.stop, name, work).await;
                let gone = done.map_err(|failed| HelmFailure::from(failed.error))?;
                if !gone.info.is_empty() {
                    context.print(&format!("{}\n", gone.info))?;
                }
                context.print(&format!("release \"{name}\" uninstalled\n"))?;
            }
            Ok(())
        })
    }
}
