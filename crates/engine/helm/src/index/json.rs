//! An index in JSON, read entry by entry as the one in YAML is.

use std::fmt;

use argosy_object::{Value as Json, json};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Most charts of one index.
const MAX_CHARTS: usize = 50_000;

/// Takes an entry: the chart it stands under, and its value.
type Take<'t> = dyn FnMut(&str, Json) + 't;

/// Gives every entry to `take` and returns the names of charts and the API version.
pub(super) fn read(data: &[u8], take: &mut Take<'_>) -> Result<Json, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(data);
    let head = Document(take).deserialize(&mut json)?;
    json.end()?;
    Ok(head)
}

struct Document<'t, 'f>(&'t mut Take<'f>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let (mut version, mut names) = (Json::Null, Json::Null);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "apiVersion" => version = map.next_value()?,
                "entries" => names = map.next_value_seed(Charts(&mut *self.0))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(json!({"apiVersion": version, "entries": names}))
    }
}

struct Charts<'t, 'f>(&'t mut Take<'f>);

impl<'de> DeserializeSeed<'de> for Charts<'_, '_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Charts<'_, '_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("charts by name")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut names = argosy_object::Map::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Versions(&name, &mut *self.0))?;
            names.insert(name, Json::Null);
            if names.len() > MAX_CHARTS {
                return Err(A::Error::custom("too many charts"));
            }
        }
        Ok(Json::Object(names))
    }
}

struct Versions<'t, 'f>(&'t str, &'t mut Take<'f>);

impl<'de> DeserializeSeed<'de> for Versions<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Versions<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("versions of a chart")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(entry) = items.next_element::<Json>()? {
            (self.1)(self.0, entry);
        }
        Ok(())
    }
}
