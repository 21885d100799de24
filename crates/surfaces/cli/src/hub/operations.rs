//! Operations: asked for, waited for, ended.

use super::wait::has_operation;
use super::{Hub, failed};
use crate::failure::Failure;
use argosy_crds::{
    ApplicationSpec, ApplicationStatus, ForceStrategy, InitiatedBy, Operation, OperationPhase,
    ResourceRef, Retry, RevisionHistory, SyncOperation, SyncStrategy,
};
use argosy_object::{Object, Value, json};
use std::time::Duration;

/// Times that a write is tried again where somebody else wrote first.
const ATTEMPTS: usize = 5;

/// What `app sync` asks for.
#[derive(Clone, Debug, Default)]
pub struct SyncRequest {
    /// Another revision than the target.
    pub revision: String,
    /// Revisions of several sources.
    pub revisions: Vec<String>,
    /// Whether what is gone from Git is deleted.
    pub prune: bool,
    /// Whether nothing is really written.
    pub dry_run: bool,
    /// Whether objects are replaced by force.
    pub force: bool,
    /// `apply` instead of `hook`.
    pub apply_only: bool,
    /// `GROUP:KIND:NAME` or `GROUP:KIND:NAMESPACE/NAME`, with `!` before to leave out.
    pub resources: Vec<String>,
    /// Sync options beside the application's own.
    pub options: Vec<String>,
    /// Retries instead of the application's own.
    pub retry: Option<Retry>,
    /// Who asks.
    pub user: String,
}

/// What `app rollback` asks for.
#[derive(Clone, Debug, Default)]
pub struct RollbackRequest {
    /// The history's id; `None` is the one before the last.
    pub id: Option<i64>,
    /// Whether what is not in that revision is deleted.
    pub prune: bool,
    /// Whether nothing is really written.
    pub dry_run: bool,
    /// Who asks.
    pub user: String,
}

impl Hub {
    /// Asks for a sync. The answer is the application with the operation in it.
    ///
    /// # Errors
    /// [`Failure`] where an operation is under way, a selector names nothing, or another
    /// revision is wanted while the application syncs by itself.
    pub async fn start_sync(&self, app: &Object, request: &SyncRequest) -> Result<Object, Failure> {
        let operation = sync_operation(app, request)?;
        self.start(app, &operation, "sync").await
    }

    /// Asks for a sync to an earlier revision.
    ///
    /// # Errors
    /// [`Failure`] where the history lacks it, or the application syncs by itself.
    pub async fn start_rollback(
        &self,
        app: &Object,
        request: &RollbackRequest,
    ) -> Result<Object, Failure> {
        let operation = rollback_operation(app, request)?;
        self.start(app, &operation, "roll back").await
    }

    async fn start(
        &self,
        app: &Object,
        operation: &Operation,
        verb: &str,
    ) -> Result<Object, Failure> {
        let doing = format!("cannot {verb} application `{}`", app.name());
        let operation = serde_json::to_value(operation)
            .map_err(|error| Failure::from_error(&error).while_doing(&doing))?;
        let namespace = app.namespace().unwrap_or(self.namespace()).to_owned();
        let mut app = app.clone();
        for _ in 0..ATTEMPTS {
            if has_operation(&app) {
                return Err(Failure::new("another operation is already in progress")
                    .while_doing(&doing)
                    .hint(format!(
                        "`argosy app wait {0} --operation` waits for it, `argosy app terminate-op {0}` ends it",
                        app.name()
                    )));
            }
            let patch = json!({
                "metadata": {"resourceVersion": app.resource_version()},
                "operation": operation,
            });
            match self.try_patch(&namespace, app.name(), patch).await {
                Err(error) if error.kind == argosy_ports::ApiErrorKind::Conflict => {
                    app = self.app(app.name(), Some(&namespace)).await?;
                }
                other => return other.map_err(|error| failed(&error, &doing)),
            }
        }
        Err(
            Failure::new("the application changes faster than it can be written")
                .while_doing(doing),
        )
    }

