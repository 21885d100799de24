//! Applying one object as Argo CD does: client-side three-way, server-side, or replace.
//!
//! The three-way patch is computed from the live object that the caller decided on, which is
//! the cache's; no request goes out where it is empty. Where the server knows better (the object
//! is there after all, is gone, or the write conflicts) it is asked once and the patch made anew.

use crate::client::{At, Client};
use argosy_object::{Object, Value};
use argosy_ports::{
    Api as _, ApiError, ApiErrorKind, Applied, AppliedHow, ApplyMode, ApplyOptions, DeleteOptions,
    PatchBody, Propagation, Resource, WriteOptions,
};
use argosy_schema::{LAST_APPLIED, PatchKind, Schemas, three_way, with_last_applied};
use std::time::Duration;

/// The field manager of everything that Argo CD applies.
pub const MANAGER: &str = "argocd-controller";

const GONE_WITHIN: Duration = Duration::from_mins(1);
const GONE_POLL: Duration = Duration::from_millis(200);

/// Applies objects of one kind in one way.
pub struct Applier<'a> {
    /// The cluster.
    pub client: &'a Client,
    /// The kind.
    pub resource: &'a Resource,
    /// What is known of built-in kinds.
    pub schemas: &'a Schemas,
    /// The way.
    pub options: &'a ApplyOptions,
}

