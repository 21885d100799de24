//! DELETE of an object and of a collection.

use super::list::Selection;
use super::options::DeleteOptions;
use super::write::{follow, may_vanish};
use crate::call::Call;
use crate::cluster::rev_of;
use crate::decode;
use crate::error::ApiError;
use crate::meta;
use crate::negotiate::Reply;
use crate::storage::{Expect, Range};
use argosy_object::{Map, Value, json};
use argosy_ports::Body;

/// What becomes of dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// The finalizer that keeps an owner until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer that keeps an owner until its dependents are let go.
pub(crate) const ORPHAN: &str = "orphan";

/// What became of the object.
pub(crate) enum Outcome {
    /// Removed; as it was last.
    Gone(Value),
    /// Marked, waits for finalizers or for its grace to pass.
    Marked(Value),
    /// Another write came first.
    Lost,
}

/// How to delete.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    pub propagation: Option<Propagation>,
    pub grace_seconds: Option<i64>,
    pub dry_run: bool,
}

/// Built-in kinds that answer a delete with the object instead of a status.
const RETURNED: [&str; 8] = [
    "pods",
    "podtemplates",
    "serviceaccounts",
    "services",
    "resourcequotas",
    "persistentvolumes",
    "persistentvolumeclaims",
    "replicationcontrollers",
];

pub(super) async fn serve(call: &mut Call<'_>, raw: Body) -> Result<Reply, ApiError> {
    let bytes = decode::read_body(raw).await?;
    let options = DeleteOptions::read(call, &bytes)?;
    let how = How {
        propagation: options.propagation,
        grace_seconds: options.grace_seconds,
        dry_run: options.dry_run,
    };
    for _ in 0..super::update::TRIES {
        let object = call.load(&call.info.name)?;
        check_preconditions(call, &object, &options)?;
        let uid = meta::text(&object, "uid").to_owned();
        match remove_or_mark(call, object, how).await? {
            Outcome::Lost => {}
            Outcome::Gone(object) => return answer(call, object, true, &uid, how),
            Outcome::Marked(object) => return answer(call, object, false, &uid, how),
        }
    }
    Err(call.conflict(&call.info.name, super::update::MODIFIED))
}

fn answer(
    call: &Call<'_>,
    object: Value,
    gone: bool,
    uid: &str,
    how: How,
) -> Result<Reply, ApiError> {
    let core = call.served.group().is_empty();
    let returned = core && RETURNED.contains(&call.served.plural());
    if gone && !returned {
        let mut details = Map::new();
        details.insert("name".into(), call.info.name.clone().into());
        if !core {
            details.insert("group".into(), call.served.group().into());
        }
        details.insert("kind".into(), call.served.plural().into());
        details.insert("uid".into(), uid.into());
        return Ok(Reply::ok(
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Success", "details": details}),
        ));
    }
    let code = if !gone && how.propagation == Some(Propagation::Background) {
        202
    } else {
        200
    };
    let mut reply = super::table::shape_one(call, call.shown(object)?);
    reply.code = code;
    Ok(reply)
}

fn check_preconditions(
    call: &Call<'_>,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let wrong = |what: &str, wanted: &str, found: &str, end: &str| {
        let detail = format!(
            "the {what} in the precondition ({wanted}) does not match the {what} in record \
             ({found}). The object might have been {end}"
        );
        Err(ApiError::conflict(
            call.served.group(),
            call.kind(),
            &call.info.name,
            &detail,
        ))
    };
    let found = meta::text(object, "uid");
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != found) {
        return wrong("UID", wanted, found, "deleted and then recreated");
    }
    let found = meta::text(object, "resourceVersion");
    if let Some(wanted) = options
        .resource_version
        .as_deref()
        .filter(|wanted| *wanted != found)
    {
        return wrong("ResourceVersion", wanted, found, "modified");
    }
    Ok(())
}

