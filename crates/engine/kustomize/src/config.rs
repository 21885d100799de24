//! Which fields the transformers write: the built-in table, and what a kustomization adds.

use crate::error::KustomizeError;
use crate::fields::FieldSpec;
use crate::id::Gvk;
use crate::order::sort_by_kind;
use argosy_object::Value;
use serde::Deserialize;
use std::sync::{Arc, LazyLock};

/// Fields that hold the name of an object of one kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NameReference {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    #[serde(rename = "fieldSpecs")]
    pub(crate) referrers: Vec<FieldSpec>,
}

impl NameReference {
    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(&self.group, &self.version, &self.kind)
    }
}

/// The fields of all transformers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) name_prefix: Vec<FieldSpec>,
    pub(crate) name_suffix: Vec<FieldSpec>,
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) common_labels: Vec<FieldSpec>,
    pub(crate) labels: Vec<FieldSpec>,
    pub(crate) template_labels: Vec<FieldSpec>,
    pub(crate) common_annotations: Vec<FieldSpec>,
    pub(crate) name_reference: Vec<NameReference>,
    pub(crate) var_reference: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
    pub(crate) replicas: Vec<FieldSpec>,
}

impl Config {
    /// Reads a file of `configurations`.
    pub(crate) fn parse(file: &str, value: Value) -> Result<Self, KustomizeError> {
        serde_json::from_value(crate::kustomization::without_nulls(value))
            .map_err(|error| KustomizeError::invalid(file, error.to_string()))
    }

    /// Adds what is not there yet.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), KustomizeError> {
        self.append(other)?;
        self.sort();
        Ok(())
    }

    fn append(&mut self, other: Self) -> Result<(), KustomizeError> {
        let lists: [(&mut Vec<FieldSpec>, Vec<FieldSpec>); 10] = [
            (&mut self.name_prefix, other.name_prefix),
            (&mut self.name_suffix, other.name_suffix),
            (&mut self.namespace, other.namespace),
            (&mut self.common_labels, other.common_labels),
            (&mut self.labels, other.labels),
            (&mut self.template_labels, other.template_labels),
            (&mut self.common_annotations, other.common_annotations),
            (&mut self.var_reference, other.var_reference),
            (&mut self.images, other.images),
            (&mut self.replicas, other.replicas),
        ];
        for (mine, theirs) in lists {
            merge_all(mine, theirs)?;
        }
        for reference in other.name_reference {
            let gvk = reference.gvk();
            match self.name_reference.iter_mut().find(|r| r.gvk() == gvk) {
                Some(known) => merge_all(&mut known.referrers, reference.referrers)?,
                None => self.name_reference.push(reference),
            }
        }
        Ok(())
    }

    /// Sorts all lists by kind. It matters: of two specs for one path, the one for all kinds is
    /// dropped where it is merged behind one for a single kind.
    fn sort(&mut self) {
        for list in [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.common_annotations,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ] {
            sort_by_kind(list, |spec| [&spec.group, &spec.version, &spec.kind]);
        }
        sort_by_kind(&mut self.name_reference, |r| {
            [&r.group, &r.version, &r.kind]
        });
    }

    /// Nothing at all.
    pub(crate) fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);
        NONE.clone()
    }

    /// Adds a table to another one, which costs nothing where both are the built-in one.
    pub(crate) fn absorb(mine: &mut Arc<Self>, theirs: Arc<Self>) -> Result<(), KustomizeError> {
        if Arc::ptr_eq(mine, &Self::none()) && Arc::ptr_eq(&theirs, &Self::builtin()) {
            *mine = theirs;
        } else if !Arc::ptr_eq(mine, &theirs) {
            Arc::make_mut(mine).merge(Arc::unwrap_or_clone(theirs))?;
        }
        Ok(())
    }

    /// The built-in table.
    pub(crate) fn builtin() -> Arc<Self> {
        static BUILTIN: LazyLock<Arc<Config>> = LazyLock::new(|| {
            let mut config = Config::default();
            // What is left of sorted lists is sorted.
            let merged = config.append(Config::make_builtin());
            merged.expect("the table does not contradict itself");
            Arc::new(config)
        });
        BUILTIN.clone()
    }

    /// The built-in table as it stands, before it was merged with anything: merging drops specs
    /// that others make needless, and which ones those are depends on the order.
    pub(crate) fn make_builtin() -> Self {
        let metadata_labels = metadata_labels();
        let mut common_labels = selectors();
        common_labels.extend(metadata_labels.clone());
        let mut config = Self {
            name_prefix: vec![spec("metadata/name", "")],
            name_suffix: vec![spec("metadata/name", "")],
            namespace: vec![
                make("metadata/name", "Namespace"),
                FieldSpec {
                    group: "apiregistration.k8s.io".into(),
                    ..make("spec/service/namespace", "APIService")
                },
                FieldSpec {
                    group: "apiextensions.k8s.io".into(),
                    ..spec(
                        "spec/conversion/webhook/clientConfig/service/namespace",
                        "CustomResourceDefinition",
                    )
                },
            ],
            common_labels,
            labels: Vec::new(),
            template_labels: metadata_labels,
            common_annotations: annotations(),
            name_reference: name_references(),
            var_reference: var_references(),
            images: ["", "template/spec/"]
                .iter()
                .flat_map(|at| {
                    [
                        "containers[]/image",
                        "initContainers[]/image",
                        "volumes[]/image/reference",
                    ]
                    .map(|path| make(&format!("spec/{at}{path}"), ""))
                })
                .collect(),
            replicas: [
                "Deployment",
                "ReplicationController",
                "ReplicaSet",
                "StatefulSet",
            ]
            .map(|kind| make("spec/replicas", kind))
            .to_vec(),
        };
        config.sort();
        config
    }
}