impl Applier<'_> {
    /// Makes the cluster hold `desired`.
    ///
    /// Compat: gitops-engine's `ApplyResource`, `ReplaceResource` and `CreateResource` over
    /// kubectl's `apply`, `replace` and `create`. The migration of managed fields from
    /// client-side to server-side apply is not done.
    pub async fn apply(
        &self,
        desired: &Object,
        live: Option<&Object>,
    ) -> Result<Applied, ApiError> {
        let mut applied = match self.options.mode {
            ApplyMode::ServerSide => self.server_side(desired, live).await,
            ApplyMode::Replace => self.replace(desired, live).await,
            ApplyMode::ThreeWay => self.three_way(desired, live).await,
        }?;
        applied.object.metadata_mut().remove("managedFields");
        Ok(applied)
    }

    fn write_options(&self) -> WriteOptions {
        let manager = match self.options.manager.as_str() {
            "" => MANAGER,
            given => given,
        };
        WriteOptions {
            manager: Some(manager.to_owned()),
            dry_run: self.options.dry_run,
            ..WriteOptions::default()
        }
    }

    fn validation(&self) -> Option<&'static str> {
        Some(if self.options.validate {
            "Strict"
        } else {
            "Ignore"
        })
    }

    async fn fetch(&self, desired: &Object) -> Result<Option<Object>, ApiError> {
        self.client
            .get(self.resource, desired.namespace(), desired.name())
            .await
    }

    async fn create(&self, desired: &Object) -> Result<Object, ApiError> {
        let options = self.write_options();
        self.client
            .create_with(self.resource, desired, &options, self.validation())
            .await
    }

    async fn server_side(
        &self,
        desired: &Object,
        live: Option<&Object>,
    ) -> Result<Applied, ApiError> {
        let patch = PatchBody::Apply {
            config: desired.value().clone(),
            force: true,
        };
        let at = At::of(self.resource, desired);
        let options = self.write_options();
        match self
            .client
            .patch_with(&at, &patch, &options, self.validation())
            .await
        {
            Ok(object) => Ok(Applied {
                how: AppliedHow::ServerSideApplied,
                object,
            }),
            Err(error) if self.may_recreate(&error) => self.recreate(desired, live).await,
            Err(error) => Err(error),
        }
    }

    async fn three_way(
        &self,
        desired: &Object,
        live: Option<&Object>,
    ) -> Result<Applied, ApiError> {
        let desired = Object::from_trusted(with_last_applied(desired.value()));
        let first = self.three_way_once(&desired, live).await;
        let again = |error: &ApiError| {
            matches!(
                error.kind,
                ApiErrorKind::Conflict | ApiErrorKind::AlreadyExists | ApiErrorKind::NotFound
            )
        };
        let result = match first {
            // The cache was behind. A namespace that is missing is not found either: the second
            // attempt fails in the same way then.
            Err(error) if again(&error) => {
                let live = self.fetch(&desired).await?;
                self.three_way_once(&desired, live.as_ref()).await
            }
            result => result,
        };
        match result {
            Err(error) if self.may_recreate(&error) => self.recreate(&desired, live).await,
            result => result,
        }
    }

    async fn three_way_once(
        &self,
        desired: &Object,
        live: Option<&Object>,
    ) -> Result<Applied, ApiError> {
        let Some(live) = live else {
            let object = self.create(desired).await?;
            return Ok(Applied {
                how: AppliedHow::Created,
                object,
            });
        };
        let last = last_applied(live)?;
        let kind = self.schemas.kind(&desired.gvk());
        let patch = three_way(kind, last.as_ref(), desired.value(), live.value())
            .map_err(|error| ApiError::new(ApiErrorKind::Invalid, error.to_string()))?;
        if patch
            .body
            .as_object()
            .is_some_and(serde_json::Map::is_empty)
        {
            return Ok(Applied {
                how: AppliedHow::Unchanged,
                object: live.clone(),
            });
        }
        let patch = match patch.kind {
            PatchKind::Strategic => PatchBody::Strategic(patch.body),
            PatchKind::Merge => PatchBody::Merge(patch.body),
        };
        let at = At::of(self.resource, desired);
        let options = self.write_options();
        let object = self
            .client
            .patch_with(&at, &patch, &options, self.validation())
            .await?;
        Ok(Applied {
            how: AppliedHow::Configured,
            object,
        })
    }

    async fn replace(&self, desired: &Object, live: Option<&Object>) -> Result<Applied, ApiError> {
        if live.is_none() {
            match self.create(desired).await {
                Ok(object) => {
                    return Ok(Applied {
                        how: AppliedHow::Created,
                        object,
                    });
                }
                Err(error) if error.kind == ApiErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        if self.options.force && !self.options.dry_run && !self.holds_others() {
            let object = self.delete_and_create(desired, live).await?;
            return Ok(Applied {
                how: AppliedHow::Replaced,
                object,
            });
        }
        // The version is always the server's: a replace means to win, and the cache may be behind.
        match self.replace_once(desired).await {
            Err(error) if error.kind == ApiErrorKind::Conflict => self.replace_once(desired).await,
            result => result,
        }
    }

    async fn replace_once(&self, desired: &Object) -> Result<Applied, ApiError> {
        let Some(live) = self.fetch(desired).await? else {
            let object = self.create(desired).await?;
            return Ok(Applied {
                how: AppliedHow::Created,
                object,
            });
        };
        let mut desired = desired.clone();
        let version = live.resource_version().to_owned();
        desired
            .metadata_mut()
            .insert("resourceVersion".into(), version.into());
        let options = self.write_options();
        let object = self
            .client
            .replace_with(self.resource, &desired, &options, None)
            .await?;
        Ok(Applied {
            how: AppliedHow::Replaced,
            object,
        })
    }

    /// Deleting a CRD or a namespace takes everything in it along: these are only updated.
    fn holds_others(&self) -> bool {
        let gvk = &self.resource.gvk;
        matches!(
            (&*gvk.group, &*gvk.kind),
            ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition")
        )
    }

    /// Compat: kubectl's `--force` acts on conflicts and on changes of what cannot be changed.
    fn may_recreate(&self, error: &ApiError) -> bool {
        self.options.force
            && !self.options.dry_run
            && !self.holds_others()
            && (error.kind == ApiErrorKind::Conflict || error.code == 422)
    }

    async fn recreate(&self, desired: &Object, live: Option<&Object>) -> Result<Applied, ApiError> {
        let object = self.delete_and_create(desired, live).await?;
        Ok(Applied {
            how: AppliedHow::Configured,
            object,
        })
    }

    /// Deletes, waits for the end, and creates. Where the new object is refused the old one is
    /// put back, so that a typo does not cost the workload.
    async fn delete_and_create(
        &self,
        desired: &Object,
        live: Option<&Object>,
    ) -> Result<Object, ApiError> {
        let (namespace, name) = (desired.namespace(), desired.name());
        let before = match live {
            Some(live) => Some(live.clone()),
            None => self.fetch(desired).await?,
        };
        let options = DeleteOptions {
            propagation: Propagation::Background,
            ..DeleteOptions::default()
        };
        self.client
            .delete(self.resource, namespace, name, &options)
            .await?;
        let deadline = tokio::time::Instant::now() + GONE_WITHIN;
        while self
            .client
            .get(self.resource, namespace, name)
            .await?
            .is_some()
        {
            if tokio::time::Instant::now() > deadline {
                let text = format!(
                    "`{}` was deleted to be made again and is not gone after {} s; a finalizer may hold it",
                    desired.key(),
                    GONE_WITHIN.as_secs()
                );
                return Err(ApiError::new(ApiErrorKind::Busy, text));
            }
            tokio::time::sleep(GONE_POLL).await;
        }
        let error = match self.create(desired).await {
            Ok(object) => return Ok(object),
            Err(error) => error,
        };
        if let Some(mut before) = before {
            for field in ["resourceVersion", "uid", "creationTimestamp", "generation"] {
                before.metadata_mut().remove(field);
            }
            if let Err(second) = self.create(&before).await {
                tracing::warn!(object = %desired.key(), error = %second, "the old object cannot be put back");
            }
        }
        Err(error)
    }
}

/// What was applied last, from the live object's annotation.
fn last_applied(live: &Object) -> Result<Option<Value>, ApiError> {
    let Some(text) = live
        .annotation(LAST_APPLIED)
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| {
        let text = format!(
            "annotation `{LAST_APPLIED}` of `{}` is no JSON: {error}",
            live.key()
        );
        ApiError::new(ApiErrorKind::Invalid, text)
    })
}
