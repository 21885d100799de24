//! A small client of an API under test.

use argosy_kubeapi::auth::{authn::StaticTokens, tokens::TokenKey};
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{ApiServer, HistoryLimits, MemoryStorage, Shared};
use argosy_ports::{ApiService, Body, BoxError, SystemTime, full_body};
use argosy_schema::Schemas;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use tower::ServiceExt as _;

/// An API with nothing but what every cluster has.
pub struct Api {
    pub server: ApiServer,
    service: ApiService,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub body: Value,
    pub text: String,
    pub warnings: Vec<String>,
    pub content_type: String,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let key = Arc::new(TokenKey::in_memory());
        let deps = Deps {
            key,
            tokens: Arc::new(StaticTokens::default()),
        };
        Shared::new(Schemas::builtin(), hooks::all(&deps))
    })
}

impl Api {
    pub async fn start() -> Self {
        Self::with_limits(HistoryLimits::SMALL).await
    }

    pub async fn with_limits(limits: HistoryLimits) -> Self {
        let storage = Arc::new(MemoryStorage::new(limits));
        let setup = ApiServer::new(storage, shared(), Arc::new(SystemTime));
        let server = setup.start().await.unwrap();
        Self {
            service: server.service(),
            server,
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        // Boxed, or the compiler loses the body's lifetime when a test spawns this.
        type Sent = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;
        let sent: Sent = Box::pin(self.service.clone().oneshot(request));
        sent.await.unwrap()
    }

    pub async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(self.send(request.body(full_body(body)).unwrap()).await).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "").await
    }

    pub async fn get_as(&self, path: &str, accept: &str) -> Answer {
        self.call("GET", path, &[("accept", accept)], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(
            "PUT",
            path,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    pub async fn patch(&self, path: &str, kind: &str, body: &Value) -> Answer {
        let kind = format!("application/{kind}");
        self.call("PATCH", path, &[("content-type", &kind)], body.to_string())
            .await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &[], "").await
    }

    /// Creates and expects success.
    pub async fn made(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.code, 201, "{}", answer.text);
        answer.body
    }
}

pub async fn read(response: Response<Body>) -> Answer {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let header = |name: &str| {
        head.headers
            .get_all(name)
            .iter()
            .map(|v| v.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    Answer {
        code: head.status.as_u16(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        text,
        warnings: header("warning"),
        content_type: header("content-type").join(","),
    }
}

pub const CONFIGS: &str = "/api/v1/namespaces/default/configmaps";

pub fn config(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

pub const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A CRD `widgets.example.com` with status and scale.
pub fn widgets() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas"}},
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "string", "jsonPath": ".spec.size"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "size": {"type": "string", "default": "small"},
                        "replicas": {"type": "integer"}}},
                    "status": {"type": "object", "properties": {
                        "replicas": {"type": "integer"}}}}}}}]}})
}

pub const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

pub fn widget(name: &str) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name},
        "spec": {"replicas": 1}})
}
