//! Variables: `$(NAME)` in the fields that may hold one.

use crate::budget::{Budget, size};
use crate::config::Config;
use crate::error::KustomizeError;
use crate::fields::{self, Create};
use crate::id::{Gvk, ResId};
use crate::kustomization::Var;
use crate::path;
use crate::resmap::ResMap;
use argosy_object::Value;
use std::collections::BTreeMap;

/// The variables of a build so far, by name.
pub(crate) type Vars = BTreeMap<String, Var>;

/// Adds variables, and notes on the objects which of them read it.
pub(crate) fn declare(
    known: &mut Vars,
    map: &mut ResMap,
    more: &[Var],
) -> Result<(), KustomizeError> {
    for var in more {
        let object = &var.objref;
        let gvk = if object.api_version.is_empty() {
            Gvk::new(&object.group, &object.version, &object.kind)
        } else {
            Gvk::of(&object.api_version, &object.kind)
        };
        let id = ResId {
            gvk,
            name: object.name.clone(),
            namespace: object.namespace.clone(),
        };
        let exact = !id.namespace.is_empty() || id.gvk.is_cluster_scoped();
        let found = map.by_any_id(|other| {
            if exact {
                other.same(&id)
            } else {
                other.name == id.name && other.gvk == id.gvk
            }
        });
        match found.as_slice() {
            [] => {}
            [at] => map.list[*at].variables.push(var.name.clone()),
            many => {
                return Err(KustomizeError::failed(format!(
                    "found {} resId matches for var {} (unable to disambiguate)",
                    many.len(),
                    var.name
                )));
            }
        }
    }
    merge(
        known,
        more.iter()
            .map(|v| (v.name.clone(), v.clone()))
            .collect::<Vec<_>>(),
    )
}

/// Adds variables of another layer.
pub(crate) fn merge(
    known: &mut Vars,
    more: impl IntoIterator<Item = (String, Var)>,
) -> Result<(), KustomizeError> {
    for (name, var) in more {
        if known.contains_key(&name) {
            return Err(KustomizeError::failed(format!(
                "var '{name}' already encountered"
            )));
        }
        known.insert(name, var);
    }
    Ok(())
}

/// Replaces the variables by what they read.
pub(crate) fn resolve(
    map: &mut ResMap,
    vars: &Vars,
    config: &Config,
) -> Result<(), KustomizeError> {
    if vars.is_empty() {
        return Ok(());
    }
    let mut values = BTreeMap::new();
    for (name, var) in vars {
        let Some(resource) = map.list.iter().find(|r| r.variables.contains(name)) else {
            return Err(KustomizeError::failed(format!(
                "var '{name}' cannot be mapped to a field in the set of known resources"
            )));
        };
        let field = match var.fieldref.field_path.as_str() {
            "" => "metadata.name",
            path => path,
        };
        let found = path::lookup(&resource.value, &path::split_indexed(field));
        let Some(value) = found else {
            return Err(KustomizeError::failed(format!(
                "field specified in var '{name}' not found in corresponding resource"
            )));
        };
        values.insert(name.clone(), value.clone());
    }
    for resource in &mut map.list {
        for spec in &config.var_reference {
            fields::each(&mut resource.value, spec, Create::Never, &mut |field| {
                let before = size(field);
                fill(field, &values, &map.budget)?;
                let after = size(field);
                let grown = after.saturating_sub(before);
                map.budget.spend(grown).map_err(|error| error.to_string())
            })?;
        }
    }
    Ok(())
}

fn fill(
    field: &mut Value,
    values: &BTreeMap<String, Value>,
    budget: &Budget,
) -> Result<(), String> {
    // One text may name a variable often: what that would give is known before it is made.
    let longest = values.values().map(size).max().unwrap_or(0);
    let uses = dollars(field);
    budget
        .check(uses.saturating_mul(longest))
        .map_err(|error| error.to_string())?;
    match field {
        Value::String(text) => *field = expand(text, values),
        Value::Object(map) => {
            for value in map.values_mut() {
                if let Value::String(text) = value {
                    *value = expand(text, values);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let Value::String(text) = item else {
                    return Err("invalid value type expect a string".to_owned());
                };
                *item = expand(text, values);
            }
        }
        _ => {}
    }
    Ok(())
}

fn dollars(field: &Value) -> usize {
    match field {
        Value::String(text) => text.matches("$(").count(),
        Value::Array(items) => items.iter().map(dollars).sum(),
        Value::Object(map) => map.values().map(dollars).sum(),
        _ => 0,
    }
}

/// Expands the variables in a text. A text that is one variable takes on its type.
///
/// Compat: `$$` is a dollar, `$(X` and `$x` stay, an unknown variable stays too.
fn expand(input: &str, values: &BTreeMap<String, Value>) -> Value {
    let mut out = String::new();
    let mut rest = input;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
            continue;
        }
        let Some((name, tail)) = after.strip_prefix('(').and_then(|a| a.split_once(')')) else {
            out.push('$');
            rest = after;
            continue;
        };
        match values.get(name) {
            Some(Value::String(text)) => out.push_str(text),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => {
                if input.len() == name.len() + 3 {
                    return value.clone();
                }
                out.push_str(&crate::id::scalar_text(value));
            }
            _ => out.push_str(&format!("$({name})")),
        }
        rest = tail;
    }
    out.push_str(rest);
    Value::String(out)
}

#[cfg(test)]
mod tests {
    use super::expand;
    use argosy_object::{Value, json};

    #[test]
    fn variables_keep_their_type_when_alone() {
        let values = [
            ("N", json!(80)),
            ("S", json!("web")),
            ("M", json!({"a": 1})),
        ]
        .map(|(k, v)| (k.to_owned(), v))
        .into();
        for (input, output) in [
            ("$(N)", json!(80)),
            ("$(S):$(N)", json!("web:80")),
            ("$$(S) $(X) $(M) $(S $x $", json!("$(S) $(X) $(M) $(S $x $")),
            ("plain", Value::String("plain".into())),
        ] {
            assert_eq!(expand(input, &values), output, "{input}");
        }
    }
}
