//! Types from the OpenAPI definitions, joined with protobuf numbers.

use super::gotypes::GoTypes;
use super::kinds::Gvk;
use super::proto::{Messages, ProtoField};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The definition of each tagged kind.
pub fn roots(definitions: &BTreeMap<String, Value>) -> BTreeMap<Gvk, String> {
    let mut roots = BTreeMap::new();
    for (name, definition) in definitions {
        let tags = definition["x-kubernetes-group-version-kind"].as_array();
        for tag in tags.into_iter().flatten() {
            let part = |field: &str| tag[field].as_str().unwrap_or_default().to_owned();
            roots.insert((part("group"), part("version"), part("kind")), name.clone());
        }
    }
    roots
}

/// Collects types in the order they are met.
pub struct Writer<'a> {
    definitions: &'a BTreeMap<String, Value>,
    messages: &'a Messages,
    structs: &'a GoTypes,
    ids: BTreeMap<String, u32>,
    lines: Vec<String>,
}

impl<'a> Writer<'a> {
    pub fn new(
        definitions: &'a BTreeMap<String, Value>,
        messages: &'a Messages,
        structs: &'a GoTypes,
    ) -> Self {
        Self {
            definitions,
            messages,
            structs,
            ids: BTreeMap::new(),
            lines: Vec::new(),
        }
    }

    /// All types' lines.
    pub fn finish(self) -> String {
        self.lines.concat()
    }

    /// Adds an object type, and all that it uses, and returns its number.
    pub fn add(&mut self, name: &str) -> Result<u32> {
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        let id = u32::try_from(self.lines.len())?;
        self.ids.insert(name.to_owned(), id);
        self.lines.push(String::new());
        let definition = self
            .definitions
            .get(name)
            .with_context(|| format!("no {name}"))?;
        let proto = self.messages.fields(name);
        let atomic = definition["x-kubernetes-map-type"] == "atomic";
        let mut out = format!("T|{name}|{}|", if atomic { "a" } else { "" });
        out.push_str(&unions(definition));
        out.push('\n');
        let required: Vec<&str> = definition["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let empty = Map::new();
        let properties = definition["properties"].as_object().unwrap_or(&empty);
        for (field, schema) in properties {
            let ty = self.expression(schema)?;
            let number = proto
                .map(|p| self.number(p, field, properties))
                .unwrap_or_default();
            let _ = write!(out, "{field}|{number}|{ty}|");
            if required.contains(&field.as_str()) {
                out.push('!');
            }
            let is_object = ty.parse::<u32>().is_ok() || ty.starts_with('g');
            out.push_str(self.structs.mark(name, field, &ty, is_object));
            out.push_str(&patching(schema));
            if let Some(default) = real_default(schema, self.structs.is_pointer(name, field)) {
                let _ = write!(out, "|{default}");
            }
            out.push('\n');
        }
        self.lines[id as usize] = out;
        Ok(id)
    }

    fn expression(&mut self, schema: &Value) -> Result<String> {
        let reference = schema["$ref"]
            .as_str()
            .or_else(|| schema["allOf"][0]["$ref"].as_str());
        if let Some(reference) = reference {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return Ok(match special(name, &self.definitions[name]) {
                Some(code) => code.to_owned(),
                None if schema["x-kubernetes-map-type"] == "granular" => {
                    format!("g{}", self.add(name)?)
                }
                None => self.add(name)?.to_string(),
            });
        }
        Ok(match (schema["type"].as_str(), schema["format"].as_str()) {
            (Some("string"), Some("byte")) => "y".into(),
            (Some("string"), Some("date-time")) => "t".into(),
            (Some("string"), _) => "s".into(),
            (Some("integer"), Some("int32")) => "i".into(),
            (Some("integer"), _) => "l".into(),
            (Some("boolean"), _) => "b".into(),
            (Some("number"), _) => "f".into(),
            (Some("array"), _) => {
                let item = self.expression(&schema["items"])?;
                format!("{}{item}", list(schema))
            }
            (Some("object"), _) if schema["additionalProperties"].is_object() => {
                let value = self.expression(&schema["additionalProperties"])?;
                let atomic = schema["x-kubernetes-map-type"] == "atomic";
                format!("{}{value}", if atomic { "@" } else { "{" })
            }
            (Some("object"), _) => "{j".into(),
            (None, _) => "j".into(),
            other => bail!("unknown type {other:?} in {schema}"),
        })
    }

    /// The number of a field; for a field of an inlined message all numbers on the way.
    fn number(
        &self,
        message: &[ProtoField],
        name: &str,
        properties: &Map<String, Value>,
    ) -> String {
        let plain = |text: &str| -> String {
            text.chars()
                .filter(char::is_ascii_alphanumeric)
                .collect::<String>()
                .to_lowercase()
        };
        if let Some(found) = message.iter().find(|f| f.name == name) {
            return found.number.to_string();
        }
        if let Some(found) = message.iter().find(|f| plain(&f.name) == plain(name)) {
            return found.number.to_string();
        }
        for outer in message.iter().filter(|f| !properties.contains_key(&f.name)) {
            // A message that is no property of its own is a struct that Go's JSON inlines.
            if let Some(inner) = self.messages.message(&outer.ty) {
                let number = self.number(inner, name, properties);
                if !number.is_empty() {
                    return format!("{}.{number}", outer.number);
                }
            }
        }
        String::new()
    }
}

fn special(name: &str, definition: &Value) -> Option<&'static str> {
    Some(match name.rsplit('.').next()? {
        "Quantity" => "q",
        "IntOrString" => "x",
        "Time" => "t",
        "MicroTime" => "u",
        "Duration" => "d",
        "RawExtension" => "r",
        "FieldsV1" => "F",
        _ if definition["type"].is_null() => "j",
        _ => return None,
    })
}

