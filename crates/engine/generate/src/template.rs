//! Rendering objects: every string of a template, keys too.

use crate::params::Params;
use crate::render::{RenderFault, Renderer};
use argosy_object::{Map, Value};

/// The finalizer that cascades.
pub(crate) const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

/// How deep objects are followed.
const MAX_DEPTH: usize = 128;

/// Renders all strings of a value. Keys whose value is null vanish.
pub(crate) fn render_value(
    renderer: &Renderer,
    value: &Value,
    params: &Params,
) -> Result<Value, String> {
    walk(value, MAX_DEPTH, &|text| {
        renderer.replace(text, params, false)
    })
}

type Replace<'r> = dyn Fn(&str) -> Result<String, RenderFault> + 'r;

fn walk(value: &Value, depth: usize, replace: &Replace<'_>) -> Result<Value, String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(format!("the template nests deeper than {MAX_DEPTH} levels"));
    };
    Ok(match value {
        Value::String(text) => Value::String(replace(text).map_err(|fault| fault.text)?),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| walk(item, depth, replace))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => {
            let mut rendered = Map::new();
            for (key, item) in map.iter().filter(|(_, item)| !item.is_null()) {
                let key = replace(key).map_err(|fault| fault.text)?;
                rendered.insert(key, walk(item, depth, replace)?);
            }
            Value::Object(rendered)
        }
        other => other.clone(),
    })
}

/// Renders the second generator of a matrix with the first's parameters.
///
/// In `values`, a string that lacks a key is left as it is: the generator's own parameters may
/// still have it.
pub(crate) fn render_generator(
    renderer: &Renderer,
    entry: &Value,
    params: &Params,
) -> Result<Value, String> {
    let Value::Object(entry) = entry else {
        return Ok(entry.clone());
    };
    let mut rendered = Map::new();
    for (kind, generator) in entry {
        let mut plain = generator.clone();
        let values = plain.as_object_mut().and_then(|g| g.remove("values"));
        let mut generator = render_value(renderer, &plain, params)?;
        if let (Some(values), Value::Object(generator)) = (values, &mut generator) {
            generator.insert("values".into(), render_values(renderer, &values, params)?);
        }
        rendered.insert(kind.clone(), generator);
    }
    Ok(Value::Object(rendered))
}

fn render_values(renderer: &Renderer, values: &Value, params: &Params) -> Result<Value, String> {
    let Value::Object(values) = values else {
        return Ok(values.clone());
    };
    let mut rendered = Map::new();
    for (key, value) in values {
        let text = value.as_str().unwrap_or_default();
        let value = match renderer.replace(text, params, true) {
            Ok(text) => text,
            Err(fault) if fault.missing_key => text.to_owned(),
            Err(fault) => {
                return Err(format!(
                    "failed to pre-resolve Values key \"{key}\": {}",
                    fault.text
                ));
            }
        };
        rendered.insert(key.clone(), value.into());
    }
    Ok(Value::Object(rendered))
}

/// The parts of a template that go into an Application.
pub(crate) fn unrendered(template: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["annotations", "finalizers", "labels", "name", "namespace"] {
        let value = template.get("metadata").and_then(|m| m.get(field));
        if let Some(value) = value.filter(|v| !v.is_null()) {
            metadata.insert(field.into(), value.clone());
        }
    }
    let spec = template
        .get("spec")
        .cloned()
        .unwrap_or_else(|| Value::Object(Map::new()));
    let mut app = Map::new();
    app.insert("metadata".into(), Value::Object(metadata));
    app.insert("spec".into(), spec);
    Value::Object(app)
}

/// Renders an Application and gives it the finalizer that it should have. Without parameters
/// the template stays as it is.
pub(crate) fn render_application(
    renderer: &Renderer,
    template: &Value,
    params: &Params,
    preserve_resources: bool,
) -> Result<Value, String> {
    if params.is_empty() {
        return Ok(template.clone());
    }
    let mut app = render_value(renderer, template, params)?;
    let has_finalizers = app
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty());
    if !has_finalizers
        && !preserve_resources
        && let Some(metadata) = app.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.insert(
            "finalizers".into(),
            vec![Value::from(RESOURCES_FINALIZER)].into(),
        );
    }
    Ok(app)
}
