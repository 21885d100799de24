//! Which kinds are watched: those that are wanted, those that hold tracked objects, and those
//! that the wanted ones make.
//!
//! To find tracked objects of kinds that nobody wants any more (what has left Git must leave the
//! cluster), every other kind is listed once, metadata alone.

use super::KubeCluster;
use crate::list::{Target, all};
use crate::live::instance_of;
use crate::wire::METADATA;
use argosy_object::GroupKind;
use argosy_ports::{ApiError, ApiErrorKind, ListOptions, Resource};
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeSet;

const LISTS_AT_ONCE: usize = 8;

/// Compat: the `resource.exclusions` that Argo CD ships in argocd-cm, as far as they name kinds
/// one by one, and Events, which its cache never holds.
pub fn excluded_by_default() -> BTreeSet<GroupKind> {
    pairs(&[
        ("", "Event"),
        ("events.k8s.io", "Event"),
        ("", "Endpoints"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("coordination.k8s.io", "Lease"),
        ("authentication.k8s.io", "SelfSubjectReview"),
        ("authentication.k8s.io", "TokenReview"),
        ("authorization.k8s.io", "LocalSubjectAccessReview"),
        ("authorization.k8s.io", "SelfSubjectAccessReview"),
        ("authorization.k8s.io", "SelfSubjectRulesReview"),
        ("authorization.k8s.io", "SubjectAccessReview"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("cert-manager.io", "CertificateRequest"),
        ("cilium.io", "CiliumIdentity"),
        ("cilium.io", "CiliumEndpoint"),
        ("cilium.io", "CiliumEndpointSlice"),
        ("kyverno.io", "PolicyReport"),
        ("kyverno.io", "ClusterPolicyReport"),
        ("kyverno.io", "EphemeralReport"),
        ("kyverno.io", "ClusterEphemeralReport"),
        ("kyverno.io", "AdmissionReport"),
        ("kyverno.io", "ClusterAdmissionReport"),
        ("kyverno.io", "BackgroundScanReport"),
        ("kyverno.io", "ClusterBackgroundScanReport"),
        ("kyverno.io", "UpdateRequest"),
        ("reports.kyverno.io", "EphemeralReport"),
        ("reports.kyverno.io", "ClusterEphemeralReport"),
        ("wgpolicyk8s.io", "PolicyReport"),
        ("wgpolicyk8s.io", "ClusterPolicyReport"),
    ])
}

fn pairs(list: &[(&str, &str)]) -> BTreeSet<GroupKind> {
    list.iter()
        .map(|(group, kind)| GroupKind::new(group, kind))
        .collect()
}

/// The kinds that objects of `kind` make, as far as they are known. A custom kind may make any
/// workload.
fn made_by(kind: &GroupKind) -> &'static [(&'static str, &'static str)] {
    match (&*kind.group, &*kind.kind) {
        ("apps", "Deployment") => &[("apps", "ReplicaSet"), ("", "Pod")],
        ("apps", "StatefulSet") => &[("", "Pod"), ("", "PersistentVolumeClaim")],
        ("apps", "ReplicaSet" | "DaemonSet") | ("", "ReplicationController") | ("batch", "Job") => {
            &[("", "Pod")]
        }
        ("batch", "CronJob") => &[("batch", "Job"), ("", "Pod")],
        (group, _) if group.contains('.') && !group.ends_with(".k8s.io") => &[
            ("apps", "Deployment"),
            ("apps", "StatefulSet"),
            ("apps", "ReplicaSet"),
            ("batch", "Job"),
            ("", "Pod"),
            ("", "Service"),
        ],
        _ => &[],
    }
}

impl KubeCluster {
    /// Starts the watches of a wanted kind and of what it makes.
    pub(super) async fn look_at(&self, resource: &Resource) -> Result<(), ApiError> {
        let discovered = self.inner.discovered(false).await?;
        self.watchers.start(&self.inner, resource);
        for (group, kind) in made_by(&resource.gvk.group_kind()) {
            let kind = GroupKind::new(group, kind);
            if let Some(resource) = discovered.watchable.get(&kind) {
                self.watchers.start(&self.inner, resource);
            }
        }
        Ok(())
    }

    /// Looks once at every kind that is not watched, and watches those that hold tracked
    /// objects. Also watches what tells of new kinds.
    pub(super) async fn survey(&self) -> Result<(), ApiError> {
        let mut surveyed = self.surveyed.lock().await; // one survey at a time
        let discovered = self.inner.discovered(false).await?;
        for (group, kind) in [
            ("apiextensions.k8s.io", "CustomResourceDefinition"),
            ("apiregistration.k8s.io", "APIService"),
        ] {
            if let Some(resource) = discovered.watchable.get(&GroupKind::new(group, kind)) {
                self.watchers.start(&self.inner, resource);
            }
        }
        // A kind that went and came again is looked at anew.
        surveyed.retain(|kind| discovered.watchable.contains_key(kind));
        let unseen: Vec<Resource> = discovered
            .watchable
            .iter()
            .filter(|(kind, _)| !surveyed.contains(*kind))
            .filter(|(kind, _)| !self.inner.settings.exclusions.contains(*kind))
            .filter(|(kind, _)| self.watchers.version_of(kind).is_none())
            .map(|(_, resource)| resource.clone())
            .collect();
        if unseen.is_empty() {
            return Ok(());
        }
        let looked: Vec<(Resource, Look)> = futures_util::stream::iter(unseen)
            .map(|resource| async move {
                let look = self.holds_tracked(&resource).await?;
                Ok::<_, ApiError>((resource, look))
            })
            .buffer_unordered(LISTS_AT_ONCE)
            .try_collect()
            .await?;
        for (resource, look) in looked {
            if look != Look::Later {
                surveyed.insert(resource.gvk.group_kind());
            }
            if look == Look::Found {
                self.look_at(&resource).await?;
            }
        }
        Ok(())
    }

    async fn holds_tracked(&self, resource: &Resource) -> Result<Look, ApiError> {
        let scope = &self.inner.scope;
        let namespaces: Vec<Option<String>> = match (resource.namespaced, scope.namespaces.len()) {
            (false, _) if !scope.sees_cluster_objects() => return Ok(Look::Nothing),
            (false, _) | (true, 0) => vec![None],
            (true, _) => scope.namespaces.iter().cloned().map(Some).collect(),
        };
        let mut look = Look::Nothing;
        for namespace in namespaces {
            let target = Target {
                resource: resource.clone(),
                options: ListOptions {
                    namespace,
                    ..ListOptions::default()
                },
                accept: METADATA,
            };
            let tracking = &self.inner.settings.rules.tracking;
            let result = all(self.inner.client.wire(), &target, |item| {
                if instance_of(&resource.gvk, &item, tracking).is_some() {
                    look = Look::Found;
                }
                Ok(())
            })
            .await;
            match result {
                Ok(_) => {}
                Err(error) if gone(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(cluster = self.inner.client.server(),
                        kind = %resource.gvk.kind, %error, "kind cannot be looked at");
                    if look == Look::Nothing && error.kind == ApiErrorKind::Busy {
                        look = Look::Later;
                    }
                }
            }
        }
        Ok(look)
    }
}

/// What a look at a kind found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Tracked objects.
    Found,
    /// None, or none that we may see: those cannot be ours to delete.
    Nothing,
    /// The server could not say now.
    Later,
}

/// Whether the cluster, and not just one kind of it, does not answer us.
fn gone(error: &ApiError) -> bool {
    matches!(
        error.kind,
        ApiErrorKind::Unreachable | ApiErrorKind::Unauthorized
    )
}
