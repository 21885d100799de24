//! The scale subresource: one number and a selector, whatever the kind.

use super::patch::{PatchType, patch_error};
use super::update::{MODIFIED, TRIES, unnamed};
use super::write::{Replaced, WriteOptions, replace};
use super::{body, table};
use crate::call::{Call, FieldValidation};
use crate::decode;
use crate::error::{ApiError, FieldError};
use crate::meta;
use crate::negotiate::Reply;
use argosy_object::{Gvk, Map, Value, json};
use argosy_ports::Body;
use bytes::Bytes;

/// Where a kind keeps its numbers.
struct Paths {
    spec: Vec<String>,
    status: Vec<String>,
    /// Path of the selector: of its text in custom kinds, of the selector in built-in ones.
    selector: Option<Vec<String>>,
}

fn steps(path: &str) -> Vec<String> {
    path.split('.')
        .filter(|step| !step.is_empty())
        .map(str::to_owned)
        .collect()
}

fn paths(call: &Call<'_>) -> Result<Paths, ApiError> {
    if let Some(custom) = &call.served.kind.custom {
        let scale = custom
            .scale
            .as_ref()
            .ok_or_else(ApiError::unknown_resource)?;
        return Ok(Paths {
            spec: steps(&scale.spec_replicas),
            status: steps(&scale.status_replicas),
            selector: scale.label_selector.as_deref().map(steps),
        });
    }
    Ok(Paths {
        spec: steps("spec.replicas"),
        status: steps("status.replicas"),
        selector: Some(steps("spec.selector")),
    })
}

fn at<'v>(object: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(object, |at, step| at.get(step))
}

fn put(object: &mut Value, path: &[String], value: Value) {
    let mut place = object;
    for step in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let map = place.as_object_mut().expect("made a mapping just above");
        place = map.entry(step.clone()).or_insert(Value::Null);
    }
    *place = value;
}

/// The `Scale` of an object.
fn scale_of(object: &Value, paths: &Paths) -> Value {
    let number = |path: &[String]| at(object, path).and_then(Value::as_i64).unwrap_or(0);
    let mut metadata = Map::new();
    for field in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = meta::field(object, field) {
            metadata.insert(field.into(), value.clone());
        }
    }
    let mut spec = Map::new();
    let wished = number(&paths.spec);
    if wished != 0 {
        spec.insert("replicas".into(), wished.into());
    }
    let mut status = Map::new();
    status.insert("replicas".into(), number(&paths.status).into());
    let selector = paths.selector.as_ref().and_then(|path| at(object, path));
    if let Some(text) = selector
        .and_then(selector_text)
        .filter(|text| !text.is_empty())
    {
        status.insert("selector".into(), text.into());
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec,
        "status": status})
}

/// A selector as text.
fn selector_text(selector: &Value) -> Option<String> {
    if let Some(text) = selector.as_str() {
        return Some(text.into());
    }
    let map = selector.as_object()?;
    let pairs = |map: &Map<String, Value>| -> Vec<String> {
        map.iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
            .collect()
    };
    let labelled = map.contains_key("matchLabels") || map.contains_key("matchExpressions");
    if !labelled {
        return Some(pairs(map).join(","));
    }
    let mut parts = map
        .get("matchLabels")
        .and_then(Value::as_object)
        .map(pairs)
        .unwrap_or_default();
    let expressions = map.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> = expression["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        parts.push(match expression["operator"].as_str()? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.into(),
            _ => format!("!{key}"),
        });
    }
    Some(parts.join(","))
}