fn list(schema: &Value) -> String {
    let keys = || -> String {
        let keys = schema["x-kubernetes-list-map-keys"].as_array();
        keys.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(",")
    };
    let merge = schema["x-kubernetes-patch-strategy"]
        .as_str()
        .unwrap_or_default();
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => "=".into(),
        Some("map") => format!(":{}:", keys()),
        Some(_) => "[".into(),
        None if merge.starts_with("merge") => match schema["x-kubernetes-patch-merge-key"].as_str()
        {
            Some(key) => format!(":{key}:"),
            None => "=".into(),
        },
        None => "[".into(),
    }
}

fn patching(schema: &Value) -> String {
    let mut out = String::new();
    for strategy in schema["x-kubernetes-patch-strategy"]
        .as_str()
        .unwrap_or_default()
        .split(',')
    {
        out.push_str(match strategy {
            "merge" => "m",
            "retainKeys" => "k",
            "replace" => "r",
            _ => "",
        });
    }
    if let Some(key) = schema["x-kubernetes-patch-merge-key"].as_str() {
        let _ = write!(out, "={key}");
    }
    out
}

/// OpenAPI gives every field that is no pointer its zero value as default; those say nothing.
fn real_default(schema: &Value, is_pointer: bool) -> Option<&Value> {
    let default = schema.get("default")?;
    if is_pointer && !default.is_object() {
        return Some(default);
    }
    let zero = match default {
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => true,
    };
    (!zero).then_some(default)
}

fn unions(definition: &Value) -> String {
    let unions = definition["x-kubernetes-unions"].as_array();
    let one = |union: &Value| {
        let fields = union["fields-to-discriminateBy"].as_object();
        let fields: Vec<String> = fields
            .into_iter()
            .flatten()
            .map(|(field, value)| format!("{field}={}", value.as_str().unwrap_or_default()))
            .collect();
        format!(
            "{}:{}",
            union["discriminator"].as_str().unwrap_or_default(),
            fields.join(",")
        )
    };
    unions
        .into_iter()
        .flatten()
        .map(one)
        .collect::<Vec<_>>()
        .join(";")
}
