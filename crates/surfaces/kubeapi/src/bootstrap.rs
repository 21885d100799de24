//! What a cluster holds before anybody has written to it.

use crate::auth;
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::hook::Reader as _;
use crate::meta;
use crate::rest::Actor;
use argosy_object::{Gvk, Value, json};
use std::sync::Arc;

/// Namespaces every cluster has, none of which but the last may be deleted.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Creates what is missing.
pub(crate) async fn fill(cluster: &Arc<Cluster>) -> Result<(), ApiError> {
    for namespace in NAMESPACES {
        let object = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": namespace}});
        create(cluster, object).await?;
        furnish(cluster, namespace).await?;
    }
    if cluster
        .get("", "services", "default", "kubernetes")
        .is_none()
    {
        create(cluster, kubernetes_service(cluster)).await?;
    }
    // Where everything is allowed, roles would decide nothing.
    let policy = if cluster.has_policy {
        auth::bootstrap::objects()
    } else {
        Vec::new()
    };
    // Together, so that a store on disk writes them in a few groups.
    let creations = policy.into_iter().map(|object| create(cluster, object));
    futures_util::future::try_join_all(creations).await?;
    Ok(())
}

/// Gives a namespace its default service account and the cluster's root certificate.
pub(crate) async fn furnish(cluster: &Arc<Cluster>, namespace: &str) -> Result<(), ApiError> {
    if cluster
        .get("", "serviceaccounts", namespace, "default")
        .is_none()
    {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": namespace}});
        create(cluster, account).await?;
    }
    const ROOT_CA: &str = "kube-root-ca.crt";
    if cluster.get("", "configmaps", namespace, ROOT_CA).is_none() {
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": ROOT_CA, "namespace": namespace, "annotations": {
                "kubernetes.io/description": "Contains a CA bundle that can be used to verify \
                 the kube-apiserver when using internal endpoints such as the internal service \
                 IP or kubernetes.default.svc. No other usage is guaranteed across distributions \
                 of Kubernetes clusters."}},
            "data": {"ca.crt": cluster.facts.ca_pem}});
        create(cluster, config).await?;
    }
    Ok(())
}

/// The address of the API within the cluster: the first of the service range.
fn kubernetes_service(cluster: &Cluster) -> Value {
    let network = cluster
        .facts
        .service_cidr
        .split('/')
        .next()
        .unwrap_or_default();
    let address: std::net::Ipv4Addr = network
        .parse()
        .unwrap_or(std::net::Ipv4Addr::new(10, 96, 0, 0));
    let first = std::net::Ipv4Addr::from(u32::from(address).wrapping_add(1)).to_string();
    json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"type": "ClusterIP", "clusterIP": first, "clusterIPs": [first],
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]}})
}

async fn create(cluster: &Arc<Cluster>, object: Value) -> Result<(), ApiError> {
    let gvk = Gvk::from_api_version(
        object["apiVersion"].as_str().unwrap_or_default(),
        object["kind"].as_str().unwrap_or_default(),
    );
    // A set of schemas without the kind, as tests may have, has no such object either.
    let Some(served) = cluster.catalog().kind(&gvk) else {
        return Ok(());
    };
    let namespace = meta::text(&object, "namespace").to_owned();
    let key = served.key(&namespace, meta::text(&object, "name"));
    if cluster.storage.get(&key).is_some() {
        return Ok(());
    }
    Actor::new(cluster, served, &namespace).create(object).await
}
