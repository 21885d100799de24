//! Fields by dotted paths, as variables and replacements name them:
//! `spec.template.spec.containers.[name=web].env.0.value`.

use crate::fields::split;
use crate::id::scalar_text;
use crate::selector::pattern_of;
use argosy_object::{Map, Value};
use regex_automata::meta::Regex;

/// Splits a path at its dots; what stands in brackets is one part.
pub(crate) fn split_dotted(path: &str) -> Vec<String> {
    let mut parts = split(path, '.').into_iter();
    let mut out = Vec::new();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            out.push(part);
            continue;
        }
        let mut bracketed = part;
        for more in parts.by_ref() {
            bracketed.push('.');
            bracketed.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        if bracketed.contains('=') {
            out.push(bracketed);
        } else {
            out.push(bracketed.trim_matches(['[', ']']).to_owned());
        }
    }
    out
}

/// [`split_dotted`], with `ports[0]` as two parts.
pub(crate) fn split_indexed(path: &str) -> Vec<String> {
    let mut out = Vec::new();
    for part in split_dotted(path) {
        match part.split_once('[') {
            Some((name, index))
                if !name.is_empty()
                    && index
                        .strip_suffix(']')
                        .is_some_and(|i| i.parse::<usize>().is_ok()) =>
            {
                out.push(name.to_owned());
                out.push(index.trim_end_matches(']').to_owned());
            }
            _ => out.push(part),
        }
    }
    out
}

/// Field and value of a part such as `[name=web]`.
fn list_match(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

/// The value at a path.
pub(crate) fn lookup<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    let Some((first, rest)) = path.split_first() else {
        return Some(value);
    };
    let inner = match value {
        Value::Object(map) => map.get(first)?,
        Value::Array(items) => match (list_match(first), first.as_str()) {
            (Some(("", wanted)), _) => items.iter().find(|i| scalar_text(i) == wanted)?,
            (Some((field, wanted)), _) => items
                .iter()
                .find(|i| i.get(field).is_some_and(|v| scalar_text(v) == wanted))?,
            (None, "-") => items.last()?,
            (None, index) => items.get(index.parse::<usize>().ok()?)?,
        },
        _ => return None,
    };
    lookup(inner, rest)
}

/// What is made where a path leads nowhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Nothing,
    Scalar,
    Mapping,
    List,
}

impl Make {
    fn leaf(self) -> Value {
        match self {
            Self::Mapping => Value::Object(Map::new()),
            Self::List => Value::Array(Vec::new()),
            Self::Scalar | Self::Nothing => Value::Null,
        }
    }

    /// What a missing value before `next` is made as.
    fn before(self, next: Option<&String>) -> Value {
        match next.map(String::as_str) {
            None => self.leaf(),
            Some(part) if list_match(part).is_some() || part.parse::<usize>().is_ok() => {
                Value::Array(Vec::new())
            }
            Some(_) => Value::Object(Map::new()),
        }
    }
}

type Set<'f> = &'f mut dyn FnMut(&mut Value) -> Result<(), String>;

/// Calls `set` on every value that a path leads to, and says how many there were. Values in
/// brackets are regular expressions, `*` is every element; a text that holds YAML or JSON is
/// entered and written anew.
pub(crate) fn each(
    value: &mut Value,
    path: &[String],
    make: Make,
    set: Set<'_>,
) -> Result<usize, String> {
    let Some((first, rest)) = path.split_first() else {
        set(value)?;
        return Ok(1);
    };
    if let Value::String(text) = value {
        return structured(text, path, make, set);
    }
    if let Ok(index) = first.parse::<usize>() {
        let Value::Array(items) = value else {
            return match value {
                Value::Object(_) => field(value, first, rest, make, set),
                _ => Err("wrong node kind: expected a list".to_owned()),
            };
        };
        if items.len() == index && make != Make::Nothing {
            items.push(make.before(rest.first()));
        }
        let found = items.len();
        let Some(item) = items.get_mut(index) else {
            return Err(format!(
                "index {index} specified but only {found} elements found"
            ));
        };
        return each(item, rest, make, set);
    }
    if let Some((name, wanted)) = list_match(first) {
        let Value::Array(items) = value else {
            return Err("wrong node kind: expected a list".to_owned());
        };
        let pattern = pattern_of(wanted).map_err(|e| e.to_string())?;
        let found = matching(items, name, &pattern, rest, make, set)?;
        if found > 0 || make == Make::Nothing {
            return Ok(found);
        }
        let wanted = Value::String(wanted.to_owned());
        items.push(if name.is_empty() {
            wanted
        } else {
            Value::Object([(name.to_owned(), wanted)].into_iter().collect())
        });
        return matching(items, name, &pattern, rest, make, set);
    }
    if first == "*" {
        let Value::Array(items) = value else {
            return Err("wrong node kind: expected a list".to_owned());
        };
        let mut found = 0;
        for item in items {
            found += each(item, rest, make, set)?;
        }
        return Ok(found);
    }
    field(value, first, rest, make, set)
}

