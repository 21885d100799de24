//! Cuts rendered files into manifests, sets hooks apart and puts all into Helm's order.

use std::collections::BTreeMap;

use argosy_gotmpl::GoStr;
use argosy_object::Value as Json;

use crate::error::HelmError;

/// One rendered document.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The template's path, as in `# Source:`.
    pub source: String,
    /// The document's place in its file, from 0, blank ones not counted.
    pub document: usize,
    /// The text, trimmed.
    pub text: String,
    /// The document, read as sigs.k8s.io/yaml does; null where it holds only comments.
    pub object: Json,
    kind: String,
}

/// A document that Helm runs as a hook.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// The document.
    pub manifest: Manifest,
    /// `pre-install`, `test`, ..; `test-success` is `test`.
    pub events: Vec<String>,
    /// `helm.sh/hook-weight`, 0 where it is no number.
    pub weight: i64,
    /// `helm.sh/hook-delete-policy`
    pub delete_policies: Vec<String>,
    /// `helm.sh/hook-output-log-policy`
    pub output_log_policies: Vec<String>,
}

impl Hook {
    /// Whether it is a test.
    pub fn is_test(&self) -> bool {
        self.events.iter().any(|event| event == "test")
    }
}

/// Kinds in the order they are installed; others come after, by name.
///
/// Compat: `releaseutil.InstallOrder` of helm 4.1.
pub const INSTALL_ORDER: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

const EVENTS: [&str; 9] = [
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
];

/// Cuts and sorts rendered files into manifests and hooks; each file goes once it is cut.
pub(crate) fn sort(
    files: BTreeMap<String, GoStr>,
) -> Result<(Vec<Manifest>, Vec<Hook>), HelmError> {
    let (mut manifests, mut hooks) = (Vec::new(), Vec::new());
    for (source, text) in files {
        let text = text.lossy();
        if text.trim().is_empty() {
            continue;
        }
        for (document, text) in split(&text).into_iter().enumerate() {
            let manifest = Manifest::read(&source, document, text)?;
            match manifest.hook()? {
                Sorted::Plain => manifests.push(manifest),
                Sorted::Hook(hook) => hooks.push(*hook),
                Sorted::Unknown => {}
            }
        }
    }
    manifests.sort_by(|left, right| order(&left.kind).cmp(&order(&right.kind)));
    hooks.sort_by(|left, right| order(&left.manifest.kind).cmp(&order(&right.manifest.kind)));
    Ok((manifests, hooks))
}

fn order(kind: &str) -> (usize, &str) {
    match INSTALL_ORDER.iter().position(|known| *known == kind) {
        Some(place) => (place, ""),
        None => (INSTALL_ORDER.len(), kind),
    }
}

/// Cuts a file at lines that begin with `---`, as Helm's expression `(?:^|\s*\n)---\s*` does.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let is_space = |unit: char| matches!(unit, ' ' | '\t' | '\n' | '\r' | '\x0c');
    let text = text.trim();
    let mut documents = Vec::new();
    let mut rest = text;
    if let Some(after) = text.strip_prefix("---") {
        rest = after.trim_start_matches(is_space);
    }
    loop {
        let cut = rest.find("\n---");
        let document = cut.map_or(rest, |cut| &rest[..cut]);
        let trimmed = document.trim();
        // A blank piece is dropped where nothing at all stands between two cuts.
        if !document.trim_end_matches(is_space).is_empty() || cut.is_none() && !rest.is_empty() {
            documents.push(trimmed);
        }
        match cut {
            Some(cut) => rest = rest[cut + 4..].trim_start_matches(is_space),
            None => return documents,
        }
    }
}

enum Sorted {
    Plain,
    Hook(Box<Hook>),
    /// A hook of a sort that Helm does not know: skipped.
    Unknown,
}

