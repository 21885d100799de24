//! `metadata.managedFields`: reading, writing, ordering.

use super::Operation;
use super::set::Set;
use argosy_object::{Map, Value};
use std::collections::BTreeMap;

/// Who a manager is; appliers keep their entry across versions, so theirs has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ManagerId {
    pub manager: String,
    pub operation: Operation,
    pub api_version: String,
    pub subresource: String,
}

impl ManagerId {
    pub fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let manager = if manager.is_empty() {
            "unknown"
        } else {
            manager
        };
        let api_version = if operation == Operation::Apply {
            ""
        } else {
            api_version
        };
        Self {
            manager: manager.to_owned(),
            operation,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }

    /// As conflict messages name a manager.
    pub fn display(&self) -> String {
        let mut out = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            out.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            out.push_str(&format!(" using {}", self.api_version));
        }
        out
    }
}

/// What a manager owns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub set: Set,
    pub api_version: String,
    pub time: Option<String>,
}

pub(super) type Managers = BTreeMap<ManagerId, Entry>;

/// The managedFields of an object; an error where they cannot be read.
pub(super) fn decode(object: &Value) -> Result<Managers, String> {
    let entries = object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array);
    let mut managers = Managers::new();
    for (at, entry) in entries.into_iter().flatten().enumerate() {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let operation = match text("operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err("operation must be `Apply` or `Update`".into()),
        };
        if text("apiVersion").is_empty() {
            return Err("apiVersion must not be empty".into());
        }
        match text("fieldsType") {
            "FieldsV1" => {}
            "" => return Err(format!("missing fieldsType in managed fields entry {at}")),
            other => {
                return Err(format!(
                    "invalid fieldsType {other:?} in managed fields entry {at}"
                ));
            }
        }
        let fields = entry
            .get("fieldsV1")
            .cloned()
            .unwrap_or_else(|| Value::Object(Map::new()));
        let set = Set::decode(&fields).map_err(|error| format!("error decoding set: {error}"))?;
        let api_version = text("apiVersion").to_owned();
        let mut id = ManagerId::new("", operation, &api_version, text("subresource"));
        text("manager").clone_into(&mut id.manager);
        let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
        managers.insert(
            id,
            Entry {
                set,
                api_version,
                time,
            },
        );
    }
    Ok(managers)
}

/// Whether a request asks to forget all owners: an empty list, or one empty entry.
pub(super) fn is_reset(object: &Value) -> bool {
    match object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
    {
        Some(entries) => {
            let empty = |entry: &Value| entry.as_object().is_some_and(Map::is_empty);
            entries.is_empty() || (entries.len() == 1 && empty(&entries[0]))
        }
        None => false,
    }
}

pub(super) fn strip(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// Writes managedFields, in upstream's order.
pub(super) fn encode(object: &mut Value, managers: &Managers) {
    strip(object);
    if managers.is_empty() {
        return;
    }
    let seconds = |entry: &Entry| {
        entry
            .time
            .as_deref()
            .and_then(crate::time::parse)
            .map_or(0, |(seconds, _)| seconds)
    };
    let mut sorted: Vec<(&ManagerId, &Entry)> = managers.iter().collect();
    sorted.sort_by(|(a, x), (b, y)| {
        let key = |id: &ManagerId, entry: &Entry| {
            (
                id.operation,
                seconds(entry),
                id.manager.clone(),
                entry.api_version.clone(),
                id.subresource.clone(),
            )
        };
        key(a, x).cmp(&key(b, y))
    });
    let written = sorted.into_iter().map(|(id, entry)| {
        let mut out = Map::new();
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() {
                out.insert(name.to_owned(), Value::String(value.to_owned()));
            }
        };
        put("manager", &id.manager);
        put(
            "operation",
            if id.operation == Operation::Apply {
                "Apply"
            } else {
                "Update"
            },
        );
        put("apiVersion", &entry.api_version);
        put("time", entry.time.as_deref().unwrap_or_default());
        put("fieldsType", "FieldsV1");
        put("subresource", &id.subresource);
        out.insert("fieldsV1".into(), entry.set.encode());
        Value::Object(out)
    });
    let written = Value::Array(written.collect());
    if let Some(object) = object.as_object_mut() {
        let metadata = object
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("managedFields".into(), written);
        }
    }
}
