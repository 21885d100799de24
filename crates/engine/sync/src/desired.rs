//! From rendered objects to desired ones: namespace, tracking id, project rules.

use crate::tracking::TrackingId;
use argosy_crds::names;
use argosy_diff::{Desired, Forbidden};
use argosy_object::{Finding, GroupKind, Gvk, Key, Object, Origin, Value};
use argosy_policy::{Denied, Project};
use std::collections::{BTreeMap, HashMap};

/// What stamping needs beside the objects.
pub struct DesiredInput<'a> {
    /// The application's tracking name.
    pub instance: &'a str,
    /// The destination namespace; empty where the spec has none.
    pub namespace: &'a str,
    /// The destination's server and name, for the project's rules.
    pub server: (&'a str, &'a str),
    /// Whether a kind is namespaced; `None` where the cluster does not know it.
    pub is_namespaced: &'a dyn Fn(&Gvk) -> Option<bool>,
    /// The project.
    pub project: &'a Project,
}

/// The desired objects, and what was noticed.
#[derive(Clone, Debug, Default)]
pub struct DesiredSet {
    /// In the order of rendering; each key once.
    pub objects: Vec<Desired>,
    /// Repeated objects.
    pub findings: Vec<Finding>,
}

/// Helm hooks that are no part of a sync and are dropped.
const DROPPED_HELM_HOOKS: [&str; 5] = [
    "test",
    "test-success",
    "test-failure",
    "pre-rollback",
    "post-rollback",
];

/// Stamps rendered objects. Of several objects with one key the last wins, and a finding names
/// them.
pub fn desired(rendered: Vec<(Object, Origin)>, input: &DesiredInput<'_>) -> DesiredSet {
    let scopes = scopes_of_crds(&rendered);
    let mut set = DesiredSet::default();
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut counts: BTreeMap<Key, Vec<Origin>> = BTreeMap::new();
    for (mut object, origin) in rendered {
        if is_dropped(&object) {
            continue;
        }
        let gvk = object.gvk();
        let is_namespaced = (input.is_namespaced)(&gvk)
            .or_else(|| scopes.get(&gvk.group_kind()).copied())
            .unwrap_or(true);
        if !is_namespaced {
            object.set_namespace(None);
        } else if object.namespace().is_none() && !input.namespace.is_empty() {
            object.set_namespace(Some(input.namespace));
        }
        let key = object.key();
        let denied = input
            .project
            .permit_object(
                &gvk.group_kind(),
                object.name(),
                is_namespaced.then(|| object.namespace().unwrap_or("")),
                input.server,
            )
            .err()
            .map(|denied| Forbidden {
                sentence: denied.to_string(),
                is_kind: matches!(denied, Denied::Kind { .. }),
            });
        let id = TrackingId::new(input.instance, &key, input.namespace);
        object.set_annotation(names::TRACKING_ID, &id.to_string());
        let unsupported = unsupported(&object);
        counts.entry(key.clone()).or_default().push(origin.clone());
        let desired = Desired {
            key: key.clone(),
            object,
            origin,
            denied,
            unsupported,
        };
        match places.get(&key) {
            Some(place) if !key.name.is_empty() => set.objects[*place] = desired,
            _ => {
                places.insert(key, set.objects.len());
                set.objects.push(desired);
            }
        }
    }
    set.findings = counts
        .into_iter()
        .filter_map(|(key, origins)| repeated(&key, &origins))
        .collect();
    set
}

fn repeated(key: &Key, origins: &[Origin]) -> Option<Finding> {
    if origins.len() < 2 || key.name.is_empty() {
        return None;
    }
    let places: Vec<String> = origins.iter().map(ToString::to_string).collect();
    Some(Finding {
        reason: "RepeatedResource",
        message: format!(
            "Resource {}/{}/{}/{} appeared {} times among application resources ({}); the last \
             one is used",
            key.group,
            key.kind,
            key.namespace_or_empty(),
            key.name,
            origins.len(),
            places.join(", ")
        ),
        origin: origins.last().cloned(),
    })
}

/// Scopes of the kinds that CRDs among the objects define.
fn scopes_of_crds(rendered: &[(Object, Origin)]) -> HashMap<GroupKind, bool> {
    rendered
        .iter()
        .filter(|(object, _)| object.kind() == "CustomResourceDefinition")
        .filter_map(|(crd, _)| {
            let text = |pointer| crd.pointer(pointer).and_then(Value::as_str);
            let kind = GroupKind::new(text("/spec/group")?, text("/spec/names/kind")?);
            Some((kind, text("/spec/scope")? == "Namespaced"))
        })
        .collect()
}

