//! Bodies into values: JSON with duplicate keys noticed, YAML, protobuf.

use crate::error::ApiError;
use argosy_object::{Map, Value};
use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

/// A body may be no larger.
pub(crate) const BODY_MAX: usize = 3 << 20;

/// Reads a body up to the limit.
pub(crate) async fn read_body(body: argosy_ports::Body) -> Result<Bytes, ApiError> {
    use http_body_util::BodyExt as _;
    // Boxed at once: the compiler cannot see through the adapters' error types otherwise.
    type Collecting = futures_util::future::BoxFuture<
        'static,
        Result<http_body_util::Collected<Bytes>, argosy_ports::BoxError>,
    >;
    let limited = http_body_util::Limited::new(body, BODY_MAX);
    let collecting: Collecting = Box::pin(limited.collect());
    match collecting.await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::new(
            413,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {BODY_MAX}"),
        )),
        Err(error) => Err(ApiError::bad_request(format!(
            "cannot read the body: {error}"
        ))),
    }
}

/// A value, and the paths of keys that stand twice.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub value: Value,
    /// Such as `spec.replicas` and `spec.ports[0].name`; the last value counts.
    pub duplicates: Vec<String>,
}

/// Reads JSON.
pub(crate) fn parse_json(bytes: &[u8]) -> Result<Parsed, serde_json::Error> {
    let duplicates = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Node {
        path: None,
        duplicates: &duplicates,
        order: None,
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Parsed {
        value,
        duplicates: duplicates.into_inner(),
    })
}

/// Reads YAML. JSON, which most clients send under YAML's name, goes the faster way.
pub(crate) fn parse_yaml(bytes: &[u8]) -> Result<Parsed, String> {
    if bytes.trim_ascii_start().first() == Some(&b'{')
        && let Ok(parsed) = parse_json(bytes)
    {
        return Ok(parsed);
    }
    let value = argosy_yaml::from_slice(bytes).map_err(|error| {
        // Ours begins with the place, which Go's has only within.
        let text = error.to_string();
        match text.find("yaml: ") {
            Some(at) => text[at..].to_owned(),
            None => text,
        }
    })?;
    Ok(Parsed {
        value,
        duplicates: Vec::new(),
    })
}

/// Writes a value as YAML.
pub(crate) fn to_yaml(value: &Value) -> String {
    argosy_yaml::to_string(value)
}

/// `DeleteOptions` out of protobuf with its envelope.
pub(crate) fn delete_options(bytes: &[u8]) -> Result<Value, argosy_schema::ProtobufError> {
    let envelope = argosy_schema::envelope(bytes)?;
    let broken = |at: usize| argosy_schema::ProtobufError::Broken(at, "DeleteOptions".into());
    let mut options = Map::new();
    for field in Fields::new(envelope.raw) {
        let (number, wire) = field.map_err(broken)?;
        match (number, wire) {
            (1, Wire::Number(seconds)) => {
                options.insert("gracePeriodSeconds".into(), (seconds as i64).into());
            }
            (2, Wire::Bytes(inner)) => {
                let mut preconditions = Map::new();
                for field in Fields::new(inner) {
                    match field.map_err(broken)? {
                        (1, Wire::Bytes(uid)) => preconditions.insert("uid".into(), text(uid)),
                        (2, Wire::Bytes(version)) => {
                            preconditions.insert("resourceVersion".into(), text(version))
                        }
                        _ => None,
                    };
                }
                options.insert("preconditions".into(), preconditions.into());
            }
            (3, Wire::Number(orphan)) => {
                options.insert("orphanDependents".into(), (orphan != 0).into());
            }
            (4, Wire::Bytes(policy)) => {
                options.insert("propagationPolicy".into(), text(policy));
            }
            (5, Wire::Bytes(value)) => {
                let list = options
                    .entry("dryRun")
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let Some(list) = list.as_array_mut() {
                    list.push(text(value));
                }
            }
            _ => {}
        }
    }
    Ok(Value::Object(options))
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// A field's content on the wire.
#[derive(Clone, Copy, Debug)]
enum Wire<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

/// The fields of a protobuf message, one after another.
struct Fields<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Fields<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn skip(&mut self, count: usize) -> Option<&'b [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Wire<'b>)> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => Wire::Bytes(self.skip(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.skip(length)?)
            }
            5 => Wire::Bytes(self.skip(4)?),
            _ => return None,
        };
        Some((tag >> 3, wire))
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Wire<'b>), usize>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let start = self.at;
        let field = self.field();
        if field.is_none() {
            self.at = self.bytes.len();
        }
        Some(field.ok_or(start))
    }
}

