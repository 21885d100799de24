//! In which order objects are applied.

use argosy_crds::names;
use argosy_object::Object;

/// Kinds in the order in which they are applied within a wave; others follow.
/// Compat: gitops-engine `pkg/sync/sync_tasks.go`.
const KINDS: [&str; 35] = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// The place of a kind within a wave, from 0; kinds that are not listed come last.
pub fn kind_rank(kind: &str) -> usize {
    KINDS
        .iter()
        .position(|known| *known == kind)
        .unwrap_or(KINDS.len())
}

/// The wave of an object: its annotation, else its Helm hook weight, else 0. Text that is no
/// integer counts as absent.
pub fn wave(object: &Object) -> i64 {
    [names::SYNC_WAVE, "helm.sh/hook-weight"]
        .into_iter()
        .find_map(|name| object.annotation(name)?.trim().parse().ok())
        .unwrap_or(0)
}
