//! What the hub must have before the controllers start: made where it is missing, left alone
//! where it is there.

use argosy_crds::names;
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api, ApiError, ApiErrorKind, PatchBody, Resource, WriteOptions};
use std::time::Duration;

/// The hub could not be prepared.
#[derive(Debug, thiserror::Error)]
#[error("the hub cannot be prepared: {what}: {source}")]
pub struct BootstrapError {
    what: String,
    source: ApiError,
}

/// ConfigMaps that Argo CD's tools expect to find.
const CONFIG_MAPS: [&str; 5] = [
    "argocd-cm",
    "argocd-cmd-params-cm",
    "argocd-rbac-cm",
    "argocd-ssh-known-hosts-cm",
    "argocd-tls-certs-cm",
];

/// The host keys that large Git hosts publish. Compat: the hosts that Argo CD's ConfigMap begins
/// with.
const KNOWN_HOSTS: &str = include_str!("../data/ssh_known_hosts");

/// Makes CRDs, namespace, the `default` project and ConfigMaps. Idempotent: CRDs are applied
/// again, everything else is only made where it is missing.
///
/// # Errors
/// [`BootstrapError`] names the object.
pub async fn bootstrap(api: &dyn Api, namespace: &str) -> Result<(), BootstrapError> {
    for crd in argosy_crds::definitions() {
        apply_crd(api, &crd)
            .await
            .map_err(|source| BootstrapError {
                what: format!("CustomResourceDefinition `{}`", crd.name()),
                source,
            })?;
    }
    let core = |kind: &str, plural: &str, namespaced| {
        Resource::new(Gvk::new("", "v1", kind), plural, namespaced)
    };
    let namespace_object =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    create(
        api,
        &core("Namespace", "namespaces", false),
        namespace_object,
    )
    .await?;
    for name in CONFIG_MAPS {
        let data = match name {
            "argocd-ssh-known-hosts-cm" => json!({"ssh_known_hosts": KNOWN_HOSTS}),
            _ => json!({}),
        };
        let config_map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": {
            "name": name, "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "argocd", "app.kubernetes.io/name": name}}});
        create(api, &core("ConfigMap", "configmaps", true), config_map).await?;
    }
    let project = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}});
    create_patiently(api, &crate::resources::projects(), project).await
}

async fn apply_crd(api: &dyn Api, crd: &Object) -> Result<(), ApiError> {
    let resource = Resource::new(
        Gvk::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
        "customresourcedefinitions",
        false,
    );
    let patch = PatchBody::Apply {
        config: crd.value().clone(),
        force: true,
    };
    let options = WriteOptions {
        manager: Some("argosy".into()),
        ..WriteOptions::default()
    };
    api.patch(&resource, None, crd.name(), &patch, &options)
        .await
        .map(|_| ())
}

async fn create(api: &dyn Api, resource: &Resource, value: Value) -> Result<(), BootstrapError> {
    let object = Object::from_trusted(value);
    match try_create(api, resource, &object).await {
        Ok(()) => Ok(()),
        Err(source) => Err(BootstrapError {
            what: format!("{} `{}`", object.kind(), object.name()),
            source,
        }),
    }
}

/// A kind whose CRD has just been made is served a moment later.
async fn create_patiently(
    api: &dyn Api,
    resource: &Resource,
    value: Value,
) -> Result<(), BootstrapError> {
    const TRIES: u32 = 50;
    let object = Object::from_trusted(value.clone());
    for _ in 0..TRIES {
        match try_create(api, resource, &object).await {
            Err(error) if matches!(error.kind, ApiErrorKind::NotFound | ApiErrorKind::NoKind) => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            _ => break,
        }
    }
    create(api, resource, value).await
}

async fn try_create(api: &dyn Api, resource: &Resource, object: &Object) -> Result<(), ApiError> {
    let options = WriteOptions {
        manager: Some(names::FIELD_MANAGER.into()),
        ..WriteOptions::default()
    };
    match api.create(resource, object, &options).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == ApiErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