/// Adds specs that are not there yet.
pub(crate) fn merge_all(
    mine: &mut Vec<FieldSpec>,
    theirs: impl IntoIterator<Item = FieldSpec>,
) -> Result<(), KustomizeError> {
    for spec in theirs {
        match mine.iter().find(|known| known.same_place(&spec)) {
            Some(known) if known.create != spec.create => {
                return Err(KustomizeError::failed("conflicting fieldspecs"));
            }
            Some(_) => {}
            None => mine.push(spec),
        }
    }
    Ok(())
}

fn spec(path: &str, kind: &str) -> FieldSpec {
    FieldSpec {
        path: path.into(),
        kind: kind.into(),
        ..FieldSpec::default()
    }
}

fn make(path: &str, kind: &str) -> FieldSpec {
    FieldSpec {
        create: true,
        ..spec(path, kind)
    }
}

fn grouped(group: &str, spec: FieldSpec) -> FieldSpec {
    FieldSpec {
        group: group.into(),
        ..spec
    }
}

fn versioned(version: &str, spec: FieldSpec) -> FieldSpec {
    FieldSpec {
        version: version.into(),
        ..spec
    }
}

const CRON: &str = "spec/jobTemplate/spec/template/spec";

fn selectors() -> Vec<FieldSpec> {
    let mut specs = vec![
        versioned("v1", make("spec/selector", "Service")),
        versioned("v1", make("spec/selector", "ReplicationController")),
    ];
    for kind in ["Deployment", "ReplicaSet", "DaemonSet"] {
        specs.push(make("spec/selector/matchLabels", kind));
    }
    specs.push(grouped(
        "apps",
        make("spec/selector/matchLabels", "StatefulSet"),
    ));
    for kind in ["Deployment", "StatefulSet"] {
        for path in [
            "affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector",
            "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector",
            "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector",
            "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector",
            "topologySpreadConstraints/labelSelector",
        ] {
            let path = format!("spec/template/spec/{path}/matchLabels");
            specs.push(grouped("apps", spec(&path, kind)));
        }
    }
    specs.push(grouped("batch", spec("spec/selector/matchLabels", "Job")));
    specs.push(grouped(
        "batch",
        spec("spec/jobTemplate/spec/selector/matchLabels", "CronJob"),
    ));
    specs.push(grouped(
        "policy",
        spec("spec/selector/matchLabels", "PodDisruptionBudget"),
    ));
    for path in [
        "podSelector",
        "ingress/from/podSelector",
        "egress/to/podSelector",
    ] {
        let path = format!("spec/{path}/matchLabels");
        specs.push(grouped("networking.k8s.io", spec(&path, "NetworkPolicy")));
    }
    specs
}

fn metadata_labels() -> Vec<FieldSpec> {
    let template = "spec/template/metadata/labels";
    vec![
        make("metadata/labels", ""),
        versioned("v1", make(template, "ReplicationController")),
        make(template, "Deployment"),
        make(template, "ReplicaSet"),
        make(template, "DaemonSet"),
        grouped("apps", make(template, "StatefulSet")),
        grouped(
            "apps",
            make("spec/volumeClaimTemplates[]/metadata/labels", "StatefulSet"),
        ),
        grouped("batch", make(template, "Job")),
        grouped("batch", make("spec/jobTemplate/metadata/labels", "CronJob")),
        grouped(
            "batch",
            make("spec/jobTemplate/spec/template/metadata/labels", "CronJob"),
        ),
    ]
}

