//! PATCH: JSON patch, merge patch, strategic merge patch, server-side apply.

use super::update::{MODIFIED, TRIES, check_preconditions, unnamed};
use super::write::{Replaced, WriteOptions, apply_error, insert, replace};
use super::{body, table};
use crate::call::{Call, FieldValidation, field_problems};
use crate::decode::{self, Parsed};
use crate::error::{ApiError, FieldError};
use crate::meta;
use crate::negotiate::Reply;
use argosy_object::Value;
use argosy_ports::Body;
use argosy_schema::{ApplyCx, PatchError};
use bytes::Bytes;

/// Operations of a JSON patch at most.
const OPERATIONS_MAX: usize = 10_000;

/// The kinds of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchType {
    Json,
    Merge,
    Strategic,
    Apply,
}

/// A patch, read.
pub(super) struct Patch {
    pub kind: PatchType,
    pub body: Value,
    bytes: Bytes,
    duplicates: Vec<String>,
    validation: FieldValidation,
    force: bool,
}

pub(super) async fn serve(call: &mut Call<'_>, raw: Body) -> Result<Reply, ApiError> {
    let kind = patch_type(call)?;
    let bytes = decode::read_body(raw).await?;
    let dry_run = call.dry_run("PatchOptions")?;
    let patch = read(call, kind, &bytes)?;
    let manager = call.manager("PatchOptions")?;
    if kind == PatchType::Apply {
        return apply(call, &patch, &manager, dry_run).await;
    }
    let options = WriteOptions {
        dry_run,
        manager: Some(manager),
        owned_as: None,
    };
    for attempt in 0..TRIES {
        let name = call.info.name.clone();
        let old = call.load(&name)?;
        let live = call.seen(&old)?;
        let warned = call.warnings.len();
        let new = patched(call, &patch, &live)?;
        if attempt > 0 {
            call.warnings.truncate(warned);
        }
        check_kept(call, &live, &new)?;
        check_uid(call, &live, &new)?;
        let versioned = meta::text(&new, "resourceVersion") != meta::text(&live, "resourceVersion");
        check_preconditions(call, &old, &new)?;
        match replace(call, &old, new, &options).await? {
            Replaced::Done(object) => return Ok(table::shape_one(call, object)),
            Replaced::Lost if versioned => break,
            Replaced::Lost => {}
        }
    }
    Err(call.conflict(&call.info.name, MODIFIED))
}

fn patch_type(call: &Call<'_>) -> Result<PatchType, ApiError> {
    let custom = call.served.kind.is_custom();
    match body::content_type(call) {
        "application/json-patch+json" => Ok(PatchType::Json),
        "application/merge-patch+json" => Ok(PatchType::Merge),
        "application/strategic-merge-patch+json" if !custom => Ok(PatchType::Strategic),
        "application/apply-patch+yaml" => Ok(PatchType::Apply),
        _ if custom => Err(body::unsupported(&[
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml",
        ])),
        _ => Err(
            ApiError::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
                .with_empty_details(),
        ),
    }
}

fn read(call: &Call<'_>, kind: PatchType, bytes: &Bytes) -> Result<Patch, ApiError> {
    let validation = call.field_validation("PatchOptions")?;
    let Parsed { value, duplicates } = if kind == PatchType::Apply {
        decode::parse_yaml(bytes).map_err(|error| {
            ApiError::bad_request(format!(
                "error decoding YAML: error converting YAML to JSON: {error}"
            ))
        })?
    } else {
        decode::parse_json(bytes).map_err(|error| {
            let error = decode::go_error(bytes, &error);
            ApiError::bad_request(format!("error decoding patch: {error}"))
        })?
    };
    let fits = match kind {
        PatchType::Json => value
            .as_array()
            .is_some_and(|list| list.len() <= OPERATIONS_MAX),
        _ => value.is_object(),
    };
    if !fits {
        if let (PatchType::Json, Some(list)) = (kind, value.as_array()) {
            let detail = format!(
                "The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {}",
                list.len()
            );
            return Err(ApiError::new(413, "RequestEntityTooLarge", detail));
        }
        let wanted = match kind {
            PatchType::Json => "[]handlers.jsonPatchOp",
            _ => "map[string]interface {}",
        };
        // Compat: each patch is read in a place of its own upstream, and told in its words.
        let doing = match kind {
            PatchType::Merge if value.is_null() => {
                return Err(ApiError::bad_request("Invalid JSON Patch"));
            }
            PatchType::Strategic => "",
            _ => "error decoding patch: ",
        };
        return Err(ApiError::bad_request(format!(
            "{doing}json: cannot unmarshal {} into Go value of type {wanted}",
            decode::go_kind(&value)
        )));
    }
    let force = call.query.text("force").is_some() && call.query.flag("force");
    let named = call.query.text("fieldManager").is_some();
    let faults = match kind {
        PatchType::Apply if !named => {
            vec![FieldError::required(
                "fieldManager",
                "is required for apply patch",
            )]
        }
        PatchType::Json | PatchType::Merge | PatchType::Strategic
            if call.query.text("force").is_some() =>
        {
            vec![FieldError::forbidden(
                "force",
                "may not be specified for non-apply patch",
            )]
        }
        _ => Vec::new(),
    };
    if !faults.is_empty() {
        return Err(ApiError::invalid(
            "meta.k8s.io",
            "PatchOptions",
            "",
            &faults,
        ));
    }
    Ok(Patch {
        kind,
        body: value,
        bytes: bytes.clone(),
        duplicates,
        validation,
        force,
    })
}

