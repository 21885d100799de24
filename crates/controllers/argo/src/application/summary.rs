//! `status.summary`: images and external URLs of all live objects.

use argosy_crds::Summary;
use argosy_diff::Comparison;
use argosy_object::{Object, Value};
use argosy_ports::Cluster;
use std::collections::BTreeSet;

/// Links that a person put on an object.
const LINK: &str = "link.argocd.argoproj.io/external-link";

/// Collects images of everything that the application owns, pods included, and the URLs of its
/// ingresses and load balancers.
pub(crate) fn summary(cluster: &dyn Cluster, comparison: &Comparison) -> Summary {
    let mut images = BTreeSet::new();
    let mut urls = BTreeSet::new();
    for live in comparison.rows.iter().filter_map(|row| row.live.as_ref()) {
        images.extend(own_images(live));
        urls.extend(own_urls(live));
        if matches!(
            live.kind(),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "CronJob"
        ) {
            for node in cluster.descendants(live.uid()) {
                images.extend(node.images.iter().map(ToString::to_string));
            }
        }
    }
    Summary {
        images: images.into_iter().collect(),
        external_urls: urls.into_iter().collect(),
    }
}

fn own_images(live: &Object) -> Vec<String> {
    [
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
        "/spec",
    ]
    .into_iter()
    .filter_map(|pointer| live.pointer(pointer))
    .flat_map(|spec| {
        ["initContainers", "containers"]
            .into_iter()
            .filter_map(|list| spec.get(list)?.as_array())
    })
    .flatten()
    .filter_map(|container| Some(container.get("image")?.as_str()?.to_owned()))
    .collect()
}

fn own_urls(live: &Object) -> Vec<String> {
    let mut urls: Vec<String> = live
        .annotation(LINK)
        .filter(|link| link.starts_with("https://") || link.starts_with("http://"))
        .map(str::to_owned)
        .into_iter()
        .collect();
    if live.kind() == "Ingress" {
        urls.extend(ingress_urls(live));
    }
    urls
}

/// One URL for each rule's host (else the load balancer's address) and path.
fn ingress_urls(live: &Object) -> Vec<String> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, field: &str| {
        value
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let addresses = list(live.pointer("/status/loadBalancer/ingress"));
    let address = addresses.first().map(|point| {
        let host = text(point, "hostname");
        if host.is_empty() {
            text(point, "ip")
        } else {
            host
        }
    });
    let tls_hosts: BTreeSet<String> = list(live.pointer("/spec/tls"))
        .iter()
        .flat_map(|tls| list(tls.get("hosts")))
        .filter_map(|host| host.as_str().map(str::to_owned))
        .collect();
    let mut urls = vec![];
    for rule in list(live.pointer("/spec/rules")) {
        let host = text(&rule, "host");
        let Some(at) = Some(host.clone())
            .filter(|h| !h.is_empty())
            .or_else(|| address.clone())
        else {
            continue;
        };
        let scheme = if tls_hosts.contains(&host) {
            "https"
        } else {
            "http"
        };
        for path in list(rule.pointer("/http/paths")) {
            let path = text(&path, "path");
            urls.push(format!(
                "{scheme}://{at}{}",
                path.trim_end_matches('*').trim_end_matches('/')
            ));
        }
    }
    urls
}
