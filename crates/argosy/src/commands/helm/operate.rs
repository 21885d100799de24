//! Flags that install, upgrade, rollback and uninstall have in common, and what they resolve to.

use super::charts::{ChartFlags, Located, load_dir};
use super::flags::Context;
use super::log::quoted;
use super::outside::OutsideFlags;
use super::update::Updater;
use super::{HelmFailure, Outcome};
use argosy_helm::release::WaitStrategy;
use argosy_object::Digest;
use argosy_release::{DryRun, Options, ServerSide};
use clap::Args;
use std::collections::BTreeMap;
use std::time::Duration;

/// How objects are applied, and what is waited for.
#[derive(Args)]
pub(super) struct ApplyFlags {
    /// Replace objects instead of patching them
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    force_replace: bool,
    #[arg(long, hide = true)]
    force: bool,
    /// Take fields from other managers
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    force_conflicts: bool,
    /// No hooks
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    no_hooks: bool,
    /// Wait for jobs, too
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    wait_for_jobs: bool,
    #[command(flatten)]
    wait: WaitFlags,
}

/// What is waited for, and how long.
#[derive(Args)]
pub(super) struct WaitFlags {
    /// Longest wait for anything, such as 90s or 5m0s
    #[arg(long, value_name = "DURATION", default_value = "5m0s")]
    timeout: String,
    /// Wait until objects are ready: watcher, hookOnly or legacy
    #[arg(long, value_name = "STRATEGY", num_args = 0..=1, require_equals = true, default_value = "hookOnly", default_missing_value = "watcher")]
    wait: String,
}

/// Flags of installations and upgrades.
#[derive(Args)]
pub(super) struct RevisionFlags {
    #[command(flatten)]
    pub apply: ApplyFlags,
    /// Undo what failed; waits
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    rollback_on_failure: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    atomic: Option<bool>,
    /// Make the namespace
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub create_namespace: bool,
    /// Description of the revision
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    description: String,
    /// Leave crds/ alone
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub skip_crds: bool,
    /// Show notes of subcharts, too
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub render_subchart_notes: bool,
    /// Show no notes
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub hide_notes: bool,
    /// Leave values.schema.json alone
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub skip_schema_validation: bool,
    /// Labels of the record
    #[arg(short, long, value_name = "KEY=VALUE", value_delimiter = ',')]
    labels: Vec<String>,
    /// Take over objects of others
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    take_ownership: bool,
    /// Leave Secrets out of what a dry run shows
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub hide_secret: bool,
    /// Fetch dependencies that are missing
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub dependency_update: bool,
    #[command(flatten)]
    pub dry_run: DryRunFlag,
    /// Format of the answer: table, json or yaml
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: String,
    #[command(flatten)]
    pub outside: OutsideFlags,
    /// Taken for compatibility: servers validate what they are sent.
    #[arg(long, hide = true)]
    disable_openapi_validation: bool,
}

/// `--dry-run`
#[derive(Args)]
pub(super) struct DryRunFlag {
    /// Change nothing: client (templates know no cluster), server, or none
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_value = "none", default_missing_value = "unset")]
    dry_run: String,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Table,
    Json,
    Yaml,
}

impl Format {
    pub fn parse(text: &str) -> Result<Self, HelmFailure> {
        match text {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            other => Err(wrong_flag(other, "-o, --output", "invalid format type")),
        }
    }
}

pub(super) fn wrong_flag(value: &str, flag: &str, why: &str) -> HelmFailure {
    let value = quoted(value);
    HelmFailure::from(format!(
        "invalid argument {value} for {} flag: {why}",
        quoted(flag)
    ))
}

impl DryRunFlag {
    /// Compat: booleans are understood and warned of.
    pub fn resolve(&self, context: &Context<'_>) -> Result<DryRun, HelmFailure> {
        let text = self.dry_run.as_str();
        let dry_run = match text {
            "none" => return Ok(DryRun::No),
            "client" => return Ok(DryRun::Client),
            "server" => return Ok(DryRun::Server),
            "unset" => {
                context
                    .warn("--dry-run is deprecated and should be replaced with '--dry-run=client'");
                return Ok(DryRun::Client);
            }
            "1" | "t" | "T" | "true" | "TRUE" | "True" => DryRun::Client,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => DryRun::No,
            other => {
                let other = quoted(other);
                return Err(format!(
                    "invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\""
                )
                .into());
            }
        };
        let instead = if dry_run.is_dry() { "client" } else { "none" };
        context.warn(&format!(
            "boolean '--dry-run={text}' flag is deprecated and must be replaced with \
             '--dry-run={instead}'"
        ));
        Ok(dry_run)
    }
}

impl WaitFlags {
    /// The options with these waits.
    pub fn resolve(&self, context: &Context<'_>, options: Options) -> Result<Options, HelmFailure> {
        let deprecated = |was: &str, now: &str| {
            context.warn(&format!(
                "--wait={was} is deprecated (boolean value) and can be replaced with --wait={now}"
            ));
        };
        let wait = match self.wait.as_str() {
            "watcher" => WaitStrategy::Watcher,
            "legacy" => WaitStrategy::Legacy,
            "hookOnly" => WaitStrategy::HookOnly,
            "true" => {
                deprecated("true", "watcher");
                WaitStrategy::Watcher
            }
            "false" => {
                deprecated("false", "hookOnly");
                WaitStrategy::HookOnly
            }
            other => {
                let why = format!(
                    "invalid wait input {}. Valid inputs are watcher, hookOnly, and legacy",
                    quoted(other)
                );
                return Err(wrong_flag(other, "--wait", &why));
            }
        };
        Ok(Options {
            wait,
            timeout: duration(&self.timeout, "--timeout")?,
            ..options
        })
    }
}

