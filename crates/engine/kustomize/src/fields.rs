//! Fields of an object by kustomize's paths: `spec/template/spec/containers[]/image`.

use crate::error::KustomizeError;
use crate::id::{Gvk, ResId, group_and_version, text};
use argosy_object::{Map, Value};
use serde::{Deserialize, Serialize};

/// Where a transformer writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct FieldSpec {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) path: String,
    pub(crate) create: bool,
}

impl FieldSpec {
    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(&self.group, &self.version, &self.kind)
    }

    /// Whether both name the same field of the same kinds.
    pub(crate) fn same_place(&self, other: &Self) -> bool {
        self.path == other.path && other.selects_parts(&self.group, &self.version, &self.kind)
    }

    /// Whether it is for objects of this kind.
    pub(crate) fn selects(&self, gvk: &Gvk) -> bool {
        self.selects_parts(&gvk.group, &gvk.version, &gvk.kind)
    }

    fn selects_parts(&self, group: &str, version: &str, kind: &str) -> bool {
        let fits = |wanted: &str, have: &str| wanted.is_empty() || wanted == have;
        fits(&self.kind, kind) && fits(&self.group, group) && fits(&self.version, version)
    }

    /// Whether an object is of its kinds.
    fn is_for(&self, object: &Value) -> bool {
        let (group, version) = group_and_version(text(object, "apiVersion"));
        self.selects_parts(group, version, text(object, "kind"))
    }
}

/// What a missing field is made as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Create {
    Never,
    Text,
    Number,
    Mapping,
}

impl Create {
    fn value(self) -> Value {
        match self {
            Self::Mapping => Value::Object(Map::new()),
            Self::Number => Value::from(0),
            Self::Text | Self::Never => Value::String(String::new()),
        }
    }
}

/// Calls `set` on every field that `spec` leads to in `value`.
///
/// # Errors
/// A scalar on the way, and what `set` says.
pub(crate) fn each(
    value: &mut Value,
    spec: &FieldSpec,
    create: Create,
    set: &mut dyn FnMut(&mut Value) -> Result<(), String>,
) -> Result<(), KustomizeError> {
    if !spec.is_for(value) {
        return Ok(());
    }
    let path = split(&spec.path, '/');
    let create = if spec.create { create } else { Create::Never };
    walk(value, &path, create, set).map_err(|text| {
        let id = ResId::of_value(value);
        KustomizeError::failed(format!(
            "considering field '{}' of object {id}: {text}",
            spec.path
        ))
    })
}

fn walk(
    value: &mut Value,
    path: &[String],
    create: Create,
    set: &mut dyn FnMut(&mut Value) -> Result<(), String>,
) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else {
        return set(value);
    };
    match value {
        Value::Null => Ok(()),
        Value::Array(items) => items
            .iter_mut()
            .try_for_each(|item| walk(item, path, create, set)),
        Value::Object(map) => {
            let name = first.strip_suffix("[]").unwrap_or(first);
            let is_list = name.len() != first.len();
            if name.is_empty() {
                return Err("cannot set or create an empty field name".into());
            }
            let makes = match create {
                Create::Never => None,
                _ if is_list => None,
                kind if rest.is_empty() => Some(kind.value()),
                _ => Some(Value::Object(Map::new())),
            };
            let field = match (map.contains_key(name), &makes) {
                (false, None) => return Ok(()),
                (false, Some(made)) => map.entry(name).or_insert(made.clone()),
                (true, _) => map.entry(name).or_insert(Value::Null),
            };
            if field.is_null() {
                if is_list {
                    *field = Value::Array(Vec::new());
                } else if let Some(made) = makes {
                    *field = made;
                }
            }
            walk(field, rest, create, set)
        }
        _ => Err("expected sequence or mapping node".into()),
    }
}

/// Splits a path; a backslash before the delimiter keeps it.
pub(crate) fn split(path: &str, delimiter: char) -> Vec<String> {
    let path = match path.strip_prefix(delimiter) {
        Some(rest) => rest,
        None => path,
    };
    let mut parts: Vec<String> = Vec::new();
    let mut open = false;
    for part in path.split(delimiter) {
        match parts.last_mut() {
            Some(last) if open => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
        open = part.ends_with('\\');
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn escaped_delimiters_stay_and_leading_ones_go() {
        assert_eq!(split("/a/b\\/c/d", '/'), ["a", "b/c", "d"]);
        assert_eq!(split("a", '/'), ["a"]);
    }

    #[test]
    fn lists_are_entered_and_missing_fields_made() {
        let mut value = json!({"kind": "K", "spec": {"a": [{"b": "x"}, {}]}});
        let spec = FieldSpec {
            path: "spec/a/b".into(),
            create: true,
            ..Default::default()
        };
        each(&mut value, &spec, Create::Text, &mut |v| {
            *v = json!(format!("{}!", v.as_str().unwrap_or("")));
            Ok(())
        })
        .unwrap();
        assert_eq!(value["spec"]["a"], json!([{"b": "x!"}, {"b": "!"}]));
    }
}
