//! What a sync does, in which order, and what it leaves undone and why.

use crate::options::ObjectOptions;
use crate::order::{kind_rank, wave};
use argosy_crds::{ResourceRef, SyncCode};
use argosy_diff::{Comparison, Row};
use argosy_object::{Gvk, Key, Object};

/// What is done to one object.
#[derive(Clone, Debug)]
pub enum Action {
    /// The object is made what it should be.
    Apply {
        /// What it should be.
        desired: Object,
        /// What it is, as far as the decision saw.
        live: Option<Object>,
    },
    /// The object left Git and is deleted.
    Prune {
        /// What is deleted.
        live: Object,
    },
    /// The object left Git and stays; the text says why.
    SkipPrune(&'static str),
    /// The object must not be applied; the whole sync fails before anything is applied.
    Refuse(String),
}

/// One step.
#[derive(Clone, Debug)]
pub struct PlanStep {
    /// The wave; waves run one after another.
    pub wave: i64,
    /// Place within the wave: kinds of lower rank go first.
    pub rank: usize,
    /// The object.
    pub key: Key,
    /// Its kind with version.
    pub gvk: Gvk,
    /// What is done.
    pub action: Action,
    /// The options that hold for the object.
    pub options: ObjectOptions,
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockedReason {
    /// It needs what is not supported yet.
    Unsupported,
    /// It would leave nothing at all.
    Empty,
}

/// Something that is not done, as a sentence that status, CLI and UI print alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The reason.
    pub reason: BlockedReason,
    /// The objects.
    pub keys: Vec<Key>,
    /// The sentence.
    pub sentence: String,
}

/// The steps of a sync in their order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Sorted: prunes of a wave's group before its applies, waves ascending.
    pub steps: Vec<PlanStep>,
    /// What is left undone.
    pub blocked: Vec<Blocked>,
}

/// What planning needs beside the comparison.
#[derive(Clone, Debug, Default)]
pub struct PlanInput<'a> {
    /// Whether objects that left Git are deleted.
    pub prune: bool,
    /// Options of the operation.
    pub sync_options: &'a [String],
    /// Only these objects; empty: all.
    pub resources: &'a [ResourceRef],
}

/// Plans a sync.
///
/// Every desired object becomes a step: one that is in sync costs no request, and its result is
/// `unchanged`. Objects go by wave, then kind, then name, custom objects after their CRD and
/// others after their Namespace. Prunes run in reverse order of waves, before the applies
/// (`PruneLast`: after all others).
pub fn plan(comparison: &Comparison, input: &PlanInput<'_>) -> Plan {
    let mut plan = Plan::default();
    let out_of_sync_only = input
        .sync_options
        .iter()
        .any(|o| o == "ApplyOutOfSyncOnly=true");
    for row in comparison
        .rows
        .iter()
        .filter(|row| is_selected(row, input.resources))
    {
        let Some(object) = row
            .desired
            .as_ref()
            .map(|d| &d.object)
            .or(row.live.as_ref())
        else {
            continue;
        };
        let options = ObjectOptions::new(object, input.sync_options);
        let only_if_needed = match options.own("ApplyOutOfSyncOnly") {
            Some(own) => own == "true",
            None => out_of_sync_only,
        };
        if only_if_needed && row.code == Some(SyncCode::Synced) {
            continue;
        }
        let Some(action) = action(row, &options, input.prune, &mut plan.blocked) else {
            continue;
        };
        plan.steps.push(PlanStep {
            wave: wave(object),
            rank: kind_rank(object.kind()),
            key: row.key.clone(),
            gvk: object.gvk(),
            action,
            options,
        });
    }
    order(&mut plan.steps);
    plan
}

fn is_selected(row: &Row, resources: &[ResourceRef]) -> bool {
    resources.is_empty()
        || resources.iter().any(|r| {
            *r.group == *row.key.group
                && *r.kind == *row.key.kind
                && *r.name == *row.key.name
                && (r.namespace.is_empty() || r.namespace == row.key.namespace_or_empty())
        })
}

fn action(
    row: &Row,
    options: &ObjectOptions,
    prune: bool,
    blocked: &mut Vec<Blocked>,
) -> Option<Action> {
    let Some(desired) = &row.desired else {
        let live = row.live.clone()?;
        return Some(if options.own("Prune") == Some("false") {
            Action::SkipPrune("ignored (no prune)")
        } else if !prune {
            Action::SkipPrune("ignored (requires pruning)")
        } else {
            Action::Prune { live }
        });
    };
    if let Some(denied) = &desired.denied {
        return Some(Action::Refuse(denied.sentence.clone()));
    }
    if let Some(feature) = &desired.unsupported {
        blocked.push(Blocked {
            reason: BlockedReason::Unsupported,
            keys: vec![row.key.clone()],
            sentence: unsupported_sentence(&row.key, feature),
        });
        return None;
    }
    if let Some(error) = &row.error {
        return Some(Action::Refuse(error.clone()));
    }
    row.code?;
    Some(Action::Apply {
        desired: desired.object.clone(),
        live: row.live.clone(),
    })
}

/// The sentence for an object that needs what is not supported yet.
pub fn unsupported_sentence(key: &Key, feature: &str) -> String {
    format!("{key} is not applied: it uses {feature}, which is not supported yet")
}

