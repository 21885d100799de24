//! Objects as they come, read no further than is needed.
//!
//! Most of what a watch tells a simulated cluster is the echo of its own writes, which only the
//! head of an object has to be read for; and a third of a pod is `managedFields`, which nobody
//! here looks at.

use argosy_object::{Map, Value};
use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;

/// An object of a watch whose head was read.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its head.
    pub head: Head,
    json: Bytes,
}

/// What says which state of which object this is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Head {
    /// Namespace, or empty.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Identity over time.
    pub uid: String,
    /// Which state.
    pub resource_version: String,
}

#[derive(serde::Deserialize)]
struct Headed {
    #[serde(default)]
    metadata: Head,
}

impl Told {
    /// Reads the head; `None` where the text is no object.
    pub fn read(json: Bytes) -> Option<Self> {
        let Headed { metadata } = serde_json::from_slice(&json).ok()?;
        Some(Self {
            head: metadata,
            json,
        })
    }

    /// Reads the rest.
    pub fn object(&self) -> Option<Value> {
        read(&self.json).ok()
    }
}

/// Reads an object without its `managedFields`.
pub fn read(json: &[u8]) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = Without::Metadata.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Where in the object we are.
#[derive(Clone, Copy)]
enum Without {
    /// At the object, whose `metadata` is entered.
    Metadata,
    /// In `metadata`, whose `managedFields` are left out.
    ManagedFields,
}

impl<'de> DeserializeSeed<'de> for Without {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Without {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            match (self, key.as_str()) {
                (Self::Metadata, "metadata") => {
                    let value = access.next_value_seed(Self::ManagedFields)?;
                    map.insert(key, value);
                }
                (Self::ManagedFields, "managedFields") => {
                    access.next_value::<IgnoredAny>()?;
                }
                _ => {
                    let value = access.next_value()?;
                    map.insert(key, value);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn managed_fields_of_the_object_alone_are_left_out() {
        let object = json!({"kind": "Pod", "spec": {"metadata": {"managedFields": [1]}},
            "metadata": {"name": "a", "uid": "u", "managedFields": [{"manager": "m"}]}});
        let told = Told::read(object.to_string().into()).unwrap();
        assert_eq!(
            (told.head.name.as_str(), told.head.uid.as_str()),
            ("a", "u")
        );
        let read = told.object().unwrap();
        assert_eq!(read["metadata"], json!({"name": "a", "uid": "u"}));
        assert_eq!(read["spec"], object["spec"]);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(Told::read(Bytes::from_static(b"[1]")).is_none());
        assert!(read(b"{\"metadata\": 3}").is_err());
        assert!(read(b"{} x").is_err());
    }
}
