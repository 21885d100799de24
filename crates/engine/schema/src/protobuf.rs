//! Reading Kubernetes' protobuf, which kubectl and typed clients send for some requests.
//!
//! Field numbers stand in the type graph. Fields of a message that Go inlines carry the numbers
//! on the way to them, so a message is decoded straight into its flat JSON form.

use crate::error::ProtobufError;
use crate::kind::KindSchema;
use crate::quantity::Quantity;
use crate::time::format_seconds;
use crate::types::{ObjectType, Scalar, Shape, TypeId, Types};
use argosy_object::{Gvk, Map, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PREFIX: &[u8] = b"k8s\0";
/// Messages nest less deeply than this.
const MAX_DEPTH: usize = 100;
/// Values in one message, so that few bytes cannot become much memory.
const MAX_VALUES: usize = 4_000_000;

/// The `k8s\0` envelope (`runtime.Unknown`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'b> {
    /// What the message says it holds.
    pub gvk: Gvk,
    /// The message.
    pub raw: &'b [u8],
    /// `application/json` where `raw` is JSON, else empty.
    pub content_type: String,
}

/// Opens the envelope.
///
/// # Errors
/// [`ProtobufError`] where the prefix is missing or the bytes are broken.
pub fn envelope(bytes: &[u8]) -> Result<Envelope<'_>, ProtobufError> {
    let body = bytes.strip_prefix(PREFIX).ok_or(ProtobufError::NoPrefix)?;
    let mut reader = Reader::new(body, "runtime.Unknown");
    let (mut api_version, mut kind) = (String::new(), String::new());
    let mut raw: &[u8] = &[];
    let mut content_type = String::new();
    while let Some((number, wire)) = reader.tag()? {
        match (number, wire) {
            (1, Wire::Bytes) => {
                let mut meta = Reader::new(reader.bytes()?, "runtime.TypeMeta");
                while let Some((number, wire)) = meta.tag()? {
                    match (number, wire) {
                        (1, Wire::Bytes) => api_version = meta.text()?,
                        (2, Wire::Bytes) => kind = meta.text()?,
                        (_, wire) => meta.skip(wire)?,
                    }
                }
            }
            (2, Wire::Bytes) => raw = reader.bytes()?,
            (4, Wire::Bytes) => content_type = reader.text()?,
            (_, wire) => reader.skip(wire)?,
        }
    }
    Ok(Envelope {
        gvk: Gvk::from_api_version(&api_version, &kind),
        raw,
        content_type,
    })
}

/// Reads a whole message with its envelope as the JSON form of `kind`.
///
/// The message's apiVersion is kept where it has one, so that DeleteOptions of any group can be
/// read with the one kind that describes them.
///
/// # Errors
/// [`ProtobufError`], also where the envelope names another kind.
pub fn decode_protobuf(kind: &KindSchema, bytes: &[u8]) -> Result<Value, ProtobufError> {
    if kind.is_custom() {
        return Err(ProtobufError::Unsupported(kind.gvk.to_string()));
    }
    let envelope = envelope(bytes)?;
    let named = &envelope.gvk.kind;
    if !named.is_empty() && *named != kind.gvk.kind {
        let found = envelope.gvk.to_string();
        return Err(ProtobufError::OtherKind(found, kind.gvk.to_string()));
    }
    if envelope.content_type == "application/json" {
        return serde_json::from_slice(envelope.raw)
            .map_err(|e| ProtobufError::Broken(e.column(), "json".into()));
    }
    let mut decoder = Decoder {
        types: &kind.types,
        values: 0,
    };
    let mut value = decoder.message(kind.root, envelope.raw, 0)?;
    if let Value::Object(map) = &mut value {
        let api_version = match envelope.gvk.api_version() {
            empty if empty.is_empty() => kind.gvk.api_version(),
            named => named,
        };
        map.insert("apiVersion".into(), api_version.into());
        map.insert("kind".into(), Value::String(kind.gvk.kind.to_string()));
    }
    Ok(value)
}

struct Decoder<'t> {
    types: &'t Types,
    values: usize,
}

type Decoded<T> = Result<T, ProtobufError>;