/// Sorts steps, and moves prunes: in reverse order of waves, or last.
fn order(steps: &mut [PlanStep]) {
    let mut waves: Vec<i64> = steps
        .iter()
        .filter(|s| s.is_prune() && !s.options.is("PruneLast"))
        .map(|s| s.wave)
        .collect();
    waves.sort_unstable();
    waves.dedup();
    let last = steps.iter().filter(|s| !s.is_prune()).map(|s| s.wave).max();
    for step in steps.iter_mut().filter(|step| step.is_prune()) {
        if step.options.is("PruneLast") {
            let highest = last
                .into_iter()
                .chain(waves.last().copied())
                .max()
                .unwrap_or(0);
            step.wave = highest.saturating_add(1);
        } else if let Ok(at) = waves.binary_search(&step.wave) {
            step.wave = waves[waves.len() - 1 - at];
        }
    }
    let crd_rank = kind_rank("CustomResourceDefinition");
    debug_assert!(
        crd_rank < kind_rank("Anything"),
        "custom objects come after their CRD"
    );
    steps.sort_by(|a, b| {
        let place = |step: &PlanStep| (step.wave, !step.is_prune(), step.rank);
        place(a)
            .cmp(&place(b))
            .then_with(|| a.key.kind.cmp(&b.key.kind))
            .then_with(|| a.key.cmp(&b.key))
    });
}

impl PlanStep {
    /// Whether the step deletes, or would.
    pub fn is_prune(&self) -> bool {
        matches!(self.action, Action::Prune { .. } | Action::SkipPrune(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_crds::names;
    use argosy_diff::Desired;
    use argosy_object::{Origin, json};

    fn object(kind: &str, name: &str, annotations: &[(&str, &str)]) -> Object {
        let mut object = Object::new(json!({"apiVersion": "v1", "kind": kind,
            "metadata": {"name": name, "namespace": "ns"}}))
        .unwrap();
        for (key, value) in annotations {
            object.set_annotation(key, value);
        }
        object
    }

    fn wanted(object: Object) -> Row {
        Row {
            key: object.key(),
            desired: Some(Desired {
                key: object.key(),
                object,
                origin: Origin::default(),
                denied: None,
                unsupported: None,
            }),
            live: None,
            predicted: None,
            code: Some(SyncCode::OutOfSync),
            error: None,
            is_ignored: false,
        }
    }

    fn left(object: Object) -> Row {
        Row {
            desired: None,
            live: Some(object.clone()),
            ..wanted(object)
        }
    }

    fn lines(plan: &Plan) -> Vec<String> {
        let verb = |step: &PlanStep| match &step.action {
            Action::Apply { .. } => "apply".to_owned(),
            Action::Prune { .. } => "prune".to_owned(),
            Action::SkipPrune(why) => format!("skip[{why}]"),
            Action::Refuse(why) => format!("refuse[{why}]"),
        };
        plan.steps
            .iter()
            .map(|s| format!("{} {} {}", s.wave, verb(s), s.key.name))
            .collect()
    }

    #[test]
    fn waves_go_before_kinds_and_kinds_before_names() {
        let rows = vec![
            wanted(object("Deployment", "d", &[])),
            wanted(object("ConfigMap", "late", &[(names::SYNC_WAVE, "1")])),
            wanted(object("ConfigMap", "b", &[])),
            wanted(object("ConfigMap", "a", &[])),
            wanted(object("Widget", "custom", &[(names::SYNC_WAVE, "-1")])),
            wanted(object("Namespace", "ns", &[])),
        ];
        let plan = plan(&Comparison { rows }, &PlanInput::default());
        assert_eq!(
            lines(&plan),
            [
                "-1 apply custom",
                "0 apply ns",
                "0 apply a",
                "0 apply b",
                "0 apply d",
                "1 apply late"
            ]
        );
    }

    #[test]
    fn prunes_run_in_reverse_waves_and_skips_say_why() {
        let rows = vec![
            left(object("ConfigMap", "w0", &[])),
            left(object("ConfigMap", "w1", &[(names::SYNC_WAVE, "1")])),
            left(object(
                "ConfigMap",
                "keep",
                &[(names::SYNC_OPTIONS, "Prune=false")],
            )),
            left(object(
                "ConfigMap",
                "last",
                &[(names::SYNC_OPTIONS, "PruneLast=true")],
            )),
        ];
        let comparison = Comparison { rows };
        let pruning = plan(
            &comparison,
            &PlanInput {
                prune: true,
                ..PlanInput::default()
            },
        );
        assert_eq!(
            lines(&pruning),
            [
                "0 prune w1",
                "1 skip[ignored (no prune)] keep",
                "1 prune w0",
                "2 prune last"
            ]
        );
        let plain = plan(&comparison, &PlanInput::default());
        assert!(lines(&plain).contains(&"1 skip[ignored (requires pruning)] w0".to_owned()));
    }

    #[test]
    fn object_that_needs_more_than_we_have_is_left_out_with_a_sentence() {
        let mut row = wanted(object("ConfigMap", "c", &[]));
        row.desired.as_mut().unwrap().unsupported = Some("hook `PreSync`".into());
        let plan = plan(&Comparison { rows: vec![row] }, &PlanInput::default());
        assert!(plan.steps.is_empty());
        assert_eq!(
            plan.blocked[0].sentence,
            "ConfigMap:ns/c is not applied: it uses hook `PreSync`, which is not supported yet"
        );
    }

    #[test]
    fn selective_sync_leaves_the_rest_alone() {
        let rows = vec![
            wanted(object("ConfigMap", "a", &[])),
            wanted(object("ConfigMap", "b", &[])),
        ];
        let only = [ResourceRef {
            kind: "ConfigMap".into(),
            name: "b".into(),
            ..ResourceRef::default()
        }];
        let input = PlanInput {
            resources: &only,
            ..PlanInput::default()
        };
        assert_eq!(lines(&plan(&Comparison { rows }, &input)), ["0 apply b"]);
    }
}
