//! A request's body as an object of the expected kind.

use crate::call::{Call, FieldValidation, field_problems};
use crate::decode::{self, Parsed};
use crate::error::ApiError;
use argosy_object::{Gvk, Value};
use argosy_schema::KindSchema;
use bytes::Bytes;
use http::header;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    Yaml,
    Protobuf,
}

/// The media type of a body without parameters.
pub(super) fn content_type<'a>(call: &Call<'a>) -> &'a str {
    let header = call
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    header.unwrap_or("").split(';').next().unwrap_or("").trim()
}

pub(super) fn media(call: &Call<'_>) -> Result<Media, ApiError> {
    match content_type(call) {
        // Upstream takes a missing type for JSON.
        "" | "application/json" => Ok(Media::Json),
        "application/yaml" => Ok(Media::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(Media::Protobuf),
        _ => Err(unsupported(&[
            "application/json",
            "application/yaml",
            "application/vnd.kubernetes.protobuf",
        ])),
    }
}

/// 415.
pub(super) fn unsupported(accepted: &[&str]) -> ApiError {
    ApiError::new(
        415,
        "UnsupportedMediaType",
        format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        ),
    )
}

/// An object out of a body: of the expected kind, unknown fields gone.
pub(super) fn object(
    call: &mut Call<'_>,
    expected: &KindSchema,
    bytes: &Bytes,
    validation: FieldValidation,
) -> Result<Value, ApiError> {
    let kind = expected.gvk.kind.to_string();
    let Parsed {
        mut value,
        duplicates,
    } = parse(call, expected, bytes)?;
    let given = fill_kind(&mut value, &expected.gvk, bytes)?;
    check_kind(&given, &expected.gvk)?;
    check_shape(&value, &kind, &expected.gvk.version)?;
    let unknown = argosy_schema::prune(expected, &mut value);
    let version = expected.gvk.version.clone();
    call.judge_fields(validation, field_problems(&unknown, &duplicates), |text| {
        ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {text}"
        ))
    })?;
    Ok(value)
}

fn parse(call: &Call<'_>, expected: &KindSchema, bytes: &Bytes) -> Result<Parsed, ApiError> {
    let kind = &expected.gvk.kind;
    let unrecognized = |detail: String| {
        ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {detail} ({})",
            decode::summary(bytes)
        ))
    };
    match media(call)? {
        Media::Json => decode::parse_json(bytes).map_err(|error| {
            unrecognized(format!(
                "couldn't get version/kind; json parse error: {error}"
            ))
        }),
        Media::Yaml => decode::parse_yaml(bytes).map_err(|error| {
            unrecognized(format!(
                "couldn't get version/kind; json parse error: {error}"
            ))
        }),
        Media::Protobuf => {
            let envelope =
                argosy_schema::envelope(bytes).map_err(|error| unrecognized(error.to_string()))?;
            if envelope.content_type == "application/json" {
                return decode::parse_json(envelope.raw)
                    .map_err(|error| unrecognized(error.to_string()));
            }
            check_kind(&envelope.gvk, &expected.gvk)?;
            let value = argosy_schema::decode_protobuf(expected, bytes)
                .map_err(|error| unrecognized(error.to_string()))?;
            Ok(Parsed {
                value,
                duplicates: Vec::new(),
            })
        }
    }
}

/// Fills in `apiVersion` and `kind` where they are missing, as the typed decoder does, and
/// returns what the body says.
fn fill_kind(value: &mut Value, expected: &Gvk, bytes: &Bytes) -> Result<Gvk, ApiError> {
    let Some(map) = value.as_object_mut() else {
        return Err(ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get \
             version/kind; json parse error: json: cannot unmarshal into Go value of type struct \
             {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \
             \"json:\\\"kind,omitempty\\\"\" }} ({})",
            expected.kind,
            decode::summary(bytes)
        )));
    };
    for (field, text) in [
        ("apiVersion", expected.api_version()),
        ("kind", expected.kind.to_string()),
    ] {
        if map
            .get(field)
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
        {
            map.insert(field.into(), text.into());
        }
    }
    let text = |field: &str| map.get(field).and_then(Value::as_str).unwrap_or_default();
    Ok(Gvk::from_api_version(text("apiVersion"), text("kind")))
}

fn check_kind(given: &Gvk, expected: &Gvk) -> Result<(), ApiError> {
    if given.kind != expected.kind {
        return Err(ApiError::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: converting ({}).{} to ({}).{}: unknown conversion",
            given.kind,
            given.version,
            expected.kind,
            given.api_version(),
            given.kind,
            expected.api_version(),
            expected.kind
        )));
    }
    if given.group != expected.group || given.version != expected.version {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({}) does not match the expected API version ({})",
            given.api_version(),
            expected.api_version()
        )));
    }
    Ok(())
}

/// What every object must be, whatever its schema: `metadata` a mapping with texts in it.
fn check_shape(value: &Value, kind: &str, version: &str) -> Result<(), ApiError> {
    let wrong = |found: &Value, path: &str, want: &str| {
        Err(ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: json: cannot \
             unmarshal {} into Go struct field ObjectMeta.{path} of type {want}",
            go_kind(found)
        )))
    };
    let Some(meta) = value.get("metadata").filter(|meta| !meta.is_null()) else {
        return Ok(());
    };
    let Some(meta) = meta.as_object() else {
        return wrong(meta, "metadata", "v1.ObjectMeta");
    };
    for field in [
        "name",
        "namespace",
        "generateName",
        "uid",
        "resourceVersion",
    ] {
        if let Some(found) = meta
            .get(field)
            .filter(|found| !found.is_string() && !found.is_null())
        {
            return wrong(found, &format!("metadata.{field}"), "string");
        }
    }
    for field in ["labels", "annotations"] {
        match meta.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Object(map)) => {
                if let Some((_, found)) = map.iter().find(|(_, v)| !v.is_string() && !v.is_null()) {
                    return wrong(found, &format!("metadata.{field}"), "string");
                }
            }
            Some(found) => {
                return wrong(found, &format!("metadata.{field}"), "map[string]string");
            }
        }
    }
    for field in ["finalizers", "ownerReferences", "managedFields"] {
        if let Some(found) = meta
            .get(field)
            .filter(|found| !found.is_array() && !found.is_null())
        {
            return wrong(found, &format!("metadata.{field}"), "[]v1.X");
        }
    }
    Ok(())
}

fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