    async fn try_patch(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Result<Object, argosy_ports::ApiError> {
        self.api()
            .patch(
                &super::applications(),
                Some(namespace),
                name,
                &argosy_ports::PatchBody::Merge(patch),
                &argosy_ports::WriteOptions::default(),
            )
            .await
    }

    /// Waits until the operation that was asked for is finished; `before` is the application as
    /// it was when it was asked for.
    ///
    /// # Errors
    /// [`Failure`] after the timeout, or where the operation did not succeed.
    pub async fn operation_done(
        &self,
        before: &Object,
        timeout: Duration,
        mut tell: impl FnMut(&Object),
    ) -> Result<Object, Failure> {
        let earlier = before.pointer("/status/operationState").cloned();
        let is_finished = |state: &Value| state.get("finishedAt").is_some_and(|at| !at.is_null());
        let earlier = earlier.filter(is_finished);
        let namespace = before.namespace().unwrap_or(self.namespace());
        let what = format!("the operation of application `{}`", before.name());
        let app = self
            .until(namespace, before.name(), timeout, &what, |app| {
                tell(app);
                let state = app.pointer("/status/operationState")?;
                let is_new = earlier.as_ref() != Some(state);
                (is_new && !has_operation(app)).then(|| app.clone())
            })
            .await?;
        let status = ApplicationStatus::of(&app).unwrap_or_default();
        let state = status.operation_state.unwrap_or_default();
        if state.phase == OperationPhase::Succeeded {
            return Ok(app);
        }
        let message = app
            .pointer("/status/operationState/message")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Err(Failure::new(format!(
            "operation of application `{}` has completed with phase: {:?}",
            app.name(),
            state.phase
        ))
        .hint(if message.is_empty() {
            "`argosy app get` shows each resource".to_owned()
        } else {
            message.to_owned()
        }))
    }

    /// Ends the operation that is under way.
    ///
    /// # Errors
    /// [`Failure`] where there is none.
    pub async fn terminate(&self, app: &Object) -> Result<(), Failure> {
        let name = app.name();
        let doing = format!("cannot terminate the operation of application `{name}`");
        if !has_operation(app) {
            return Err(Failure::new("no operation is in progress").while_doing(doing));
        }
        let namespace = app.namespace().unwrap_or(self.namespace());
        let patch = json!({
            "metadata": {"resourceVersion": app.resource_version()},
            "status": {"operationState": {"phase": "Terminating"}},
        });
        self.patch_app(namespace, name, patch, &doing).await?;
        Ok(())
    }
}

fn sync_operation(app: &Object, request: &SyncRequest) -> Result<Operation, Failure> {
    let spec = ApplicationSpec::of(app).map_err(|error| Failure::from_error(&error))?;
    let target = spec
        .all_sources()
        .first()
        .map(|source| source.target_revision.clone())
        .unwrap_or_default();
    if spec.automated().is_some()
        && !request.dry_run
        && !request.revision.is_empty()
        && request.revision != target
    {
        return Err(Failure::new(format!(
            "cannot sync application `{}` to {}: auto-sync currently set to {target}",
            app.name(),
            request.revision
        ))
        .hint("change `targetRevision`, or turn automated sync off first"));
    }
    let policy = spec.sync_policy.unwrap_or_default();
    let mut options = policy.sync_options;
    options.extend(request.options.iter().cloned());
    let force = ForceStrategy {
        force: request.force,
    };
    let strategy = if request.apply_only {
        SyncStrategy {
            apply: Some(force),
            hook: None,
        }
    } else {
        SyncStrategy {
            apply: None,
            hook: Some(force),
        }
    };
    Ok(Operation {
        sync: Some(SyncOperation {
            revision: request.revision.clone(),
            revisions: request.revisions.clone(),
            prune: request.prune,
            dry_run: request.dry_run,
            sync_strategy: Some(strategy),
            resources: selected(app, &request.resources)?,
            sync_options: options,
            ..SyncOperation::default()
        }),
        initiated_by: Some(by(&request.user)),
        info: Vec::new(),
        retry: request.retry.clone().or(policy.retry),
    })
}

fn rollback_operation(app: &Object, request: &RollbackRequest) -> Result<Operation, Failure> {
    let name = app.name();
    let spec = ApplicationSpec::of(app).map_err(|error| Failure::from_error(&error))?;
    if spec.automated().is_some() {
        return Err(
            Failure::new("rollback cannot be initiated when auto-sync is enabled")
                .while_doing(format!("cannot roll back application `{name}`"))
                .hint("turn automated sync off first, or revert the commit in Git"),
        );
    }
    let status = ApplicationStatus::of(app).map_err(|error| Failure::from_error(&error))?;
    let entry = history_entry(name, &status.history, request.id)?;
    let policy = spec.sync_policy.unwrap_or_default();
    Ok(Operation {
        sync: Some(SyncOperation {
            revision: entry.revision.clone(),
            revisions: entry.revisions.clone(),
            prune: request.prune,
            dry_run: request.dry_run,
            sync_strategy: Some(SyncStrategy {
                apply: Some(ForceStrategy::default()),
                hook: None,
            }),
            source: entry.source.clone(),
            sources: entry.sources.clone(),
            sync_options: policy.sync_options,
            ..SyncOperation::default()
        }),
        initiated_by: Some(by(&request.user)),
        ..Operation::default()
    })
}

fn history_entry<'h>(
    name: &str,
    history: &'h [RevisionHistory],
    id: Option<i64>,
) -> Result<&'h RevisionHistory, Failure> {
    let hint = format!("`argosy app history {name}` shows the ids");
    match id {
        Some(id) => history.iter().find(|entry| entry.id == id).ok_or_else(|| {
            Failure::new(format!(
                "application `{name}` does not have deployment id `{id}` in history"
            ))
            .hint(hint)
        }),
        None => history
            .len()
            .checked_sub(2)
            .map(|at| &history[at])
            .ok_or_else(|| {
                Failure::new(format!(
                    "application `{name}` should have at least two successful deployments"
                ))
                .hint(hint)
            }),
    }
}

