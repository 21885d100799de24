//! Makes the cluster hold a revision's objects.

use crate::Releases;
use crate::objects::CONFLICT_TRIES;
use argosy_helm::release::{
    Applied, ApplyChoice, ApplyFault, Cascade, client_side_patch, is_removable, removed,
};
use argosy_object::Object;
use argosy_ports::{ApiError, ApiErrorKind, PatchBody, Resource, WriteOptions};
use argosy_schema::{PatchKind, adopt_updates};

impl Releases {
    /// Makes objects that are not there.
    pub(crate) async fn create_all(
        &self,
        objects: &[Object],
        server_side: bool,
        force_conflicts: bool,
    ) -> Result<(), String> {
        let create = |object: Object| async move {
            self.create_one(&object, server_side, force_conflicts).await
        };
        self.for_each(objects, create).await
    }

    pub(crate) async fn create_one(
        &self,
        object: &Object,
        server_side: bool,
        force_conflicts: bool,
    ) -> Result<(), String> {
        let resource = self.resource(object).await.map_err(|e| e.to_string())?;
        if server_side {
            return self.apply(&resource, object, force_conflicts).await;
        }
        let options = self.write_options(false);
        let made = self.cluster.create(&resource, object, &options).await;
        made.map(|_| ()).map_err(|error| error.to_string())
    }

    fn write_options(&self, strict: bool) -> WriteOptions {
        WriteOptions {
            manager: Some(self.manager.clone()),
            strict,
            ..WriteOptions::default()
        }
    }

    /// Server-side apply.
    async fn apply(&self, resource: &Resource, object: &Object, force: bool) -> Result<(), String> {
        let config = object.value().clone();
        let patch = PatchBody::Apply { config, force };
        let options = self.write_options(true);
        let (namespace, name) = (object.namespace(), object.name());
        let applied = self
            .cluster
            .patch(resource, namespace, name, &patch, &options)
            .await;
        applied
            .map(|_| ())
            .map_err(|error| match (error.kind, error.code) {
                (_, 415) => format!("server-side apply not available on the server: {error}"),
                (ApiErrorKind::Conflict, _) => format!(
                    "conflict occurred while applying object {}: {error}",
                    place(object)
                ),
                _ => error.to_string(),
            })
    }

    /// Brings the cluster from one revision to another: makes, patches, and last deletes.
    ///
    /// Compat: the first object that cannot be read or made ends it; faults of patches are
    /// collected, and nothing is deleted where there is one. What cannot be read is not deleted.
    pub(crate) async fn converge(
        &self,
        originals: &[Object],
        targets: &[Object],
        choice: ApplyChoice,
    ) -> Applied {
        let mut created = Vec::new();
        let fault = self
            .converge_into(originals, targets, choice, &mut created)
            .await;
        Applied {
            created,
            fault: fault.err().map(|text| ApplyFault {
                is_of_building: false,
                text,
            }),
        }
    }

