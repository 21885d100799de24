//! What an Event must be; the newer API asks for more.
//!
//! Compat: `pkg/apis/core/validation/events.go`.

use crate::FieldError;
use crate::hooks::fields::{at, int, same, text};
use crate::rest::names::qualified;
use argosy_object::{Value, meta};

const NAME_MAX: usize = 128;
const MESSAGE_MAX: usize = 1024;

/// Checks an Event in the older API's words; `newer`: whether the request is the newer API's.
pub fn validate(new: &Value, old: Option<&Value>, newer: bool) -> Vec<FieldError> {
    let mut errors = general(new, newer);
    if !newer {
        return errors;
    }
    match old {
        None => {
            series(new, &mut errors);
            created(new, &mut errors);
        }
        Some(old) => {
            if !same(new, old, "/series") {
                series(new, &mut errors);
            }
            frozen(new, old, &mut errors);
        }
    }
    errors
}

fn is_set(event: &Value, pointer: &str) -> bool {
    event
        .pointer(pointer)
        .is_some_and(|v| !v.is_null() && v != "")
}

fn general(event: &Value, newer: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (own, involved) = (
        meta(event, "namespace"),
        text(event, "/involvedObject/namespace"),
    );
    let timed = is_set(event, "/eventTime");
    let agrees = match (timed, involved.is_empty()) {
        (false, true) => own.is_empty() || own == "default",
        (false, false) => own == involved,
        (true, true) => matches!(own, "default" | "kube-system"),
        (true, false) => true,
    };
    if !agrees {
        errors.push(FieldError::invalid(
            "involvedObject.namespace",
            involved,
            "does not match event.namespace",
        ));
    }
    if !timed {
        return errors;
    }
    let controller = text(event, "/reportingComponent");
    let field = if newer {
        "reportingController"
    } else {
        "reportingComponent"
    };
    if controller.is_empty() {
        errors.push(FieldError::required(field, ""));
    }
    for said in qualified(controller) {
        errors.push(FieldError::invalid(field, controller, &said));
    }
    for name in ["reportingInstance", "action", "reason"] {
        let value = text(event, &format!("/{name}"));
        if value.is_empty() {
            errors.push(FieldError::required(name, ""));
        }
        if value.len() > NAME_MAX {
            errors.push(FieldError::too_long(name, NAME_MAX));
        }
    }
    if text(event, "/message").len() > MESSAGE_MAX {
        errors.push(FieldError::too_long("message", MESSAGE_MAX));
    }
    errors
}

fn series(event: &Value, errors: &mut Vec<FieldError>) {
    let Some(series) = event.get("series").filter(|s| s.is_object()) else {
        return;
    };
    if int(series, "/count").unwrap_or(0) < 2 {
        errors.push(FieldError::invalid(
            "series.count",
            "",
            "should be at least 2",
        ));
    }
    if !is_set(series, "/lastObservedTime") {
        errors.push(FieldError::required("series.lastObservedTime", ""));
    }
}

fn created(event: &Value, errors: &mut Vec<FieldError>) {
    if !is_set(event, "/eventTime") {
        errors.push(FieldError::required("eventTime", ""));
    }
    let kind = text(event, "/type");
    if !matches!(kind, "Normal" | "Warning") {
        let said = format!("has invalid value: {kind}");
        errors.push(FieldError::invalid("type", "", &said));
    }
    let source = is_set(event, "/source/component") || is_set(event, "/source/host");
    for (name, set) in [
        ("firstTimestamp", is_set(event, "/firstTimestamp")),
        ("lastTimestamp", is_set(event, "/lastTimestamp")),
        ("count", int(event, "/count").unwrap_or(0) != 0),
        ("source", source),
    ] {
        if set {
            errors.push(FieldError::invalid(name, "", "needs to be unset"));
        }
    }
}

fn frozen(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    for name in [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ] {
        let pointer = format!("/{name}");
        let empty = |event: &Value| !is_set(event, &pointer);
        if !same(new, old, &pointer) && !(empty(new) && empty(old)) {
            let field = if name == "reportingComponent" {
                "reportingController"
            } else {
                name
            };
            errors.push(FieldError::invalid(
                field,
                at(new, &pointer),
                "field is immutable",
            ));
        }
    }
}