pub(super) async fn serve(call: &mut Call<'_>, raw: Body) -> Result<Reply, ApiError> {
    let paths = paths(call)?;
    let bytes = decode::read_body(raw).await?;
    if call.info.verb == "get" {
        let object = call.load(&call.info.name)?;
        return Ok(table_or(call, scale_of(&object, &paths)));
    }
    let dry_run = call.dry_run("UpdateOptions")?;
    let manager = call.manager("UpdateOptions")?;
    let options = WriteOptions {
        dry_run,
        manager: Some(manager),
        owned_as: Some("scale"),
    };
    let sent = if call.info.verb == "update" {
        let sent = read_scale(call, &bytes)?;
        if meta::text(&sent, "name").is_empty() {
            return Err(unnamed(&call.info.name));
        }
        Some(sent)
    } else {
        None
    };
    for _ in 0..TRIES {
        let old = call.load(&call.info.name)?;
        let before = scale_of(&old, &paths);
        let after = match &sent {
            Some(sent) => sent.clone(),
            None => patched(call, &before, &bytes)?,
        };
        let replicas = checked(call, &after)?;
        let version = meta::text(&after, "resourceVersion");
        let versioned = !version.is_empty() && version != "0";
        if versioned && version != meta::text(&old, "resourceVersion") {
            return Err(call.conflict(&call.info.name, MODIFIED));
        }
        let mut new = call.shown(old.clone())?;
        put(&mut new, &paths.spec, replicas.into());
        // The scale endpoint writes the specification; to the kind it is a plain update.
        let info = crate::request::RequestInfo {
            subresource: String::new(),
            ..call.info.clone()
        };
        let plain = Call {
            cluster: call.cluster,
            catalog: call.catalog.clone(),
            served: call.served.clone(),
            info: &info,
            query: call.query,
            headers: call.headers,
            format: call.format,
            now: call.now,
            warnings: Vec::new(),
            is_head: false,
        };
        match replace(&plain, &old, new, &options).await? {
            Replaced::Done(object) => return Ok(table_or(call, scale_of(&object, &paths))),
            Replaced::Lost if versioned && call.info.verb == "update" => break,
            Replaced::Lost => {}
        }
    }
    Err(call.conflict(&call.info.name, MODIFIED))
}

fn table_or(call: &Call<'_>, scale: Value) -> Reply {
    match call.format.shape {
        crate::negotiate::Shape::Whole => Reply::ok(scale),
        _ => table::shape_scale(call, scale),
    }
}

fn read_scale(call: &mut Call<'_>, bytes: &Bytes) -> Result<Value, ApiError> {
    let gvk = Gvk::new("autoscaling", "v1", "Scale");
    match call.catalog.schemas.kind_arc(&gvk) {
        Some(kind) => body::object(call, &kind, bytes, FieldValidation::Ignore),
        None => decode::parse_json(bytes)
            .map(|parsed| parsed.value)
            .map_err(|error| ApiError::bad_request(error.to_string())),
    }
}

fn patched(call: &Call<'_>, before: &Value, bytes: &Bytes) -> Result<Value, ApiError> {
    let patch = decode::parse_json(bytes)
        .map_err(|error| ApiError::bad_request(error.to_string()))?
        .value;
    let kind = match body::content_type(call) {
        "application/json-patch+json" => PatchType::Json,
        "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
            PatchType::Merge
        }
        _ => {
            return Err(body::unsupported(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
            ]));
        }
    };
    if kind == PatchType::Json {
        return argosy_schema::json_patch(before, &patch).map_err(patch_error);
    }
    let mut after = before.clone();
    argosy_schema::merge_patch(&mut after, &patch);
    Ok(after)
}

fn checked(call: &Call<'_>, scale: &Value) -> Result<i64, ApiError> {
    let replicas = scale.pointer("/spec/replicas");
    let replicas = match replicas {
        None | Some(Value::Null) => 0,
        Some(value) => value.as_i64().ok_or_else(|| {
            ApiError::bad_request(
                "Scale in version \"v1\" cannot be handled as a Scale: spec.replicas is no number",
            )
        })?,
    };
    if replicas < 0 || replicas > i64::from(i32::MAX) {
        let detail = "must be greater than or equal to 0";
        let error = FieldError::invalid("spec.replicas", replicas, detail);
        return Err(ApiError::invalid(
            "autoscaling",
            "Scale",
            &call.info.name,
            &[error],
        ));
    }
    Ok(replicas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_become_text() {
        let selector = json!({"matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "c", "operator": "In", "values": ["d", "e"]},
                {"key": "f", "operator": "DoesNotExist"}]});
        assert_eq!(selector_text(&selector).unwrap(), "a=b,c in (d,e),!f");
        assert_eq!(selector_text(&json!({"a": "b"})).unwrap(), "a=b");
    }
}
