//! OpenAPI documents, written from the type graph.

use crate::schemas::Schemas;
use argosy_object::Value;

/// The group versions that have an OpenAPI v3 document, as paths (`api/v1`, `apis/apps/v1`).
pub fn openapi_v3_paths(schemas: &Schemas) -> Vec<String> {
    let _ = schemas;
    Vec::new()
}

/// The OpenAPI v3 document of one path of [`openapi_v3_paths`], without descriptions.
pub fn openapi_v3(schemas: &Schemas, path: &str) -> Option<Value> {
    let _ = (schemas, path);
    None
}

/// The OpenAPI v2 document, without descriptions.
pub fn openapi_v2(schemas: &Schemas) -> Value {
    let _ = schemas;
    Value::Null
}

/// The OpenAPI v2 document as gnostic's protobuf, which is the only form kubectl asks for
/// (`application/com.github.proto-openapi.spec.v2@v1.0+protobuf`).
pub fn openapi_v2_protobuf(schemas: &Schemas) -> Vec<u8> {
    let _ = schemas;
    Vec::new()
}
