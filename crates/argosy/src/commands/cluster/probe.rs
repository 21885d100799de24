//! One look at a cluster: does it answer, and which version is it?

use crate::session::Connected;
use argosy_cli::view::cluster::Probe;
use argosy_kube::Client;
use argosy_kube::spec::cluster_from_secret;
use argosy_object::{Object, Value};
use argosy_ports::{ApiService, empty_body};
use http_body_util::BodyExt as _;
use std::time::Duration;
use tower::ServiceExt as _;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const MAX_BYTES: usize = 1 << 20;

/// Asks a cluster for its version. The Secret's credential is used, from where this program runs.
pub(super) async fn probe(connected: &Connected, secret: &Object) -> Probe {
    let spec = match cluster_from_secret(secret, false) {
        Ok(spec) => spec,
        Err(error) => return failed(&error),
    };
    let service = if spec.server == argosy_kube::spec::IN_CLUSTER {
        Ok(connected.service.clone())
    } else {
        connected.transport.service(&spec)
    };
    let service = match service {
        Ok(service) => service,
        Err(error) => return failed(&error),
    };
    match tokio::time::timeout(PATIENCE, version(service)).await {
        Ok(Ok(version)) => Probe {
            version,
            status: "Successful".into(),
            message: String::new(),
        },
        Ok(Err(message)) => Probe {
            version: String::new(),
            status: "Failed".into(),
            message,
        },
        Err(_) => Probe {
            version: String::new(),
            status: "Failed".into(),
            message: format!("no answer within {} s", PATIENCE.as_secs()),
        },
    }
}

fn failed(error: &dyn std::fmt::Display) -> Probe {
    Probe {
        version: String::new(),
        status: "Failed".into(),
        message: error.to_string(),
    }
}

async fn version(service: ApiService) -> Result<String, String> {
    let request = http::Request::get("/version")
        .header("accept", "application/json")
        .body(empty_body())
        .map_err(|error| error.to_string())?;
    let response = service
        .oneshot(request)
        .await
        .map_err(|error| error.to_string())?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("the server answers HTTP {}", status.as_u16()));
    }
    let body = http_body_util::Limited::new(response.into_body(), MAX_BYTES)
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    let value: Value =
        serde_json::from_slice(&body.to_bytes()).map_err(|_| "the answer is no JSON".to_owned())?;
    let part = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    Ok(format!("{}.{}", part("major"), part("minor")))
}

/// A client of another context, for adding it.
pub(super) fn client(
    connected: &Connected,
    spec: &argosy_kube::spec::ClusterSpec,
) -> Result<Client, argosy_cli::Failure> {
    Client::connect(&connected.transport, spec)
        .map_err(|error| argosy_cli::Failure::from_error(&error))
}
