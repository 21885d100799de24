//! What an operation decides before it begins: values, labels, the way of applying, the record.

use super::chart::{chart_value, chart_values, coalesce_onto};
use super::record::{HookRecord, Info, Release, Status};
use super::stamp::Stamp;
use crate::chart::Chart;
use crate::error::HelmError;
use crate::render::Rendering;
use crate::values::Table;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Whether an operation on the last revision is under way.
pub fn is_pending(last: &Release) -> bool {
    last.info.status.is_pending()
}

/// What becomes of the values of the last revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// They stay where no new ones are given.
    #[default]
    WhenNoneGiven,
    /// `--reset-values`
    Never,
    /// `--reuse-values`: the old chart's defaults, too.
    Always,
    /// `--reset-then-reuse-values`: with the new chart's defaults.
    OverDefaults,
}

/// The values of an upgrade. With [`Reuse::Always`] the chart's defaults become the old ones.
///
/// # Errors
/// In Helm's words.
pub fn reused_values(
    reuse: Reuse,
    chart: &mut Chart,
    current: &Release,
    given: Table,
) -> Result<Table, HelmError> {
    let old = current.config.clone().unwrap_or_default();
    match reuse {
        Reuse::Never => Ok(given),
        Reuse::Always => {
            let defaults = chart_values(&current.chart, &old).map_err(|error| {
                HelmError::Values(format!("failed to rebuild old values: {error}"))
            })?;
            chart.values = defaults;
            Ok(coalesce_onto(given, &old))
        }
        Reuse::OverDefaults => Ok(coalesce_onto(given, &old)),
        Reuse::WhenNoneGiven if given.is_empty() && !old.is_empty() => Ok(old),
        Reuse::WhenNoneGiven => Ok(given),
    }
}

/// The labels of an upgrade: the old ones, the new ones over them, without those set to `null`.
pub fn merge_labels(
    mut old: BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    old.extend(new.clone());
    old.retain(|_, value| value != "null");
    old
}

/// How objects are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplyChoice {
    /// Server-side apply.
    pub server_side: bool,
    /// `--force-conflicts`
    pub force_conflicts: bool,
    /// `--force-replace`
    pub force_replace: bool,
    /// Custom objects are merged with what is live.
    pub merges_custom: bool,
    /// Fields of client-side apply become those of server-side apply first.
    pub upgrades_manager: bool,
}

impl ApplyChoice {
    /// What cannot be asked for together, in Helm's words.
    ///
    /// # Errors
    /// The sentence.
    pub fn check(self) -> Result<(), String> {
        if !self.server_side && self.force_conflicts {
            return Err(
                "invalid client update option(s): forceConflicts enabled when \
                        serverSideApply disabled"
                    .into(),
            );
        }
        if self.force_conflicts && self.force_replace {
            return Err(
                "invalid operation: cannot use force conflicts and force replace together".into(),
            );
        }
        if self.server_side && self.force_replace {
            return Err(
                "invalid operation: cannot use server-side apply and force replace together".into(),
            );
        }
        Ok(())
    }

    /// The word of a record.
    pub fn method(server_side: bool) -> &'static str {
        if server_side { "ssa" } else { "csa" }
    }
}

/// What a new revision is made of.
pub struct NewRelease<'a> {
    /// The release's name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// The revision.
    pub version: i64,
    /// What was rendered.
    pub rendering: &'a Rendering,
    /// The values that the user gave, or that were reused.
    pub config: Table,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// Whether objects are applied on the server.
    pub server_side: bool,
    /// Whether Secrets are left out of the manifest (`--hide-secret`).
    pub hides_secrets: bool,
    /// Whether notes of subcharts are among the notes.
    pub subchart_notes: bool,
    /// When the first revision was deployed; `None` is now.
    pub first_deployed: Option<Stamp>,
    /// Now.
    pub now: Stamp,
}

/// The record of a new revision, pending.
pub fn new_release(new: NewRelease<'_>, status: Status, description: &str) -> Release {
    let notes = if new.subchart_notes {
        &new.rendering.all_notes
    } else {
        &new.rendering.notes
    };
    Release {
        name: new.name.to_owned(),
        namespace: new.namespace.to_owned(),
        version: new.version,
        info: Info {
            first_deployed: Some(new.first_deployed.unwrap_or(new.now)),
            last_deployed: Some(new.now),
            deleted: None,
            description: description.to_owned(),
            status,
            notes: notes.clone(),
        },
        chart: chart_value(&new.rendering.release_chart),
        config: Some(new.config),
        manifest: manifest_of(new.rendering, new.hides_secrets),
        hooks: hooks_of(new.rendering),
        labels: new.labels,
        apply_method: ApplyChoice::method(new.server_side).to_owned(),
    }
}

fn manifest_of(rendering: &Rendering, hides_secrets: bool) -> String {
    let mut text = String::new();
    for manifest in &rendering.manifests {
        let source = &manifest.source;
        let is_secret = manifest.kind() == "Secret" && manifest.object["apiVersion"] == "v1";
        let body = if hides_secrets && is_secret {
            "# HIDDEN: The Secret output has been suppressed"
        } else {
            &manifest.text
        };
        write!(text, "---\n# Source: {source}\n{body}\n").expect("writing to a text does not fail");
    }
    text
}

fn hooks_of(rendering: &Rendering) -> Vec<HookRecord> {
    let hooks = rendering.hooks.iter().map(|hook| HookRecord {
        name: hook.manifest.object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        kind: hook.manifest.kind().to_owned(),
        path: hook.manifest.source.clone(),
        manifest: hook.manifest.text.clone(),
        events: hook.events.clone(),
        weight: hook.weight,
        delete_policies: hook.delete_policies.clone(),
        output_log_policies: hook.output_log_policies.clone(),
        ..HookRecord::default()
    });
    hooks.collect()
}

/// The record of going back from `current` to `to`.
pub fn rolled_back(current: &Release, to: &Release, server_side: bool, now: Stamp) -> Release {
    Release {
        name: current.name.clone(),
        namespace: current.namespace.clone(),
        version: current.version + 1,
        info: Info {
            first_deployed: current.info.first_deployed,
            last_deployed: Some(now),
            deleted: None,
            description: format!("Rollback to {}", to.version),
            status: Status::PendingRollback,
            notes: to.info.notes.clone(),
        },
        chart: to.chart.clone(),
        config: to.config.clone(),
        manifest: to.manifest.clone(),
        hooks: to.hooks.clone(),
        labels: to.labels.clone(),
        apply_method: ApplyChoice::method(server_side).to_owned(),
    }
}
