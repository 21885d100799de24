//! PUT on an object or one of its parts.

use super::write::{Replaced, WriteOptions, insert, replace};
use super::{body, table};
use crate::call::Call;
use crate::decode;
use crate::error::{ApiError, FieldError};
use crate::meta;
use crate::negotiate::Reply;
use argosy_object::Value;
use argosy_ports::Body;

/// Said to whoever wrote on an old version.
pub(super) const MODIFIED: &str = "the object has been modified; please apply your changes to the \
                                   latest version and try again";
/// Tries of a write that names no version.
pub(super) const TRIES: usize = 32;

pub(super) async fn serve(call: &mut Call<'_>, raw: Body) -> Result<Reply, ApiError> {
    let bytes = decode::read_body(raw).await?;
    let dry_run = call.dry_run("UpdateOptions")?;
    let validation = call.field_validation("UpdateOptions")?;
    let manager = call.manager("UpdateOptions")?;
    let kind = call.served.kind.clone();
    let object = body::object(call, &kind, &bytes, validation)?;
    check_identity(call, &object)?;
    let options = WriteOptions {
        dry_run,
        manager: Some(manager),
        owned_as: None,
    };
    for _ in 0..TRIES {
        let name = &call.info.name;
        let Some(old) = call.cluster.load(&call.served, &call.info.namespace, name) else {
            return created(call, object, &options).await;
        };
        check_preconditions(call, &old, &object)?;
        let unconditional = meta::text(&object, "resourceVersion").is_empty();
        if unconditional && call.served.kind.is_custom() {
            let detail = "must be specified for an update";
            let error = FieldError::invalid("metadata.resourceVersion", 0, detail);
            let (group, plural) = (call.served.group(), call.served.plural());
            return Err(ApiError::invalid(group, plural, name, &[error]));
        }
        match replace(call, &old, object.clone(), &options).await? {
            Replaced::Done(object) => return Ok(table::shape_one(call, object)),
            Replaced::Lost if unconditional => {}
            Replaced::Lost => return Err(call.conflict(name, MODIFIED)),
        }
    }
    Err(call.conflict(&call.info.name, MODIFIED))
}

/// Kinds that a PUT creates where they are missing.
const CREATED_ON_UPDATE: [&str; 7] = [
    "Lease",
    "Endpoints",
    "EndpointSlice",
    "Event",
    "Role",
    "RoleBinding",
    "ClusterRole",
];

async fn created(
    call: &Call<'_>,
    object: Value,
    options: &WriteOptions,
) -> Result<Reply, ApiError> {
    let creates = call.info.subresource.is_empty()
        && !call.served.kind.is_custom()
        && (CREATED_ON_UPDATE.contains(&call.kind()) || call.kind() == "ClusterRoleBinding");
    if !creates || !meta::text(&object, "uid").is_empty() {
        return Err(call.not_found(&call.info.name));
    }
    let mut object = object;
    meta::remove(&mut object, "resourceVersion");
    let object = insert(call, object, options).await?;
    let mut reply = table::shape_one(call, object);
    reply.code = 201;
    Ok(reply)
}

/// Name and namespace in the body must be those of the URL.
fn check_identity(call: &Call<'_>, object: &Value) -> Result<(), ApiError> {
    let (name, wanted) = (meta::text(object, "name"), &call.info.name);
    if name.is_empty() {
        return Err(unnamed(wanted));
    }
    if name != wanted {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        )));
    }
    let namespace = meta::text(object, "namespace");
    if call.served.namespaced() && !namespace.is_empty() && namespace != call.info.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// The key as upstream would name it.
fn registry_key(call: &Call<'_>, name: &str) -> String {
    let mut parts = vec![call.served.plural(), call.info.namespace.as_str(), name];
    if call.served.kind.is_custom() {
        parts.insert(0, call.served.group());
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

/// Said of a body without a name.
pub(super) fn unnamed(wanted: &str) -> ApiError {
    ApiError::bad_request(format!(
        "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
    ))
}

/// `uid` and `resourceVersion` of the body, where given, must be those of the object.
pub(super) fn check_preconditions(
    call: &Call<'_>,
    old: &Value,
    object: &Value,
) -> Result<(), ApiError> {
    let name = &call.info.name;
    let (uid, found) = (meta::text(object, "uid"), meta::text(old, "uid"));
    if !uid.is_empty() && uid != found {
        let detail = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object \
             meta: {found}",
            registry_key(call, name)
        );
        return Err(call.conflict(name, &detail));
    }
    let version = meta::text(object, "resourceVersion");
    if version.is_empty() || version == meta::text(old, "resourceVersion") {
        return Ok(());
    }
    if version.parse::<u64>().is_err() {
        let message = format!("strconv.ParseUint: parsing \"{version}\": invalid syntax");
        return Err(ApiError::new(500, "", message));
    }
    // "0" means no version, as upstream parses it.
    if version == "0" {
        Ok(())
    } else {
        Err(call.conflict(name, MODIFIED))
    }
}
