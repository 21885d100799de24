//! Errors as the API tells them: every failure ends as a `metav1.Status`.

use argosy_object::{Class, Classified, Map, Value, json};
use std::fmt;

/// A failure that is answered with a `Status` object.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, such as `NotFound`; empty where upstream leaves it out.
    pub reason: &'static str,
    /// The sentence people read.
    pub message: String,
    /// What the failure is about.
    pub details: Option<Box<Details>>,
    /// A token to go on with an expired list; empty elsewhere.
    pub continue_token: String,
}

/// `status.details`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Name of the object.
    pub name: String,
    /// API group.
    pub group: String,
    /// Resource or kind, whichever upstream names here.
    pub kind: String,
    /// UID of the object.
    pub uid: String,
    /// Fields at fault.
    pub causes: Vec<Cause>,
    /// Seconds to wait before another try; 0 where there is nothing to wait for.
    pub retry_after_seconds: u32,
}

/// One entry of `status.details.causes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Machine-readable reason, such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// Path of the field.
    pub field: String,
}

/// What is wrong with one field, as `k8s.io/apimachinery/pkg/util/validation/field` says it.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// What kind of fault.
    pub kind: FieldFault,
    /// Path of the field, such as `spec.ports[0].port`.
    pub field: String,
    /// The offending value, where the text shows it.
    pub bad_value: Option<Value>,
    /// More words; may be empty.
    pub detail: String,
    /// Whether `detail` is the whole message.
    complete: bool,
}

/// The kinds of faults a field may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FieldFault {
    Required,
    Invalid,
    NotSupported,
    Duplicate,
    Forbidden,
    NotFound,
    TooLong,
    TooMany,
    TypeInvalid,
    Internal,
}

impl FieldFault {
    fn text(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not found",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Internal => "Internal error",
        }
    }

    /// The reason of the cause in a `Status`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Internal => "InternalError",
        }
    }
}

impl FieldError {
    fn new(kind: FieldFault, field: &str, bad_value: Option<Value>, detail: String) -> Self {
        Self {
            kind,
            field: field.into(),
            bad_value,
            detail,
            complete: false,
        }
    }
    /// A field that must be there is not.
    pub fn required(field: &str, detail: &str) -> Self {
        Self::new(FieldFault::Required, field, None, detail.into())
    }
    /// A field's value is wrong.
    pub fn invalid(field: &str, value: impl Into<Value>, detail: &str) -> Self {
        Self::new(
            FieldFault::Invalid,
            field,
            Some(value.into()),
            detail.into(),
        )
    }
    /// A field's value is none of those known.
    pub fn not_supported(field: &str, value: impl Into<Value>, supported: &[&str]) -> Self {
        let names: Vec<String> = supported.iter().map(|s| format!("\"{s}\"")).collect();
        let detail = if names.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", names.join(", "))
        };
        Self::new(FieldFault::NotSupported, field, Some(value.into()), detail)
    }
    /// A field's value is wrong; `shown` is the value as it is to be printed, where the order of
    /// fields or their names are upstream's own.
    pub fn invalid_as(field: &str, shown: &str, detail: &str) -> Self {
        Self {
            complete: true,
            ..Self::new(
                FieldFault::Invalid,
                field,
                None,
                format!("Invalid value: {shown}: {detail}"),
            )
        }
    }
    /// A field's value is none of those known; `shown` as in [`Self::invalid_as`].
    pub fn not_supported_as(field: &str, shown: &str, supported: &[&str]) -> Self {
        let plain = Self::not_supported(field, Value::Null, supported);
        Self {
            complete: true,
            detail: format!("Unsupported value: {shown}: {}", plain.detail),
            ..plain
        }
    }
    /// Two entries share what must be unique.
    pub fn duplicate(field: &str, value: impl Into<Value>) -> Self {
        Self::new(
            FieldFault::Duplicate,
            field,
            Some(value.into()),
            String::new(),
        )
    }
    /// A field may not be set or changed.
    pub fn forbidden(field: &str, detail: &str) -> Self {
        Self::new(FieldFault::Forbidden, field, None, detail.into())
    }
    /// What the field names does not exist.
    pub fn not_found(field: &str, value: impl Into<Value>) -> Self {
        Self::new(
            FieldFault::NotFound,
            field,
            Some(value.into()),
            String::new(),
        )
    }
    /// A text is longer than `max` bytes.
    pub fn too_long(field: &str, max: usize) -> Self {
        let detail = format!("may not be more than {max} bytes");
        Self::new(FieldFault::TooLong, field, Some(Value::Null), detail)
    }
    /// A fault that the schema found; its words are complete.
    pub(crate) fn from_schema(error: argosy_schema::FieldError) -> Self {
        use argosy_schema::FieldErrorKind as Kind;
        let kind = match error.kind {
            Kind::Required => FieldFault::Required,
            Kind::Invalid => FieldFault::Invalid,
            Kind::NotSupported => FieldFault::NotSupported,
            Kind::Duplicate => FieldFault::Duplicate,
            Kind::Forbidden => FieldFault::Forbidden,
            Kind::TooLong => FieldFault::TooLong,
            Kind::TooMany => FieldFault::TooMany,
            Kind::TypeInvalid => FieldFault::TypeInvalid,
            Kind::NotFound => FieldFault::NotFound,
            Kind::Internal => FieldFault::Internal,
        };
        let (field, detail) = (error.path, error.message);
        Self {
            kind,
            field,
            bad_value: None,
            detail,
            complete: true,
        }
    }

    /// The part of the message after the field's path.
    pub fn body(&self) -> String {
        if self.complete {
            return self.detail.clone();
        }
        let mut text = self.kind.text().to_string();
        match (&self.bad_value, self.kind) {
            (
                _,
                FieldFault::Required
                | FieldFault::Forbidden
                | FieldFault::TooLong
                | FieldFault::Internal,
            )
            | (None, _) => {}
            (Some(value), _) => {
                text.push_str(": ");
                text.push_str(&shown(value));
            }
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }

    fn cause(&self) -> Cause {
        Cause {
            reason: self.kind.reason(),
            message: self.body(),
            field: self.field.clone(),
        }
    }
}

