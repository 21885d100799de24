//! The list generator: elements written out.

use super::{Cx, items, text};
use crate::error::Fault;
use crate::functions::unmarshal_error;
use crate::params::{Params, set};
use argosy_gotmpl::{MapRef, Value};
use argosy_object::Value as Json;

pub(super) fn params(cx: &Cx<'_>, generator: &Json) -> Result<Vec<Params>, Fault> {
    let mut sets = Vec::new();
    for element in items(generator, "elements") {
        sets.push(element_params(cx, element)?);
    }
    let yaml = text(generator, "elementsYaml");
    if !yaml.is_empty() {
        sets.extend(yaml_elements(yaml)?);
    }
    Ok(sets)
}

fn element_params(cx: &Cx<'_>, element: &Json) -> Result<Params, Fault> {
    let value = Value::from_json_floats(element);
    let map = match value {
        Value::Map(map) => map,
        Value::Nil => MapRef::default(),
        other => {
            let error = unmarshal_error(&other, true);
            return Err(Fault::params(format!(
                "error unmarshling list element {error}"
            )));
        }
    };
    if cx.renderer.go {
        return Ok(map);
    }
    // In the default mode an element holds text only.
    let not_text = || Fault::params("error parsing value as string %!w(<nil>)");
    let params = MapRef::default();
    for (key, value) in map.snapshot().iter() {
        match value {
            Value::Str(_) if key.as_bytes() != b"values" => {
                params.insert(key.clone(), value.clone());
            }
            Value::Map(values) if key.as_bytes() == b"values" => {
                for (key, value) in values.snapshot().iter() {
                    if !matches!(value, Value::Str(_)) {
                        return Err(not_text());
                    }
                    set(&params, &format!("values.{key}"), value.clone());
                }
            }
            _ if key.as_bytes() == b"values" => {
                return Err(Fault::params("error parsing values map"));
            }
            _ => return Err(not_text()),
        }
    }
    Ok(params)
}

fn yaml_elements(yaml: &str) -> Result<Vec<Params>, Fault> {
    let failed =
        |error: String| Fault::params(format!("error unmarshling decoded ElementsYaml {error}"));
    let json = argosy_yaml::from_str(yaml).map_err(|error| failed(error.to_string()))?;
    maps(&json).map_err(|wrong| failed(unmarshal_error(&Value::from_json_floats(wrong), true)))
}

/// A list of mappings as parameter sets; the error is what is no mapping.
pub(super) fn maps(json: &Json) -> Result<Vec<Params>, &Json> {
    let items = match json {
        Json::Null => &[][..],
        Json::Array(items) => items,
        other => return Err(other),
    };
    let map = |item| match Value::from_json_floats(item) {
        Value::Map(map) => Ok(map),
        Value::Nil => Ok(MapRef::default()),
        _ => Err(item),
    };
    items.iter().map(map).collect()
}
