//! The kinds that the simulator looks at, and where they are in the API.

/// A kind that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Kind {
    Pod,
    Node,
    Service,
    Ingress,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    Claim,
    Volume,
    StorageClass,
    Budget,
    Autoscaler,
    Quota,
    EndpointSlice,
    Endpoints,
    Revision,
}

use Kind::{
    Autoscaler, Budget, Claim, CronJob, DaemonSet, Deployment, EndpointSlice, Endpoints, Ingress,
    Job, Node, Pod, Quota, ReplicaSet, Revision, Service, StatefulSet, StorageClass, Volume,
};

impl Kind {
    /// Kinds that the kubelet half needs.
    pub const KUBELET: [Self; 8] = [
        Node,
        Pod,
        Service,
        Ingress,
        Claim,
        Volume,
        StorageClass,
        Budget,
    ];

    /// Kinds that the controllers need beside.
    pub const CONTROLLERS: [Self; 11] = [
        Deployment,
        ReplicaSet,
        StatefulSet,
        DaemonSet,
        Job,
        CronJob,
        Autoscaler,
        Quota,
        EndpointSlice,
        Endpoints,
        Revision,
    ];

    /// Kinds that the autoscaler needs beside, where it plays alone.
    pub const AUTOSCALERS: [Self; 4] = [Autoscaler, Deployment, ReplicaSet, StatefulSet];

    /// The `apiVersion`, the kind's name, the resource, and whether it lives in namespaces.
    pub fn facts(self) -> (&'static str, &'static str, &'static str, bool) {
        match self {
            Pod => ("v1", "Pod", "pods", true),
            Node => ("v1", "Node", "nodes", false),
            Service => ("v1", "Service", "services", true),
            Ingress => ("networking.k8s.io/v1", "Ingress", "ingresses", true),
            Deployment => ("apps/v1", "Deployment", "deployments", true),
            ReplicaSet => ("apps/v1", "ReplicaSet", "replicasets", true),
            StatefulSet => ("apps/v1", "StatefulSet", "statefulsets", true),
            DaemonSet => ("apps/v1", "DaemonSet", "daemonsets", true),
            Job => ("batch/v1", "Job", "jobs", true),
            CronJob => ("batch/v1", "CronJob", "cronjobs", true),
            Claim => (
                "v1",
                "PersistentVolumeClaim",
                "persistentvolumeclaims",
                true,
            ),
            Volume => ("v1", "PersistentVolume", "persistentvolumes", false),
            StorageClass => ("storage.k8s.io/v1", "StorageClass", "storageclasses", false),
            Budget => (
                "policy/v1",
                "PodDisruptionBudget",
                "poddisruptionbudgets",
                true,
            ),
            Autoscaler => (
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "horizontalpodautoscalers",
                true,
            ),
            Quota => ("v1", "ResourceQuota", "resourcequotas", true),
            EndpointSlice => (
                "discovery.k8s.io/v1",
                "EndpointSlice",
                "endpointslices",
                true,
            ),
            Endpoints => ("v1", "Endpoints", "endpoints", true),
            Revision => ("apps/v1", "ControllerRevision", "controllerrevisions", true),
        }
    }

    /// The kind of an owner reference.
    pub fn named(kind: &str) -> Option<Self> {
        Some(match kind {
            "Deployment" => Deployment,
            "ReplicaSet" => ReplicaSet,
            "StatefulSet" => StatefulSet,
            "DaemonSet" => DaemonSet,
            "Job" => Job,
            "CronJob" => CronJob,
            _ => return None,
        })
    }

    /// The path of the collection, in one namespace or (empty) in all.
    pub fn path(self, namespace: &str) -> String {
        let (version, _, resource, namespaced) = self.facts();
        let prefix = if version.contains('/') { "apis" } else { "api" };
        if namespaced && !namespace.is_empty() {
            format!("/{prefix}/{version}/namespaces/{namespace}/{resource}")
        } else {
            format!("/{prefix}/{version}/{resource}")
        }
    }
}

/// An object of a watched kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    /// Kind.
    pub kind: Kind,
    /// Namespace, or empty.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Id {
    /// The identity of an object.
    pub fn of(kind: Kind, object: &argosy_object::Value) -> Self {
        let text = |field| argosy_object::meta(object, field).to_owned();
        Self {
            kind,
            namespace: text("namespace"),
            name: text("name"),
        }
    }

    /// The path of the object.
    pub fn path(&self) -> String {
        format!("{}/{}", self.kind.path(&self.namespace), self.name)
    }

    /// The path of its status.
    pub fn status_path(&self) -> String {
        format!("{}/status", self.path())
    }
}
