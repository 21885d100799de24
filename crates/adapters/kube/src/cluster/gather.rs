//! The live objects of an application, from the cache.

use super::KubeCluster;
use argosy_object::{GroupKind, Gvk, Key};
use argosy_ports::{Api as _, ApiError, ApiErrorKind, LiveObject, LiveSet, LiveWant, Resource};
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

const GETS_AT_ONCE: usize = 8;

impl KubeCluster {
    pub(super) async fn gather(&self, want: &LiveWant) -> Result<LiveSet, ApiError> {
        self.bury();
        let wanted = self.look_at_wanted(want).await?;
        self.survey().await?;
        self.wait(&wanted).await?;
        let mut keys: BTreeMap<Key, Option<Gvk>> = want
            .keys
            .iter()
            .map(|(gvk, key)| (key.clone(), Some(gvk.clone())))
            .collect();
        for key in self.inner.index.tracked(&want.instance) {
            keys.entry(key).or_insert(None);
        }
        let mut objects = BTreeMap::new();
        let mut asked = Vec::new();
        for (key, gvk) in keys {
            let Some(live) = self.inner.index.get(&key) else {
                continue;
            };
            let other_version = gvk
                .as_ref()
                .is_some_and(|gvk| gvk.version != live.header.version);
            match live.object().filter(|_| !other_version) {
                Some(object) => {
                    objects.insert(key, LiveObject { object });
                }
                // The body is not kept, or is of another version than the desired one.
                None => {
                    let version = gvk.map_or(live.header.version.clone(), |gvk| gvk.version);
                    asked.push((Gvk::new(&key.group, &version, &key.kind), key));
                }
            }
        }
        let fetched: Vec<(Key, Option<LiveObject>)> = futures_util::stream::iter(asked)
            .map(|(gvk, key)| async move { self.fetch(&gvk, key).await })
            .buffer_unordered(GETS_AT_ONCE)
            .try_collect()
            .await?;
        objects.extend(
            fetched
                .into_iter()
                .filter_map(|(key, object)| Some((key, object?))),
        );
        let present = want.present.iter().map(|(_, key)| key.clone());
        let present = present.filter(|key| self.inner.index.get(key).is_some());
        Ok(LiveSet {
            objects,
            present: present.collect(),
        })
    }

    /// Kinds whose watches ended because the kind was gone may come again.
    fn bury(&self) {
        let dead = std::mem::take(
            &mut *self
                .inner
                .dead
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for kind in dead {
            self.watchers.remove(&kind);
        }
    }

    /// Starts the watches of the wanted keys' kinds. A kind that the cluster does not know has
    /// no objects.
    async fn look_at_wanted(&self, want: &LiveWant) -> Result<BTreeSet<GroupKind>, ApiError> {
        let discovered = self.inner.discovered(false).await?;
        let mut wanted = BTreeSet::new();
        for (gvk, key) in want.keys.iter().chain(&want.present) {
            let kind = gvk.group_kind();
            let Some(preferred) = discovered.watchable.get(&kind) else {
                continue;
            };
            self.check_scope(preferred, key)?;
            if self.inner.settings.exclusions.contains(&kind) || !wanted.insert(kind) {
                continue;
            }
            // The desired version is the one to watch: what differs is then seen without asking.
            let exact = discovered.facts.resource(gvk);
            let resource = exact.filter(|_| discovered.watchable_versions.contains(gvk));
            self.look_at(resource.unwrap_or(preferred)).await?;
        }
        Ok(wanted)
    }

    /// Compat: the sentences are gitops-engine's.
    fn check_scope(&self, resource: &Resource, key: &Key) -> Result<(), ApiError> {
        let scope = &self.inner.scope;
        let text = if resource.namespaced {
            let namespace = key.namespace_or_empty();
            if scope.sees(Some(namespace)) {
                return Ok(());
            }
            format!(
                "namespace {namespace:?} for {} {:?} is not managed",
                key.kind, key.name
            )
        } else {
            if scope.sees_cluster_objects() {
                return Ok(());
            }
            format!(
                "cluster level {} {:?} can not be managed when in namespaced mode",
                key.kind, key.name
            )
        };
        Err(ApiError::new(ApiErrorKind::Forbidden, text))
    }

    /// Waits for every watch. A wanted kind must be readable; of the others it is enough that
    /// the cluster is there: one broken kind is not to stop the applications that lack it.
    async fn wait(&self, wanted: &BTreeSet<GroupKind>) -> Result<(), ApiError> {
        for kind in self.watchers.kinds() {
            if let Err(error) = self.watchers.synced(&kind).await
                && (wanted.contains(&kind) || error.kind == ApiErrorKind::Unreachable)
            {
                return Err(error);
            }
        }
        Ok(())
    }

    async fn fetch(&self, gvk: &Gvk, key: Key) -> Result<(Key, Option<LiveObject>), ApiError> {
        let discovered = self.inner.discovered(false).await?;
        let Some(resource) = discovered.facts.resource(gvk) else {
            return Ok((key, None));
        };
        let found = self
            .inner
            .client
            .get(resource, key.namespace.as_deref(), &key.name)
            .await?;
        let object = found.map(|mut object| {
            object.metadata_mut().remove("managedFields");
            LiveObject { object }
        });
        Ok((key, object))
    }
}
