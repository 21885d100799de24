//! What every write goes through: defaults, hooks, ownership of fields, checks, the commit.

use super::names;
use crate::call::Call;
use crate::catalog::{KeyParts, Served};
use crate::cluster::rev_of;
use crate::crd;
use crate::error::{ApiError, Cause, FieldError};
use crate::meta;
use crate::storage::Expect;
use argosy_object::Value;
use argosy_schema::{ApplyError, UpdateCx};

/// How a write is done.
#[derive(Clone, Debug, Default)]
pub(super) struct WriteOptions {
    pub dry_run: bool,
    /// Who is to own the changed fields; `None` where server-side apply has settled that.
    pub manager: Option<String>,
    /// The subresource that owned fields are recorded under, where it is not the request's.
    pub owned_as: Option<&'static str>,
}

/// New names tried where a generated one is taken.
const NAME_TRIES: usize = 8;

/// Creates an object. `object` is in the version of the request, and so is the answer.
pub(super) async fn insert(
    call: &Call<'_>,
    mut object: Value,
    options: &WriteOptions,
) -> Result<Value, ApiError> {
    place(call, &mut object)?;
    check_definition(call)?;
    check_namespace(call, &object)?;
    if !meta::text(&object, "resourceVersion").is_empty() {
        let message = "resourceVersion should not be set on objects to be created";
        return Err(ApiError::new(500, "", message));
    }
    let base = generated_base(&object);
    let mut tries = 0;
    loop {
        let attempt = match &base {
            Some(base) => {
                let mut attempt = object.clone();
                meta::set(&mut attempt, "name", &crate::random::name(base));
                attempt
            }
            // There is only one try.
            None => std::mem::take(&mut object),
        };
        let stored = prepare_new(call, attempt, options)?;
        let name = meta::text(&stored, "name").to_owned();
        let key = call.served.key(meta::text(&stored, "namespace"), &name);
        if options.dry_run {
            if call.cluster.storage.get(&key).is_some() {
                return Err(exists(call, &key, &name));
            }
            return call.shown(stored);
        }
        if let Some(rev) = call
            .cluster
            .commit(&key, Expect::Absent, Some(&stored))
            .await?
        {
            let mut stored = stored;
            meta::set(&mut stored, "resourceVersion", &rev.to_string());
            follow(call, None, Some(&stored)).await?;
            return call.shown(stored);
        }
        tries += 1;
        if base.is_none() || tries == NAME_TRIES {
            return Err(exists(call, &key, &name));
        }
    }
}

fn exists(call: &Call<'_>, key: &str, name: &str) -> ApiError {
    let mut error = ApiError::already_exists(call.served.group(), call.served.plural(), name);
    if call
        .cluster
        .load_key(key)
        .is_some_and(|found| meta::is_deleting(&found))
    {
        error.message.insert_str(0, "object is being deleted: ");
    }
    error
}

/// `generateName`, where there is no name.
fn generated_base(object: &Value) -> Option<String> {
    let base = meta::text(object, "generateName");
    (meta::text(object, "name").is_empty() && !base.is_empty()).then(|| base.to_owned())
}

/// Settles the namespace of a new object.
fn place(call: &Call<'_>, object: &mut Value) -> Result<(), ApiError> {
    if !call.served.namespaced() {
        if !meta::text(object, "namespace").is_empty() && call.served.kind.is_custom() {
            return Err(ApiError::bad_request(
                "namespace may not be set on objects of a cluster-scoped kind",
            ));
        }
        meta::remove(object, "namespace");
        return Ok(());
    }
    let (given, wanted) = (
        meta::text(object, "namespace"),
        call.info.namespace.as_str(),
    );
    if !given.is_empty() && given != wanted {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let wanted = wanted.to_owned();
    meta::set(object, "namespace", &wanted);
    Ok(())
}

/// A definition that is going away takes no new objects.
fn check_definition(call: &Call<'_>) -> Result<(), ApiError> {
    let Some(custom) = &call.served.kind.custom else {
        return Ok(());
    };
    if !call
        .catalog
        .crds
        .get(&custom.crd)
        .is_some_and(meta::is_deleting)
    {
        return Ok(());
    }
    let message = "create not allowed while custom resource definition is terminating";
    Err(ApiError::new(405, "MethodNotAllowed", message))
}

/// New content needs a namespace that is there and stays.
fn check_namespace(call: &Call<'_>, object: &Value) -> Result<(), ApiError> {
    if !call.served.namespaced() {
        return Ok(());
    }
    let namespace = &call.info.namespace;
    let key = format!("/core/namespaces/{namespace}");
    let Some(found) = call.cluster.storage.get(&key) else {
        return Err(ApiError::not_found("", "namespaces", namespace));
    };
    if !meta::is_stored_deleting(&found.json) {
        return Ok(());
    }
    let detail = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    let name = meta::text(object, "name");
    let mut error = ApiError::forbidden(call.served.group(), call.served.plural(), name, &detail);
    if let Some(details) = &mut error.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".into(),
        });
    }
    Err(error)
}

