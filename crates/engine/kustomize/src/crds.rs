//! `crds`: OpenAPI documents whose fields say that they hold names, labels or annotations.

use crate::config::{Config, NameReference};
use crate::error::KustomizeError;
use crate::fields::FieldSpec;
use argosy_object::{Map, Value};

/// How deep references between types are followed.
const MAX_DEPTH: usize = 32;

/// Adds the fields that a document describes.
pub(crate) fn extend(config: &mut Config, file: &str, bytes: &[u8]) -> Result<(), KustomizeError> {
    let limits = argosy_yaml::Limits::default();
    let value = argosy_yaml::from_slice_with(file, bytes, &limits, argosy_yaml::Dialect::V2)?;
    let Value::Object(types) = value else {
        return Err(KustomizeError::invalid(
            file,
            "unable to parse open API definition",
        ));
    };
    for (name, ty) in &types {
        let properties = properties(ty);
        let whole = ["kind", "apiVersion", "metadata"]
            .iter()
            .all(|f| properties.is_some_and(|p| p.contains_key(*f)));
        if whole {
            let kind = name.rsplit('.').next().unwrap_or(name);
            let mut found = Config::default();
            walk(&mut found, kind, &types, name, &mut Vec::new())?;
            config.merge(found)?;
        }
    }
    Ok(())
}

fn properties(ty: &Value) -> Option<&Map<String, Value>> {
    ty.get("Schema")?.get("properties")?.as_object()
}

fn walk(
    config: &mut Config,
    kind: &str,
    types: &Map<String, Value>,
    name: &str,
    path: &mut Vec<String>,
) -> Result<(), KustomizeError> {
    let Some(properties) = types
        .get(name)
        .and_then(properties)
        .filter(|_| path.len() < MAX_DEPTH)
    else {
        return Ok(());
    };
    for (field, property) in properties {
        path.push(field.clone());
        let text = |key: &str| property.get(key).and_then(Value::as_str);
        let spec = |path: &[String]| FieldSpec {
            kind: kind.to_owned(),
            path: path.join("/"),
            ..FieldSpec::default()
        };
        let mut found = Config::default();
        if text("x-kubernetes-annotation").is_some() {
            found.common_annotations.push(spec(path));
        }
        if text("x-kubernetes-label-selector").is_some() {
            found.common_labels.push(spec(path));
        }
        if text("x-kubernetes-identity").is_some() {
            found.name_prefix.push(spec(path));
        }
        let target =
            text("x-kubernetes-object-ref-api-version").zip(text("x-kubernetes-object-ref-kind"));
        if let Some((version, target)) = target {
            let key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
            path.push(key.to_owned());
            found.name_reference.push(NameReference {
                version: version.to_owned(),
                kind: target.to_owned(),
                referrers: vec![spec(path)],
                ..NameReference::default()
            });
            path.pop();
        }
        config.merge(found)?;
        if let Some(next) = text("$ref") {
            walk(config, kind, types, next, path)?;
        }
        path.pop();
    }
    Ok(())
}
