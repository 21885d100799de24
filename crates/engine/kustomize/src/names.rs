//! Prefixes, suffixes and hashes of names.

use crate::error::KustomizeError;
use crate::fields::{self, Create, FieldSpec};
use crate::id::{Gvk, scalar_text};
use crate::resmap::ResMap;
use argosy_object::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// Puts `prefix` before and `suffix` behind the fields of `specs`, which are names.
///
/// Compat: kinds whose names have a meaning of their own keep them: Namespaces, CRDs,
/// APIServices.
pub(crate) fn affix(
    map: &mut ResMap,
    prefix: &str,
    suffix: &str,
    specs: &[FieldSpec],
) -> Result<(), KustomizeError> {
    let skipped = [
        Gvk::new("", "", "CustomResourceDefinition"),
        Gvk::new("apiregistration.k8s.io", "", "APIService"),
        Gvk::new("", "", "Namespace"),
    ];
    for resource in &mut map.list {
        let gvk = resource.original_id().gvk;
        if skipped.iter().any(|s| gvk.is_selected(s)) {
            continue;
        }
        for spec in specs.iter().filter(|s| s.selects(&gvk)) {
            map.budget.spend(prefix.len() + suffix.len())?;
            if spec.path == "metadata/name" {
                if !prefix.is_empty() {
                    resource.prefixes.push(prefix.to_owned());
                }
                if !suffix.is_empty() {
                    resource.suffixes.push(suffix.to_owned());
                }
                resource.remember_id();
            }
            fields::each(&mut resource.value, spec, Create::Text, &mut |field| {
                *field = Value::String(format!("{prefix}{}{suffix}", scalar_text(field)));
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Appends the hash of their content to the names of generated objects.
pub(crate) fn add_hashes(map: &mut ResMap) {
    for resource in map.list.iter_mut().filter(|r| r.needs_hash) {
        let hash = hash(&resource.value);
        resource.remember_id();
        let name = resource.name();
        resource.set_name(&format!("{name}-{hash}"));
    }
}

/// The ten characters that stand for an object's content.
///
/// Compat: the hash of kubectl and kustomize for ConfigMaps and Secrets: SHA-256 of a JSON text
/// with the kind, an empty name, the data and, where it is there, the binary or string data.
pub(crate) fn hash(value: &Value) -> String {
    let field = |name: &str| match value.get(name) {
        Some(Value::Object(map)) => Value::Object(map.clone()),
        Some(Value::Array(_)) => Value::Null,
        Some(scalar) => Value::String(scalar_text(scalar)),
        None => Value::String(String::new()),
    };
    let kind = crate::id::text(value, "kind");
    let mut content = Map::new();
    // Upstream looks the name up by a path that leads nowhere: all names hash alike.
    content.insert("name".into(), "".into());
    let extra = match kind {
        "ConfigMap" => "binaryData",
        "Secret" => {
            content.insert("type".into(), field("type"));
            "stringData"
        }
        _ => return encode(&argosy_yaml::write_json_go(value)),
    };
    content.insert("kind".into(), kind.into());
    content.insert("data".into(), field("data"));
    if value.get(extra).is_some_and(Value::is_object) {
        content.insert(extra.into(), field(extra));
    }
    encode(&argosy_yaml::write_json_go(&json!(content)))
}

/// The first ten hex digits, with those replaced that could spell something.
fn encode(text: &str) -> String {
    let digest = hex::encode(Sha256::digest(text));
    digest[..10]
        .chars()
        .map(|c| match c {
            '0' => 'g',
            '1' => 'h',
            '3' => 'k',
            'a' => 'm',
            'e' => 't',
            other => other,
        })
        .collect()
}