/// A value as Go's `%#v` shows it within a field error: text quoted, trees as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::String(text) => crate::auth::rule::go_quote(text),
        other => other.to_string(),
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl Classified for ApiError {
    fn class(&self) -> Class {
        match self.code {
            401 | 403 => Class::Denied,
            409 | 410 | 429 | 500.. => Class::Transient,
            404 => Class::Waiting,
            _ => Class::Stalled,
        }
    }
}

/// `deployments.apps`, or the bare resource in the core group.
fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() {
        resource.into()
    } else {
        format!("{resource}.{group}")
    }
}

impl ApiError {
    /// An error with no details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            continue_token: String::new(),
        }
    }

    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        let (group, kind, name) = (group.into(), kind.into(), name.into());
        self.details = Some(Box::new(Details {
            name,
            group,
            kind,
            ..Details::default()
        }));
        self
    }

    /// 404 for a missing object.
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        Self::new(
            404,
            "NotFound",
            format!("{} \"{name}\" not found", qualified(group, resource)),
        )
        .about(group, resource, name)
    }

    /// 404 for a path that names no resource.
    pub fn unknown_resource() -> Self {
        let mut error = Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        );
        error.details = Some(Box::default());
        error
    }

    /// 409 for an object that exists.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", qualified(group, resource));
        Self::new(409, "AlreadyExists", message).about(group, resource, name)
    }

    /// 409 for a write that lost a race or a precondition.
    pub fn conflict(group: &str, resource: &str, name: &str, detail: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {detail}",
            qualified(group, resource)
        );
        Self::new(409, "Conflict", message).about(group, resource, name)
    }

    /// 403 with upstream's words; `name` may be empty.
    pub fn forbidden(group: &str, resource: &str, name: &str, detail: &str) -> Self {
        let subject = qualified(group, resource);
        let message = if name.is_empty() {
            format!("{subject} is forbidden: {detail}")
        } else {
            format!("{subject} \"{name}\" is forbidden: {detail}")
        };
        Self::new(403, "Forbidden", message).about(group, resource, name)
    }

    /// 422 with the fields at fault, one cause each.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let texts: Vec<String> = unique(errors.iter().map(ToString::to_string));
        let list = match texts.as_slice() {
            [] => String::from("<nil>"),
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} \"{name}\" is invalid: {list}", kind_group(group, kind));
        let mut error = Self::new(422, "Invalid", message).about(group, kind, name);
        if let Some(details) = &mut error.details {
            details.causes.extend(errors.iter().map(FieldError::cause));
        }
        error
    }

    /// 400 with free words.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 405 for a verb the resource does not have.
    pub fn method_not_supported(group: &str, resource: &str, verb: &str) -> Self {
        let message = format!(
            "{verb} is not supported on resources of kind \"{}\"",
            qualified(group, resource)
        );
        Self::new(405, "MethodNotAllowed", message).about(group, resource, "")
    }

    /// 410: the revision asked for is gone.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 507: nothing can be written until there is room again.
    pub fn storage_full() -> Self {
        let message = "the disk of the store is full: nothing was written; free some room on it \
                       and try again";
        Self::new(507, "InsufficientStorage", message)
    }

    /// 500.
    pub fn internal(detail: &str) -> Self {
        let mut error = Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {detail}"),
        );
        let message = detail.into();
        let cause = Cause {
            reason: "",
            message,
            field: String::new(),
        };
        error.details = Some(Box::new(Details {
            causes: vec![cause],
            ..Details::default()
        }));
        error
    }

    /// Answers `details: {}`, as upstream's generic answers do.
    pub(crate) fn with_empty_details(mut self) -> Self {
        self.details = Some(Box::default());
        self
    }

    /// Asks the client to try again after this time.
    pub(crate) fn retry_in(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_seconds = seconds;
        self
    }

    /// The answer's body.
    pub fn status(&self) -> Value {
        let mut status = Map::new();
        status.insert("kind".into(), "Status".into());
        status.insert("apiVersion".into(), "v1".into());
        let meta = if self.continue_token.is_empty() {
            json!({})
        } else {
            json!({"continue": self.continue_token})
        };
        status.insert("metadata".into(), meta);
        status.insert("status".into(), "Failure".into());
        status.insert("message".into(), self.message.clone().into());
        if !self.reason.is_empty() {
            status.insert("reason".into(), self.reason.into());
        }
        if let Some(details) = &self.details {
            status.insert("details".into(), details.value());
        }
        status.insert("code".into(), self.code.into());
        Value::Object(status)
    }
}

