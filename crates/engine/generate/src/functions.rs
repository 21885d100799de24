//! The functions an ApplicationSet's template may call: sprig's, less those that look outside,
//! and six of Argo CD's own.

use crate::render::GenerateEnv;
use argosy_gotmpl::{CallCx, FuncError, FuncTable, GoStr, Map, Value};
use std::sync::{Arc, LazyLock};

/// How deep `tpl` may call itself.
const MAX_TPL_DEPTH: usize = 3;

/// The table.
pub(crate) fn table() -> Arc<FuncTable> {
    static TABLE: LazyLock<Arc<FuncTable>> = LazyLock::new(|| {
        let table = argosy_sprig::functions()
            .clone()
            .without(&["env", "expandenv", "getHostByName"])
            .with_typed("normalize", "string", |_, a| {
                Ok(normalize(&string(a, 0)).into())
            })
            .with_typed("slugify", "...any", |_, a| slugify_call(a))
            .with_typed("toYaml", "any", to_yaml)
            .with_typed("fromYaml", "string", |cx, a| from_yaml(cx, a, Shape::Map))
            .with_typed("fromYamlArray", "string", |cx, a| {
                from_yaml(cx, a, Shape::List)
            })
            .with_typed("tpl", "string, any", tpl);
        Arc::new(table)
    });
    TABLE.clone()
}

fn string(args: &[Value], index: usize) -> String {
    match args.get(index) {
        Some(Value::Str(text)) => text.lossy().into_owned(),
        _ => String::new(),
    }
}

/// Makes a DNS name of anything: small letters, digits, `-` and `.`, at most 253 of them, trimmed
/// of `-` and `.` at the ends.
pub fn normalize(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let mut text: String = name
        .to_lowercase()
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .collect();
    text.truncate(253);
    text.trim_matches(['-', '.']).to_owned()
}

/// Makes a slug of anything: [`normalize`]d, dots and repeated dashes become one dash, and at
/// most `max` bytes are kept, cut at a dash where `smart`.
pub fn slugify(name: &str, max: usize, smart: bool) -> String {
    let mut text = normalize(name);
    if !smart && text.len() >= max {
        text.truncate(max);
    }
    let mut slug = String::with_capacity(text.len());
    for only in text.chars() {
        let only = if only == '.' { '-' } else { only };
        if only != '-' || !slug.ends_with('-') {
            slug.push(only);
        }
    }
    let slug = slug.trim_matches('-');
    if !smart || max == 0 || slug.len() <= max {
        return slug.to_owned();
    }
    let end = slug[..=max].rfind('-').unwrap_or(max);
    slug[..end].to_owned()
}

fn slugify_call(args: &[Value]) -> Result<Value, FuncError> {
    let wrong = |value: &Value, wanted: &str| {
        let found = match value {
            Value::Nil => "nil".to_owned(),
            other => argosy_gotmpl::gofmt::type_name(other).to_string(),
        };
        FuncError::new(format!(
            "interface conversion: interface {{}} is {found}, not {wanted}"
        ))
    };
    let (mut max, mut smart, mut name) = (50, true, String::new());
    for (index, arg) in args.iter().enumerate() {
        match (index, arg) {
            (i, Value::Str(text)) if i + 1 == args.len() => name = text.lossy().into_owned(),
            (i, other) if i + 1 == args.len() => return Err(wrong(other, "string")),
            (0, Value::Int(int)) => max = usize::try_from(*int).unwrap_or(0),
            (0, other) => return Err(wrong(other, "int")),
            (1, Value::Bool(flag)) => smart = *flag,
            (1, other) => return Err(wrong(other, "bool")),
            _ => {}
        }
    }
    Ok(slugify(&name, max, smart).into())
}

fn to_yaml(cx: &mut CallCx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let value = args.first().cloned().unwrap_or_default();
    const TOO_LARGE: u64 = 10_000_000;
    if value.weight(TOO_LARGE) >= TOO_LARGE {
        return Err(FuncError::limit("value is too large to be written"));
    }
    let text = argosy_yaml::to_string(&value.to_json());
    cx.charge(text.len() as u64)?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).into())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Map,
    List,
}

fn from_yaml(cx: &mut CallCx<'_>, args: &[Value], shape: Shape) -> Result<Value, FuncError> {
    let text = string(args, 0);
    cx.charge(text.len() as u64 * 4)?;
    let json = argosy_yaml::from_str(&text).map_err(|e| FuncError::new(e.to_string()))?;
    let value = Value::from_json_floats(&json);
    match (&value, shape) {
        (Value::Map(_), Shape::Map) | (Value::List(_), Shape::List) => Ok(value),
        (Value::Nil, Shape::Map) => Ok(Value::map(Map::new())),
        (Value::Nil, Shape::List) => Ok(Value::list(Vec::new())),
        (other, shape) => Err(FuncError::new(unmarshal_error(other, shape == Shape::Map))),
    }
}

/// What Go says of JSON of the wrong shape.
pub(crate) fn unmarshal_error(value: &Value, wants_map: bool) -> String {
    let found = match value {
        Value::Map(_) => "object",
        Value::List(_) => "array",
        Value::Bool(_) => "bool",
        Value::Str(_) => "string",
        _ => "number",
    };
    let wanted = if wants_map {
        "map[string]interface {}"
    } else {
        "[]interface {}"
    };
    format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type {wanted}"
    )
}

fn tpl(cx: &mut CallCx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let source = string(args, 0);
    let data = args.get(1).cloned().unwrap_or_default();
    let depth = |cx: &mut CallCx<'_>, change: isize| {
        let env = cx.env.as_any_mut().downcast_mut::<GenerateEnv>();
        env.map_or(0, |env| {
            env.tpl_depth = env.tpl_depth.saturating_add_signed(change);
            env.tpl_depth
        })
    };
    if depth(cx, 1) > MAX_TPL_DEPTH {
        depth(cx, -1);
        let text = format!("maximum recursion depth {MAX_TPL_DEPTH} exceeded in tpl function");
        return Err(FuncError::new(text));
    }
    let result = cx.execute_source(crate::render::TEMPLATE_NAME, &source, &data);
    depth(cx, -1);
    let out = result.map_err(|error| {
        let quoted = argosy_gotmpl::gofmt::sprintf("%q", &[source.as_str().into()]);
        let text = format!("error during tpl function execution for {quoted}: {error}");
        if error.is_limit() {
            FuncError::limit(text)
        } else {
            FuncError::new(text)
        }
    })?;
    Ok(Value::Str(GoStr::from(
        out.lossy().replace("<no value>", ""),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalized_as_upstream_does() {
        for (name, expected) in [
            ("My_App", "my-app"),
            ("-a..b--c.", "a..b--c"),
            ("Ü", ""),
            ("feature/ABC-1", "feature-abc-1"),
        ] {
            assert_eq!(normalize(name), expected);
        }
    }

    #[test]
    fn slugs_are_cut_at_a_dash_where_smart() {
        assert_eq!(slugify("feature/a..b_c", 50, true), "feature-a-b-c");
        assert_eq!(slugify("very-long-feature-name", 12, true), "very-long");
        assert_eq!(slugify("very-long-feature-name", 12, false), "very-long-fe");
        assert_eq!(slugify("abcdefghij", 4, true), "abcd");
    }
}