impl Decoder<'_> {
    fn message(&mut self, id: TypeId, bytes: &[u8], depth: usize) -> Decoded<Value> {
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return Err(ProtobufError::TooLarge("depth or number of values"));
        }
        let ty = self.types.get(id);
        match &ty.shape {
            Shape::Object(object) => {
                let mut map = Map::new();
                self.object(object, &ty.name, bytes, Path::default(), &mut map, depth)?;
                Ok(Value::Object(map))
            }
            Shape::Scalar(scalar) => scalar_message(*scalar, bytes),
            // A named slice or map is a message with its items in field 1.
            Shape::List { item, .. } => {
                let mut items = Vec::new();
                let mut reader = Reader::new(bytes, &ty.name);
                while let Some((number, wire)) = reader.tag()? {
                    if number == 1 {
                        items.push(self.value(*item, &mut reader, wire, depth + 1)?);
                    } else {
                        reader.skip(wire)?;
                    }
                }
                Ok(Value::Array(items))
            }
            _ => Ok(Value::Null),
        }
    }

    /// Decodes the fields of a message, and of those inlined below `path`.
    fn object(
        &mut self,
        object: &ObjectType,
        name: &str,
        bytes: &[u8],
        path: Path,
        map: &mut Map<String, Value>,
        depth: usize,
    ) -> Decoded<()> {
        let mut reader = Reader::new(bytes, name);
        while let Some((number, wire)) = reader.tag()? {
            let at = path.then(number);
            let found = object
                .fields
                .iter()
                .find(|f| f.proto != 0 && f.proto == at.0);
            if let Some(field) = found {
                let key = field.name.as_ref();
                match &self.types.get(field.ty).shape {
                    Shape::List { item, .. } => {
                        let item = *item;
                        let value = self.value(item, &mut reader, wire, depth + 1)?;
                        let list = map.entry(key).or_insert_with(|| Value::Array(Vec::new()));
                        if let Value::Array(items) = list {
                            items.push(value);
                        }
                    }
                    Shape::Map { value, .. } => {
                        let value = *value;
                        let (entry, value) = self.entry(value, &mut reader, wire, depth + 1)?;
                        let all = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
                        if let Value::Object(all) = all {
                            all.insert(entry, value);
                        }
                    }
                    _ => {
                        let value = self.value(field.ty, &mut reader, wire, depth + 1)?;
                        map.insert(key.to_owned(), value);
                    }
                }
            } else if wire == Wire::Bytes && object.fields.iter().any(|f| at.leads_to(f.proto)) {
                let inner = reader.bytes()?;
                self.object(object, name, inner, at, map, depth)?;
            } else {
                reader.skip(wire)?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        value: TypeId,
        reader: &mut Reader<'_>,
        wire: Wire,
        depth: usize,
    ) -> Decoded<(String, Value)> {
        if wire != Wire::Bytes {
            return Err(reader.broken());
        }
        let mut entry = Reader::new(reader.bytes()?, "map entry");
        let (mut key, mut decoded) = (String::new(), None);
        while let Some((number, wire)) = entry.tag()? {
            match (number, wire) {
                (1, Wire::Bytes) => key = entry.text()?,
                (2, wire) => decoded = Some(self.value(value, &mut entry, wire, depth)?),
                (_, wire) => entry.skip(wire)?,
            }
        }
        let decoded = match decoded {
            Some(decoded) => decoded,
            None => self.empty(value, depth)?,
        };
        Ok((key, decoded))
    }

    /// What no bytes mean.
    fn empty(&mut self, id: TypeId, depth: usize) -> Decoded<Value> {
        Ok(match &self.types.get(id).shape {
            Shape::Scalar(Scalar::String | Scalar::Bytes) => Value::String(String::new()),
            Shape::Scalar(Scalar::Int32 | Scalar::Int64) => Value::from(0),
            Shape::Scalar(Scalar::Bool) => Value::Bool(false),
            _ => self.message(id, &[], depth)?,
        })
    }

    fn value(
        &mut self,
        id: TypeId,
        reader: &mut Reader<'_>,
        wire: Wire,
        depth: usize,
    ) -> Decoded<Value> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(ProtobufError::TooLarge("number of values"));
        }
        let shape = &self.types.get(id).shape;
        Ok(match (shape, wire) {
            (Shape::Scalar(Scalar::Bool), Wire::Varint) => Value::Bool(reader.varint()? != 0),
            (Shape::Scalar(Scalar::Int32), Wire::Varint) => {
                Value::from(i64::from(reader.varint()? as i32))
            }
            (Shape::Scalar(_), Wire::Varint) => Value::from(reader.varint()? as i64),
            (Shape::Scalar(Scalar::Float), Wire::Fixed64) => {
                Value::from(f64::from_le_bytes(reader.take()?))
            }
            (Shape::Scalar(Scalar::Float), Wire::Fixed32) => {
                Value::from(f64::from(f32::from_le_bytes(reader.take()?)))
            }
            (Shape::Scalar(Scalar::String), Wire::Bytes) => Value::String(reader.text()?),
            (Shape::Scalar(Scalar::Bytes), Wire::Bytes) => {
                Value::String(STANDARD.encode(reader.bytes()?))
            }
            (_, Wire::Bytes) => {
                let bytes = reader.bytes()?;
                self.message(id, bytes, depth)?
            }
            _ => return Err(reader.broken()),
        })
    }
}

