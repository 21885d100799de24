//! The stages, called with what a case holds, and their outcomes as values.

use super::Stage;
use super::case::Case;
use argosy_argo::application::instance_name;
use argosy_diff::{Comparison, IgnoreRules, Row, compare, differences};
use argosy_health::{Contribution, Health, health, overall};
use argosy_object::{Finding, Gvk, Key, Object, Origin, Str, Value, json};
use argosy_pipeline::{app_health, plan_operation};
use argosy_render::{Answers, Caches, Need, Request, Step, ToolSettings, concatenate, render};
use argosy_sync::{Action, DesiredInput, DesiredSet, TrackingId, desired};
use argosy_tree::Tree;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often rendering may ask for more.
const MAX_ROUNDS: usize = 8;
/// Most fields that an outcome names of one object.
const MAX_FIELDS: usize = 100;
/// The namespace of the control plane, where an Application names its own.
const CONTROL_NAMESPACE: &str = argosy_crds::names::CONTROL_NAMESPACE;

/// Replays the stages up to `stage` and gives its outcome; the first that fails is the outcome.
pub(super) fn replay(case: &Case, stage: Stage) -> Value {
    outcome(case, stage).unwrap_or_else(
        |stopped| json!({"error": {"stage": stopped.stage, "message": stopped.message}}),
    )
}

/// A stage that ended early.
struct Stopped {
    stage: &'static str,
    message: String,
}

impl Stopped {
    fn at(stage: &'static str) -> impl Fn(String) -> Self {
        move |message| Self { stage, message }
    }
}

fn outcome(case: &Case, stage: Stage) -> Result<Value, Stopped> {
    if stage == Stage::Health && case.trees.is_empty() {
        return Ok(live_health(case));
    }
    let rendered = rendered(case)?;
    if stage == Stage::Render {
        return Ok(json!({
            "tools": rendered.tools,
            "objects": values(rendered.objects.iter().map(|(object, _)| object)),
            "findings": sentences(&rendered.findings),
        }));
    }
    let set = desired_set(case, rendered.objects);
    if stage == Stage::Desired {
        return Ok(desired_outcome(&set));
    }
    let comparison = compared(case, set)?;
    Ok(match stage {
        Stage::Compare => compare_outcome(&comparison),
        Stage::Plan => plan_outcome(case, &comparison),
        Stage::Render | Stage::Desired | Stage::Health => health_outcome(&comparison),
    })
}

struct Rendered {
    objects: Vec<(Object, Origin)>,
    findings: Vec<Finding>,
    tools: Vec<&'static str>,
}

fn rendered(case: &Case) -> Result<Rendered, Stopped> {
    let stop = Stopped::at("render");
    let sources = case.spec.all_sources();
    let references: BTreeMap<Str, Arc<dyn Tree>> = sources
        .iter()
        .zip(&case.trees)
        .filter(|(source, _)| !source.reference.is_empty())
        .map(|(source, tree)| (Str::from(source.reference.as_str()), tree.clone()))
        .collect();
    let mut outcomes = Vec::new();
    for (source, tree) in sources.iter().zip(&case.trees) {
        if !source.reference.is_empty() && source.path.is_empty() && source.chart.is_empty() {
            continue;
        }
        let request = Request {
            source: source.clone(),
            app_name: case.application.name().to_owned(),
            namespace: case.spec.destination.namespace.clone(),
            project: case.spec.project_name().to_owned(),
            revision: source.target_revision.clone(),
            kube_version: case.kube_version.clone(),
            api_versions: case.api_versions.clone(),
            tools: ToolSettings {
                kustomize_build_options: case.build_options.clone(),
                ..ToolSettings::default()
            },
            ..Request::default()
        };
        outcomes.push(rounds(&request, &**tree, &references).map_err(&stop)?);
    }
    let tools = outcomes
        .iter()
        .map(|outcome| outcome.tool.as_str())
        .collect();
    let all = concatenate(outcomes);
    Ok(Rendered {
        objects: all.objects,
        findings: all.findings,
        tools,
    })
}

fn rounds(
    request: &Request,
    tree: &dyn Tree,
    references: &BTreeMap<Str, Arc<dyn Tree>>,
) -> Result<argosy_render::Rendered, String> {
    let (mut answers, caches) = (Answers::default(), Caches::default());
    for _ in 0..MAX_ROUNDS {
        match render(request, tree, &answers, &caches).map_err(|error| error.to_string())? {
            Step::Done(rendered) => return Ok(rendered),
            Step::Needs(needs) => {
                for need in needs {
                    match need {
                        Need::Reference(name) => {
                            let tree = references.get(&name).cloned();
                            answers.references.insert(name, tree);
                        }
                        Need::Chart(need) => {
                            return Err(format!(
                                "chart `{}` of `{}` is not in the case's tree",
                                need.name, need.repository
                            ));
                        }
                        Need::Remote(need) => {
                            return Err(format!("a case holds nothing from elsewhere: {need:?}"));
                        }
                    }
                }
            }
        }
    }
    Err(format!("rendering asked for more than {MAX_ROUNDS} times"))
}

