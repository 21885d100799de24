//! Bodies into values: JSON with duplicate keys noticed, YAML, protobuf.

use crate::error::ApiError;
use argosy_object::{Map, Value};
use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::fmt;

/// A body may be no larger.
pub(crate) const BODY_MAX: usize = 3 << 20;

/// Reads a body up to the limit.
pub(crate) async fn read_body(body: argosy_ports::Body) -> Result<Bytes, ApiError> {
    use http_body_util::BodyExt as _;
    let limited = http_body_util::Limited::new(body, BODY_MAX);
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::new(
            413,
            "RequestEntityTooLarge",
            format!("Request entity is too large: limit is {BODY_MAX}"),
        )),
        Err(error) => Err(ApiError::bad_request(format!("cannot read the body: {error}"))),
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
    let value = Node { path: None, duplicates: &duplicates }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Parsed { value, duplicates: duplicates.into_inner() })
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
            let path = Path { parent: self.path, step: Step::Index(items.len()) };
            let node = Node { path: Some(&path), duplicates: self.duplicates };
            match access.next_element_seed(node)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let path = Path { parent: self.path, step: Step::Key(&key) };
            if map.contains_key(&key) {
                let mut duplicates = self.duplicates.borrow_mut();
                let text = path.to_string();
                if duplicates.len() < DUPLICATES_MAX && !duplicates.contains(&text) {
                    duplicates.push(text);
                }
            }
            let node = Node { path: Some(&path), duplicates: self.duplicates };
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
