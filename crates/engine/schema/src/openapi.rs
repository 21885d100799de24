//! OpenAPI documents, written from the type graph.
//!
//! They hold what clients act on — types, merge keys, list types, kinds, paths and their query
//! parameters — and no descriptions.

mod gnostic;
mod operations;
mod schema;

use crate::kind::KindSchema;
use crate::schemas::Schemas;
use argosy_object::{Map, Value, json};
use operations::Operation;
use schema::{Components, Flavour};
use std::collections::BTreeMap;

/// The group versions that have an OpenAPI v3 document, as paths (`api/v1`, `apis/apps/v1`).
pub fn openapi_v3_paths(schemas: &Schemas) -> Vec<String> {
    let mut paths = Vec::new();
    for (group, versions) in schemas.groups() {
        paths.extend(versions.iter().map(|version| group_path(group, version)));
    }
    paths
}

fn group_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// The OpenAPI v3 document of one path of [`openapi_v3_paths`], without descriptions.
pub fn openapi_v3(schemas: &Schemas, path: &str) -> Option<Value> {
    let kinds: Vec<&KindSchema> = schemas
        .kinds()
        .filter(|kind| group_path(&kind.gvk.group, &kind.gvk.version) == path)
        .collect();
    if kinds.is_empty() {
        return None;
    }
    let mut components = Components::new(Flavour::V3, schemas);
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for kind in kinds {
        components.add_kind(kind);
        for operation in operations::of(kind) {
            if let Some(body) = schemas.kind(&operation.body) {
                components.add_kind(body);
            }
            let item = paths.entry(operation.path.clone()).or_default();
            item.insert(
                "parameters".into(),
                Value::Array(operation.path_parameters()),
            );
            item.insert(
                operation.method.into(),
                v3_operation(&operation, &components),
            );
        }
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": components.finish()},
    }))
}

fn v3_operation(operation: &Operation, components: &Components<'_>) -> Value {
    let reference =
        |name: &str| json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
    let body = components.name_of(&operation.body);
    let response = if operation.list {
        format!("{body}List")
    } else {
        body.clone()
    };
    let parameter = |(name, ty): &(&str, &str)| json!({"in": "query", "name": name, "schema": {"type": ty, "uniqueItems": true}});
    let parameters: Vec<Value> = operation.query.iter().map(parameter).collect();
    let mut out = json!({
        "operationId": operation.id,
        "parameters": parameters,
        "responses": {"200": {"description": "OK",
            "content": {"application/json": reference(&response)}}},
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": gvk(operation),
    });
    let content: Map<String, Value> = match operation.method {
        "patch" => operation
            .patch_types()
            .iter()
            .map(|ty| ((*ty).to_owned(), reference(schema::PATCH)))
            .collect(),
        "post" | "put" => [("*/*".to_owned(), reference(&body))].into_iter().collect(),
        _ => Map::new(),
    };
    if !content.is_empty() {
        out["requestBody"] = json!({"required": true, "content": content});
    }
    out
}

fn gvk(operation: &Operation) -> Value {
    let gvk = &operation.kind;
    json!({"group": &*gvk.group, "version": &*gvk.version, "kind": &*gvk.kind})
}

/// The OpenAPI v2 document, without descriptions.
pub fn openapi_v2(schemas: &Schemas) -> Value {
    let mut components = Components::new(Flavour::V2, schemas);
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for kind in schemas.kinds() {
        components.add_kind(kind);
        for operation in operations::of(kind) {
            if let Some(body) = schemas.kind(&operation.body) {
                components.add_kind(body);
            }
            let item = paths.entry(operation.path.clone()).or_default();
            item.insert(
                operation.method.into(),
                v2_operation(&operation, &components),
            );
        }
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "definitions": components.finish(),
    })
}

fn v2_operation(operation: &Operation, components: &Components<'_>) -> Value {
    let body = components.name_of(&operation.body);
    let reference = |name: &str| json!({"$ref": format!("#/definitions/{name}")});
    let mut parameters: Vec<Value> = operation
        .query
        .iter()
        .map(|(name, ty)| json!({"in": "query", "name": name, "type": ty, "uniqueItems": true}))
        .collect();
    parameters.extend(operation.path_names().map(|name| {
        json!({"in": "path", "name": name, "type": "string", "required": true, "uniqueItems": true})
    }));
    let sent = if operation.method == "patch" {
        schema::PATCH
    } else {
        &body
    };
    if matches!(operation.method, "post" | "put" | "patch") {
        parameters.push(
            json!({"in": "body", "name": "body", "required": true, "schema": reference(sent)}),
        );
    }
    let response = if operation.list {
        format!("{body}List")
    } else {
        body.clone()
    };
    let consumes = match operation.method {
        "patch" => operation.patch_types().to_vec(),
        _ => vec!["*/*"],
    };
    json!({
        "operationId": operation.id,
        "consumes": consumes,
        "produces": ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"],
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "schema": reference(&response)}},
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": gvk(operation),
    })
}

/// The OpenAPI v2 document as gnostic's protobuf, which is the only form kubectl asks for
/// (`application/com.github.proto-openapi.spec.v2@v1.0+protobuf`).
pub fn openapi_v2_protobuf(schemas: &Schemas) -> Vec<u8> {
    gnostic::document(&openapi_v2(schemas))
}

#[cfg(test)]
mod tests;
