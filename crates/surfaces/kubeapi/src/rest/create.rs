//! POST on a collection.

use super::write::{WriteOptions, insert};
use super::{body, table};
use crate::call::Call;
use crate::decode;
use crate::error::ApiError;
use crate::negotiate::Reply;
use argosy_ports::Body;

pub(super) async fn serve(call: &mut Call<'_>, raw: Body) -> Result<Reply, ApiError> {
    let bytes = decode::read_body(raw).await?;
    let dry_run = call.dry_run("CreateOptions")?;
    let validation = call.field_validation("CreateOptions")?;
    let manager = call.manager("CreateOptions")?;
    let kind = call.served.kind.clone();
    let object = body::object(call, &kind, &bytes, validation)?;
    if let Some(answer) = call.hook().create_virtual(&call.cx(dry_run), &object) {
        let answer = answer?;
        if !dry_run {
            super::perform(call.cluster, answer.effects).await?;
        }
        return Ok(Reply::with_code(answer.code, answer.body));
    }
    let options = WriteOptions {
        dry_run,
        manager: Some(manager),
        owned_as: None,
    };
    let object = insert(call, object, &options).await?;
    let mut reply = table::shape_one(call, object);
    reply.code = 201;
    Ok(reply)
}
