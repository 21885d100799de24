//! Subresources that kinds serve themselves.

use super::body;
use crate::call::{Call, FieldValidation};
use crate::decode;
use crate::error::ApiError;
use crate::hook::SubresourceCall;
use crate::meta;
use crate::negotiate::Reply;
use argosy_object::Value;
use argosy_ports::Body;

pub(super) async fn serve(call: &mut Call<'_>, raw: Body) -> Result<Reply, ApiError> {
    let bytes = decode::read_body(raw).await?;
    let dry_run = call.dry_run("CreateOptions")?;
    let name = call.info.subresource.clone();
    let gvk = match call.served.kind.subresource(&name) {
        Some(subresource) => subresource.kind.clone(),
        None => return Err(ApiError::unknown_resource()),
    };
    let value = if bytes.is_empty() {
        None
    } else {
        Some(read(call, &gvk, &bytes)?)
    };
    if name == "eviction" {
        let named = value.as_ref().map(|body| meta::text(body, "name"));
        if named.is_some_and(|named| named != call.info.name) {
            return Err(ApiError::bad_request(
                "name in URL does not match name in Eviction object",
            ));
        }
    }
    let parent = call.load(&call.info.name)?;
    let request = SubresourceCall {
        name: &name,
        verb: &call.info.verb,
        parent: &parent,
        body: value.as_ref(),
        query: call.query,
    };
    let answer = match call.hook().subresource(&call.cx(dry_run), &request) {
        Some(answer) => answer?,
        None => return Err(ApiError::unknown_resource()),
    };
    if !dry_run {
        super::perform(call.cluster, answer.effects).await?;
    }
    Ok(Reply::with_code(answer.code, answer.body))
}

/// The body, in the kind that discovery names for the subresource.
fn read(
    call: &mut Call<'_>,
    gvk: &argosy_object::Gvk,
    bytes: &bytes::Bytes,
) -> Result<Value, ApiError> {
    let validation = call
        .field_validation("CreateOptions")
        .unwrap_or(FieldValidation::Ignore);
    if let Some(kind) = call.catalog.schemas.kind_arc(gvk) {
        return body::object(call, &kind, bytes, validation);
    }
    match body::media(call)? {
        body::Media::Protobuf => Err(ApiError::bad_request(format!(
            "`{gvk}` cannot be read from protobuf, send it as application/json"
        ))),
        body::Media::Yaml => decode::parse_yaml(bytes)
            .map(|parsed| parsed.value)
            .map_err(ApiError::bad_request),
        body::Media::Json => decode::parse_json(bytes)
            .map(|parsed| parsed.value)
            .map_err(|error| ApiError::bad_request(error.to_string())),
    }
}

/// What logs, exec and their like answer: no container runs behind a simulated pod.
pub(super) fn not_simulated(call: &Call<'_>) -> ApiError {
    let (info, doing) = (
        call.info,
        match call.info.subresource.as_str() {
            "log" => "has no logs",
            "exec" => "cannot run commands",
            "attach" => "cannot be attached to",
            "portforward" => "has no ports to forward",
            _ => "cannot be reached by proxy",
        },
    );
    if call
        .cluster
        .load(&call.served, &info.namespace, &info.name)
        .is_none()
    {
        return call.not_found(&info.name);
    }
    let singular = &*call.served.kind.singular;
    ApiError::new(
        501,
        "NotImplemented",
        format!(
            "{singular} \"{}\" is simulated: no container runs behind it, so it {doing}",
            info.name
        ),
    )
}
