//! What `kubectl get` shows: columns and cells of the built-in kinds.
//!
//! Compat: `pkg/printers/internalversion/printers.go` of v1.36. The server always fills the wide
//! columns (priority 1); the client leaves them out.

mod age;
mod cluster;
mod network;
mod pod;
mod workload;

#[cfg(test)]
use age::human_duration;

use crate::Column;
use argosy_object::Value;
use jiff::Timestamp;

/// The table of one kind.
#[derive(Clone, Copy)]
pub struct Table {
    /// Name, type, format, priority.
    columns: &'static [(&'static str, &'static str, i64)],
    /// One cell for each column.
    pub cells: fn(Timestamp, &Value) -> Vec<Value>,
}

impl Table {
    /// The column definitions.
    pub fn columns(&self) -> Vec<Column> {
        self.columns
            .iter()
            .map(|(name, kind, priority)| Column {
                name: (*name).into(),
                kind: (*kind).into(),
                format: if *name == "Name" {
                    "name".into()
                } else {
                    String::new()
                },
                description: description(name).into(),
                priority: *priority,
            })
            .collect()
    }
}

fn description(column: &str) -> &'static str {
    match column {
        "Name" => {
            "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
        }
        "Age" | "Created At" => {
            "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
        }
        _ => "",
    }
}

/// Kinds that have a table and no other behaviour.
pub const PLAIN_KINDS: [(&str, &str); 2] = [("", "Endpoints"), ("apps", "ControllerRevision")];

const NAME: (&str, &str, i64) = ("Name", "string", 0);
const AGE: (&str, &str, i64) = ("Age", "string", 0);
const CONTAINERS: (&str, &str, i64) = ("Containers", "string", 1);
const IMAGES: (&str, &str, i64) = ("Images", "string", 1);
const SELECTOR: (&str, &str, i64) = ("Selector", "string", 1);

macro_rules! tables {
    ($($group:literal $kind:literal $cells:path, [$($column:expr),* $(,)?];)*) => {
        /// The table of a kind; `None` where it shows name and age of creation alone.
        pub fn table(group: &str, kind: &str) -> Option<&'static Table> {
            match (group, kind) {
                $(($group, $kind) => {
                    const TABLE: Table = Table { columns: &[$($column),*], cells: $cells };
                    Some(&TABLE)
                })*
                _ => None,
            }
        }
    };
}