fn annotations() -> Vec<FieldSpec> {
    let template = "spec/template/metadata/annotations";
    vec![
        make("metadata/annotations", ""),
        versioned("v1", make(template, "ReplicationController")),
        make(template, "Deployment"),
        make(template, "ReplicaSet"),
        make(template, "DaemonSet"),
        make(template, "StatefulSet"),
        grouped("batch", make(template, "Job")),
        grouped(
            "batch",
            make("spec/jobTemplate/metadata/annotations", "CronJob"),
        ),
        grouped(
            "batch",
            make(
                "spec/jobTemplate/spec/template/metadata/annotations",
                "CronJob",
            ),
        ),
    ]
}

fn reference(group: &str, version: &str, kind: &str, referrers: Vec<FieldSpec>) -> NameReference {
    NameReference {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        referrers,
    }
}

/// The same fields of the pod spec of every kind that holds one.
fn in_pods(paths: &[&str]) -> Vec<FieldSpec> {
    let template = "spec/template/spec";
    let holders: [(&str, &str); 8] = [
        ("Pod", "spec"),
        ("PodTemplate", "template/spec"),
        ("Deployment", template),
        ("ReplicaSet", template),
        ("DaemonSet", template),
        ("StatefulSet", template),
        ("Job", template),
        ("CronJob", CRON),
    ];
    let mut specs = Vec::new();
    for (kind, at) in holders {
        for path in paths {
            let version = if kind == "Pod" { "v1" } else { "" };
            specs.push(versioned(version, spec(&format!("{at}/{path}"), kind)));
        }
    }
    specs
}

/// One field of the pod spec of the kinds that upstream's table names for it.
fn in_workloads(path: &str) -> Vec<FieldSpec> {
    let template = "spec/template/spec";
    [
        ("Pod", "spec"),
        ("StatefulSet", template),
        ("Deployment", template),
        ("ReplicationController", template),
        ("CronJob", CRON),
        ("Job", template),
        ("DaemonSet", template),
    ]
    .map(|(kind, at)| spec(&format!("{at}/{path}"), kind))
    .to_vec()
}

fn config_map_referrers() -> Vec<FieldSpec> {
    let mut specs = in_pods(&[
        "volumes/configMap/name",
        "containers/env/valueFrom/configMapKeyRef/name",
        "initContainers/env/valueFrom/configMapKeyRef/name",
        "containers/envFrom/configMapRef/name",
        "initContainers/envFrom/configMapRef/name",
        "volumes/projected/sources/configMap/name",
    ]);
    specs.push(spec("spec/configSource/configMap", "Node"));
    specs.push(spec("rules/resourceNames", "Role"));
    specs.push(spec("rules/resourceNames", "ClusterRole"));
    let annotation = "nginx.ingress.kubernetes.io\\/fastcgi-params-configmap";
    specs.push(spec(
        &format!("metadata/annotations/{annotation}"),
        "Ingress",
    ));
    specs
}

fn secret_referrers() -> Vec<FieldSpec> {
    let mut specs = in_pods(&[
        "volumes/secret/secretName",
        "containers/env/valueFrom/secretKeyRef/name",
        "initContainers/env/valueFrom/secretKeyRef/name",
        "containers/envFrom/secretRef/name",
        "initContainers/envFrom/secretRef/name",
        "imagePullSecrets/name",
        "volumes/projected/sources/secret/name",
    ]);
    specs.push(spec("spec/tls/secretName", "Ingress"));
    for annotation in [
        "ingress.kubernetes.io\\/auth-secret",
        "nginx.ingress.kubernetes.io\\/auth-secret",
        "nginx.ingress.kubernetes.io\\/auth-tls-secret",
    ] {
        specs.push(spec(
            &format!("metadata/annotations/{annotation}"),
            "Ingress",
        ));
    }
    specs.push(spec("imagePullSecrets/name", "ServiceAccount"));
    for field in [
        "secretName",
        "adminSecretName",
        "userSecretName",
        "secretRef",
    ] {
        specs.push(spec(&format!("parameters/{field}"), "StorageClass"));
    }
    specs.push(spec("rules/resourceNames", "Role"));
    specs.push(spec("rules/resourceNames", "ClusterRole"));
    let knative = spec(
        "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
        "Service",
    );
    specs.push(versioned("v1", grouped("serving.knative.dev", knative)));
    specs.push(spec("spec/azureFile/secretName", "PersistentVolume"));
    specs
}

fn service_referrers() -> Vec<FieldSpec> {
    let mut specs = vec![grouped("apps", spec("spec/serviceName", "StatefulSet"))];
    for path in [
        "rules/http/paths/backend/serviceName",
        "backend/serviceName",
        "rules/http/paths/backend/service/name",
        "defaultBackend/service/name",
    ] {
        specs.push(spec(&format!("spec/{path}"), "Ingress"));
    }
    specs.push(grouped(
        "apiregistration.k8s.io",
        spec("spec/service/name", "APIService"),
    ));
    for kind in [
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    ] {
        let webhook = spec("webhooks/clientConfig/service", kind);
        specs.push(grouped("admissionregistration.k8s.io", webhook));
    }
    specs
}