/// `live` with the patch, in the version of the request, unknown fields gone.
fn patched(call: &mut Call<'_>, patch: &Patch, live: &Value) -> Result<Value, ApiError> {
    let kind = call.served.kind.clone();
    let mut new = match patch.kind {
        PatchType::Json => argosy_schema::json_patch(live, &patch.body).map_err(patch_error)?,
        PatchType::Strategic => {
            argosy_schema::strategic(&kind, live, &patch.body).map_err(patch_error)?
        }
        PatchType::Merge | PatchType::Apply => {
            let mut new = live.clone();
            argosy_schema::merge_patch(&mut new, &patch.body);
            new
        }
    };
    if !new.is_object() {
        return Err(ApiError::bad_request("the patch leaves no object"));
    }
    // Shown whole where it is refused, as upstream does.
    let strict = patch.validation == FieldValidation::Strict;
    let shown = match patch.kind {
        _ if !strict => String::new(),
        PatchType::Strategic => argosy_schema::go_text(&patch.body),
        _ => new.to_string(),
    };
    let unknown = argosy_schema::prune(&kind, &mut new);
    call.judge_fields(
        patch.validation,
        field_problems(&unknown, &patch.duplicates, Some(&patch.bytes)),
        |text| {
            let error = FieldError::invalid("patch", shown, text);
            ApiError::invalid("", "", "", &[error])
        },
    )?;
    Ok(new)
}

/// An error of a patch as a status.
pub(super) fn patch_error(error: PatchError) -> ApiError {
    let text = error.to_string();
    match error {
        PatchError::Invalid(_) => ApiError::bad_request(text),
        PatchError::Unclassified(_) => ApiError::new(500, "", text),
        PatchError::Failed(_) => {
            // Upstream keeps the operation that failed to itself; its log has it, and so has ours.
            tracing::debug!(error = %text, "patch failed");
            let message = "the server rejected our request due to an error in our request";
            ApiError::new(422, "Invalid", message).with_empty_details()
        }
        PatchError::Unsupported(_) => body::unsupported(&[
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml",
        ]),
        PatchError::TooLarge(_) => ApiError::new(413, "RequestEntityTooLarge", text),
    }
}

/// A patch may not move an object.
fn check_kept(call: &Call<'_>, live: &Value, new: &Value) -> Result<(), ApiError> {
    if meta::text(new, "name").is_empty() {
        return Err(unnamed(&call.info.name));
    }
    for field in ["apiVersion", "kind"] {
        if live.get(field) != new.get(field) {
            let (old, new) = (text(live, field), text(new, field));
            return Err(ApiError::bad_request(format!(
                "the patch may not change `{field}` from `{old}` to `{new}`"
            )));
        }
    }
    let (name, wanted) = (meta::text(new, "name"), &call.info.name);
    if name != wanted {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        )));
    }
    if call.served.namespaced() && meta::text(new, "namespace") != call.info.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// A patch that changes the identity is an invalid object, not a conflict: upstream's checks find
