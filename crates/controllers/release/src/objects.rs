//! Texts to objects, objects to the cluster's resources.

use crate::Releases;
use argosy_helm::release::{
    Adoption, BuildError, Cascade, Target, adoption, build, has_own_name, resource_text,
};
use argosy_object::{Gvk, Object};
use argosy_ports::{ApiError, ApiErrorKind, ClusterFacts, DeleteOptions, Propagation, Resource};
use futures_util::{StreamExt as _, stream};
use std::sync::Arc;

/// How many objects of one kind are written at once.
const AT_ONCE: usize = 8;
/// How often a write is tried again where others write, too.
pub(crate) const CONFLICT_TRIES: usize = 5;

impl Releases {
    /// The objects of a text; discovery is asked anew where a kind is unknown.
    pub(crate) async fn build(&self, text: &str) -> Result<Vec<Object>, BuildError> {
        let unreachable = |error: ApiError| BuildError::Text(error.to_string());
        let facts = self.cluster.facts().await.map_err(unreachable)?;
        match self.build_with(text, &facts) {
            Err(BuildError::NoKind(_)) => {
                let facts = self.cluster.fresh_facts().await.map_err(unreachable)?;
                self.build_with(text, &facts)
            }
            result => result,
        }
    }

    fn build_with(&self, text: &str, facts: &Arc<ClusterFacts>) -> Result<Vec<Object>, BuildError> {
        let scope = |gvk: &Gvk| facts.resource(gvk).map(|resource| resource.namespaced);
        build(text, self.namespace(), &scope)
    }

    /// The objects of a command; the flag of an error is whether they could not be made.
    pub(crate) async fn objects_of(&self, target: Target) -> Result<Vec<Object>, String> {
        match target {
            Target::Objects(objects) => Ok(objects),
            Target::Text { manifest, .. } => {
                let built = self.build(&manifest).await;
                built.map_err(|error| error.to_string())
            }
        }
    }

    /// The kind of an object as the cluster serves it.
    pub(crate) async fn resource(&self, object: &Object) -> Result<Resource, ApiError> {
        let gvk = object.gvk();
        if let Some(resource) = self.cluster.facts().await?.resource(&gvk) {
            return Ok(resource.clone());
        }
        let facts = self.cluster.fresh_facts().await?;
        facts.resource(&gvk).cloned().ok_or_else(|| {
            let (kind, version) = (&gvk.kind, gvk.api_version());
            let text = format!("no matches for kind {kind:?} in version {version:?}");
            ApiError::new(ApiErrorKind::NoKind, text)
        })
    }

    /// A live object; `None` where there is none.
    pub(crate) async fn live(&self, object: &Object) -> Result<Option<Object>, ApiError> {
        let resource = self.resource(object).await?;
        self.cluster
            .get(&resource, object.namespace(), object.name())
            .await
    }

    /// The objects that are in the cluster already and become the release's.
    pub(crate) async fn adopted(
        &self,
        objects: &[Object],
        rule: Adoption<'_>,
    ) -> Result<Vec<Object>, String> {
        let mut found = Vec::new();
        for object in objects {
            if !has_own_name(object)? {
                continue;
            }
            let live = self.live(object).await.map_err(|error| {
                let what = resource_text(object);
                format!("could not get information about the resource {what}: {error}")
            })?;
            if let Some(live) = live {
                adoption(object, &live, rule)?;
                found.push(object.clone());
            }
        }
        Ok(found)
    }

    /// Deletes objects, kind after kind; what is not there is deleted. All are tried.
    pub(crate) async fn delete_all(&self, objects: &[Object], cascade: Cascade) -> Vec<String> {
        let mut faults = Vec::new();
        for batch in batches(objects) {
            let results = stream::iter(batch).map(|object| self.delete_one(object, cascade));
            let results: Vec<Result<(), ApiError>> = results.buffered(AT_ONCE).collect().await;
            let failed = results.into_iter().filter_map(Result::err);
            faults.extend(failed.map(|error| error.to_string()));
        }
        faults
    }

    pub(crate) async fn delete_one(
        &self,
        object: &Object,
        cascade: Cascade,
    ) -> Result<(), ApiError> {
        let resource = match self.resource(object).await {
            // Without its kind the object is gone already.
            Err(error) if error.kind == ApiErrorKind::NoKind => return Ok(()),
            result => result?,
        };
        let options = DeleteOptions {
            propagation: match cascade {
                Cascade::Background => Propagation::Background,
                Cascade::Foreground => Propagation::Foreground,
                Cascade::Orphan => Propagation::Orphan,
            },
            ..DeleteOptions::default()
        };
        let (namespace, name) = (object.namespace(), object.name());
        let mut tries = 0;
        loop {
            match self
                .cluster
                .delete(&resource, namespace, name, &options)
                .await
            {
                Err(error) if error.kind == ApiErrorKind::Conflict && tries < CONFLICT_TRIES => {
                    tries += 1;
                }
                result => return result.map(|_| ()),
            }
        }
    }

    /// Does something to all objects, kind after kind; all are tried and the faults joined.
    pub(crate) async fn for_each<F, W>(&self, objects: &[Object], work: F) -> Result<(), String>
    where
        F: Fn(Object) -> W,
        W: Future<Output = Result<(), String>>,
    {
        let mut faults = Vec::new();
        for batch in batches(objects) {
            let results = stream::iter(batch).map(|object| work(object.clone()));
            let results: Vec<Result<(), String>> = results.buffered(AT_ONCE).collect().await;
            faults.extend(results.into_iter().filter_map(Result::err));
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults.join("\n"))
        }
    }
}

/// Runs of objects of one kind.
fn batches(objects: &[Object]) -> impl Iterator<Item = &[Object]> {
    objects.chunk_by(|left, right| left.kind() == right.kind())
}