fn field(
    value: &mut Value,
    name: &str,
    rest: &[String],
    make: Make,
    set: Set<'_>,
) -> Result<usize, String> {
    if value.is_null() && make != Make::Nothing {
        *value = Value::Object(Map::new());
    }
    let Value::Object(map) = value else {
        return match value {
            Value::Null => Ok(0),
            _ => Err("wrong node kind: expected a mapping".to_owned()),
        };
    };
    if !map.contains_key(name) {
        if make == Make::Nothing {
            return Ok(0);
        }
        map.insert(name.to_owned(), make.before(rest.first()));
    }
    match map.get_mut(name) {
        Some(inner) => each(inner, rest, make, set),
        None => Ok(0),
    }
}

fn matching(
    items: &mut [Value],
    name: &str,
    pattern: &Regex,
    rest: &[String],
    make: Make,
    set: Set<'_>,
) -> Result<usize, String> {
    let mut found = 0;
    for item in items {
        let text = if name.is_empty() {
            Some(scalar_text(item))
        } else {
            item.get(name).map(scalar_text)
        };
        if text.is_some_and(|t| pattern.is_match(&t)) {
            // Elements that are scalars end the path.
            let rest = if name.is_empty() { &[] } else { rest };
            found += each(item, rest, make, set)?;
        }
    }
    Ok(found)
}

/// Enters a text that holds YAML or JSON.
fn structured(
    text: &mut String,
    path: &[String],
    make: Make,
    set: Set<'_>,
) -> Result<usize, String> {
    let limits = argosy_yaml::Limits::default();
    let dialect = argosy_yaml::Dialect::V3;
    let parsed = argosy_yaml::from_slice_with("", text.as_bytes(), &limits, dialect);
    let mut inner = match parsed {
        Ok(inner) if inner.is_object() || inner.is_array() => inner,
        Ok(_) => return Err("wrong node kind: expected a mapping".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let found = match each(&mut inner, path, make, set) {
        Ok(found) => found,
        // Upstream changes a copy then, and forgets it.
        Err(error) if error.starts_with(crate::replace::MISFIT) => return Ok(1),
        Err(error) => return Err(error),
    };
    if found > 0 {
        let json = text.trim_start().starts_with(['{', '[']);
        *text = if !json {
            argosy_yaml::to_string(&inner).trim().to_owned()
        } else if text.contains('\n') && text.contains("  ") {
            serde_json::to_string_pretty(&inner).map_err(|e| e.to_string())?
        } else {
            argosy_yaml::write_json_go(&inner)
        };
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn brackets_hold_dots_together() {
        assert_eq!(split_dotted("a.[name=b.c].d"), ["a", "[name=b.c]", "d"]);
        assert_eq!(split_dotted("a.[b.c].d"), ["a", "b.c", "d"]);
        assert_eq!(split_indexed("a[0].b"), ["a", "0", "b"]);
    }

    #[test]
    fn elements_are_made_and_texts_entered() {
        let mut value = json!({"l": [], "t": "{\"a\":{\"b\":1}}"});
        let mut put = |v: &mut Value| {
            *v = json!("x");
            Ok(())
        };
        let path = split_dotted("l.[name=n].v");
        assert_eq!(each(&mut value, &path, Make::Nothing, &mut put), Ok(0));
        assert_eq!(each(&mut value, &path, Make::Scalar, &mut put), Ok(1));
        assert_eq!(
            each(&mut value, &split_dotted("t.a.b"), Make::Nothing, &mut put),
            Ok(1)
        );
        assert_eq!(
            value,
            json!({"l": [{"name": "n", "v": "x"}], "t": "{\"a\":{\"b\":\"x\"}}"})
        );
    }
}