/// A duration as Go reads it.
pub(super) fn duration(text: &str, flag: &str) -> Result<Duration, HelmFailure> {
    let fault = |what: &str| {
        let why = format!("time: {what} duration {}", quoted(text));
        wrong_flag(text, flag, &why)
    };
    let wrong = || fault("invalid");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut seconds = 0.0;
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let end = rest.find(|unit: char| !(unit.is_ascii_digit() || unit == '.'));
        let missing = || fault("missing unit in");
        let (number, tail) = rest.split_at(end.ok_or_else(missing)?);
        let end = tail.find(|unit: char| unit.is_ascii_digit() || unit == '.');
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        let unknown = || fault(&format!("unknown unit {} in", quoted(unit)));
        let scale = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(unknown()),
        };
        seconds += number.parse::<f64>().map_err(|_| wrong())? * scale;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

impl ApplyFlags {
    /// The options with these choices.
    pub fn resolve(&self, context: &Context<'_>, options: Options) -> Result<Options, HelmFailure> {
        let forces = [("force", self.force), ("force-replace", self.force_replace)];
        for (name, _) in forces
            .iter()
            .filter(|(_, is_set)| *is_set && self.force_conflicts)
        {
            let mut set = ["force-conflicts", name];
            set.sort_unstable();
            return Err(format!(
                "if any flags in the group [{name} force-conflicts] are set none of the others \
                 can be; [{}] were all set",
                set.join(" ")
            )
            .into());
        }
        if self.force {
            context
                .session
                .tell("Flag --force has been deprecated, use --force-replace instead");
        }
        let options = self.wait.resolve(context, options)?;
        Ok(Options {
            force_replace: self.force_replace || self.force,
            force_conflicts: self.force_conflicts,
            no_hooks: self.no_hooks,
            wait_for_jobs: self.wait_for_jobs,
            ..options
        })
    }
}

impl RevisionFlags {
    /// The options of an installation or an upgrade.
    pub fn resolve(&self, context: &Context<'_>) -> Result<Options, HelmFailure> {
        if self.atomic.is_some() {
            context
                .session
                .tell("Flag --atomic has been deprecated, use --rollback-on-failure instead");
        }
        let options = self.apply.resolve(context, Options::default())?;
        Ok(Options {
            dry_run: self.dry_run.resolve(context)?,
            rollback_on_failure: self.rollback_on_failure || self.atomic == Some(true),
            take_ownership: self.take_ownership,
            description: self.description.clone(),
            ..options
        })
    }

    pub fn format(&self) -> Result<Format, HelmFailure> {
        Format::parse(&self.output)
    }

    pub fn labels(&self) -> Result<BTreeMap<String, String>, HelmFailure> {
        let pairs = self.labels.iter().map(|pair| {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                wrong_flag(
                    pair,
                    "-l, --labels",
                    &format!("{pair} must be formatted as key=value"),
                )
            })?;
            Ok((key.to_owned(), value.to_owned()))
        });
        pairs.collect()
    }
}

/// `--server-side` of upgrades and rollbacks.
pub(super) fn server_side(text: &str) -> Result<ServerSide, HelmFailure> {
    match text {
        "auto" => Ok(ServerSide::Auto),
        "true" => Ok(ServerSide::Yes),
        "false" => Ok(ServerSide::No),
        other => {
            let text = format!("invalid/unknown release server-side apply method: {other}");
            Err(text.into())
        }
    }
}

/// How many revisions are kept: the flag, then `$HELM_MAX_HISTORY`, then 10.
pub(super) fn history_max(flag: Option<usize>, context: &Context<'_>) -> usize {
    let variable = || context.variable("HELM_MAX_HISTORY")?.parse().ok();
    flag.or_else(variable).unwrap_or(10)
}

/// The chart of a command, with missing dependencies fetched where that is asked for.
pub(super) fn chart(
    source: &ChartFlags,
    place: &str,
    updates: bool,
    context: &Context<'_>,
) -> Result<Located, HelmFailure> {
    let mut located = source.locate(place, context)?;
    let folder = located.folder.clone();
    if let Some(folder) =
        folder.filter(|_| updates && !located.chart.missing_dependencies().is_empty())
    {
        Updater::new(&folder, &source.access, context).update()?;
        located.chart = load_dir(&folder)?;
    }
    if located.chart.metadata.deprecated {
        context.warn("this chart is deprecated");
    }
    Ok(located)
}

/// Random functions give something new each time, as with helm.
pub(super) fn random_seed() -> Result<Digest, HelmFailure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Digest::of(&bytes))
}

/// Helm's sentence about arguments that are not as many as they should be.
pub(super) fn arguments(command: &str, wanted: &str, usage: &str) -> Outcome {
    Err(format!("\"helm {command}\" requires {wanted}\n\nUsage:  helm {command} {usage}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let read = |text: &str| duration(text, "--timeout").ok();
        assert_eq!(read("5m0s"), Some(Duration::from_mins(5)));
        assert_eq!(read("1.5h"), Some(Duration::from_mins(90)));
        assert_eq!(read("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(read("0"), Some(Duration::ZERO));
        for wrong in ["", "5", "s", "-1s", "1x", "1s2"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