fn desired_set(case: &Case, objects: Vec<(Object, Origin)>) -> DesiredSet {
    let is_namespaced = |gvk: &Gvk| case.schemas.kind(gvk).map(|kind| kind.is_namespaced());
    desired(
        objects,
        &DesiredInput {
            instance: &instance(case),
            namespace: &case.spec.destination.namespace,
            server: (&case.destination.0, &case.destination.1),
            is_namespaced: &is_namespaced,
            project: &case.project,
        },
    )
}

fn instance(case: &Case) -> String {
    instance_name(&case.application.key(), CONTROL_NAMESPACE)
}

fn compared(case: &Case, set: DesiredSet) -> Result<Comparison, Stopped> {
    let ignore = IgnoreRules::new(&case.spec.ignore_differences)
        .map_err(|error| Stopped::at("compare")(error.to_string()))?;
    let instance = instance(case);
    let is_ours =
        |object: &Object| TrackingId::of(object).is_some_and(|id| id.instance == instance);
    Ok(compare(
        set.objects,
        &case.live,
        &is_ours,
        &ignore,
        &case.schemas,
    ))
}

fn desired_outcome(set: &DesiredSet) -> Value {
    let objects: Vec<Value> = set
        .objects
        .iter()
        .map(|one| {
            let mut value = json!({"object": shown(&one.object)});
            put(
                &mut value,
                "denied",
                one.denied.as_ref().map(|denied| denied.sentence.clone()),
            );
            put(&mut value, "unsupported", one.unsupported.clone());
            value
        })
        .collect();
    json!({"objects": objects, "findings": sentences(&set.findings)})
}

fn compare_outcome(comparison: &Comparison) -> Value {
    let objects: Vec<Value> = comparison
        .rows
        .iter()
        .map(|row| {
            let mut value = json!({"key": name(&row.key)});
            put(
                &mut value,
                "status",
                row.code.map(|code| code.as_str().to_owned()),
            );
            put(&mut value, "error", row.error.clone());
            put(&mut value, "note", note(row).map(str::to_owned));
            if let (Some(predicted), Some(live)) = (&row.predicted, &row.live) {
                let fields = differences(live.value(), predicted, MAX_FIELDS);
                if !fields.is_empty() {
                    value["differs"] = json!(fields);
                }
            }
            value
        })
        .collect();
    json!({"status": comparison.code().as_str(), "objects": objects})
}

fn note(row: &Row) -> Option<&'static str> {
    match row {
        Row {
            is_ignored: true, ..
        } => Some("left Git, and is ignored"),
        Row { desired: None, .. } => Some("left Git"),
        Row { live: None, .. } => Some("not live"),
        _ => None,
    }
}

fn plan_outcome(case: &Case, comparison: &Comparison) -> Value {
    let namespace = Key::new("", "Namespace", None, &case.spec.destination.namespace);
    let exists = case.live.contains_key(&namespace);
    let planned = plan_operation(&case.spec, &case.sync, comparison, exists);
    let steps: Vec<Value> = planned
        .plan
        .steps
        .iter()
        .map(|step| {
            let (action, why) = match &step.action {
                Action::Apply { .. } => ("apply", None),
                Action::Prune { .. } => ("prune", None),
                Action::SkipPrune(why) => ("skip-prune", Some((*why).to_owned())),
                Action::Refuse(why) => ("refuse", Some(why.clone())),
            };
            let mut value = json!({"wave": step.wave, "action": action, "key": name(&step.key)});
            put(&mut value, "why", why);
            value
        })
        .collect();
    let blocked: Vec<&str> = planned
        .plan
        .blocked
        .iter()
        .map(|blocked| blocked.sentence.as_str())
        .collect();
    json!({"steps": steps, "blocked": blocked})
}

fn health_outcome(comparison: &Comparison) -> Value {
    let health = app_health(comparison);
    health_value(&health.overall, &health.objects)
}

/// Health of the live objects alone, where the case has no files: all of them count.
fn live_health(case: &Case) -> Value {
    let objects: BTreeMap<Key, Health> = case
        .live
        .iter()
        .filter_map(|(key, object)| Some((key.clone(), health(object)?)))
        .collect();
    let overall = overall(case.live.keys().map(|key| Contribution {
        key,
        health: objects.get(key),
        is_live: true,
        counts: true,
    }));
    health_value(&overall, &objects)
}

fn health_value(overall: &Health, objects: &BTreeMap<Key, Health>) -> Value {
    let objects: Vec<Value> = objects
        .iter()
        .map(|(key, health)| {
            json!({"key": name(key), "status": health.code.as_str(), "message": health.message})
        })
        .collect();
    json!({"status": overall.code.as_str(), "message": overall.message, "objects": objects})
}

fn name(key: &Key) -> String {
    key.to_string()
}

fn shown(object: &Object) -> Value {
    argosy_cli::view::without_managed_fields(object)
}

fn values<'o>(objects: impl Iterator<Item = &'o Object>) -> Vec<Value> {
    objects.map(shown).collect()
}

fn sentences(findings: &[Finding]) -> Vec<&str> {
    findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect()
}

fn put(value: &mut Value, field: &str, text: Option<String>) {
    if let Some(text) = text {
        value[field] = text.into();
    }
}