impl Manifest {
    pub(crate) fn read(source: &str, document: usize, text: &str) -> Result<Self, HelmError> {
        let failed =
            |text: &str| HelmError::Manifest(format!("YAML parse error on {source}: {text}"));
        let object = argosy_yaml::from_str(text)
            .map_err(|error| failed(&format!("error converting YAML to JSON: {}", error.text)))?;
        if let Some(fault) = head_fault(&object) {
            return Err(failed(&fault));
        }
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let (source, text) = (source.to_owned(), text.to_owned());
        Ok(Self {
            source,
            document,
            text,
            object,
            kind,
        })
    }

    /// The object's kind, empty where it has none.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    pub(crate) fn annotation(&self, name: &str) -> Option<String> {
        match &self.object["metadata"]["annotations"][name] {
            Json::Null => None,
            Json::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        let text = self.annotation(name);
        text.iter()
            .flat_map(|text| text.split(','))
            .map(|word| word.trim().to_lowercase())
            .collect()
    }

    fn hook(&self) -> Result<Sorted, HelmError> {
        if self.annotation("helm.sh/hook").is_none() {
            return Ok(Sorted::Plain);
        }
        let mut events = self.list("helm.sh/hook");
        for event in &mut events {
            if event == "test-success" {
                "test".clone_into(event);
            }
        }
        if !events.iter().all(|event| EVENTS.contains(&event.as_str())) {
            return Ok(Sorted::Unknown);
        }
        let weight = self.annotation("helm.sh/hook-weight");
        Ok(Sorted::Hook(Box::new(Hook {
            events,
            weight: weight.and_then(|text| text.parse().ok()).unwrap_or(0),
            delete_policies: self.list("helm.sh/hook-delete-policy"),
            output_log_policies: self.list("helm.sh/hook-output-log-policy"),
            manifest: self.clone(),
        })))
    }
}

/// A JSON type as Go's decoder calls it.
pub(crate) fn type_name(found: &Json) -> &'static str {
    match found {
        Json::Array(_) => "array",
        Json::Object(_) => "object",
        Json::String(_) => "string",
        Json::Bool(_) => "bool",
        _ => "number",
    }
}

/// What makes a document no manifest: the types of the few fields that Helm reads.
fn head_fault(object: &Json) -> Option<String> {
    let wrong = |found: &Json, field: &str, wanted: &str| {
        let found = type_name(found);
        Some(format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go \
             {field} of type {wanted}"
        ))
    };
    const STRUCT: &str = "struct { Name string \"json:\\\"name\\\"\"; Annotations \
                          map[string]string \"json:\\\"annotations\\\"\" }";
    match object {
        Json::Null => return None,
        Json::Object(_) => {}
        other => return wrong(other, "value", "util.SimpleHead"),
    }
    let is_text = |value: &Json| !value.is_array() && !value.is_object();
    for key in ["apiVersion", "kind"] {
        if !is_text(&object[key]) {
            return wrong(
                &object[key],
                &format!("struct field SimpleHead.{key}"),
                "string",
            );
        }
    }
    match &object["metadata"] {
        Json::Null => None,
        Json::Object(metadata) => {
            if let Some(name) = metadata.get("name").filter(|name| !is_text(name)) {
                return wrong(name, "struct field .metadata.name", "string");
            }
            match metadata.get("annotations") {
                None | Some(Json::Null) => None,
                Some(Json::Object(annotations)) => {
                    let bad = annotations.values().find(|value| !is_text(value))?;
                    wrong(bad, "struct field .metadata.annotations", "string")
                }
                Some(other) => wrong(
                    other,
                    "struct field .metadata.annotations",
                    "map[string]string",
                ),
            }
        }
        other => wrong(other, "struct field SimpleHead.metadata", STRUCT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_cut_as_helm_cuts_them() {
        for (text, wanted) in [
            ("a: 1", vec!["a: 1"]),
            ("---\na: 1\n---\nb: 2\n", vec!["a: 1", "b: 2"]),
            ("a: 1\n\n---   \n\n  b: 2", vec!["a: 1", "b: 2"]),
            ("---\n---\na: 1", vec!["---\na: 1"]),
            ("a: 1\n---", vec!["a: 1"]),
            ("a: |\n  x --- y\n", vec!["a: |\n  x --- y"]),
        ] {
            assert_eq!(split(text), wanted, "{text:?}");
        }
    }
}
