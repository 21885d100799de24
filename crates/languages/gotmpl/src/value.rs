//! The values a template sees: Go's dynamic types, as far as templates can tell them apart.
//!
//! Copies are cheap: everything bigger than a number sits behind an `Arc`. A map is a handle, as
//! in Go: see [`MapRef`].

use std::borrow::Borrow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use argosy_object::Value as Json;

use crate::container::{List, MapRef};
use crate::func::FuncError;

/// A Go string: any bytes, mostly UTF-8. Ordered bytewise, as Go's `<` is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoStr(Arc<[u8]>);

impl GoStr {
    /// Wraps bytes as they are, valid UTF-8 or not.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, where the bytes are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text with each invalid sequence replaced by U+FFFD.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Length in bytes, as Go's `len`.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for GoStr {
    fn from(text: &str) -> Self {
        Self(Arc::from(text.as_bytes()))
    }
}

impl From<String> for GoStr {
    fn from(text: String) -> Self {
        Self(Arc::from(text.into_bytes()))
    }
}

impl From<Vec<u8>> for GoStr {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::from(bytes))
    }
}

impl Default for GoStr {
    fn default() -> Self {
        Self(Arc::from(&[][..]))
    }
}

impl Borrow<[u8]> for GoStr {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for GoStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lossy())
    }
}

impl fmt::Debug for GoStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.lossy())
    }
}

/// A Go `map[string]interface {}`: iteration order is Go's sorted order. A look-up by `&[u8]`
/// needs no allocation.
pub type Map = BTreeMap<GoStr, Value>;

/// A point in time with its zone. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoTime(Arc<jiff::Zoned>);

impl GoTime {
    /// Wraps a zoned time.
    pub fn new(time: jiff::Zoned) -> Self {
        Self(Arc::new(time))
    }

    /// The zoned time.
    pub fn zoned(&self) -> &jiff::Zoned {
        &self.0
    }
}

impl From<jiff::Zoned> for GoTime {
    fn from(time: jiff::Zoned) -> Self {
        Self::new(time)
    }
}

/// What a template can hold. The default is `nil`.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Go's nil interface.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int64`
    Int64(i64),
    /// `float64`
    Float(f64),
    /// `string`
    Str(GoStr),
    /// `[]byte`
    Bytes(Arc<[u8]>),
    /// `[]interface {}`, or a slice of another type (see [`List::elem`])
    List(List),
    /// `map[string]interface {}`, or a map of another type (see [`MapRef::elem`])
    Map(MapRef),
    /// `time.Time`
    Time(GoTime),
    /// `time.Duration`, in nanoseconds
    Duration(i64),
    /// A typed object of the caller's, with fields and methods.
    Host(Arc<dyn Host>),
}

/// A typed Go value with fields and methods, supplied by the caller (`.Files`, `.Capabilities`).
pub trait Host: Send + Sync + fmt::Debug {
    /// The field of this name, or `None` where the type has none.
    fn field(&self, name: &str) -> Option<Value>;

    /// Calls the method of this name, or returns `None` where the type has none.
    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>>;

    /// The Go type as errors and `%T` print it (`common.Capabilities`).
    fn go_type(&self) -> &str;

    /// The plain value this stands for where it is printed, ranged over, measured or compared
    /// (a struct's fields as a map, a named list as a list). `None`: it has none.
    fn plain(&self) -> Option<Value> {
        None
    }

    /// Whether the type is a struct (always true in a condition, never ranged over) and not a
    /// named map or list.
    fn is_struct(&self) -> bool {
        true
    }

    /// What `%v` prints, where the type has a `String` method.
    fn display(&self) -> Option<String> {
        None
    }
}

impl Value {
    /// A string value.
    pub fn str(text: impl Into<GoStr>) -> Self {
        Self::Str(text.into())
    }