fn hooks(object: &Object) -> impl Iterator<Item = &str> {
    let text = object
        .annotation(names::HOOK)
        .or_else(|| {
            object
                .annotation(names::HELM_HOOK)
                .filter(|hook| *hook != "crd-install")
        })
        .unwrap_or("");
    text.split(',')
        .map(str::trim)
        .filter(|hook| !hook.is_empty())
}

/// Helm's tests and rollback hooks never reach a cluster.
fn is_dropped(object: &Object) -> bool {
    object.annotation(names::HOOK).is_none()
        && hooks(object).next().is_some()
        && hooks(object).all(|hook| DROPPED_HELM_HOOKS.contains(&hook))
}

/// What an object asks for that is not there yet. Such an object is not applied, since applying
/// it as if it did not ask would do something else than its author wants.
fn unsupported(object: &Object) -> Option<String> {
    if let Some(hook) = hooks(object).find(|hook| *hook != "Skip") {
        return Some(format!("hook `{hook}`"));
    }
    if object.name().is_empty() {
        return Some("`metadata.generateName` without a name".into());
    }
    let options = object.annotation(names::SYNC_OPTIONS).unwrap_or("");
    ["Prune=confirm", "Delete=confirm"]
        .into_iter()
        .find(|option| options.split(',').any(|own| own.trim() == *option))
        .map(|option| format!("sync option `{option}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_crds::{ProjectDestination, ProjectKind, ProjectSpec};
    use argosy_object::json;

    fn open_project() -> Project {
        let any = || "*".to_owned();
        Project {
            name: "default".into(),
            spec: ProjectSpec {
                destinations: vec![ProjectDestination {
                    server: any(),
                    namespace: any(),
                    name: String::new(),
                }],
                cluster_resource_whitelist: Some(vec![ProjectKind {
                    group: any(),
                    kind: any(),
                    name: String::new(),
                }]),
                ..ProjectSpec::default()
            },
        }
    }

    fn run(project: &Project, objects: Vec<Value>) -> DesiredSet {
        let rendered = objects
            .into_iter()
            .enumerate()
            .map(|(n, value)| {
                let origin = Origin {
                    file: format!("f{n}.yaml").into(),
                    line: 1,
                    doc: 0,
                };
                (Object::new(value).unwrap(), origin)
            })
            .collect();
        desired(
            rendered,
            &DesiredInput {
                instance: "app",
                namespace: "shop",
                server: ("https://a", "a"),
                is_namespaced: &|gvk| Some(&*gvk.kind != "Namespace"),
                project,
            },
        )
    }

    #[test]
    fn namespace_is_filled_in_for_namespaced_kinds_only() {
        let set = run(
            &open_project(),
            vec![
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}),
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "namespace": "x"}}),
            ],
        );
        let keys: Vec<_> = set.objects.iter().map(|d| d.key.to_string()).collect();
        assert_eq!(keys, ["ConfigMap:shop/c", "Namespace:n"]);
        let ids: Vec<_> = set
            .objects
            .iter()
            .map(|d| d.object.annotation(names::TRACKING_ID).unwrap())
            .collect();
        assert_eq!(ids, ["app:/ConfigMap:shop/c", "app:/Namespace:shop/n"]);
    }

    #[test]
    fn last_of_two_equal_keys_wins_and_a_finding_names_both_places() {
        let config = |data: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": data}});
        let mut second = config("new");
        second["metadata"]["namespace"] = "shop".into();
        let set = run(&open_project(), vec![config("old"), second]);
        assert_eq!(set.objects.len(), 1);
        assert_eq!(set.objects[0].object.pointer("/data/k").unwrap(), "new");
        assert!(
            set.findings[0].message.contains("f0.yaml:1, f1.yaml:1"),
            "{:?}",
            set.findings
        );
    }

    #[test]
    fn hook_is_marked_and_helm_test_is_dropped() {
        let annotated = |name: &str, value: &str| {
            json!({"apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": "j", "annotations": {name: value}}})
        };
        let set = run(&open_project(), vec![annotated(names::HOOK, "PreSync")]);
        assert_eq!(
            set.objects[0].unsupported.as_deref(),
            Some("hook `PreSync`")
        );
        assert!(
            run(&open_project(), vec![annotated(names::HELM_HOOK, "test")])
                .objects
                .is_empty()
        );
    }

    #[test]
    fn object_that_the_project_forbids_says_so() {
        let closed = Project {
            name: "team".into(),
            spec: ProjectSpec::default(),
        };
        let set = run(
            &closed,
            vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})],
        );
        assert_eq!(
            set.objects[0].denied,
            Some(Forbidden {
                sentence: "resource :Namespace is not permitted in project team".into(),
                is_kind: true,
            })
        );
    }
}
