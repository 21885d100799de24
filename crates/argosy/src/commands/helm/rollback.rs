//! `argosy helm rollback`: an old revision of a release again.

use super::flags::Context;
use super::kube::{block_on, connect, interruptible};
use super::operate::{ApplyFlags, DryRunFlag, arguments, history_max, server_side};
use super::{HelmFailure, Outcome};
use argosy_release::{Options, RollbackRequest};
use clap::Args;

/// Rolls a release back, as `helm rollback` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm rollback web
  argosy helm rollback web 3 --wait")]
pub struct RollbackCommand {
    /// RELEASE, and the revision; without one, or with 0, it is the one before the last
    #[arg(value_names = ["RELEASE", "REVISION"], num_args = 0..)]
    args: Vec<String>,
    #[command(flatten)]
    apply: ApplyFlags,
    /// Apply on the server: true, false, or auto for what that revision did
    #[arg(long, value_name = "WHERE", default_value = "auto")]
    server_side: String,
    /// Delete what a failed rollback made
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    cleanup_on_fail: bool,
    /// Most revisions to keep; 0 is no limit [default: $HELM_MAX_HISTORY, then 10]
    #[arg(long, value_name = "NUMBER")]
    history_max: Option<usize>,
    #[command(flatten)]
    dry_run: DryRunFlag,
}

impl RollbackCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let Some(name) = self.args.first() else {
            return arguments(
                "rollback",
                "at least 1 argument",
                "<RELEASE> [REVISION] [flags]",
            );
        };
        let version = match self.args.get(1) {
            None => 0,
            Some(text) => text.parse().map_err(|_| {
                let text = super::log::quoted(text);
                format!(
                    "could not convert revision to a number: strconv.Atoi: parsing {text}: \
                     invalid syntax"
                )
            })?,
        };
        let options = self.apply.resolve(context, Options::default())?;
        let request = RollbackRequest {
            name: name.clone(),
            version,
            options: Options {
                dry_run: self.dry_run.resolve(context)?,
                server_side: server_side(&self.server_side)?,
                cleanup_on_fail: self.cleanup_on_fail,
                history_max: history_max(self.history_max, context),
                ..options
            },
        };
        block_on(context, async {
            let connected = connect(context)?;
            let work = connected.releases.rollback(request);
            let done = interruptible(&connected.stop, name, work).await;
            done.map_err(|failed| HelmFailure::from(failed.error))
        })?;
        context.print("Rollback was a success! Happy Helming!\n")
    }
}
