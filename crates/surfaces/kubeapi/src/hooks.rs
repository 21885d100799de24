//! What each kind does beyond its schema: the closed list of hooks.

pub mod label_selector;

mod allocations;
mod autoscaling;
mod cluster;
mod config;
mod crds;
mod event;
pub(crate) mod fields;
mod jobs;
mod names;
mod namespace;
mod network_policy;
mod pod;
mod pod_spec;
pub mod quantity;
mod rbac;
mod reviews;
mod service;
mod volumes;
mod webhooks;
mod workloads;
mod wrap;

pub use cluster::rename_event;

use crate::auth::authn::StaticTokens;
use crate::auth::tokens::TokenKey;
use crate::{Hooks, KindHook, Plain};
use std::sync::Arc;
use wrap::Kind;

/// What hooks need beside the request.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Signs ServiceAccount tokens.
    pub key: Arc<TokenKey>,
    /// Static tokens, for TokenReview.
    pub tokens: Arc<StaticTokens>,
}

/// The hooks of all built-in kinds, with generation and table cells where the kind has them.
/// One set serves any number of clusters.
pub fn all(deps: &Deps) -> Hooks {
    let mut hooks = Hooks::new();
    core_hooks(&mut hooks, deps);
    workload_hooks(&mut hooks);
    cluster_hooks(&mut hooks);
    auth_hooks(&mut hooks, deps);
    for (group, kind) in GENERATION_ONLY {
        add(&mut hooks, group, kind, Plain);
    }
    for (group, kind) in crate::cells::PLAIN_KINDS {
        add(&mut hooks, group, kind, Plain);
    }
    hooks
}

/// Kinds that count generations and do nothing else of their own.
const GENERATION_ONLY: [(&str, &str); 7] = [
    ("", "PodTemplate"),
    ("networking.k8s.io", "IngressClass"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
    ),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("resource.k8s.io", "ResourceSlice"),
];

fn add(hooks: &mut Hooks, group: &str, kind: &str, hook: impl KindHook + 'static) {
    hooks.insert(group, kind, Kind::new(group, kind, hook));
}

fn core_hooks(hooks: &mut Hooks, deps: &Deps) {
    add(hooks, "", "Namespace", namespace::Namespace);
    add(hooks, "", "Pod", pod::Pod);
    add(
        hooks,
        "",
        "Service",
        <service::Service as Default>::default(),
    );
    add(hooks, "", "ConfigMap", config::ConfigMap);
    add(
        hooks,
        "",
        "Secret",
        config::Secret {
            key: deps.key.clone(),
        },
    );
    add(
        hooks,
        "",
        "ServiceAccount",
        config::ServiceAccount {
            key: deps.key.clone(),
        },
    );
    add(hooks, "", "PersistentVolumeClaim", volumes::Claim);
    add(hooks, "", "PersistentVolume", volumes::Volume);
    add(
        hooks,
        "storage.k8s.io",
        "StorageClass",
        volumes::StorageClass,
    );
    add(hooks, "", "ResourceQuota", cluster::Quota);
    add(hooks, "", "LimitRange", cluster::LimitRange);
    add(hooks, "", "Node", cluster::Node);
    add(hooks, "", "Event", cluster::Event);
    add(hooks, "events.k8s.io", "Event", cluster::Event);
    for kind in [
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    ] {
        add(
            hooks,
            "admissionregistration.k8s.io",
            kind,
            webhooks::Webhooks,
        );
    }
}

fn workload_hooks(hooks: &mut Hooks) {
    use workloads::Workload;
    add(hooks, "apps", "Deployment", Workload::Deployment);
    add(hooks, "apps", "ReplicaSet", Workload::ReplicaSet);
    add(hooks, "apps", "StatefulSet", Workload::StatefulSet);
    add(hooks, "apps", "DaemonSet", Workload::DaemonSet);
    add(
        hooks,
        "",
        "ReplicationController",
        Workload::ReplicationController,
    );
    add(hooks, "batch", "Job", jobs::Job);
    add(hooks, "batch", "CronJob", jobs::CronJob);
    add(
        hooks,
        "autoscaling",
        "HorizontalPodAutoscaler",
        autoscaling::Autoscaler,
    );
}

fn cluster_hooks(hooks: &mut Hooks) {
    add(hooks, "networking.k8s.io", "Ingress", cluster::Ingress);
    add(
        hooks,
        "networking.k8s.io",
        "NetworkPolicy",
        cluster::NetworkPolicy,
    );
    add(
        hooks,
        "policy",
        "PodDisruptionBudget",
        cluster::DisruptionBudget,
    );
    add(
        hooks,
        "scheduling.k8s.io",
        "PriorityClass",
        cluster::PriorityClass,
    );
    add(hooks, "coordination.k8s.io", "Lease", cluster::Lease);
    add(
        hooks,
        "discovery.k8s.io",
        "EndpointSlice",
        cluster::EndpointSlice,
    );
    add(
        hooks,
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        crds::Definition,
    );
}

fn auth_hooks(hooks: &mut Hooks, deps: &Deps) {
    const RBAC: &str = "rbac.authorization.k8s.io";
    add(hooks, RBAC, "Role", rbac::Role { cluster: false });
    add(hooks, RBAC, "ClusterRole", rbac::Role { cluster: true });
    add(hooks, RBAC, "RoleBinding", rbac::Binding { cluster: false });
    add(
        hooks,
        RBAC,
        "ClusterRoleBinding",
        rbac::Binding { cluster: true },
    );
    const AUTHZ: &str = "authorization.k8s.io";
    use reviews::Review;
    hooks.insert(AUTHZ, "SubjectAccessReview", Review::Subject);
    hooks.insert(AUTHZ, "SelfSubjectAccessReview", Review::SelfSubject);
    hooks.insert(AUTHZ, "LocalSubjectAccessReview", Review::Local);
    hooks.insert(AUTHZ, "SelfSubjectRulesReview", Review::Rules);
    const AUTHN: &str = "authentication.k8s.io";
    hooks.insert(AUTHN, "SelfSubjectReview", Review::WhoAmI);
    let (key, tokens) = (deps.key.clone(), deps.tokens.clone());
    hooks.insert(AUTHN, "TokenReview", Review::Token { key, tokens });
}