    /// A list value.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(List::new(items))
    }

    /// A map value.
    pub fn map(map: Map) -> Self {
        Self::Map(MapRef::new(map))
    }

    /// Whether this is Go's nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The entry of a map, or `None` where this is no map or has no such key.
    pub fn get(&self, key: &str) -> Option<Value> {
        match self {
            Self::Map(map) => map.get(key.as_bytes()),
            _ => None,
        }
    }

    /// How much there is to walk in the value: one for every item, and one for every 16 bytes of
    /// text, counted up to `limit`. A value can share parts with itself, so that what takes
    /// little memory may be endless to print: check this before writing one out.
    pub fn weight(&self, limit: u64) -> u64 {
        self.weight_within(limit, MAX_DEPTH)
    }

    fn weight_within(&self, limit: u64, depth: usize) -> u64 {
        let Some(depth) = depth.checked_sub(1) else {
            return limit;
        };
        let mut total = 1;
        match self {
            Self::Str(text) => total += text.len() as u64 / 16,
            Self::Bytes(bytes) => total += bytes.len() as u64 / 16,
            Self::List(items) => {
                for item in items.iter() {
                    if total >= limit {
                        break;
                    }
                    total += item.weight_within(limit - total, depth);
                }
            }
            Self::Map(map) => {
                for (key, item) in map.snapshot().iter() {
                    if total >= limit {
                        break;
                    }
                    total += key.len() as u64 / 16 + item.weight_within(limit - total, depth);
                }
            }
            _ => {}
        }
        total
    }

    /// JSON as Kubernetes' unstructured objects hold it: whole numbers are `int64`, others
    /// `float64`.
    pub fn from_json(json: &Json) -> Self {
        Self::convert(json, &|number| match number.as_i64() {
            Some(int) => Self::Int64(int),
            None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
        })
    }

    /// JSON as `encoding/json` reads it into an `interface {}`: every number is `float64`.
    /// Helm's values and ApplicationSet parameters are this.
    pub fn from_json_floats(json: &Json) -> Self {
        Self::convert(json, &|number| {
            Self::Float(number.as_f64().unwrap_or(f64::NAN))
        })
    }

    fn convert(json: &Json, number: &dyn Fn(&serde_json::Number) -> Value) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Number(value) => number(value),
            Json::String(text) => Self::str(text.as_str()),
            Json::Array(items) => Self::list(
                items
                    .iter()
                    .map(|item| Self::convert(item, number))
                    .collect(),
            ),
            Json::Object(map) => Self::map(
                map.iter()
                    .map(|(key, item)| (GoStr::from(key.as_str()), Self::convert(item, number)))
                    .collect(),
            ),
        }
    }

    /// The value as JSON, by `encoding/json`'s rules: bytes in base64, durations as nanoseconds,
    /// times in RFC 3339, whole floats as whole numbers (as Go prints them), a host by its plain
    /// value, invalid UTF-8 replaced. NaN and infinities, which Go refuses, become null, and so
    /// does what lies deeper than 1000 levels or beyond ten million values: maps may hold
    /// themselves.
    pub fn to_json(&self) -> Json {
        self.to_json_within(MAX_DEPTH, &Cell::new(MAX_NODES))
    }

    fn to_json_within(&self, depth: usize, nodes: &Cell<usize>) -> Json {
        let (Some(depth), Some(left)) = (depth.checked_sub(1), nodes.get().checked_sub(1)) else {
            return Json::Null;
        };
        nodes.set(left);
        match self {
            Self::Nil => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Int(int) | Self::Int64(int) | Self::Duration(int) => Json::from(*int),
            Self::Float(float) => float_to_json(*float),
            Self::Str(text) => Json::String(text.lossy().into_owned()),
            Self::Bytes(bytes) => Json::String(base64(bytes)),
            Self::List(items) if items.is_nil_slice() => Json::Null,
            Self::List(items) => Json::Array(
                items
                    .iter()
                    .map(|item| item.to_json_within(depth, nodes))
                    .collect(),
            ),
            Self::Map(map) => Json::Object(
                map.snapshot()
                    .iter()
                    .map(|(key, item)| {
                        (key.lossy().into_owned(), item.to_json_within(depth, nodes))
                    })
                    .collect(),
            ),
            Self::Time(time) => Json::String(rfc3339_nano(time.zoned())),
            Self::Host(host) => host
                .plain()
                .map_or(Json::Null, |plain| plain.to_json_within(depth, nodes)),
        }
    }
}

/// How deep a value is followed: maps may hold themselves.
pub(crate) const MAX_DEPTH: usize = 1000;

/// How many values are followed: a map that holds itself twice doubles with each level.
const MAX_NODES: usize = 10_000_000;

fn float_to_json(float: f64) -> Json {
    // Go writes a whole float below 1e21 without a point; i64 covers what it covers exactly.
    if float.fract() == 0.0 && float.abs() < 9.0e15 && !(float == 0.0 && float.is_sign_negative()) {
        Json::from(float as i64)
    } else {
        serde_json::Number::from_f64(float).map_or(Json::Null, Json::Number)
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for index in 0..4 {
            if index <= chunk.len() {
                let sextet = (word >> (18 - 6 * index)) & 63;
                out.push(char::from(ALPHABET[sextet as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn rfc3339_nano(time: &jiff::Zoned) -> String {
    let text = time.strftime("%Y-%m-%dT%H:%M:%S%.f").to_string();
    if time.offset().is_zero() {
        return text + "Z";
    }
    text + &time.strftime("%:z").to_string()
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<f64> for Value {
    fn from(float: f64) -> Self {
        Self::Float(float)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::str(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::str(text)
    }
}

impl From<GoStr> for Value {
    fn from(text: GoStr) -> Self {
        Self::Str(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::list(items)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::map(map)
    }
}

impl From<GoTime> for Value {
    fn from(time: GoTime) -> Self {
        Self::Time(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn json_numbers_follow_the_chosen_flavour() {
        let json = json!({"a": 1, "b": 1.5});
        assert!(matches!(
            Value::from_json(&json).get("a"),
            Some(Value::Int64(1))
        ));
        assert!(matches!(
            Value::from_json_floats(&json).get("a"),
            Some(Value::Float(1.0))
        ));
        assert_eq!(Value::from_json_floats(&json).to_json(), json);
    }

    #[test]
    fn bytes_become_base64() {
        let texts: Vec<_> = [&b""[..], b"a", b"ab", b"abc", b"abcd"]
            .map(|bytes| Value::Bytes(Arc::from(bytes)).to_json())
            .into();
        assert_eq!(
            json!(texts),
            json!(["", "YQ==", "YWI=", "YWJj", "YWJjZA=="])
        );
    }
}
