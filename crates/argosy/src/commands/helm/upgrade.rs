//! `argosy helm upgrade`: another revision of a release, or its first where `--install` says so.

use super::charts::ChartFlags;
use super::flags::{Context, ValueFlags};
use super::install;
use super::kube::{block_on, connect, interruptible};
use super::operate::{
    Format, RevisionFlags, arguments, chart, history_max, random_seed, server_side,
};
use super::{HelmFailure, Outcome};
use argosy_helm::release::{HistoryError, Release, Reuse, Status};
use argosy_release::{InstallRequest, Options, ReleaseError, UpgradeRequest};
use clap::Args;

/// Upgrades a release, as `helm upgrade` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm upgrade web ./chart -n shop --set image.tag=2
  argosy helm upgrade web ./chart --install --create-namespace -n shop
  argosy helm upgrade web ./chart --reuse-values --rollback-on-failure")]
pub struct UpgradeCommand {
    /// RELEASE and CHART: a folder, an archive, a URL or REPOSITORY/CHART
    #[arg(value_names = ["RELEASE", "CHART"], num_args = 0..)]
    args: Vec<String>,
    #[command(flatten)]
    values: ValueFlags,
    #[command(flatten)]
    source: ChartFlags,
    #[command(flatten)]
    revision: RevisionFlags,
    /// Install where there is no such release
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    install: bool,
    /// Apply on the server: true, false, or auto for what the revision before did
    #[arg(long, value_name = "WHERE", default_value = "auto")]
    server_side: String,
    /// Only the chart's values and those given now
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    reset_values: bool,
    /// The last revision's values, with those given now over them
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    reuse_values: bool,
    /// The chart's values, the last revision's over them, those given now over all
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    reset_then_reuse_values: bool,
    /// Most revisions to keep; 0 is no limit [default: $HELM_MAX_HISTORY, then 10]
    #[arg(long, value_name = "NUMBER")]
    history_max: Option<usize>,
    /// Delete what a failed upgrade made
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    cleanup_on_fail: bool,
}

/// What `--install` finds.
enum Found {
    /// A release to upgrade.
    Release,
    /// None, or one that was uninstalled.
    Nothing { was_uninstalled: bool },
}

impl UpgradeCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let [name, place] = self.args.as_slice() else {
            return arguments("upgrade", "2 arguments", "[RELEASE] [CHART] [flags]");
        };
        let format = self.revision.format()?;
        let options = self.revision.resolve(context)?;
        let options = Options {
            server_side: server_side(&self.server_side)?,
            cleanup_on_fail: self.cleanup_on_fail,
            history_max: history_max(self.history_max, context),
            ..options
        };
        if self.install
            && let Found::Nothing { was_uninstalled } = find(context, name)?
        {
            if format == Format::Table {
                let name = super::log::quoted(name);
                context.print(&format!(
                    "Release {name} does not exist. Installing it now.\n"
                ))?;
            }
            let installed = self.install_it(context, options, was_uninstalled)?;
            return install::show(context, &installed, format, self.revision.hide_notes);
        }
        let updates = self.revision.dependency_update;
        let located = chart(&self.source, place, updates, context)?;
        let request = UpgradeRequest {
            name: name.clone(),
            chart: located.chart,
            values: self.values.merge()?,
            reuse: self.reuse(),
            labels: self.revision.labels()?,
            hide_secret: self.revision.hide_secret,
            subchart_notes: self.revision.render_subchart_notes,
            skip_schema_validation: self.revision.skip_schema_validation,
            seed: random_seed()?,
            outside: self.revision.outside.resolve(context)?,
            options,
        };
        let upgraded = upgrade(context, request)
            .map_err(|HelmFailure(text)| format!("UPGRADE FAILED: {text}"))?;
        if format == Format::Table {
            let name = super::log::quoted(name);
            context.print(&format!(
                "Release {name} has been upgraded. Happy Helming!\n"
            ))?;
        }
        install::show(context, &upgraded, format, self.revision.hide_notes)
    }

    fn reuse(&self) -> Reuse {
        if self.reset_values {
            Reuse::Never
        } else if self.reuse_values {
            Reuse::Always
        } else if self.reset_then_reuse_values {
            Reuse::OverDefaults
        } else {
            Reuse::WhenNoneGiven
        }
    }

    fn install_it(
        &self,
        context: &Context<'_>,
        options: Options,
        was_uninstalled: bool,
    ) -> Result<Release, HelmFailure> {
        let [name, place] = self.args.as_slice() else {
            return Err("no chart is given".into());
        };
        let updates = self.revision.dependency_update;
        let located = chart(&self.source, place, updates, context)?;
        let values = self.values.merge()?;
        let request = install::request(
            name.clone(),
            located.chart,
            values,
            (&self.revision, context),
            options,
        )?;
        let request = InstallRequest {
            replace: was_uninstalled,
            ..request
        };
        install::run(context, request)
    }
}

fn find(context: &Context<'_>, name: &str) -> Result<Found, HelmFailure> {
    block_on(context, async {
        let connected = connect(context)?;
        match connected.releases.history(name, 1).await {
            Ok(found) => Ok(match found.last() {
                Some(last) if last.info.status == Status::Uninstalled => Found::Nothing {
                    was_uninstalled: true,
                },
                _ => Found::Release,
            }),
            Err(ReleaseError::History(HistoryError::NotFound)) => Ok(Found::Nothing {
                was_uninstalled: false,
            }),
            Err(error) => Err(error.into()),
        }
    })
}

fn upgrade(context: &Context<'_>, request: UpgradeRequest) -> Result<Release, HelmFailure> {
    block_on(context, async {
        let connected = connect(context)?;
        let name = request.name.clone();
        let work = connected.releases.upgrade(request);
        let done = interruptible(&connected.stop, &name, work).await;
        done.map_err(|failed| HelmFailure::from(failed.error))
    })
}
