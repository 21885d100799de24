//! Strategic merge as kustomize does it, which is not as Kubernetes does.
//!
//! Compat: kyaml's `merge2` with lists growing at the front: elements that a patch names come
//! first, in the patch's order. Lists without a merge strategy in the schema are replaced, and so
//! are all lists of kinds without a schema.

mod lists;
mod schema;

use crate::error::KustomizeError;
use crate::id::Gvk;
use argosy_object::{Map, Value};
use schema::Cursor;

pub(crate) use schema::MergeSchema;

pub(crate) const DIRECTIVE: &str = "$patch";

/// What a patch says of a whole mapping or list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Applies `patch` to `target`; nothing is left where the patch deletes all of it.
///
/// # Errors
/// Where both have something of different kind at the same place, and unknown directives.
pub(crate) fn merge(
    schema: &MergeSchema,
    target: Value,
    patch: &Value,
) -> Result<Option<Value>, KustomizeError> {
    let merged = Walker { schema }.walk(None, Some(target), Some(patch));
    merged.map(|out| out.value).map_err(KustomizeError::failed)
}

struct Walker<'s> {
    schema: &'s MergeSchema,
}

/// What a step gives back: the value, and whether it stands in the place of the one before
/// rather than being it, changed.
struct Out {
    value: Option<Value>,
    replaced: bool,
}

impl Out {
    fn kept(value: Option<Value>) -> Self {
        Self {
            value,
            replaced: false,
        }
    }
}

fn is_nothing(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

impl<'s> Walker<'s> {
    fn walk(
        &self,
        cursor: Option<Cursor<'s>>,
        dest: Option<Value>,
        origin: Option<&Value>,
    ) -> Result<Out, String> {
        let cursor = cursor.or_else(|| self.schema_of(dest.as_ref()).or(self.schema_of(origin)));
        let shape = if is_nothing(dest.as_ref()) {
            origin
        } else {
            dest.as_ref()
        };
        match shape {
            None | Some(Value::Null | Value::Object(_)) => {
                expect(dest.as_ref(), origin, Value::is_object, "a mapping")?;
                self.mapping(cursor, dest, origin)
            }
            Some(Value::Array(_)) => {
                expect(dest.as_ref(), origin, Value::is_array, "a list")?;
                match cursor.as_ref().and_then(Cursor::merge_keys) {
                    Some(keys) => self.merged_list(cursor, &keys, dest, origin),
                    None => Ok(Out::kept(origin.cloned().or(dest))),
                }
            }
            Some(_) => {
                let scalar = |v: &Value| !v.is_object() && !v.is_array();
                expect(dest.as_ref(), origin, scalar, "a scalar")?;
                Ok(Out::kept(origin.cloned().or(dest)))
            }
        }
    }

    /// The schema of a value that is an object of its own.
    fn schema_of(&self, value: Option<&Value>) -> Option<Cursor<'s>> {
        let value = value.filter(|v| v.is_object())?;
        let gvk = Gvk::of_value(value);
        if gvk.kind.is_empty() || gvk.version.is_empty() {
            return None;
        }
        self.schema.kind(&gvk)
    }

    fn mapping(
        &self,
        cursor: Option<Cursor<'s>>,
        dest: Option<Value>,
        origin: Option<&Value>,
    ) -> Result<Out, String> {
        let mut replaced = false;
        let dest = if is_nothing(dest.as_ref()) {
            if matches!(directive_of_mapping(origin), Ok(Directive::Delete)) {
                return Ok(Out::kept(None));
            }
            match origin {
                // What is null of itself stays null.
                None => return Ok(Out::kept(dest)),
                Some(origin) => without_directive(origin),
            }
        } else if origin.is_some_and(Value::is_null) {
            return Ok(Out::kept(None));
        } else {
            match directive_of_mapping(origin)? {
                Directive::Delete => return Ok(Out::kept(None)),
                Directive::Replace => {
                    replaced = true;
                    origin.map_or(Value::Null, without_directive)
                }
                Directive::Merge => dest.unwrap_or(Value::Null),
            }
        };
        let Value::Object(mut map) = dest else {
            return Ok(Out {
                value: Some(dest),
                replaced,
            });
        };
        let patch = origin.and_then(Value::as_object);
        let mut names: Vec<String> = map.keys().cloned().collect();
        if let Some(patch) = patch {
            names.extend(
                patch
                    .keys()
                    .filter(|k| *k != DIRECTIVE && !map.contains_key(*k))
                    .cloned(),
            );
        }
        names.sort();
        for name in names {
            let field = cursor.as_ref().and_then(|c| c.field(&name));
            let theirs = patch.and_then(|p| p.get(&name));
            let mine = map.remove(&name);
            let kept_null = theirs.is_none() && mine.as_ref().is_some_and(Value::is_null);
            let out = self.walk(field, mine, theirs)?;
            match out.value {
                Some(Value::Null) if !kept_null => {}
                Some(value) => {
                    map.insert(name, value);
                }
                None => {}
            }
        }
        Ok(Out {
            value: Some(Value::Object(map)),
            replaced,
        })
    }
}

/// Both must be of one kind, or null, or missing.
fn expect(
    dest: Option<&Value>,
    origin: Option<&Value>,
    fits: impl Fn(&Value) -> bool,
    wanted: &str,
) -> Result<(), String> {
    for value in dest.into_iter().chain(origin) {
        if !value.is_null() && !fits(value) {
            return Err(format!("wrong node kind: expected {wanted}, found {value}"));
        }
    }
    Ok(())
}

fn directive_of_mapping(patch: Option<&Value>) -> Result<Directive, String> {
    match patch.and_then(|p| p.get(DIRECTIVE)) {
        None => Ok(Directive::Merge),
        Some(value) => directive(value),
    }
}

fn directive(value: &Value) -> Result<Directive, String> {
    match value.as_str() {
        Some("delete") => Ok(Directive::Delete),
        Some("replace") => Ok(Directive::Replace),
        Some("merge") => Ok(Directive::Merge),
        _ => Err(format!(
            "unknown patch strategy '{}'",
            crate::id::scalar_text(value)
        )),
    }
}

fn without_directive(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => {
            let rest: Map<String, Value> = map
                .iter()
                .filter(|(k, _)| *k != DIRECTIVE)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            Value::Object(rest)
        }
        other => other.clone(),
    }
}
