//! Label and field selectors, as `k8s.io/apimachinery` reads them.

use crate::error::ApiError;
use argosy_object::Value;

/// A label selector; empty selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Reads `a=b,c!=d,e in (f,g),!h,i`.
    ///
    /// # Errors
    /// 400 with what could not be read.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let fail = |detail: String| {
            ApiError::bad_request(format!("unable to parse requirement: {detail}"))
        };
        let mut requirements = Vec::new();
        for part in split_top(text) {
            let part = part.trim();
            if part.is_empty() {
                if text.trim().is_empty() {
                    continue;
                }
                let expected = if requirements.is_empty() {
                    "!, identifier, or 'end of string'"
                } else {
                    "identifier after ','"
                };
                return Err(ApiError::bad_request(format!(
                    "found ',', expected: {expected}"
                )));
            }
            // A second operator cannot follow a value.
            let value = part.find('=').map(|at| part[at..].trim_start_matches('='));
            if let Some(at) = value.and_then(|value| value.find(['=', '!'])) {
                let value = value.unwrap_or_default();
                let found = if value[at..].starts_with("==") {
                    "=="
                } else {
                    &value[at..=at]
                };
                return Err(ApiError::bad_request(format!(
                    "found '{found}', expected: ',' or 'end of string'"
                )));
            }
            requirements.push(Requirement::parse(part).map_err(fail)?);
        }
        Ok(Self(requirements))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object's labels fit.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.0.iter().all(|requirement| {
            requirement.matches(
                labels
                    .and_then(|l| l.get(&requirement.key))
                    .and_then(Value::as_str),
            )
        })
    }
}

/// Cuts at commas outside parentheses.
fn split_top(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

impl Requirement {
    fn parse(part: &str) -> Result<Self, String> {
        if let Some(key) = part.strip_prefix('!') {
            return Self::new(key.trim(), Test::Missing);
        }
        for (operator, negative) in [("!=", true), ("==", false), ("=", false)] {
            if let Some((key, value)) = part.split_once(operator) {
                let values = vec![check_value(value.trim())?];
                let test = if negative {
                    Test::NotIn(values)
                } else {
                    Test::In(values)
                };
                return Self::new(key.trim(), test);
            }
        }
        for operator in ['>', '<'] {
            if let Some((key, value)) = part.split_once(operator) {
                let number = value.trim().parse::<i64>().map_err(|_| {
                    format!("values[0][{}]: Invalid value: \"{}\": for 'Gt', 'Lt' operators, the value must be an integer", key.trim(), value.trim())
                })?;
                let test = if operator == '>' {
                    Test::Greater(number)
                } else {
                    Test::Less(number)
                };
                return Self::new(key.trim(), test);
            }
        }
        match part.split_once(char::is_whitespace) {
            None => Self::new(part, Test::Exists),
            Some((key, rest)) => Self::parse_set(key, rest.trim()),
        }
    }

    fn parse_set(key: &str, rest: &str) -> Result<Self, String> {
        let wrong = || format!("found '{rest}', expected: in, notin, =, ==, !=, gt, lt");
        let (negative, list) = match (rest.strip_prefix("notin"), rest.strip_prefix("in")) {
            (Some(list), _) => (true, list),
            (None, Some(list)) => (false, list),
            (None, None) => return Err(wrong()),
        };
        let list = list
            .trim()
            .strip_prefix('(')
            .and_then(|list| list.strip_suffix(')'))
            .ok_or_else(|| format!("found '{}' expected: '('", list.trim()))?;
        let values = list
            .split(',')
            .map(|value| check_value(value.trim()))
            .collect::<Result<_, _>>()?;
        Self::new(
            key,
            if negative {
                Test::NotIn(values)
            } else {
                Test::In(values)
            },
        )
    }

    fn new(key: &str, test: Test) -> Result<Self, String> {
        let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
        if name.is_empty() || name.len() > 63 || !name.chars().all(is_label_char) {
            return Err(format!(
                "<nil>: Invalid value: \"{key}\": name part must consist of alphanumeric \
                 characters, '-', '_' or '.', and must start and end with an alphanumeric \
                 character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
                 validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
            ));
        }
        Ok(Self {
            key: key.into(),
            test,
        })
    }

    fn matches(&self, label: Option<&str>) -> bool {
        let has = |values: &[String]| label.is_some_and(|l| values.iter().any(|v| v == l));
        let number = || label.and_then(|l| l.parse::<i64>().ok());
        match &self.test {
            Test::In(values) => has(values),
            Test::NotIn(values) => !has(values),
            Test::Exists => label.is_some(),
            Test::Missing => label.is_none(),
            Test::Greater(bound) => number().is_some_and(|n| n > *bound),
            Test::Less(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

fn is_label_char(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

fn check_value(value: &str) -> Result<String, String> {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let fits = value.len() <= 63
        && value.chars().all(is_label_char)
        && edge(value.chars().next())
        && edge(value.chars().last());
    if fits {
        return Ok(value.into());
    }
    Err(format!(
        "<nil>: Invalid value: \"{value}\": a valid label must be an empty string or consist of \
         alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
         character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
         '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    ))
}

/// A field selector; empty selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<FieldTest>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldTest {
    field: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Reads `a=b,c!=d`; `\\`, `\,` and `\=` are escapes.
    ///
    /// # Errors
    /// 400 with upstream's sentence.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut tests = Vec::new();
        for term in split_terms(text) {
            if term.is_empty() {
                continue;
            }
            let wrong = || {
                ApiError::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{term}'"
                ))
            };
            tests.push(FieldTest::parse(&term).ok_or_else(wrong)?);
        }
        Ok(Self(tests))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|test| test.field.as_str())
    }

    /// The value that `metadata.name` must have, where the selector demands one.
    pub fn exact_name(&self) -> Option<&str> {
        let test = self
            .0
            .iter()
            .find(|test| test.equal && test.field == "metadata.name")?;
        Some(&test.value)
    }

    /// Whether the fields, as `value_of` tells them, fit.
    pub fn matches(&self, value_of: impl Fn(&str) -> String) -> bool {
        self.0
            .iter()
            .all(|test| (value_of(&test.field) == test.value) == test.equal)
    }
}

impl FieldTest {
    fn parse(term: &str) -> Option<Self> {
        let at = term.find('=')?;
        let (left, right) = (&term[..at], &term[at + 1..]);
        let (field, equal) = match left.strip_suffix('!') {
            Some(field) => (field, false),
            None => (left, true),
        };
        let value = if equal {
            right.strip_prefix('=').unwrap_or(right)
        } else {
            right
        };
        Some(Self {
            field: field.trim().into(),
            value: unescape(value)?,
            equal,
        })
    }
}

/// Cuts at commas that no backslash escapes.
fn split_terms(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut escaped = false;
    for character in text.chars() {
        if character == ',' && !escaped {
            terms.push(String::new());
            continue;
        }
        escaped = character == '\\' && !escaped;
        if let Some(term) = terms.last_mut() {
            term.push(character);
        }
    }
    terms
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(next @ ('\\' | ',' | '=')) => out.push(next),
                _ => return None,
            },
            '=' | ',' => return None,
            other => out.push(other),
        }
    }
    Some(out)
}

