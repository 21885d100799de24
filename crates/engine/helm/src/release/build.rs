//! From a record's text to objects, as kubectl's builder reads a stream.

use argosy_object::{Gvk, Object, Value as Json};
use argosy_yaml::Limits;

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
/// [`BuildError`]; every unknown kind is named.
pub fn build(text: &str, namespace: &str, scope: &ScopeOf<'_>) -> Result<Vec<Object>, BuildError> {
    let documents = argosy_yaml::parse_documents("", text.as_bytes(), &Limits::default())
        .map_err(|error| BuildError::Text(format!("error parsing : {error}")))?;
    let mut objects = Vec::new();
    for document in documents {
        open(document.value, &mut objects)?;
    }
    let mut faults = Vec::new();
    for object in &mut objects {
        let gvk = object.gvk();
        match scope(&gvk) {
            Some(true) if object.namespace().is_none() => object.set_namespace(Some(namespace)),
            Some(_) => {}
            None => faults.push(unknown(object, &gvk)),
        }
    }
    match faults.len() {
        0 => Ok(objects),
        1 => Err(BuildError::NoKind(faults.remove(0))),
        _ => Err(BuildError::NoKind(format!("[{}]", faults.join(", ")))),
    }
}

/// Adds an object, or the items of a list.
fn open(value: Json, objects: &mut Vec<Object>) -> Result<(), BuildError> {
    let is_empty = value.is_null() || value.as_object().is_some_and(|map| map.is_empty());
    if is_empty {
        return Ok(());
    }
    let is_list = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    if is_list && let Some(items) = value["items"].as_array() {
        for item in items {
            // A list in a list is no object that any kind has; one level is opened.
            objects.push(object(item.clone())?);
        }
        return Ok(());
    }
    objects.push(object(value)?);
    Ok(())
}

fn object(value: Json) -> Result<Object, BuildError> {
    for (field, name) in [("kind", "Kind"), ("apiVersion", "apiVersion")] {
        if value[field].as_str().unwrap_or_default().is_empty() {
            let json = argosy_yaml::write_json_go(&value);
            return Err(BuildError::Text(format!(
                "Object '{name}' is missing in '{json}'"
            )));
        }
    }
    Object::new(value).map_err(|error| BuildError::Text(error.to_string()))
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