fn name_references() -> Vec<NameReference> {
    const RBAC: &str = "rbac.authorization.k8s.io";
    const ADMISSION: &str = "admissionregistration.k8s.io";
    let scaled = || vec![spec("spec/scaleTargetRef/name", "HorizontalPodAutoscaler")];
    let mut all: Vec<NameReference> = [
        "Deployment",
        "ReplicationController",
        "ReplicaSet",
        "StatefulSet",
    ]
    .map(|kind| reference("", "", kind, scaled()))
    .to_vec();
    all.push(reference("", "v1", "ConfigMap", config_map_referrers()));
    all.push(reference("", "v1", "Secret", secret_referrers()));
    all.push(reference("", "v1", "Service", service_referrers()));
    let binding = |path: &str, kind: &str| grouped(RBAC, spec(path, kind));
    all.push(reference(
        RBAC,
        "",
        "Role",
        vec![binding("roleRef/name", "RoleBinding")],
    ));
    all.push(reference(
        RBAC,
        "",
        "ClusterRole",
        vec![
            binding("roleRef/name", "RoleBinding"),
            binding("roleRef/name", "ClusterRoleBinding"),
        ],
    ));
    let mut accounts = vec![
        binding("subjects", "RoleBinding"),
        binding("subjects", "ClusterRoleBinding"),
    ];
    accounts.extend(in_workloads("serviceAccountName"));
    all.push(reference("", "v1", "ServiceAccount", accounts));
    let claims = in_workloads("volumes/persistentVolumeClaim/claimName");
    all.push(reference("", "v1", "PersistentVolumeClaim", claims));
    let volumes = vec![
        spec("spec/volumeName", "PersistentVolumeClaim"),
        spec("rules/resourceNames", "ClusterRole"),
    ];
    all.push(reference("", "v1", "PersistentVolume", volumes));
    let classes = vec![
        spec("spec/storageClassName", "PersistentVolume"),
        spec("spec/storageClassName", "PersistentVolumeClaim"),
        spec(
            "spec/volumeClaimTemplates/spec/storageClassName",
            "StatefulSet",
        ),
    ];
    all.push(reference("storage.k8s.io", "v1", "StorageClass", classes));
    let priorities = in_workloads("priorityClassName");
    all.push(reference(
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        priorities,
    ));
    let ingress = vec![spec("spec/ingressClassName", "Ingress")];
    // The group is spelt so upstream, and so selects nothing.
    all.push(reference(
        "networking.k8s.io/v1",
        "v1",
        "IngressClass",
        ingress,
    ));
    let policy = spec("spec/policyName", "ValidatingAdmissionPolicyBinding");
    all.push(reference(
        ADMISSION,
        "",
        "ValidatingAdmissionPolicy",
        vec![grouped(ADMISSION, policy)],
    ));
    all
}

fn var_references() -> Vec<FieldSpec> {
    let template = "spec/template/spec";
    let holders = [
        (
            "CronJob",
            CRON,
            "spec/jobTemplate/spec/template/volumes/nfs/server",
        ),
        (
            "DaemonSet",
            template,
            "spec/template/spec/volumes/nfs/server",
        ),
        (
            "Deployment",
            template,
            "spec/template/spec/volumes/nfs/server",
        ),
        ("Job", template, "spec/template/spec/volumes/nfs/server"),
        ("Pod", "spec", "spec/volumes/nfs/server"),
        (
            "ReplicaSet",
            template,
            "spec/template/spec/volumes/nfs/server",
        ),
        (
            "StatefulSet",
            template,
            "spec/volumeClaimTemplates/spec/nfs/server",
        ),
    ];
    let mut specs = Vec::new();
    for (kind, at, volumes) in holders {
        for containers in ["containers", "initContainers"] {
            for field in ["args", "command", "env/value", "volumeMounts/mountPath"] {
                specs.push(spec(&format!("{at}/{containers}/{field}"), kind));
            }
        }
        specs.push(spec(volumes, kind));
    }
    specs.push(spec("spec/template/metadata/annotations", "Deployment"));
    for path in ["rules/host", "tls/hosts", "tls/secretName"] {
        specs.push(spec(&format!("spec/{path}"), "Ingress"));
    }
    specs.push(spec("spec/ports/port", "Service"));
    specs.push(spec("spec/ports/targetPort", "Service"));
    specs.push(spec("spec/nfs/server", "PersistentVolume"));
    specs.push(spec("metadata/labels", ""));
    specs.push(spec("metadata/annotations", ""));
    specs
}
