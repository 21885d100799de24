//! `ignoreApplicationDifferences`: fields of Applications that people may change.

use argosy_object::{Class, Classified, Object, Value};

/// Compiled rules of a set.
#[derive(Clone, Debug, Default)]
pub struct IgnoreRules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    /// The Application it is about; empty for all.
    name: String,
    paths: Vec<Vec<Part>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// A key, or an index where it is a number and stands in a list.
    Key(String),
    /// All items of a list, or all values of a mapping.
    All,
}

/// A rule that cannot be followed. Updating without it would put back what somebody wants left
/// alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// A jq expression that is more than a path.
    #[error(
        "`spec.ignoreApplicationDifferences[{index}].jqPathExpressions`: `{expression}` is more than a plain path, which is not supported yet"
    )]
    Expression {
        /// Index of the rule.
        index: usize,
        /// The expression.
        expression: String,
    },
    /// A pointer does not start with a slash.
    #[error(
        "`spec.ignoreApplicationDifferences[{index}].jsonPointers`: `{pointer}` does not start with `/`"
    )]
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
    /// Compiles the rules of a set.
    ///
    /// # Errors
    /// [`IgnoreError`] for the first that cannot be followed.
    pub fn of(set: &Object) -> Result<Self, IgnoreError> {
        let rules = set
            .pointer("/spec/ignoreApplicationDifferences")
            .and_then(Value::as_array);
        let rules = rules.into_iter().flatten().enumerate();
        rules
            .map(|(index, rule)| compile(index, rule))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Takes the ignored fields of an Application out of it.
    pub(crate) fn strip(&self, name: &str, app: &mut Value) {
        let about = self
            .0
            .iter()
            .filter(|rule| rule.name.is_empty() || rule.name == name);
        for path in about.flat_map(|rule| &rule.paths) {
            remove(app, path);
        }
    }

    /// Whether there is no rule.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn compile(index: usize, rule: &Value) -> Result<Rule, IgnoreError> {
    let list = |field: &str| {
        let items = rule
            .get(field)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        items
            .into_iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let mut paths = Vec::new();
    for pointer in list("jsonPointers") {
        let Some(rest) = pointer.strip_prefix('/') else {
            return Err(IgnoreError::Pointer { index, pointer });
        };
        let part = |part: &str| Part::Key(part.replace("~1", "/").replace("~0", "~"));
        paths.push(rest.split('/').map(part).collect());
    }
    for expression in list("jqPathExpressions") {
        match jq_path(&expression) {
            Some(path) => paths.push(path),
            None => return Err(IgnoreError::Expression { index, expression }),
        }
    }
    let name = rule
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Ok(Rule { name, paths })
}

/// Reads a jq path such as `.spec.source["helm"].parameters[0]` or `.spec.sources[].ref`.
fn jq_path(expression: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = expression.trim();
    if !rest.starts_with('.') {
        return None;
    }
    while !rest.is_empty() {
        let dotted = rest.strip_prefix('.');
        let body = dotted.unwrap_or(rest);
        if let Some(inner) = body.strip_prefix('[') {
            let end = inner.find(']')?;
            let text = inner[..end].trim();
            parts.push(match text {
                "" => Part::All,
                _ if text.bytes().all(|b| b.is_ascii_digit()) => Part::Key(text.into()),
                _ => {
                    let key = text.strip_prefix('"')?.strip_suffix('"')?;
                    if key.contains(['"', '\\']) {
                        return None;
                    }
                    Part::Key(key.into())
                }
            });
            rest = &inner[end + 1..];
            continue;
        }
        dotted?;
        if let Some(quoted) = body.strip_prefix('"') {
            let end = quoted.find('"')?;
            parts.push(Part::Key(quoted[..end].into()));
            rest = &quoted[end + 1..];
            continue;
        }
        let len = body
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count();
        if len == 0 || body.as_bytes()[0].is_ascii_digit() {
            return None;
        }
        parts.push(Part::Key(body[..len].into()));
        rest = &body[len..];
    }
    (!parts.is_empty()).then_some(parts)
}

fn remove(value: &mut Value, path: &[Part]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        match (value, first) {
            (Value::Object(map), Part::Key(key)) => drop(map.remove(key)),
            (Value::Array(items), Part::Key(key)) => {
                if let Some(index) = key.parse().ok().filter(|i: &usize| *i < items.len()) {
                    items.remove(index);
                }
            }
            (Value::Object(map), Part::All) => map.clear(),
            (Value::Array(items), Part::All) => items.clear(),
            _ => {}
        }
        return;
    }
    match (value, first) {
        (Value::Object(map), Part::Key(key)) => {
            if let Some(inner) = map.get_mut(key) {
                remove(inner, rest);
            }
        }
        (Value::Array(items), Part::Key(key)) => {
            if let Some(inner) = key.parse::<usize>().ok().and_then(|i| items.get_mut(i)) {
                remove(inner, rest);
            }
        }
        (Value::Object(map), Part::All) => map.values_mut().for_each(|inner| remove(inner, rest)),
        (Value::Array(items), Part::All) => items.iter_mut().for_each(|inner| remove(inner, rest)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_read_and_programs_are_not() {
        let key = |k: &str| Part::Key(k.into());
        assert_eq!(
            jq_path(".spec.a[0]"),
            Some(vec![key("spec"), key("a"), key("0")])
        );
        assert_eq!(
            jq_path(".spec.sources[].helm[\"x-y\"]"),
            Some(vec![
                key("spec"),
                key("sources"),
                Part::All,
                key("helm"),
                key("x-y")
            ])
        );
        for program in [
            ".a | .b",
            "select(.a)",
            ".a[] | select(.b == 1)",
            ".",
            "..a",
        ] {
            assert_eq!(jq_path(program), None, "{program}");
        }
    }
}