/// `Deployment.apps`, or the bare kind in the core group.
fn kind_group(group: &str, kind: &str) -> String {
    qualified(group, kind)
}

fn unique(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}

impl Details {
    fn value(&self) -> Value {
        let mut map = Map::new();
        let texts = [
            ("name", &self.name),
            ("group", &self.group),
            ("kind", &self.kind),
            ("uid", &self.uid),
        ];
        for (field, text) in texts {
            if !text.is_empty() {
                map.insert(field.into(), text.clone().into());
            }
        }
        if !self.causes.is_empty() {
            map.insert(
                "causes".into(),
                self.causes.iter().map(Cause::value).collect(),
            );
        }
        if self.retry_after_seconds > 0 {
            map.insert("retryAfterSeconds".into(), self.retry_after_seconds.into());
        }
        Value::Object(map)
    }
}

impl Cause {
    fn value(&self) -> Value {
        let mut map = Map::new();
        for (name, text) in [
            ("reason", self.reason),
            ("message", &self.message),
            ("field", &self.field),
        ] {
            if !text.is_empty() {
                map.insert(name.into(), text.into());
            }
        }
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_found_reads_as_upstream() {
        let status = ApiError::not_found("apps", "deployments", "web").status();
        assert_eq!(status["message"], "deployments.apps \"web\" not found");
        assert_eq!(
            status["details"],
            json!({"name": "web", "group": "apps", "kind": "deployments"})
        );
    }

    #[test]
    fn invalid_joins_several_fields_in_brackets() {
        let errors = [
            FieldError::required("spec.a", ""),
            FieldError::invalid("metadata.name", "A", "must be lower case"),
        ];
        let error = ApiError::invalid("", "ConfigMap", "A", &errors);
        assert_eq!(
            error.message,
            "ConfigMap \"A\" is invalid: [spec.a: Required value, \
             metadata.name: Invalid value: \"A\": must be lower case]"
        );
        assert_eq!(
            error.status()["details"]["causes"][0]["reason"],
            "FieldValueRequired"
        );
    }
}