/// All paths of a body, each with its place; empty for what is no JSON.
pub(crate) fn paths_in_order(bytes: &[u8]) -> HashMap<String, usize> {
    let (duplicates, order) = (RefCell::default(), RefCell::default());
    let node = Node {
        path: None,
        duplicates: &duplicates,
        order: Some(&order),
    };
    let parsed = node.deserialize(&mut serde_json::Deserializer::from_slice(bytes));
    if parsed.is_ok() {
        order.into_inner()
    } else {
        HashMap::new()
    }
}

/// What Go's decoder would say of broken JSON.
pub(crate) fn go_error(bytes: &[u8], error: &serde_json::Error) -> String {
    crate::go_json::fault(bytes).unwrap_or_else(|| error.to_string())
}

/// Go's name of a JSON value's type.
pub(crate) fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The way to a node, from the leaf up.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}")?;
        }
        match self.step {
            Step::Key(key) if self.parent.is_some() => write!(f, ".{key}"),
            Step::Key(key) => f.write_str(key),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Duplicates told of one body at most.
const DUPLICATES_MAX: usize = 100;

#[derive(Clone, Copy)]
struct Node<'a> {
    path: Option<&'a Path<'a>>,
    duplicates: &'a RefCell<Vec<String>>,
    /// Where all paths are wanted: each with its place.
    order: Option<&'a RefCell<HashMap<String, usize>>>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let path = Path {
                parent: self.path,
                step: Step::Index(items.len()),
            };
            let node = Node {
                path: Some(&path),
                duplicates: self.duplicates,
                order: self.order,
            };
            match access.next_element_seed(node)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let path = Path {
                parent: self.path,
                step: Step::Key(&key),
            };
            if let Some(order) = self.order {
                let mut order = order.borrow_mut();
                let place = order.len();
                order.entry(path.to_string()).or_insert(place);
            }
            if map.contains_key(&key) {
                let mut duplicates = self.duplicates.borrow_mut();
                let text = path.to_string();
                if duplicates.len() < DUPLICATES_MAX && !duplicates.contains(&text) {
                    duplicates.push(text);
                }
            }
            let node = Node {
                path: Some(&path),
                duplicates: self.duplicates,
                order: self.order,
            };
            let value = access.next_value_seed(node)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// The start of a body, as upstream shows it in an error.
pub(crate) fn summary(bytes: &[u8]) -> String {
    const SHOWN: usize = 30;
    match bytes {
        [] => "<empty>".into(),
        [b'{', ..] if bytes.len() > SHOWN => {
            format!("{} ...", String::from_utf8_lossy(&bytes[..SHOWN]))
        }
        [b'{', ..] => String::from_utf8_lossy(bytes).into_owned(),
        _ if bytes.len() > SHOWN => format!("{} ...", hex::encode(&bytes[..SHOWN])),
        _ => hex::encode(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_are_named_by_path_and_the_last_counts() {
        let parsed = parse_json(br#"{"a":1,"s":{"p":[{"n":1,"n":2}]},"a":3}"#).unwrap();
        assert_eq!(parsed.duplicates, ["s.p[0].n", "a"]);
        assert_eq!(parsed.value["a"], 3);
        assert_eq!(parsed.value["s"]["p"][0]["n"], 2);
    }

    #[test]
    fn deep_and_trailing_input_is_refused() {
        assert!(parse_json(&b"[".repeat(100_000)).is_err());
        assert!(parse_json(b"{} x").is_err());
    }
}
