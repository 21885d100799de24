//! `postBuild`: variables filled into each object's YAML.

use super::envsubst::{SubstituteError, expand};
use argosy_object::{Object, Value};
use argosy_yaml::{Dialect, Limits};
use std::collections::BTreeMap;

/// What a label or annotation of this name and the value `disabled` keeps variables out of.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// The variables of a Flux Kustomization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substitution {
    variables: BTreeMap<String, String>,
    /// A variable that is not there, and has no default, is an error.
    pub strict: bool,
    /// Objects are gone through even where there is no variable at all.
    pub always: bool,
}

impl Substitution {
    /// Collects variables: the data of `substituteFrom`'s objects, later ones over earlier, and
    /// over all the inline ones. Line ends are taken out of values.
    ///
    /// # Errors
    /// Where a name is none: a letter or `_`, then letters, digits and `_`.
    pub fn new<'v>(
        from: impl IntoIterator<Item = &'v BTreeMap<String, String>>,
        inline: &'v BTreeMap<String, String>,
    ) -> Result<Self, SubstituteError> {
        let mut variables = BTreeMap::new();
        for (name, value) in from.into_iter().chain([inline]).flatten() {
            if !is_name(name) {
                return Err(SubstituteError::Name(name.clone()));
            }
            variables.insert(name.clone(), value.replace('\n', ""));
        }
        Ok(Self {
            variables,
            ..Self::default()
        })
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Fills variables into one object. What is switched off by label or annotation stays as it is.
///
/// # Errors
/// Broken substitutions, in strict mode variables that are not there, and text that is no object
/// any more.
///
/// Compat: the text is what kustomize prints of the object, and it is read again as YAML 1.1: a
/// value that looks like a number or a boolean becomes one unless it is quoted.
pub fn substitute(object: &Object, with: &Substitution) -> Result<Object, SubstituteError> {
    let value = object.value();
    let switched_off = ["labels", "annotations"].iter().any(|field| {
        let text = value
            .get("metadata")
            .and_then(|m| m.get(field)?.get(SWITCH));
        text.and_then(Value::as_str) == Some("disabled")
    });
    if switched_off || (with.variables.is_empty() && !with.always) {
        return Ok(object.clone());
    }
    let text = argosy_yaml::to_string(value);
    let expanded = expand(&text, &|name| {
        let known = with.variables.get(name).map(String::as_str);
        if with.strict {
            known
        } else {
            known.or(Some(""))
        }
    })?;
    if expanded == text.as_bytes() {
        return Ok(object.clone());
    }
    let limits = Limits::default();
    let read = argosy_yaml::from_slice_with("the object", &expanded, &limits, Dialect::V2)
        .map_err(|error| SubstituteError::Yaml(error.text))?;
    let name = read.get("metadata").and_then(|m| m.get("name"));
    if read.get("kind").and_then(Value::as_str).is_none() || name.is_none_or(Value::is_null) {
        return Err(SubstituteError::NotAnObject);
    }
    Ok(Object::from_trusted(read))
}

#[cfg(test)]
mod tests {
    use super::{Substitution, substitute};
    use argosy_object::{Object, Value, json};
    use std::collections::BTreeMap;

    fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn object(data: Value, annotations: Value) -> Object {
        Object::from_trusted(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "annotations": annotations}, "data": data}))
    }

    #[test]
    fn inline_variables_win_and_lose_their_line_ends() {
        let (one, two) = (
            vars(&[("a", "1"), ("b", "1")]),
            vars(&[("b", "2\n"), ("c", "x")]),
        );
        let with = Substitution::new([&one, &two], &vars(&[("c", "3\n3")])).unwrap();
        let text = object(json!({"k": "<${a} ${b} ${c}>"}), json!({}));
        let done = substitute(&text, &with).unwrap();
        assert_eq!(done.value()["data"]["k"], "<1 2 33>");
    }

    #[test]
    fn values_become_what_they_look_like_unless_they_are_quoted() {
        let with = Substitution::new([], &vars(&[("n", "5"), ("b", "yes")])).unwrap();
        let done = substitute(&object(json!({"n": "${n}", "b": "${b}"}), json!({})), &with);
        assert_eq!(done.unwrap().value()["data"], json!({"n": 5, "b": true}));
    }

    #[test]
    fn objects_can_be_left_out() {
        let with = Substitution::new([], &vars(&[("a", "1")])).unwrap();
        let off = object(json!({"k": "${a}"}), json!({super::SWITCH: "disabled"}));
        assert_eq!(substitute(&off, &with).unwrap(), off);
        let none = Substitution::default();
        let plain = object(json!({"k": "${a} $$"}), json!({}));
        assert_eq!(substitute(&plain, &none).unwrap(), plain);
        let always = Substitution {
            always: true,
            ..none
        };
        assert_eq!(
            substitute(&plain, &always).unwrap().value()["data"]["k"],
            "$"
        );
    }

    #[test]
    fn strict_mode_names_what_is_missing() {
        let with = Substitution {
            strict: true,
            ..Substitution::new([], &vars(&[("a", "1")])).unwrap()
        };
        let missing = substitute(&object(json!({"k": "${nope}"}), json!({})), &with);
        assert_eq!(
            missing.unwrap_err().to_string(),
            "variable substitution failed: variable not set (strict mode): \"nope\""
        );
        let defaulted = object(json!({"k": "x${nope:=y}"}), json!({}));
        assert_eq!(
            substitute(&defaulted, &with).unwrap().value()["data"]["k"],
            "xy"
        );
        let bad = Substitution::new([], &vars(&[("a-b", "1")])).unwrap_err();
        assert!(
            bad.to_string().contains("'a-b' var name is invalid"),
            "{bad}"
        );
    }
}
