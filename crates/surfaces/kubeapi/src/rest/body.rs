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
    let custom = expected.is_custom();
    let given = fill_kind(&mut value, &expected.gvk, bytes, custom)?;
    check_kind(call, &given, &expected.gvk)?;
    if custom {
        check_shape(&value, &kind, &expected.gvk.version)?;
    } else if let Some(detail) = argosy_schema::undecodable(expected, &value) {
        return Err(ApiError::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {kind}: {detail}",
            expected.gvk.version
        )));
    }
    let unknown = argosy_schema::prune(expected, &mut value);
    let version = expected.gvk.version.clone();
    call.judge_fields(
        validation,
        field_problems(&unknown, &duplicates, Some(bytes)),
        |text| {
            ApiError::bad_request(format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: {text}"
            ))
        },
    )?;
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
            let error = decode::go_error(bytes, &error);
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
            check_kind(call, &envelope.gvk, &expected.gvk)?;
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
fn fill_kind(
    value: &mut Value,
    expected: &Gvk,
    bytes: &Bytes,
    custom: bool,
) -> Result<Gvk, ApiError> {
    if !value.is_object() {
        return Err(ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get \
             version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct \
             {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \
             \"json:\\\"kind,omitempty\\\"\" }} ({})",
            expected.kind,
            decode::go_kind(value),
            decode::summary(bytes)
        )));
    }
    let map = value
        .as_object_mut()
        .expect("refused above where it is none");
    // Typed decoding fills in what is missing; custom objects must say what they are.
    let missing = [
        ("apiVersion", expected.api_version()),
        ("kind", expected.kind.to_string()),
    ];
    for (field, text) in missing.into_iter().filter(|_| !custom) {
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

fn check_kind(call: &Call<'_>, given: &Gvk, expected: &Gvk) -> Result<(), ApiError> {
    if given == expected {
        return Ok(());
    }
    let refused = |detail: String| {
        Err(ApiError::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {detail}",
            given.kind, given.version, expected.kind
        )))
    };
    let custom = call
        .catalog
        .schemas
        .kind(expected)
        .is_some_and(KindSchema::is_custom);
    if custom {
        // Custom objects are read as they are, whatever they say they are.
        let given = if given.version.is_empty() {
            String::new()
        } else {
            given.api_version()
        };
        let wanted = expected.api_version();
        if given == wanted {
            return Err(ApiError::bad_request(
                "the kind in the data does not match the expected kind",
            ));
        }
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({given}) does not match the expected API version ({wanted})"
        )));
    }
    if call.catalog.schemas.kind(given).is_none() && call.catalog.schemas.kind(expected).is_some() {
        return refused(format!(
            "no kind \"{}\" is registered for version \"{}\" in scheme \"pkg/runtime/scheme.go:111\"",
            given.kind,
            given.api_version()
        ));
    }
    if given.kind != expected.kind {
        // Go prints the packages of its types, which are named after groups.
        let package = match expected.group.split('.').next() {
            None | Some("") => "core",
            Some(first) => first,
        };
        return refused(format!(
            "converting ({}.{}) to ({package}.{}): unknown conversion",
            given.version, given.kind, expected.kind
        ));
    }
    Err(ApiError::bad_request(format!(
        "the API version in the data ({}) does not match the expected API version ({})",
        given.api_version(),
        expected.api_version()
    )))
}

/// What every object must be, whatever its schema: `metadata` a mapping with texts in it.
fn check_shape(value: &Value, kind: &str, version: &str) -> Result<(), ApiError> {
    let wrong = |found: &Value, path: &str, want: &str| {
        Err(ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: json: cannot \
             unmarshal {} into Go struct field ObjectMeta.{path} of type {want}",
            decode::go_kind(found)
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