fn by(user: &str) -> InitiatedBy {
    InitiatedBy {
        username: user.into(),
        automated: false,
    }
}

/// The resources of an application that selectors name.
fn selected(app: &Object, selectors: &[String]) -> Result<Vec<ResourceRef>, Failure> {
    if selectors.is_empty() {
        return Ok(Vec::new());
    }
    let selectors = selectors
        .iter()
        .map(|text| Selector::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    let (excluding, including): (Vec<_>, Vec<_>) = selectors.iter().partition(|s| s.exclude);
    let resources = app.pointer("/status/resources").and_then(Value::as_array);
    let found: Vec<ResourceRef> = resources
        .into_iter()
        .flatten()
        .filter_map(|value| serde_json::from_value(value.clone()).ok())
        .filter(|resource| including.is_empty() || including.iter().any(|s| s.fits(resource)))
        .filter(|resource| !excluding.iter().any(|s| s.fits(resource)))
        .collect();
    if found.is_empty() {
        return Err(
            Failure::new(format!("no resource of application `{}` fits", app.name()))
                .hint(format!("`argosy app resources {}` lists them", app.name())),
        );
    }
    Ok(found)
}

struct Selector {
    exclude: bool,
    group: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl Selector {
    fn parse(text: &str) -> Result<Self, Failure> {
        let (exclude, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let parts: Vec<&str> = rest.splitn(3, ':').collect();
        let [group, kind, name] = parts[..] else {
            return Err(Failure::new(format!(
                "`{text}` is not GROUP:KIND:NAME or GROUP:KIND:NAMESPACE/NAME"
            )));
        };
        let (namespace, name) = match name.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, name),
        };
        Ok(Self {
            exclude,
            group: group.into(),
            kind: kind.into(),
            namespace,
            name: name.into(),
        })
    }

    fn fits(&self, resource: &ResourceRef) -> bool {
        let matches = |wanted: &str, is: &str| wanted == "*" || wanted == is;
        matches(&self.group, &resource.group)
            && matches(&self.kind, &resource.kind)
            && matches(&self.name, &resource.name)
            && self
                .namespace
                .as_deref()
                .is_none_or(|namespace| matches(namespace, &resource.namespace))
    }
}