/// Deletes an object as far as finalizers and grace allow. `object` is as stored.
pub(crate) async fn remove_or_mark(
    call: &Call<'_>,
    object: Value,
    how: How,
) -> Result<Outcome, ApiError> {
    let key = call.served.key(
        meta::text(&object, "namespace"),
        meta::text(&object, "name"),
    );
    let mut marked = object.clone();
    let plan = call
        .hook()
        .prepare_delete(&call.cx(how.dry_run), &mut marked, how.grace_seconds)?;
    let deleting = meta::is_deleting(&object);
    set_policy(&mut marked, how.propagation, plan.orphan_by_default);
    let recorded = meta::field(&object, "deletionGracePeriodSeconds").and_then(Value::as_i64);
    let grace = match (deleting, recorded) {
        (true, Some(recorded)) => plan.grace_seconds.min(recorded),
        _ => plan.grace_seconds,
    };
    mark(call, &mut marked, grace, deleting, recorded);
    if may_vanish(&key, &marked) {
        if how.dry_run {
            return Ok(Outcome::Gone(if deleting { marked } else { object }));
        }
        let gone = call
            .cluster
            .commit(&key, Expect::Rev(rev_of(&object)), None)
            .await?;
        let Some(rev) = gone else {
            return Ok(Outcome::Lost);
        };
        follow(call, Some(&object), None).await?;
        // What goes at once is shown as it was, without the marks.
        let mut gone = if deleting { marked } else { object };
        meta::set(&mut gone, "resourceVersion", &rev.to_string());
        return Ok(Outcome::Gone(gone));
    }
    if how.dry_run || meta::same(&object, &marked) {
        return Ok(Outcome::Marked(marked));
    }
    let expect = Expect::Rev(rev_of(&object));
    let Some(rev) = call.cluster.commit(&key, expect, Some(&marked)).await? else {
        return Ok(Outcome::Lost);
    };
    meta::set(&mut marked, "resourceVersion", &rev.to_string());
    follow(call, Some(&object), Some(&marked)).await?;
    Ok(Outcome::Marked(marked))
}

/// Sets the marks of a deletion, or shortens its grace.
fn mark(call: &Call<'_>, object: &mut Value, grace: i64, deleting: bool, recorded: Option<i64>) {
    if deleting && recorded == Some(grace) {
        return;
    }
    if !deleting {
        let generation = meta::generation(object);
        if generation > 0 {
            meta::meta_mut(object).insert("generation".into(), (generation + 1).into());
        }
    }
    let at = jiff::SignedDuration::from_secs(grace);
    let at = call.now.checked_add(at).unwrap_or(call.now);
    meta::set(object, "deletionTimestamp", &meta::stamp(at));
    // Namespaces have no grace to tell of.
    if call.kind() != "Namespace" || call.served.kind.is_custom() {
        meta::meta_mut(object).insert("deletionGracePeriodSeconds".into(), grace.into());
    }
}

/// Records what is to become of dependents in the finalizers.
fn set_policy(object: &mut Value, policy: Option<Propagation>, orphan_by_default: bool) {
    let before: Vec<String> = meta::texts(object, "finalizers")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let had = |name: &str| before.iter().any(|f| f == name);
    let (orphan, foreground) = match policy {
        Some(Propagation::Orphan) => (true, false),
        Some(Propagation::Foreground) => (false, true),
        Some(Propagation::Background) => (false, false),
        None => (
            had(ORPHAN) || (orphan_by_default && !had(FOREGROUND)),
            had(FOREGROUND),
        ),
    };
    let mut after: Vec<String> = before
        .iter()
        .filter(|f| *f != ORPHAN && *f != FOREGROUND)
        .cloned()
        .collect();
    if orphan {
        after.push(ORPHAN.into());
    }
    if foreground {
        after.push(FOREGROUND.into());
    }
    meta::set_finalizers(object, after);
}

pub(super) async fn serve_collection(call: &mut Call<'_>, raw: Body) -> Result<Reply, ApiError> {
    let bytes = decode::read_body(raw).await?;
    let options = DeleteOptions::read(call, &bytes)?;
    let how = How {
        propagation: options.propagation,
        grace_seconds: options.grace_seconds,
        dry_run: options.dry_run,
    };
    let selection = Selection::read(call)?;
    let prefix = call.served.prefix(&call.info.namespace);
    let page = call
        .cluster
        .storage
        .range(Range {
            prefix: &prefix,
            ..Range::default()
        })
        .map_err(|error| ApiError::expired(error.to_string()))?;
    let mut deleted = Vec::new();
    for (key, stored) in page.items {
        let object = meta::decode(&stored.json, stored.rev);
        if !selection.matches(call, &object) {
            continue;
        }
        let mut next = Some(object);
        while let Some(object) = next.take() {
            match remove_or_mark(call, object, how).await? {
                Outcome::Lost => next = call.cluster.load_key(&key),
                Outcome::Gone(object) | Outcome::Marked(object) => {
                    deleted.push(call.shown(object)?);
                }
            }
        }
    }
    let rev = call.cluster.storage.revision();
    Ok(Reply::ok(super::list::envelope(
        call,
        deleted,
        &rev.to_string(),
    )))
}
