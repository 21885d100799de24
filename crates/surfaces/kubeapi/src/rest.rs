//! The verbs of resources.

mod body;
mod create;
mod delete;
mod list;
pub(crate) mod names;
mod options;
mod patch;
mod scale;
mod subresource;
mod system;
mod table;
mod update;
mod watch;
mod write;

pub(crate) use delete::{FOREGROUND, How, ORPHAN, Propagation};
pub(crate) use system::{Actor, perform};

use crate::call::Call;
use crate::error::ApiError;
use crate::negotiate::Reply;
use argosy_ports::Body;
use http::Response;

/// Answers a request for a resource.
pub(crate) async fn serve(mut call: Call<'_>, body: Body) -> Result<Response<Body>, ApiError> {
    if call.is_head {
        return Err(method_not_allowed());
    }
    check_verb(&call)?;
    check_place(&call)?;
    let wire = call.format.wire;
    let reply = match (call.info.verb.as_str(), call.info.subresource.as_str()) {
        ("watch", "") => return watch::serve(&call),
        (_, "log" | "exec" | "attach" | "portforward" | "proxy") => {
            return Err(subresource::not_simulated(&call));
        }
        ("list", "") => list::serve(&mut call)?,
        ("get", "") => {
            if let Some(version) = list::bare_version(&call)? {
                list::check_future(version, call.cluster.storage.revision())?;
            }
            let object = call.shown(call.load(&call.info.name)?)?;
            table::shape_one(&call, object)
        }
        (_, "scale") => scale::serve(&mut call, body).await?,
        ("get", "status") => {
            let object = call.shown(call.load(&call.info.name)?)?;
            table::shape_one(&call, object)
        }
        ("create", "") => create::serve(&mut call, body).await?,
        ("update", "" | "status" | "finalize" | "approval" | "ephemeralcontainers") => {
            update::serve(&mut call, body).await?
        }
        ("patch", "" | "status" | "finalize" | "approval" | "ephemeralcontainers" | "resize") => {
            patch::serve(&mut call, body).await?
        }
        ("delete", "") => delete::serve(&mut call, body).await?,
        ("deletecollection", "") => delete::serve_collection(&mut call, body).await?,
        _ => subresource::serve(&mut call, body).await?,
    };
    let Reply {
        code,
        body,
        mut warnings,
    } = reply;
    warnings.append(&mut call.warnings);
    warnings.extend(deprecation(&call));
    Ok(Reply {
        code,
        body,
        warnings,
    }
    .write(wire))
}

/// The warning of a deprecated version.
fn deprecation(call: &Call<'_>) -> Option<String> {
    match (call.served.group(), call.served.plural()) {
        ("", "endpoints") => {
            let use_instead = "use discovery.k8s.io/v1 EndpointSlice";
            return Some(format!(
                "v1 Endpoints is deprecated in v1.33+; {use_instead}"
            ));
        }
        ("", "componentstatuses") => {
            return Some("v1 ComponentStatus is deprecated in v1.19+".into());
        }
        _ => {}
    }
    call.served
        .kind
        .custom
        .as_ref()
        .and_then(|custom| custom.deprecation_warning.clone())
}

/// Whether the resource, or its subresource, has the verb.
fn check_verb(call: &Call<'_>) -> Result<(), ApiError> {
    let info = call.info;
    let kind = &call.served.kind;
    let verbs = if info.subresource.is_empty() {
        &kind.verbs
    } else {
        let found = kind.subresource(&info.subresource);
        &found.ok_or_else(ApiError::unknown_resource)?.verbs
    };
    let has = |verb: &str| verbs.iter().any(|v| v == verb);
    let streams = matches!(
        info.subresource.as_str(),
        "exec" | "attach" | "portforward" | "proxy"
    );
    let known = has(&info.verb) || streams;
    // A POST on an object and a PUT on a collection have no route.
    let misplaced = match info.verb.as_str() {
        "create" => !info.name.is_empty() && info.subresource.is_empty(),
        "update" | "patch" => info.name.is_empty(),
        _ => false,
    };
    if known && !misplaced {
        return Ok(());
    }
    Err(method_not_allowed())
}

/// Whether namespace and scope go together.
fn check_place(call: &Call<'_>) -> Result<(), ApiError> {
    let info = call.info;
    let is_namespace = info.api_group.is_empty() && info.resource == "namespaces";
    let scoped_wrong = !call.served.namespaced() && !info.namespace.is_empty() && !is_namespace;
    let unplaced = call.served.namespaced()
        && info.namespace.is_empty()
        && !matches!(
            info.verb.as_str(),
            "list" | "watch" | "create" | "deletecollection"
        );
    if scoped_wrong || unplaced {
        return Err(ApiError::unknown_resource());
    }
    let virtual_kind = !call.served.kind.verbs.iter().any(|v| v == "get");
    if call.served.namespaced()
        && info.namespace.is_empty()
        && matches!(info.verb.as_str(), "create" | "deletecollection")
        && !virtual_kind
    {
        return Err(method_not_allowed());
    }
    Ok(())
}

fn method_not_allowed() -> ApiError {
    ApiError::new(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    )
    .with_empty_details()
}
