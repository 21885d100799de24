//! From a record's text to objects, as kubectl's builder reads a stream.

use crate::manifest::type_name;
use argosy_object::{Gvk, Object, Value as Json};
use argosy_yaml::Limits;
use std::collections::BTreeSet;

/// Why a text makes no objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// A document is none, or no object.
    Text(String),
    /// The cluster does not know a kind: all such faults, in kubectl's words.
    NoKind(String),
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) | Self::NoKind(text) => f.write_str(text),
        }
    }
}

/// What tells the scope of a kind: `true` for namespaced ones, `None` for unknown ones.
pub type ScopeOf<'a> = dyn Fn(&Gvk) -> Option<bool> + 'a;

/// The objects of a stream: lists are opened, namespaced objects without one get `namespace`.
///
/// # Errors
/// [`BuildError`]; all faults are named, each once.
pub fn build(text: &str, namespace: &str, scope: &ScopeOf<'_>) -> Result<Vec<Object>, BuildError> {
    let documents = argosy_yaml::parse_documents("", text.as_bytes(), &Limits::default())
        .map_err(|error| BuildError::Text(format!("error parsing : {error}")))?;
    let (mut objects, mut faults) = (Vec::new(), Vec::new());
    let mut has_unknown = false;
    for value in documents
        .into_iter()
        .flat_map(|document| open(document.value))
    {
        let mut object = match object(value) {
            Ok(object) => object,
            Err(text) => {
                faults.push(format!("unable to decode \"\": {text}"));
                continue;
            }
        };
        let gvk = object.gvk();
        match scope(&gvk) {
            Some(true) if object.namespace().is_none() => object.set_namespace(Some(namespace)),
            Some(_) => {}
            None => {
                has_unknown = true;
                faults.push(unknown(&object, &gvk));
            }
        }
        objects.push(object);
    }
    let mut seen = BTreeSet::new();
    faults.retain(|fault| seen.insert(fault.clone()));
    let text = match faults.len() {
        0 => return Ok(objects),
        1 => faults.remove(0),
        _ => format!("[{}]", faults.join(", ")),
    };
    Err(if has_unknown {
        BuildError::NoKind(text)
    } else {
        BuildError::Text(text)
    })
}

/// An object, or the items of a list; a list in a list is no object that any kind has.
fn open(value: Json) -> Vec<Json> {
    if value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) {
        return Vec::new();
    }
    let is_list = value["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("List"));
    match value["items"].as_array() {
        Some(items) if is_list => items.clone(),
        _ => vec![value],
    }
}

fn object(value: Json) -> Result<Object, String> {
    for (field, name) in [("kind", "Kind"), ("apiVersion", "apiVersion")] {
        if value[field].as_str().unwrap_or_default().is_empty() {
            let json = argosy_yaml::write_json_go(&value);
            return Err(format!("Object '{name}' is missing in '{json}'"));
        }
    }
    if let Some(fault) = metadata_fault(&value["metadata"]) {
        return Err(fault);
    }
    Object::new(value).map_err(|error| error.to_string())
}

/// What Go's decoder says of metadata whose texts are none, such as a label `true`.
fn metadata_fault(metadata: &Json) -> Option<String> {
    let texts = |field: &'static str, value: &Json| -> Option<(&'static str, Json)> {
        match (field, value) {
            ("annotations" | "labels", Json::Object(map)) => {
                let found = map
                    .values()
                    .find(|value| !value.is_string() && !value.is_null());
                found.map(|found| (field, found.clone()))
            }
            ("annotations" | "labels", _) | (_, Json::String(_) | Json::Null) => None,
            (_, value) => Some((field, value.clone())),
        }
    };
    let fields = ["annotations", "generateName", "labels", "name", "namespace"];
    let (field, found) = fields
        .into_iter()
        .find_map(|field| texts(field, metadata.get(field)?))?;
    let found = type_name(&found);
    Some(format!(
        "json: cannot unmarshal {found} into Go struct field ObjectMeta.metadata.{field} of type \
         string"
    ))
}

fn unknown(object: &Object, gvk: &Gvk) -> String {
    format!(
        "resource mapping not found for name: {:?} namespace: {:?} from \"\": no matches for kind \
         {:?} in version {:?}\nensure CRDs are installed first",
        object.name(),
        object.namespace().unwrap_or_default(),
        gvk.kind,
        gvk.api_version()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(text: &str) -> Result<Vec<String>, BuildError> {
        let scope = |gvk: &Gvk| match &*gvk.kind {
            "ConfigMap" => Some(true),
            "Namespace" => Some(false),
            _ => None,
        };
        let objects = build(text, "shop", &scope)?;
        let place =
            |object: &Object| format!("{}/{}", object.namespace().unwrap_or("-"), object.name());
        Ok(objects.iter().map(place).collect())
    }

    #[test]
    fn lists_are_opened_and_namespaces_filled_in() {
        let text = "---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: \
                    ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: \
                    b, namespace: own}}\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: own}}\n";
        assert_eq!(built(text).unwrap(), ["shop/a", "own/b", "-/own"]);
    }

    #[test]
    fn each_fault_is_told_once_in_kubectls_words() {
        let text = "{apiVersion: x/v1, kind: Gone, metadata: {name: g}}\n---\n{apiVersion: v1, kind: \
                    ConfigMap, metadata: {name: true}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: \
                    {name: false}}\n";
        assert_eq!(
            built(text),
            Err(BuildError::NoKind(
                "[resource mapping not found for name: \"g\" namespace: \"\" from \"\": no matches \
                 for kind \"Gone\" in version \"x/v1\"\nensure CRDs are installed first, unable to \
                 decode \"\": json: cannot unmarshal bool into Go struct field \
                 ObjectMeta.metadata.name of type string]"
                    .into()
            ))
        );
    }
}