/// Everything that happens to a new object before it is stored.
fn prepare_new(
    call: &Call<'_>,
    mut object: Value,
    options: &WriteOptions,
) -> Result<Value, ApiError> {
    let (kind, cx) = (&call.served.kind, call.cx(options.dry_run));
    for field in [
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        meta::remove(&mut object, field);
    }
    tidy(&mut object);
    meta::set(&mut object, "uid", &crate::random::uuid());
    meta::set(&mut object, "creationTimestamp", &call.stamp());
    if has_status(call)
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    argosy_schema::default(kind, &mut object);
    let mut stored = call.cluster.to_stored(&call.served, object)?;
    call.hook().default(&cx, &mut stored, None);
    if counts_generations(&call.served) {
        meta::meta_mut(&mut stored).insert("generation".into(), 1.into());
    }
    if let Some(manager) = &options.manager {
        own(call, manager, options, None, &mut stored)?;
    }
    call.hook().prepare_create(&cx, &mut stored)?;
    if is_crd(&call.served) {
        crd::complete(&cx, &mut stored);
    }
    let mut errors = names::check_meta(&call.served, &stored);
    let own = call.hook().validate(&cx, &stored, None);
    errors.extend(joined(check_schema(call, &stored, None)?, own));
    refuse(call, &stored, &errors)?;
    Ok(stored)
}

fn is_crd(served: &Served) -> bool {
    served.group() == crd::GROUP && served.plural() == crd::PLURAL
}

/// Metadata without empty collections and nulls, as Go's `omitempty` leaves it.
fn tidy(object: &mut Value) {
    meta::meta_mut(object).retain(|_, value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    });
}

fn has_status(call: &Call<'_>) -> bool {
    call.served.kind.subresource("status").is_some()
}

/// Records who owns the fields that changed, in the version of the request.
pub(super) fn own(
    call: &Call<'_>,
    manager: &str,
    options: &WriteOptions,
    old: Option<&Value>,
    stored: &mut Value,
) -> Result<(), ApiError> {
    let mut shown = call.shown(std::mem::take(stored))?;
    let old = old.map(|old| call.seen(old)).transpose()?;
    let now = call.stamp();
    let cx = UpdateCx {
        kind: &call.served.kind,
        manager,
        now: &now,
        subresource: options.owned_as.unwrap_or(&call.info.subresource),
    };
    argosy_schema::update(&cx, old.as_deref(), &mut shown).map_err(apply_error)?;
    if options.owned_as == Some("scale") {
        forget_times(&mut shown);
    }
    *stored = call.cluster.to_stored(&call.served, shown)?;
    Ok(())
}

/// What the scale endpoint wrote bears no time, as upstream translates it without.
fn forget_times(object: &mut Value) {
    let entries = object
        .pointer_mut("/metadata/managedFields")
        .and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        if entry["subresource"] == "scale"
            && let Some(entry) = entry.as_object_mut()
        {
            entry.remove("time");
        }
    }
}

/// An error of field ownership as a status.
pub(super) fn apply_error(error: ApplyError) -> ApiError {
    let message = error.to_string();
    match error {
        ApplyError::Invalid(_) => ApiError::new(500, "", message),
        ApplyError::Conflicts(conflicts) => {
            let mut answer = ApiError::new(409, "Conflict", message).with_empty_details();
            if let Some(details) = &mut answer.details {
                details.causes = conflicts
                    .into_iter()
                    .map(|conflict| Cause {
                        reason: "FieldManagerConflict",
                        message: conflict.message,
                        field: conflict.field,
                    })
                    .collect();
            }
            answer
        }
    }
}

