//! Discovery from canned answers, aggregated, legacy and half broken.

use super::*;
use argosy_ports::{ApiService, Body, BoxError, full_body};
use http::{Request, Response};

fn wire(answers: &'static [(&'static str, u16, &'static str)]) -> Wire {
    let service = tower::service_fn(move |request: Request<Body>| async move {
        let path = request.uri().path();
        let known = answers.iter().find(|(at, ..)| *at == path);
        let (_, code, body) = known.copied().unwrap_or(("", 404, "404 page not found"));
        let mut response = Response::new(full_body(body));
        *response.status_mut() = http::StatusCode::from_u16(code)?;
        Ok::<_, BoxError>(response)
    });
    Wire::new("https://test", ApiService::new(service))
}

const VERSION: (&str, u16, &str) = ("/version", 200, r#"{"gitVersion":"v1.36.3","major":"1"}"#);
const LEGACY: &[(&str, u16, &str)] = &[
    VERSION,
    ("/api", 200, r#"{"kind":"APIVersions","versions":["v1"]}"#),
    (
        "/api/v1",
        200,
        r#"{"kind":"APIResourceList","groupVersion":"v1","resources":[
        {"name":"pods","kind":"Pod","namespaced":true,"verbs":["get","list","watch"]},
        {"name":"pods/eviction","kind":"Eviction","namespaced":true,"verbs":["create"]},
        {"name":"bindings","kind":"Binding","namespaced":true,"verbs":["create"]}]}"#,
    ),
    (
        "/apis",
        200,
        r#"{"kind":"APIGroupList","groups":[
        {"name":"autoscaling","versions":[{"groupVersion":"autoscaling/v1","version":"v1"},{"groupVersion":"autoscaling/v2","version":"v2"}],
         "preferredVersion":{"groupVersion":"autoscaling/v2","version":"v2"}},
        {"name":"metrics.k8s.io","versions":[{"groupVersion":"metrics.k8s.io/v1beta1","version":"v1beta1"}]}]}"#,
    ),
    (
        "/apis/autoscaling/v1",
        200,
        r#"{"kind":"APIResourceList","resources":[{"name":"horizontalpodautoscalers","kind":"HorizontalPodAutoscaler","namespaced":true,"verbs":["list","watch"]}]}"#,
    ),
    (
        "/apis/autoscaling/v2",
        200,
        r#"{"kind":"APIResourceList","resources":[{"name":"horizontalpodautoscalers","kind":"HorizontalPodAutoscaler","namespaced":true,"verbs":["list","watch"]}]}"#,
    ),
    ("/apis/metrics.k8s.io/v1beta1", 503, "service unavailable"),
];

#[tokio::test]
async fn legacy_answers_give_kinds_and_name_the_broken_group() {
    let found = discover(&wire(LEGACY), None).await.unwrap();
    assert_eq!(found.facts.kube_version, "v1.36.3");
    assert_eq!(
        &*found.facts.api_versions,
        [
            "autoscaling/v1",
            "autoscaling/v1/HorizontalPodAutoscaler",
            "autoscaling/v2",
            "autoscaling/v2/HorizontalPodAutoscaler",
            "metrics.k8s.io/v1beta1",
            "v1",
            "v1/Binding",
            "v1/Eviction",
            "v1/Pod"
        ]
    );
    let scaler = &found.watchable[&GroupKind::new("autoscaling", "HorizontalPodAutoscaler")];
    assert_eq!(&*scaler.gvk.version, "v2");
    assert_eq!(found.watchable.len(), 2);
    assert!(
        found.broken["metrics.k8s.io/v1beta1"].contains("503"),
        "{:?}",
        found.broken
    );
    assert!(
        found
            .facts
            .resource(&Gvk::new("", "v1", "Eviction"))
            .is_none()
    );
}

#[tokio::test]
async fn aggregated_answer_is_enough() {
    const ANSWERS: &[(&str, u16, &str)] = &[
        VERSION,
        (
            "/api",
            200,
            r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[{"versions":[{"version":"v1","freshness":"Current","resources":[
            {"resource":"namespaces","responseKind":{"group":"","version":"v1","kind":"Namespace"},"scope":"Cluster","verbs":["list","watch"],
             "subresources":[{"subresource":"status","responseKind":{"kind":"Namespace"},"verbs":["get"]}]}]}]}]}"#,
        ),
        (
            "/apis",
            200,
            r#"{"kind":"APIGroupDiscoveryList","items":[]}"#,
        ),
    ];
    let found = discover(&wire(ANSWERS), None).await.unwrap();
    let namespaces = found
        .facts
        .resource(&Gvk::new("", "v1", "Namespace"))
        .unwrap();
    assert_eq!(
        (&*namespaces.plural, namespaces.namespaced),
        ("namespaces", false)
    );
    assert_eq!(&*found.facts.api_versions, ["v1", "v1/Namespace"]);
}

#[tokio::test]
async fn stale_group_keeps_what_was_known() {
    const STALE: &[(&str, u16, &str)] = &[
        VERSION,
        (
            "/api",
            200,
            r#"{"kind":"APIGroupDiscoveryList","items":[]}"#,
        ),
        (
            "/apis",
            200,
            r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"autoscaling"},"versions":[{"version":"v2","freshness":"Stale"}]}]}"#,
        ),
    ];
    let before = discover(&wire(LEGACY), None).await.unwrap();
    let now = discover(&wire(STALE), Some(&before)).await.unwrap();
    let gvk = Gvk::new("autoscaling", "v2", "HorizontalPodAutoscaler");
    assert!(now.facts.resource(&gvk).is_some());
    assert!(now.watchable_versions.contains(&gvk));
    assert!(now.broken.contains_key("autoscaling/v2"));
}

#[tokio::test]
async fn unreachable_server_is_an_error_and_not_an_empty_cluster() {
    let service = tower::service_fn(|_| async { Err::<Response<Body>, BoxError>("down".into()) });
    let wire = Wire::new("https://test", ApiService::new(service));
    let error = discover(&wire, None).await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
}