tables! {
    "" "Pod" pod::cells, [
        NAME, ("Ready", "string", 0), ("Status", "string", 0), ("Restarts", "string", 0), AGE,
        ("IP", "string", 1), ("Node", "string", 1), ("Nominated Node", "string", 1),
        ("Readiness Gates", "string", 1),
    ];
    "apps" "Deployment" workload::deployment, [
        NAME, ("Ready", "string", 0), ("Up-to-date", "string", 0), ("Available", "string", 0), AGE,
        CONTAINERS, IMAGES, SELECTOR,
    ];
    "apps" "ReplicaSet" workload::replica_set, [
        NAME, ("Desired", "integer", 0), ("Current", "integer", 0), ("Ready", "integer", 0), AGE,
        CONTAINERS, IMAGES, SELECTOR,
    ];
    "" "ReplicationController" workload::replication_controller, [
        NAME, ("Desired", "integer", 0), ("Current", "integer", 0), ("Ready", "integer", 0), AGE,
        CONTAINERS, IMAGES, SELECTOR,
    ];
    "" "PodTemplate" workload::pod_template, [
        NAME, ("Containers", "string", 0), ("Images", "string", 0), ("Pod Labels", "string", 0),
    ];
    "apps" "StatefulSet" workload::stateful_set, [
        NAME, ("Ready", "string", 0), AGE, CONTAINERS, IMAGES,
    ];
    "apps" "DaemonSet" workload::daemon_set, [
        NAME, ("Desired", "integer", 0), ("Current", "integer", 0), ("Ready", "integer", 0),
        ("Up-to-date", "integer", 0), ("Available", "integer", 0), ("Node Selector", "string", 0),
        AGE, CONTAINERS, IMAGES, SELECTOR,
    ];
    "apps" "ControllerRevision" workload::controller_revision, [
        NAME, ("Controller", "string", 0), ("Revision", "string", 0), AGE,
    ];
    "batch" "Job" workload::job, [
        NAME, ("Status", "string", 0), ("Completions", "string", 0), ("Duration", "string", 0), AGE,
        CONTAINERS, IMAGES, SELECTOR,
    ];
    "batch" "CronJob" workload::cron_job, [
        NAME, ("Schedule", "string", 0), ("Timezone", "string", 0), ("Suspend", "boolean", 0),
        ("Active", "integer", 0), ("Last Schedule", "string", 0), AGE, CONTAINERS, IMAGES, SELECTOR,
    ];
    "autoscaling" "HorizontalPodAutoscaler" workload::autoscaler, [
        NAME, ("Reference", "string", 0), ("Targets", "string", 0), ("MinPods", "string", 0),
        ("MaxPods", "string", 0), ("Replicas", "string", 0), AGE,
    ];
    "policy" "PodDisruptionBudget" workload::disruption_budget, [
        NAME, ("Min Available", "string", 0), ("Max Unavailable", "string", 0),
        ("Allowed Disruptions", "integer", 0), AGE,
    ];
    "" "Service" network::service, [
        NAME, ("Type", "string", 0), ("Cluster-IP", "string", 0), ("External-IP", "string", 0),
        ("Port(s)", "string", 0), AGE, SELECTOR,
    ];
    "networking.k8s.io" "Ingress" network::ingress, [
        NAME, ("Class", "string", 0), ("Hosts", "string", 0), ("Address", "string", 0),
        ("Ports", "string", 0), AGE,
    ];
    "networking.k8s.io" "IngressClass" network::ingress_class, [
        NAME, ("Controller", "string", 0), ("Parameters", "string", 0), AGE,
    ];
    "networking.k8s.io" "NetworkPolicy" network::network_policy, [
        NAME, ("Pod-Selector", "string", 0), AGE,
    ];
    "" "Endpoints" network::endpoints, [NAME, ("Endpoints", "string", 0), AGE];
    "discovery.k8s.io" "EndpointSlice" network::endpoint_slice, [
        NAME, ("AddressType", "string", 0), ("Ports", "string", 0), ("Endpoints", "string", 0), AGE,
    ];
    "" "ConfigMap" cluster::config_map, [NAME, ("Data", "string", 0), AGE];
    "" "Secret" cluster::secret, [NAME, ("Type", "string", 0), ("Data", "string", 0), AGE];
    "" "ServiceAccount" cluster::name_and_age, [NAME, AGE];
    "" "Namespace" cluster::namespace, [NAME, ("Status", "string", 0), AGE];
    "" "Node" cluster::node, [
        NAME, ("Status", "string", 0), ("Roles", "string", 0), AGE, ("Version", "string", 0),
        ("Internal-IP", "string", 1), ("External-IP", "string", 1), ("OS-Image", "string", 1),
        ("Kernel-Version", "string", 1), ("Container-Runtime", "string", 1),
    ];
    "" "PersistentVolume" cluster::volume, [
        NAME, ("Capacity", "string", 0), ("Access Modes", "string", 0),
        ("Reclaim Policy", "string", 0), ("Status", "string", 0), ("Claim", "string", 0),
        ("StorageClass", "string", 0), ("VolumeAttributesClass", "string", 0),
        ("Reason", "string", 0), AGE, ("VolumeMode", "string", 1),
    ];
    "" "PersistentVolumeClaim" cluster::claim, [
        NAME, ("Status", "string", 0), ("Volume", "string", 0), ("Capacity", "string", 0),
        ("Access Modes", "string", 0), ("StorageClass", "string", 0),
        ("VolumeAttributesClass", "string", 0), AGE, ("VolumeMode", "string", 1),
    ];
    "storage.k8s.io" "StorageClass" cluster::storage_class, [
        NAME, ("Provisioner", "string", 0), ("ReclaimPolicy", "string", 0),
        ("VolumeBindingMode", "string", 0), ("AllowVolumeExpansion", "string", 0), AGE,
    ];
    "" "Event" cluster::event, [
        ("Last Seen", "string", 0), ("Type", "string", 0), ("Reason", "string", 0),
        ("Object", "string", 0), ("Subobject", "string", 1), ("Source", "string", 1),
        ("Message", "string", 0), ("First Seen", "string", 1), ("Count", "string", 1),
        ("Name", "string", 1),
    ];
    "events.k8s.io" "Event" cluster::event, [
        ("Last Seen", "string", 0), ("Type", "string", 0), ("Reason", "string", 0),
        ("Object", "string", 0), ("Subobject", "string", 1), ("Source", "string", 1),
        ("Message", "string", 0), ("First Seen", "string", 1), ("Count", "string", 1),
        ("Name", "string", 1),
    ];
    "" "ResourceQuota" cluster::quota, [
        NAME, ("Request", "string", 0), ("Limit", "string", 0), AGE,
    ];
    "" "LimitRange" cluster::created_at, [NAME, ("Created At", "date", 0)];
    "scheduling.k8s.io" "PriorityClass" cluster::priority_class, [
        NAME, ("Value", "integer", 0), ("Global-Default", "boolean", 0), AGE,
        ("PreemptionPolicy", "string", 0),
    ];
    "coordination.k8s.io" "Lease" cluster::lease, [NAME, ("Holder", "string", 0), AGE];
    "rbac.authorization.k8s.io" "Role" cluster::created_at, [NAME, ("Created At", "date", 0)];
    "rbac.authorization.k8s.io" "ClusterRole" cluster::created_at, [
        NAME, ("Created At", "date", 0),
    ];
    "rbac.authorization.k8s.io" "RoleBinding" cluster::binding, [
        NAME, ("Role", "string", 0), AGE, ("Users", "string", 1), ("Groups", "string", 1),
        ("ServiceAccounts", "string", 1),
    ];
    "rbac.authorization.k8s.io" "ClusterRoleBinding" cluster::binding, [
        NAME, ("Role", "string", 0), AGE, ("Users", "string", 1), ("Groups", "string", 1),
        ("ServiceAccounts", "string", 1),
    ];
    "apiextensions.k8s.io" "CustomResourceDefinition" cluster::created_at, [
        NAME, ("Created At", "date", 0),
    ];
}

#[cfg(test)]
#[path = "cells/tests.rs"]
mod tests;
