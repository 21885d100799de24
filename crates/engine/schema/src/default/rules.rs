//! The unconditional defaults of built-in types: type, field, value.
//!
//! They hold wherever a type stands, so a pod template is defaulted alike in every kind. The test
//! against a real API server in the conformance suite keeps them true.

use super::is_unset;
use crate::types::ObjectType;
use argosy_object::{Map, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

const RULES: &[(&str, &str, &str)] = &[
    ("core.v1.PodSpec", "dnsPolicy", r#""ClusterFirst""#),
    ("core.v1.PodSpec", "restartPolicy", r#""Always""#),
    ("core.v1.PodSpec", "securityContext", "{}"),
    ("core.v1.PodSpec", "terminationGracePeriodSeconds", "30"),
    ("core.v1.PodSpec", "schedulerName", r#""default-scheduler""#),
    (
        "core.v1.Container",
        "terminationMessagePath",
        r#""/dev/termination-log""#,
    ),
    ("core.v1.Container", "terminationMessagePolicy", r#""File""#),
    (
        "core.v1.EphemeralContainer",
        "terminationMessagePath",
        r#""/dev/termination-log""#,
    ),
    (
        "core.v1.EphemeralContainer",
        "terminationMessagePolicy",
        r#""File""#,
    ),
    ("core.v1.Probe", "timeoutSeconds", "1"),
    ("core.v1.Probe", "periodSeconds", "10"),
    ("core.v1.Probe", "successThreshold", "1"),
    ("core.v1.Probe", "failureThreshold", "3"),
    ("core.v1.HTTPGetAction", "path", r#""/""#),
    ("core.v1.HTTPGetAction", "scheme", r#""HTTP""#),
    ("core.v1.SecretVolumeSource", "defaultMode", "420"),
    ("core.v1.ConfigMapVolumeSource", "defaultMode", "420"),
    ("core.v1.DownwardAPIVolumeSource", "defaultMode", "420"),
    ("core.v1.ProjectedVolumeSource", "defaultMode", "420"),
    (
        "core.v1.ServiceAccountTokenProjection",
        "expirationSeconds",
        "3600",
    ),
    ("core.v1.HostPathVolumeSource", "type", r#""""#),
    ("core.v1.ObjectFieldSelector", "apiVersion", r#""v1""#),
    ("core.v1.Secret", "type", r#""Opaque""#),
    (
        "core.v1.PersistentVolumeSpec",
        "persistentVolumeReclaimPolicy",
        r#""Retain""#,
    ),
    (
        "core.v1.PersistentVolumeSpec",
        "volumeMode",
        r#""Filesystem""#,
    ),
    ("core.v1.PersistentVolumeStatus", "phase", r#""Pending""#),
    (
        "core.v1.PersistentVolumeClaimSpec",
        "volumeMode",
        r#""Filesystem""#,
    ),
    (
        "core.v1.PersistentVolumeClaimStatus",
        "phase",
        r#""Pending""#,
    ),
    ("core.v1.NamespaceStatus", "phase", r#""Active""#),
    ("core.v1.EndpointPort", "protocol", r#""TCP""#),
    ("core.v1.ServiceSpec", "sessionAffinity", r#""None""#),
    ("core.v1.ServiceSpec", "type", r#""ClusterIP""#),
    ("apps.v1.DeploymentSpec", "replicas", "1"),
    ("apps.v1.DeploymentSpec", "revisionHistoryLimit", "10"),
    ("apps.v1.DeploymentSpec", "progressDeadlineSeconds", "600"),
    ("apps.v1.DeploymentStrategy", "type", r#""RollingUpdate""#),
    (
        "apps.v1.RollingUpdateDeployment",
        "maxUnavailable",
        r#""25%""#,
    ),
    ("apps.v1.RollingUpdateDeployment", "maxSurge", r#""25%""#),
    ("apps.v1.DaemonSetSpec", "revisionHistoryLimit", "10"),
    (
        "apps.v1.DaemonSetUpdateStrategy",
        "type",
        r#""RollingUpdate""#,
    ),
    ("apps.v1.RollingUpdateDaemonSet", "maxUnavailable", "1"),
    ("apps.v1.RollingUpdateDaemonSet", "maxSurge", "0"),
    (
        "apps.v1.StatefulSetSpec",
        "podManagementPolicy",
        r#""OrderedReady""#,
    ),
    (
        "apps.v1.StatefulSetSpec",
        "persistentVolumeClaimRetentionPolicy",
        "{}",
    ),
    ("apps.v1.StatefulSetSpec", "replicas", "1"),
    ("apps.v1.StatefulSetSpec", "revisionHistoryLimit", "10"),
    (
        "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
        "whenDeleted",
        r#""Retain""#,
    ),
    (
        "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
        "whenScaled",
        r#""Retain""#,
    ),
    ("apps.v1.ReplicaSetSpec", "replicas", "1"),
    ("batch.v1.CronJobSpec", "concurrencyPolicy", r#""Allow""#),
    ("batch.v1.CronJobSpec", "suspend", "false"),
    ("batch.v1.CronJobSpec", "successfulJobsHistoryLimit", "3"),
    ("batch.v1.CronJobSpec", "failedJobsHistoryLimit", "1"),
    (
        "batch.v1.PodFailurePolicyOnPodConditionsPattern",
        "status",
        r#""True""#,
    ),
    (
        "autoscaling.v1.HorizontalPodAutoscalerSpec",
        "minReplicas",
        "1",
    ),
    (
        "autoscaling.v2.HorizontalPodAutoscalerSpec",
        "minReplicas",
        "1",
    ),
    (
        "autoscaling.v2.HorizontalPodAutoscalerSpec",
        "metrics",
        r#"[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]"#,
    ),
    ("networking.v1.NetworkPolicyPort", "protocol", r#""TCP""#),
    (
        "networking.v1.IngressClassParametersReference",
        "scope",
        r#""Cluster""#,
    ),
    (
        "rbac.v1.RoleRef",
        "apiGroup",
        r#""rbac.authorization.k8s.io""#,
    ),
    ("storage.v1.StorageClass", "reclaimPolicy", r#""Delete""#),
    (
        "storage.v1.StorageClass",
        "volumeBindingMode",
        r#""Immediate""#,
    ),
    ("storage.v1.CSIDriverSpec", "attachRequired", "true"),
    ("storage.v1.CSIDriverSpec", "podInfoOnMount", "false"),
    ("storage.v1.CSIDriverSpec", "storageCapacity", "false"),
    (
        "storage.v1.CSIDriverSpec",
        "fsGroupPolicy",
        r#""ReadWriteOnceWithFSType""#,
    ),
    (
        "storage.v1.CSIDriverSpec",
        "volumeLifecycleModes",
        r#"["Persistent"]"#,
    ),
    ("storage.v1.CSIDriverSpec", "requiresRepublish", "false"),
    ("storage.v1.CSIDriverSpec", "seLinuxMount", "false"),
    (
        "admissionregistration.v1.ValidatingWebhook",
        "failurePolicy",
        r#""Fail""#,
    ),
    (
        "admissionregistration.v1.ValidatingWebhook",
        "matchPolicy",
        r#""Equivalent""#,
    ),
    (
        "admissionregistration.v1.ValidatingWebhook",
        "namespaceSelector",
        "{}",
    ),
    (
        "admissionregistration.v1.ValidatingWebhook",
        "objectSelector",
        "{}",
    ),
    (
        "admissionregistration.v1.ValidatingWebhook",
        "timeoutSeconds",
        "10",
    ),
    (
        "admissionregistration.v1.MutatingWebhook",
        "failurePolicy",
        r#""Fail""#,
    ),
    (
        "admissionregistration.v1.MutatingWebhook",
        "matchPolicy",
        r#""Equivalent""#,
    ),
    (
        "admissionregistration.v1.MutatingWebhook",
        "namespaceSelector",
        "{}",
    ),
    (
        "admissionregistration.v1.MutatingWebhook",
        "objectSelector",
        "{}",
    ),
    (
        "admissionregistration.v1.MutatingWebhook",
        "timeoutSeconds",
        "10",
    ),
    (
        "admissionregistration.v1.MutatingWebhook",
        "reinvocationPolicy",
        r#""Never""#,
    ),
    (
        "admissionregistration.v1.RuleWithOperations",
        "scope",
        r#""*""#,
    ),
    (
        "admissionregistration.v1.NamedRuleWithOperations",
        "scope",
        r#""*""#,
    ),
    ("admissionregistration.v1.ServiceReference", "port", "443"),
    (
        "admissionregistration.v1.ValidatingAdmissionPolicySpec",
        "failurePolicy",
        r#""Fail""#,
    ),
    (
        "admissionregistration.v1.MutatingAdmissionPolicySpec",
        "failurePolicy",
        r#""Fail""#,
    ),
    (
        "admissionregistration.v1.MatchResources",
        "matchPolicy",
        r#""Equivalent""#,
    ),
    (
        "admissionregistration.v1.MatchResources",
        "namespaceSelector",
        "{}",
    ),
    (
        "admissionregistration.v1.MatchResources",
        "objectSelector",
        "{}",
    ),
    (
        "flowcontrol.v1.FlowSchemaSpec",
        "matchingPrecedence",
        "1000",
    ),
    (
        "flowcontrol.v1.ExemptPriorityLevelConfiguration",
        "nominalConcurrencyShares",
        "0",
    ),
    (
        "flowcontrol.v1.ExemptPriorityLevelConfiguration",
        "lendablePercent",
        "0",
    ),
    (
        "flowcontrol.v1.LimitedPriorityLevelConfiguration",
        "nominalConcurrencyShares",
        "30",
    ),
    (
        "flowcontrol.v1.LimitedPriorityLevelConfiguration",
        "lendablePercent",
        "0",
    ),
    ("flowcontrol.v1.QueuingConfiguration", "handSize", "8"),
    ("flowcontrol.v1.QueuingConfiguration", "queues", "64"),
    (
        "flowcontrol.v1.QueuingConfiguration",
        "queueLengthLimit",
        "50",
    ),
    ("discovery.v1.EndpointPort", "name", r#""""#),
    ("discovery.v1.EndpointPort", "protocol", r#""TCP""#),
    (
        "scheduling.v1.PriorityClass",
        "preemptionPolicy",
        r#""PreemptLowerPriority""#,
    ),
    (
        "authentication.v1.TokenRequestSpec",
        "expirationSeconds",
        "3600",
    ),
    (
        "resource.v1.ExactDeviceRequest",
        "allocationMode",
        r#""ExactCount""#,
    ),
    (
        "resource.v1.DeviceSubRequest",
        "allocationMode",
        r#""ExactCount""#,
    ),
    (
        "apiextensions.v1.CustomResourceDefinitionSpec",
        "conversion",
        r#"{"strategy":"None"}"#,
    ),
    ("apiextensions.v1.ServiceReference", "port", "443"),
    ("apiregistration.v1.ServiceReference", "port", "443"),
];

type Table = HashMap<&'static str, Vec<(&'static str, Value)>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    for (ty, field, value) in RULES {
        let value = serde_json::from_str(value).expect("the rules are JSON, which a test checks");
        table.entry(ty).or_default().push((field, value));
    }
    table
});

/// `group.version.Type` of an OpenAPI name.
pub(super) fn short(name: &str) -> &str {
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    dots.nth(2).map_or(name, |at| &name[at + 1..])
}

/// Sets what the rules say and nobody else did.
pub(super) fn apply(name: &str, object: &ObjectType, map: &mut Map<String, Value>) {
    let Some(rules) = TABLE.get(short(name)) else {
        return;
    };
    for (field, value) in rules {
        let unset = match object.field(field) {
            Some(known) => is_unset(known, map.get(*field)),
            None => false,
        };
        if unset {
            map.insert((*field).to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemas::Schemas;
    use crate::types::Shape;

    #[test]
    fn every_rule_names_a_field_that_exists() {
        let schemas = Schemas::builtin();
        let types = &schemas.by_group_kind("", "Pod").unwrap().types;
        for (name, field, _) in RULES {
            let found = types.all.iter().any(|ty| match &ty.shape {
                Shape::Object(object) => short(&ty.name) == *name && object.field(field).is_some(),
                _ => false,
            });
            assert!(found, "{name}.{field}");
        }
        assert!(!TABLE.is_empty());
    }
}