    async fn converge_into(
        &self,
        originals: &[Object],
        targets: &[Object],
        choice: ApplyChoice,
        created: &mut Vec<Object>,
    ) -> Result<(), String> {
        choice.check()?;
        let mut faults = Vec::new();
        for target in targets {
            let live = self.live(target).await.map_err(|error| {
                format!("could not get information about the resource: {error}")
            })?;
            let Some(live) = live else {
                created.push(target.clone());
                self.create_one(target, choice.server_side, choice.force_conflicts)
                    .await
                    .map_err(|error| format!("failed to create resource: {error}"))?;
                continue;
            };
            let original = originals.iter().find(|found| found.key() == target.key());
            let original = original.ok_or_else(|| {
                let (kind, name) = (target.kind(), target.name());
                format!("original object {kind} with the name {name:?} not found")
            })?;
            let patched = self.update_one(original, target, &live, choice).await;
            faults.extend(patched.err());
        }
        if faults.is_empty() {
            faults = self.delete_removed(originals, targets).await;
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults.join(" && "))
        }
    }

    async fn delete_removed(&self, originals: &[Object], targets: &[Object]) -> Vec<String> {
        let mut faults = Vec::new();
        for object in removed(originals, targets) {
            match self.live(object).await {
                Ok(Some(live)) if is_removable(&live) => {}
                Ok(_) => continue,
                Err(error) => {
                    tracing::debug!(object = %object.key(), %error, "it cannot be read and stays");
                    continue;
                }
            }
            if let Err(error) = self.delete_one(object, Cascade::Background).await {
                let name = object.name();
                faults.push(format!("failed to delete resource {name}: {error}"));
            }
        }
        faults
    }

    async fn update_one(
        &self,
        original: &Object,
        target: &Object,
        live: &Object,
        choice: ApplyChoice,
    ) -> Result<(), String> {
        let resource = self.resource(target).await.map_err(|e| e.to_string())?;
        if choice.force_replace {
            return self.replace_one(&resource, target, live).await;
        }
        if !choice.server_side {
            return self
                .patch_one(&resource, original, target, live, choice.merges_custom)
                .await;
        }
        if choice.upgrades_manager {
            self.hand_over(&resource, target).await?;
        }
        self.apply(&resource, target, choice.force_conflicts).await
    }

    async fn replace_one(
        &self,
        resource: &Resource,
        target: &Object,
        live: &Object,
    ) -> Result<(), String> {
        let mut object = target.clone();
        let version = live.resource_version().to_owned();
        object
            .metadata_mut()
            .insert("resourceVersion".into(), version.into());
        let options = self.write_options(true);
        let replaced = self.cluster.replace(resource, &object, &options).await;
        replaced
            .map(|_| ())
            .map_err(|error| format!("failed to replace object: {error}"))
    }

    async fn patch_one(
        &self,
        resource: &Resource,
        original: &Object,
        target: &Object,
        live: &Object,
        merges_custom: bool,
    ) -> Result<(), String> {
        let kind = self.schemas.kind(&target.gvk());
        let patch = client_side_patch(
            kind,
            original.value(),
            target.value(),
            live.value(),
            merges_custom,
        )
        .map_err(|error| format!("failed to create patch: {error}"))?;
        if patch.body.as_object().is_some_and(|body| body.is_empty()) {
            return Ok(());
        }
        let patch = match patch.kind {
            PatchKind::Strategic => PatchBody::Strategic(patch.body),
            PatchKind::Merge => PatchBody::Merge(patch.body),
        };
        let (name, kind) = (target.name(), target.kind());
        let options = self.write_options(false);
        let patched = self
            .cluster
            .patch(resource, target.namespace(), name, &patch, &options)
            .await;
        patched
            .map(|_| ())
            .map_err(|error| format!("cannot patch {name:?} with kind {kind}: {error}"))
    }

    /// Makes the fields that client-side apply owned server-side apply's.
    async fn hand_over(&self, resource: &Resource, target: &Object) -> Result<(), String> {
        let place = place(target);
        let (namespace, name) = (target.namespace(), target.name());
        let mut last: Option<ApiError> = None;
        for _ in 0..CONFLICT_TRIES {
            let live = self.cluster.get(resource, namespace, name).await;
            let live = live.map_err(|error| format!("failed to get object {place}: {error}"))?;
            let Some(live) = live else { return Ok(()) };
            let patch = adopt_updates(live.value(), &self.manager).map_err(|error| {
                format!("failed to upgrade managed fields for object {place}: {error}")
            })?;
            let Some(patch) = patch else { return Ok(()) };
            let (patch, options) = (PatchBody::Json(patch), self.write_options(true));
            match self
                .cluster
                .patch(resource, namespace, name, &patch, &options)
                .await
            {
                Ok(_) => return Ok(()),
                Err(error) if error.kind == ApiErrorKind::Conflict => last = Some(error),
                Err(error) => {
                    return Err(format!(
                        "failed to patch object to upgrade CSA field manager {place}: {error}"
                    ));
                }
            }
        }
        Err(last.map(|error| error.to_string()).unwrap_or_default())
    }
}

/// `namespace/name group/version, Kind=Kind`
fn place(object: &Object) -> String {
    let gvk = object.gvk();
    format!(
        "{}/{} {}/{}, Kind={}",
        object.namespace().unwrap_or_default(),
        object.name(),
        gvk.group,
        gvk.version,
        gvk.kind
    )
}