/// Scalars that are messages in protobuf.
fn scalar_message(scalar: Scalar, bytes: &[u8]) -> Decoded<Value> {
    let mut reader = Reader::new(bytes, "scalar");
    let (mut first, mut second, mut text, mut raw) = (0i64, 0i64, String::new(), None);
    while let Some((number, wire)) = reader.tag()? {
        match (number, wire) {
            (1, Wire::Varint) => first = reader.varint()? as i64,
            (2, Wire::Varint) => second = reader.varint()? as i64,
            (1, Wire::Bytes) => raw = Some(reader.bytes()?),
            (3, Wire::Bytes) => text = reader.text()?,
            (_, wire) => reader.skip(wire)?,
        }
    }
    let raw_text = || {
        raw.map(String::from_utf8_lossy)
            .unwrap_or_default()
            .into_owned()
    };
    Ok(match scalar {
        Scalar::Quantity => {
            let text = raw_text();
            let canonical = Quantity::parse(&text).map_or(text, |quantity| quantity.to_string());
            Value::String(canonical)
        }
        // A zero time is Go's year 1, which JSON writes as null; so is an empty message.
        Scalar::Time | Scalar::MicroTime if first == 0 && second == 0 => Value::Null,
        Scalar::Time => Value::String(format_seconds(first)),
        Scalar::MicroTime => {
            let seconds = format_seconds(first);
            let seconds = seconds.trim_end_matches('Z');
            Value::String(format!(
                "{seconds}.{:06}Z",
                second.clamp(0, 999_999_999) / 1000
            ))
        }
        Scalar::Duration => Value::String(go_duration(first)),
        Scalar::IntOrString if first == 1 => Value::String(text),
        Scalar::IntOrString => Value::from(second),
        Scalar::RawExtension | Scalar::FieldsV1 | Scalar::Json => match raw {
            Some(raw) => serde_json::from_slice(raw)
                .map_err(|error| ProtobufError::Broken(error.column(), "raw json".into()))?,
            None => Value::Null,
        },
        _ => Value::Null,
    })
}

/// A duration of nanoseconds as Go prints it.
fn go_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let fraction = |value: u64, unit: u64, name: &str| {
        let rest = format!("{:0width$}", value % unit, width = unit.ilog10() as usize);
        let rest = rest.trim_end_matches('0');
        let dot = if rest.is_empty() || unit == 1 {
            String::new()
        } else {
            format!(".{rest}")
        };
        format!("{}{dot}{name}", value / unit)
    };
    let text = match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => fraction(nanos, 1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(nanos, 1_000_000, "ms"),
        _ => {
            let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
            let seconds = fraction(rest, 1_000_000_000, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    };
    format!("{sign}{text}")
}

/// Field numbers on the way into inlined messages, one a byte, outermost lowest.
#[derive(Clone, Copy, Default)]
struct Path(u32, u32);

impl Path {
    fn then(self, number: u32) -> Self {
        if number > 255 || self.1 > 24 {
            return Self(u32::MAX, 32);
        }
        Self(self.0 | number << self.1, self.1 + 8)
    }

    /// Whether a field's path goes on below this one.
    fn leads_to(self, proto: u32) -> bool {
        self.1 < 32 && proto >> self.1 != 0 && proto & ((1 << self.1) - 1) == self.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Varint,
    Fixed64,
    Bytes,
    Fixed32,
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    name: &'b str,
}

impl<'b> Reader<'b> {
    fn new(bytes: &'b [u8], name: &'b str) -> Self {
        Self { bytes, at: 0, name }
    }

    fn broken(&self) -> ProtobufError {
        ProtobufError::Broken(self.at, self.name.to_owned())
    }

    fn tag(&mut self) -> Decoded<Option<(u32, Wire)>> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Bytes,
            5 => Wire::Fixed32,
            _ => return Err(self.broken()),
        };
        let number = u32::try_from(tag >> 3).map_err(|_| self.broken())?;
        if number == 0 {
            return Err(self.broken());
        }
        Ok(Some((number, wire)))
    }

    fn varint(&mut self) -> Decoded<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or_else(|| self.broken())?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.broken())
    }

    fn take<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let end = self.at.checked_add(N).ok_or_else(|| self.broken())?;
        let bytes = self.bytes.get(self.at..end).ok_or_else(|| self.broken())?;
        self.at = end;
        bytes.try_into().map_err(|_| self.broken())
    }

    fn bytes(&mut self) -> Decoded<&'b [u8]> {
        let len = usize::try_from(self.varint()?).map_err(|_| self.broken())?;
        let end = self.at.checked_add(len).ok_or_else(|| self.broken())?;
        let bytes = self.bytes.get(self.at..end).ok_or_else(|| self.broken())?;
        self.at = end;
        Ok(bytes)
    }

    fn text(&mut self) -> Decoded<String> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.broken())
    }

    fn skip(&mut self, wire: Wire) -> Decoded<()> {
        match wire {
            Wire::Varint => self.varint().map(|_| ()),
            Wire::Fixed64 => self.take::<8>().map(|_| ()),
            Wire::Fixed32 => self.take::<4>().map(|_| ()),
            Wire::Bytes => self.bytes().map(|_| ()),
        }
    }
}