fn check_schema(
    call: &Call<'_>,
    stored: &Value,
    old: Option<&Value>,
) -> Result<Vec<FieldError>, ApiError> {
    let shown = call.seen(stored)?;
    let old = old.map(|old| call.seen(old)).transpose()?;
    let errors = argosy_schema::validate(&call.served.kind, &shown, old.as_deref());
    // A value of the wrong type is no invalid object but one that could not be read.
    let custom = call.served.kind.is_custom();
    let unread = |error: &argosy_schema::FieldError| {
        !custom && error.kind == argosy_schema::FieldErrorKind::TypeInvalid
    };
    if let Some(error) = errors.iter().find(|error| unread(error)) {
        return Err(unreadable(call, &shown, &error.message));
    }
    // Metadata has checks of its own, with the words upstream has for it.
    let errors = errors
        .into_iter()
        .filter(|error| !error.path.starts_with("metadata."));
    Ok(errors.map(FieldError::from_schema).collect())
}

fn unreadable(call: &Call<'_>, object: &Value, detail: &str) -> ApiError {
    if call.info.verb == "patch" {
        let error = FieldError::invalid("patch", object.to_string(), detail);
        return ApiError::invalid("", "", "", &[error]);
    }
    let (kind, version) = (call.kind(), &call.served.kind.gvk.version);
    ApiError::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: {detail}"
    ))
}

/// The schema's errors and a hook's: what a hook says of a missing field goes before the schema's
/// bare word, and stands where the hook has it.
fn joined(schema: Vec<FieldError>, own: Vec<FieldError>) -> impl Iterator<Item = FieldError> {
    let missing = |error: &FieldError| error.kind == crate::FieldFault::Required;
    let said = |error: &FieldError| {
        missing(error) && own.iter().any(|o| missing(o) && o.field == error.field)
    };
    let kept: Vec<FieldError> = schema.into_iter().filter(|error| !said(error)).collect();
    kept.into_iter().chain(own)
}

fn refuse(call: &Call<'_>, object: &Value, errors: &[FieldError]) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(call.invalid(meta::text(object, "name"), errors))
}

/// Outcome of an update.
pub(super) enum Replaced {
    /// The object as it is now, in the version of the request.
    Done(Value),
    /// Another write came first.
    Lost,
}

/// Replaces `old` (as stored) by `new` (in the version of the request).
pub(super) async fn replace(
    call: &Call<'_>,
    old: &Value,
    new: Value,
    options: &WriteOptions,
) -> Result<Replaced, ApiError> {
    let stored = prepare_changed(call, old, new, options)?;
    if meta::same(old, &stored) {
        return call.shown(old.clone()).map(Replaced::Done);
    }
    if options.dry_run {
        return call.shown(stored).map(Replaced::Done);
    }
    let key = call
        .served
        .key(meta::text(old, "namespace"), meta::text(old, "name"));
    let goes = may_vanish(&key, &stored);
    let value = (!goes).then_some(&stored);
    let Some(rev) = call
        .cluster
        .commit(&key, Expect::Rev(rev_of(old)), value)
        .await?
    else {
        return Ok(Replaced::Lost);
    };
    let mut stored = stored;
    meta::set(&mut stored, "resourceVersion", &rev.to_string());
    follow(call, Some(old), (!goes).then_some(&stored)).await?;
    call.shown(stored).map(Replaced::Done)
}

/// Whether nothing keeps a deleted object any longer.
pub(crate) fn may_vanish(key: &str, object: &Value) -> bool {
    let grace = meta::field(object, "deletionGracePeriodSeconds").and_then(Value::as_i64);
    meta::is_deleting(object)
        && meta::texts(object, "finalizers").is_empty()
        && grace.unwrap_or(0) == 0
        && !holds_namespace(key, object)
}

/// Whether a namespace still has `spec.finalizers`.
fn holds_namespace(key: &str, object: &Value) -> bool {
    let is_namespace =
        KeyParts::of(key).is_some_and(|p| p.group.is_empty() && p.plural == "namespaces");
    let finalizers = object.pointer("/spec/finalizers").and_then(Value::as_array);
    is_namespace && finalizers.is_some_and(|list| !list.is_empty())
}