/// it, those of all objects and those of the kind.
fn check_uid(call: &Call<'_>, live: &Value, new: &Value) -> Result<(), ApiError> {
    let uid = meta::text(new, "uid");
    if uid.is_empty() || uid == meta::text(live, "uid") {
        return Ok(());
    }
    let error = || FieldError::invalid("metadata.uid", uid, "field is immutable");
    Err(call.invalid(&call.info.name, &[error(), error()]))
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Server-side apply: updates the object, or creates it.
async fn apply(
    call: &mut Call<'_>,
    patch: &Patch,
    manager: &str,
    dry_run: bool,
) -> Result<Reply, ApiError> {
    let config = configuration(call, patch)?;
    let now = call.stamp();
    let kind = call.served.kind.clone();
    let subresource = call.info.subresource.clone();
    let cx = ApplyCx {
        kind: &kind,
        manager,
        force: patch.force,
        now: &now,
        subresource: &subresource,
    };
    let options = WriteOptions {
        dry_run,
        manager: None,
        owned_as: None,
    };
    for _ in 0..TRIES {
        let name = call.info.name.clone();
        let Some(old) = call.cluster.load(&call.served, &call.info.namespace, &name) else {
            if !subresource.is_empty() {
                return Err(call.not_found(&name));
            }
            if !meta::text(&config, "uid").is_empty() {
                let detail = format!(
                    "uid mismatch: the provided object specified uid {}, and no existing object was found",
                    meta::text(&config, "uid")
                );
                return Err(call.conflict(&name, &detail));
            }
            let object = argosy_schema::apply(&cx, None, &config).map_err(apply_error)?;
            match insert(call, object, &options).await {
                Err(error) if error.reason == "AlreadyExists" => continue,
                outcome => {
                    let mut reply = table::shape_one(call, outcome?);
                    reply.code = 201;
                    return Ok(reply);
                }
            }
        };
        check_preconditions(call, &old, &config)?;
        let live = call.seen(&old)?;
        let new = argosy_schema::apply(&cx, Some(&live), &config).map_err(apply_error)?;
        match replace(call, &old, new, &options).await? {
            Replaced::Done(object) => return Ok(table::shape_one(call, object)),
            Replaced::Lost => {}
        }
    }
    Err(call.conflict(&call.info.name, MODIFIED))
}

/// The applied configuration, checked.
fn configuration(call: &mut Call<'_>, patch: &Patch) -> Result<Value, ApiError> {
    let mut config = patch.body.clone();
    let gvk = call.served.kind.gvk.clone();
    let given =
        argosy_object::Gvk::from_api_version(text(&config, "apiVersion"), text(&config, "kind"));
    if given != gvk {
        return Err(ApiError::bad_request(format!(
            "invalid object type: {}/{}, Kind={}",
            given.group, given.version, given.kind
        )));
    }
    if meta::field(&config, "managedFields")
        .is_some_and(|m| m.as_array().is_none_or(|l| !l.is_empty()))
    {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    if !call.served.kind.is_custom() {
        refuse_undeclared(call, &config)?;
    }
    let name = meta::text(&config, "name").to_owned();
    if name.is_empty() {
        let wanted = call.info.name.clone();
        meta::set(&mut config, "name", &wanted);
    } else if name != call.info.name {
        return Err(ApiError::bad_request(format!(
            "metadata.name: Invalid value: \"{name}\": does not match the name on the URL ({})",
            call.info.name
        )));
    }
    if call.served.namespaced() {
        let namespace = meta::text(&config, "namespace");
        if !namespace.is_empty() && namespace != call.info.namespace {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        let wanted = call.info.namespace.clone();
        meta::set(&mut config, "namespace", &wanted);
    }
    if !patch.duplicates.is_empty() {
        let problems = field_problems(&[], &patch.duplicates, None);
        call.judge_fields(patch.validation, problems, |text| {
            ApiError::bad_request(text)
        })?;
    }
    if call.served.kind.is_custom() {
        let unknown = argosy_schema::prune(&call.served.kind, &mut config);
        call.judge_fields(
            patch.validation,
            field_problems(&unknown, &[], Some(&patch.bytes)),
            |text| ApiError::bad_request(text),
        )?;
    }
    Ok(config)
}

/// Unknown fields of built-in kinds cannot be owned, so the configuration has no type.
fn refuse_undeclared(call: &Call<'_>, config: &Value) -> Result<(), ApiError> {
    let mut copy = config.clone();
    let unknown = argosy_schema::prune(&call.served.kind, &mut copy);
    let Some(first) = unknown.first() else {
        return Ok(());
    };
    let gvk = &call.served.kind.gvk;
    let place = format!(
        "{}/{}",
        meta::text(config, "namespace"),
        meta::text(config, "name")
    );
    let gvk = format!("{}/{}, Kind={}", gvk.group, gvk.version, gvk.kind);
    let faults: Vec<String> = unknown
        .iter()
        .map(|path| format!(".{path}: field not declared in schema"))
        .collect();
    let faults = match faults.as_slice() {
        [_] => format!(".{first}: field not declared in schema"),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    Err(ApiError::new(
        500,
        "",
        format!("failed to create typed patch object ({place}; {gvk}): {faults}"),
    ))
}