/// The text at a dotted path: what a selectable field compares.
pub fn field_text(object: &Value, path: &str) -> String {
    let mut at = object;
    for step in path.split('.') {
        match at.get(step) {
            Some(next) => at = next,
            None => return String::new(),
        }
    }
    match at {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn selects(selector: &str, labels: &Value) -> bool {
        LabelSelector::parse(selector)
            .unwrap()
            .matches(&json!({"metadata": {"labels": labels}}))
    }

    #[test]
    fn label_requirements_are_joined() {
        let labels = json!({"app": "web", "tier": "1"});
        assert!(selects("app=web,tier in (1, 2),!gone", &labels));
        assert!(selects("app!=db,tier>0,other notin (a)", &labels));
        assert!(!selects("app,missing", &labels));
        assert!(selects("", &Value::Null));
        assert!(selects("app in (web,)", &labels));
    }

    #[test]
    fn broken_label_selectors_are_refused() {
        for broken in ["a b", "a in b", ",a", "a=b c", "=x", "a>b", "a=-"] {
            assert_eq!(
                LabelSelector::parse(broken).unwrap_err().code,
                400,
                "{broken}"
            );
        }
    }

    #[test]
    fn fields_compare_with_escapes() {
        let object = json!({"metadata": {"name": "a,b"}, "spec": {"x": true}});
        let fits = |text: &str| {
            FieldSelector::parse(text)
                .unwrap()
                .matches(|field| field_text(&object, field))
        };
        assert!(fits("metadata.name=a\\,b,spec.x==true"));
        assert!(fits("spec.gone=,spec.x!=false"));
        assert!(FieldSelector::parse("x").is_err());
    }
}