fn prepare_changed(
    call: &Call<'_>,
    old: &Value,
    mut new: Value,
    options: &WriteOptions,
) -> Result<Value, ApiError> {
    let cx = call.cx(options.dry_run);
    argosy_schema::default(&call.served.kind, &mut new);
    tidy(&mut new);
    let mut errors = names::check_update(old, &new);
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "generateName",
    ] {
        meta::copy(&mut new, old, field);
    }
    meta::remove(&mut new, "selfLink");
    let mut stored = call.cluster.to_stored(&call.served, new)?;
    keep_other_parts(call, old, &mut stored);
    call.hook().default(&cx, &mut stored, Some(old));
    if let Some(manager) = &options.manager {
        own(call, manager, options, Some(old), &mut stored)?;
    }
    call.hook().prepare_update(&cx, &mut stored, old)?;
    if is_crd(&call.served) && call.info.subresource.is_empty() {
        crd::complete(&cx, &mut stored);
    }
    count_generation(call, old, &mut stored);
    errors.extend(names::check_meta(&call.served, &stored));
    let own = call.hook().validate(&cx, &stored, Some(old));
    errors.extend(joined(check_schema(call, &stored, Some(old))?, own));
    refuse(call, &stored, &errors)?;
    Ok(stored)
}

/// An update of the object leaves its status alone, one of the status all the rest.
fn keep_other_parts(call: &Call<'_>, old: &Value, new: &mut Value) {
    let Some(map) = new.as_object_mut() else {
        return;
    };
    let keep = |map: &mut argosy_object::Map<String, Value>, field: &str| match old.get(field) {
        Some(value) => {
            map.insert(field.into(), value.clone());
        }
        None => {
            map.remove(field);
        }
    };
    match call.info.subresource.as_str() {
        "status" | "approval" => {
            let fields: Vec<String> = map
                .keys()
                .chain(old.as_object().into_iter().flat_map(|old| old.keys()))
                .filter(|field| !matches!(field.as_str(), "status" | "metadata"))
                .cloned()
                .collect();
            for field in fields {
                keep(map, &field);
            }
            keep_meta(call, old, new);
        }
        "finalize" => {
            // Only `spec.finalizers` of a namespace may change here.
            keep(map, "status");
            keep_meta(call, old, new);
        }
        _ if has_status(call) => {
            keep(map, "status");
            if call.served.group().is_empty() && call.served.plural() == "namespaces" {
                let finalizers = old.pointer("/spec/finalizers").cloned();
                if let (Some(finalizers), Some(spec)) = (
                    finalizers,
                    new.get_mut("spec").and_then(Value::as_object_mut),
                ) {
                    spec.insert("finalizers".into(), finalizers);
                }
            }
        }
        _ => {}
    }
}

/// What of the metadata a status update may not change: all of a custom resource's, labels and
/// references of others.
fn keep_meta(call: &Call<'_>, old: &Value, new: &mut Value) {
    if call.served.kind.is_custom() {
        let managed = meta::field(new, "managedFields").cloned();
        let mut metadata = old.get("metadata").cloned().unwrap_or_default();
        if let Some(map) = metadata.as_object_mut() {
            match managed {
                Some(managed) => map.insert("managedFields".into(), managed),
                None => map.remove("managedFields"),
            };
        }
        if let Some(map) = new.as_object_mut() {
            map.insert("metadata".into(), metadata);
        }
        return;
    }
    for field in ["labels", "ownerReferences", "finalizers"] {
        meta::copy(new, old, field);
    }
}

/// Whether the engine counts generations here: for custom kinds; hooks do for others.
fn counts_generations(served: &Served) -> bool {
    served.kind.is_custom()
}

fn count_generation(call: &Call<'_>, old: &Value, new: &mut Value) {
    let deployment = call.kind() == "Deployment" && !call.served.kind.is_custom();
    let counted = counts_generations(&call.served) || deployment;
    if !counted || !call.info.subresource.is_empty() {
        return;
    }
    let ignores_status = has_status(call);
    let counted = |field: &str| {
        !matches!(field, "apiVersion" | "kind" | "metadata")
            && !(ignores_status && field == "status")
    };
    let fields = |object: &'_ Value| {
        object
            .as_object()
            .map_or(0, |map| map.keys().filter(|field| counted(field)).count())
    };
    let same = fields(old) == fields(new)
        && new.as_object().is_none_or(|map| {
            map.iter()
                .all(|(field, value)| !counted(field) || old.get(field) == Some(value))
        });
    // Deployments count their annotations too, which rollbacks were once kept in.
    let annotated =
        deployment && meta::field(old, "annotations") != meta::field(new, "annotations");
    if annotated || !same {
        let next = meta::generation(old) + 1;
        meta::meta_mut(new).insert("generation".into(), next.into());
    }
}

/// Does what follows from a stored change.
pub(crate) async fn follow(
    call: &Call<'_>,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Result<(), ApiError> {
    let effects = call.hook().after_write(&call.cx(false), old, new);
    super::system::perform(call.cluster, effects).await
}
