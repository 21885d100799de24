//! Releases as helm shows them.

use argosy_helm::HelmError;
use argosy_helm::release::{Release, chart_values};
use argosy_object::Value as Json;
use argosy_release::Resources;
use std::fmt::Write as _;

use super::tables::object_table;

/// What is shown of a release besides its state.
#[derive(Clone, Copy, Default)]
pub(super) struct Shown {
    pub metadata: bool,
    pub values: bool,
    pub hides_notes: bool,
}

/// A value as YAML.
pub(super) fn yaml(value: &Json) -> String {
    argosy_yaml::to_string(value)
}

/// A release as JSON or YAML, as Go's structs give it.
pub(super) fn release_json(release: &Release, resources: Option<&Resources>) -> String {
    release.to_go_json(resources.map(Resources::to_map).as_ref()) + "\n"
}

pub(super) fn release_yaml(
    release: &Release,
    resources: Option<&Resources>,
) -> Result<String, String> {
    let json = release.to_go_json(resources.map(Resources::to_map).as_ref());
    let value: Json = json.parse().map_err(|error| format!("{error}"))?;
    Ok(yaml(&value))
}

/// The values that a user gave.
pub(super) fn given_values(release: &Release) -> Json {
    match &release.config {
        Some(config) if !config.is_empty() => Json::Object(config.clone()),
        _ => Json::Null,
    }
}

/// All values.
pub(super) fn all_values(release: &Release) -> Result<Json, HelmError> {
    let config = release.config.clone().unwrap_or_default();
    chart_values(&release.chart, &config).map(Json::Object)
}

/// The text of `helm status` and of what installs.
pub(super) fn release_text(
    release: &Release,
    resources: Option<&Resources>,
    shown: Shown,
) -> Result<String, HelmError> {
    let mut out = String::new();
    let text = &mut out;
    let failed = "writing to a text does not fail";
    head(text, release, shown).expect(failed);
    if let Some(resources) = resources.filter(|found| !found.kinds().is_empty()) {
        objects(text, resources).expect(failed);
    }
    tests(text, release).expect(failed);
    if shown.values {
        let given = yaml(&given_values(release));
        let all = yaml(&all_values(release)?);
        write!(
            text,
            "USER-SUPPLIED VALUES:\n{given}\nCOMPUTED VALUES:\n{all}\n"
        )
        .expect(failed);
    }
    let is_dry = release
        .info
        .description
        .eq_ignore_ascii_case("Dry run complete");
    if is_dry || shown.values {
        text.push_str("HOOKS:\n");
        text.push_str(&hooks_text(release));
        writeln!(text, "MANIFEST:\n{}", release.manifest).expect(failed);
    }
    let notes = release.info.notes.trim();
    if !shown.hides_notes && !release.info.notes.is_empty() {
        writeln!(text, "NOTES:\n{notes}").expect(failed);
    }
    Ok(out)
}

fn head(out: &mut String, release: &Release, shown: Shown) -> std::fmt::Result {
    writeln!(out, "NAME: {}", release.name)?;
    if let Some(at) = &release.info.last_deployed {
        writeln!(out, "LAST DEPLOYED: {}", at.ansic())?;
    }
    writeln!(out, "NAMESPACE: {}", release.namespace)?;
    writeln!(out, "STATUS: {}", release.info.status.as_str())?;
    writeln!(out, "REVISION: {}", release.version)?;
    if shown.metadata {
        writeln!(out, "CHART: {}", release.chart_text("name"))?;
        writeln!(out, "VERSION: {}", release.chart_text("version"))?;
        writeln!(out, "APP_VERSION: {}", release.chart_text("appVersion"))?;
    }
    writeln!(out, "DESCRIPTION: {}", release.info.description)
}

fn objects(out: &mut String, resources: &Resources) -> std::fmt::Result {
    writeln!(out, "RESOURCES:")?;
    for (kind, objects) in resources.kinds() {
        writeln!(out, "==> {kind}")?;
        out.push_str(&object_table(objects));
        writeln!(out)?;
    }
    writeln!(out)
}

fn tests(out: &mut String, release: &Release) -> std::fmt::Result {
    let mut tests = release
        .hooks
        .iter()
        .filter(|hook| hook.runs_at("test"))
        .peekable();
    if tests.peek().is_none() {
        return writeln!(out, "TEST SUITE: None");
    }
    for hook in tests {
        let Some(started) = &hook.started_at else {
            continue;
        };
        let never = "Mon Jan  1 00:00:00 0001".to_owned();
        let completed = hook.completed_at.map_or(never, |at| at.ansic());
        writeln!(
            out,
            "TEST SUITE:     {}\nLast Started:   {}\nLast Completed: {completed}\nPhase:          {}",
            hook.name,
            started.ansic(),
            hook.phase.as_str()
        )?;
    }
    Ok(())
}

/// The hooks with their templates.
pub(super) fn hooks_text(release: &Release) -> String {
    let hooks = release.hooks.iter();
    hooks
        .map(|hook| format!("---\n# Source: {}\n{}\n", hook.path, hook.manifest))
        .collect()
}
