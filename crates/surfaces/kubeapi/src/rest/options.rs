//! Options of deletes: from the body, or from the query where there is none.

use super::delete::Propagation;
use crate::call::Call;
use crate::decode;
use crate::error::{ApiError, FieldError};
use argosy_object::Value;
use bytes::Bytes;

/// `DeleteOptions`.
#[derive(Clone, Debug, Default)]
pub(super) struct DeleteOptions {
    pub grace_seconds: Option<i64>,
    pub propagation: Option<Propagation>,
    pub uid: Option<String>,
    pub resource_version: Option<String>,
    pub dry_run: bool,
}

impl DeleteOptions {
    /// Reads body and query.
    pub(super) fn read(call: &Call<'_>, bytes: &Bytes) -> Result<Self, ApiError> {
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            parse(call, bytes)?
        };
        let mut options = Self {
            dry_run: call.dry_run("DeleteOptions")?,
            ..Self::default()
        };
        options.grace_seconds = grace(call, &body)?;
        options.propagation = propagation(call, &body)?;
        let precondition = |field: &str| {
            let value = body.get("preconditions")?.get(field)?.as_str()?;
            Some(value.to_owned())
        };
        options.uid = precondition("uid");
        options.resource_version = precondition("resourceVersion");
        if let Some(list) = body.get("dryRun").and_then(Value::as_array) {
            for value in list {
                if value.as_str() != Some("All") {
                    let error = FieldError::not_supported("dryRun", value.clone(), &["All"]);
                    return Err(invalid(error));
                }
                options.dry_run = true;
            }
        }
        Ok(options)
    }
}

fn invalid(error: FieldError) -> ApiError {
    ApiError::invalid("meta.k8s.io", "DeleteOptions", "", &[error])
}

fn parse(call: &Call<'_>, bytes: &Bytes) -> Result<Value, ApiError> {
    let broken = |detail: String| {
        ApiError::bad_request(format!(
            "couldn't get version/kind; json parse error: {detail}"
        ))
    };
    let value = match super::body::media(call)? {
        super::body::Media::Json => {
            decode::parse_json(bytes)
                .map_err(|error| broken(error.to_string()))?
                .value
        }
        super::body::Media::Yaml => {
            decode::parse_yaml(bytes)
                .map_err(|error| broken(error.clone()))?
                .value
        }
        super::body::Media::Protobuf => {
            decode::delete_options(bytes).map_err(|error| broken(error.to_string()))?
        }
    };
    match value.get("kind").and_then(Value::as_str) {
        None | Some("DeleteOptions" | "") => Ok(value),
        Some(other) => Err(ApiError::bad_request(format!(
            "decoded object cannot be converted to DeleteOptions: kind is {other}"
        ))),
    }
}

fn grace(call: &Call<'_>, body: &Value) -> Result<Option<i64>, ApiError> {
    let given = match body.get("gracePeriodSeconds").and_then(Value::as_i64) {
        Some(seconds) => Some(seconds),
        None => match call.query.text("gracePeriodSeconds") {
            None => None,
            Some(text) => Some(text.parse::<i64>().map_err(|_| {
                ApiError::bad_request(format!(
                    "strconv.ParseInt: parsing \"{text}\": invalid syntax"
                ))
            })?),
        },
    };
    // Negative values count as one second.
    Ok(given.map(|seconds| if seconds < 0 { 1 } else { seconds }))
}

fn propagation(call: &Call<'_>, body: &Value) -> Result<Option<Propagation>, ApiError> {
    let orphan = body
        .get("orphanDependents")
        .and_then(Value::as_bool)
        .or_else(|| {
            call.query
                .text("orphanDependents")
                .map(|_| call.query.flag("orphanDependents"))
        });
    let policy = body.get("propagationPolicy").and_then(Value::as_str);
    let policy = policy.or_else(|| call.query.text("propagationPolicy"));
    let policy = match policy {
        None => None,
        Some("Background") => Some(Propagation::Background),
        Some("Foreground") => Some(Propagation::Foreground),
        Some("Orphan") => Some(Propagation::Orphan),
        Some(other) => {
            let known = ["Background", "Foreground", "Orphan"];
            let mut error = FieldError::not_supported("propagationPolicy", other, &known);
            error.detail =
                "supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"".into();
            return Err(invalid(error));
        }
    };
    match (policy, orphan) {
        (Some(policy), Some(_)) => {
            let text = format!("{policy:?}");
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            Err(invalid(FieldError::invalid(
                "propagationPolicy",
                text,
                detail,
            )))
        }
        (Some(policy), None) => Ok(Some(policy)),
        (None, Some(true)) => Ok(Some(Propagation::Orphan)),
        (None, Some(false)) => Ok(Some(Propagation::Background)),
        (None, None) => Ok(None),
    }
}
