//! Fields that a person wants ignored.

use argosy_crds::IgnoreDifference;
use argosy_glob::Glob;
use argosy_object::{Class, Classified, Key, Value};

/// Rules that take fields out of a comparison.
#[derive(Clone, Debug, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    group: Glob,
    kind: Glob,
    name: String,
    namespace: String,
    pointers: Vec<Vec<String>>,
}

/// A rule that cannot be followed. Comparing without it would put back what somebody wants left
/// alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// The rule uses a language that is not there yet.
    #[error("`spec.ignoreDifferences[{index}].{field}` is not supported yet")]
    Unsupported {
        /// Index of the rule.
        index: usize,
        /// The field.
        field: &'static str,
    },
    /// A pointer does not start with a slash.
    #[error("`spec.ignoreDifferences[{index}].jsonPointers`: `{pointer}` does not start with `/`")]
    Pointer {
        /// Index of the rule.
        index: usize,
        /// The pointer.
        pointer: String,
    },
}

impl Classified for IgnoreError {
    fn class(&self) -> Class {
        Class::Stalled
    }
}

impl IgnoreRules {
    /// Compiles the rules of an application.
    ///
    /// # Errors
    /// [`IgnoreError`] for a rule that cannot be followed.
    pub fn new(rules: &[IgnoreDifference]) -> Result<Self, IgnoreError> {
        let rules = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| compile(index, rule));
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// Whether any rule is about this object.
    pub fn concern(&self, key: &Key) -> bool {
        self.rules.iter().any(|rule| rule.is_about(key))
    }

    /// Takes the ignored fields of an object out of a value of it.
    pub fn strip(&self, key: &Key, value: &mut Value) {
        for rule in self.rules.iter().filter(|rule| rule.is_about(key)) {
            for pointer in &rule.pointers {
                remove(value, pointer);
            }
        }
    }

    /// Sets the ignored fields of `desired` to what `live` has
    /// (`RespectIgnoreDifferences=true`).
    pub fn respect(&self, key: &Key, desired: &mut Value, live: &Value) {
        for rule in self.rules.iter().filter(|rule| rule.is_about(key)) {
            for pointer in &rule.pointers {
                match find(live, pointer) {
                    Some(own) => set(desired, pointer, own.clone()),
                    None => remove(desired, pointer),
                }
            }
        }
    }
}

fn compile(index: usize, rule: &IgnoreDifference) -> Result<Rule, IgnoreError> {
    for (list, field) in [
        (&rule.jq_path_expressions, "jqPathExpressions"),
        (&rule.managed_fields_managers, "managedFieldsManagers"),
    ] {
        if !list.is_empty() {
            return Err(IgnoreError::Unsupported { index, field });
        }
    }
    let pointer = |text: &String| {
        let parts = text.strip_prefix('/');
        let parts = parts.ok_or_else(|| IgnoreError::Pointer {
            index,
            pointer: text.clone(),
        })?;
        Ok(parts
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect())
    };
    Ok(Rule {
        group: Glob::new(&rule.group, None),
        kind: Glob::new(&rule.kind, None),
        name: rule.name.clone(),
        namespace: rule.namespace.clone(),
        pointers: rule
            .json_pointers
            .iter()
            .map(pointer)
            .collect::<Result<_, _>>()?,
    })
}

impl Rule {
    fn is_about(&self, key: &Key) -> bool {
        self.group.matches(&key.group)
            && self.kind.matches(&key.kind)
            && (self.name.is_empty() || *self.name == *key.name)
            && (self.namespace.is_empty() || self.namespace == key.namespace_or_empty())
    }
}

fn find<'v>(value: &'v Value, pointer: &[String]) -> Option<&'v Value> {
    pointer.iter().try_fold(value, |at, part| match at {
        Value::Object(map) => map.get(part),
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

fn remove(value: &mut Value, pointer: &[String]) {
    let Some((last, parents)) = pointer.split_last() else {
        return;
    };
    let Some(parent) = descend(value, parents) else {
        return;
    };
    match parent {
        Value::Object(map) => {
            map.remove(last);
        }
        Value::Array(list) => {
            if let Some(index) = last.parse().ok().filter(|index| *index < list.len()) {
                list.remove(index);
            }
        }
        _ => {}
    }
}

/// Sets a field where all its parents are there.
fn set(value: &mut Value, pointer: &[String], new: Value) {
    let Some((last, parents)) = pointer.split_last() else {
        return;
    };
    match descend(value, parents) {
        Some(Value::Object(map)) => {
            map.insert(last.clone(), new);
        }
        Some(Value::Array(list)) => {
            if let Some(slot) = last
                .parse()
                .ok()
                .and_then(|index: usize| list.get_mut(index))
            {
                *slot = new;
            }
        }
        _ => {}
    }
}

fn descend<'v>(value: &'v mut Value, parts: &[String]) -> Option<&'v mut Value> {
    parts.iter().try_fold(value, |at, part| match at {
        Value::Object(map) => map.get_mut(part),
        Value::Array(list) => list.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn rules(pointer: &str) -> IgnoreRules {
        IgnoreRules::new(&[IgnoreDifference {
            group: "apps".into(),
            kind: "*".into(),
            json_pointers: vec![pointer.into()],
            ..IgnoreDifference::default()
        }])
        .unwrap()
    }

    #[test]
    fn pointers_are_stripped_and_respected() {
        let key = Key::new("apps", "Deployment", Some("ns"), "web");
        let mut value =
            json!({"metadata": {"annotations": {"a/b": "x", "c": "d"}}, "spec": {"replicas": 2}});
        rules("/metadata/annotations/a~1b").strip(&key, &mut value);
        assert_eq!(value["metadata"]["annotations"], json!({"c": "d"}));
        rules("/spec/replicas").respect(&key, &mut value, &json!({"spec": {"replicas": 7}}));
        assert_eq!(value["spec"]["replicas"], 7);
    }

    #[test]
    fn jq_rule_is_an_error_and_not_silently_dropped() {
        let rule = IgnoreDifference {
            kind: "A".into(),
            jq_path_expressions: vec![".spec".into()],
            ..IgnoreDifference::default()
        };
        let error = IgnoreRules::new(&[rule]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`spec.ignoreDifferences[0].jqPathExpressions` is not supported yet"
        );
    }
}
