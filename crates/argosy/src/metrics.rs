//! `/healthz`, `/readyz` and `/metrics` on loopback, for whoever watches the controllers.
//!
//! Names and labels of metrics are Argo CD's where it has the metric, so that its dashboards fit.
//! Everything is read when it is asked for; only operations are counted as they end.

mod collect;
mod syncs;

use crate::controllers::Controllers;
use anyhow::Context as _;
use argosy_argo::Hub;
use argosy_argo::application::ApplicationController;
use argosy_argo::applicationset::ApplicationSetController;
use argosy_frame::HubStore;
use bytes::Bytes;
use collect::Fleet;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use syncs::Syncs;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections at a time; more wait.
const MAX_CONNECTIONS: usize = 16;
/// How long a connection may take to ask, and to be answered.
const PATIENCE: Duration = Duration::from_secs(10);
const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where to listen, if anywhere: `off`, or an address of the loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

impl Listen {
    /// Reads `off` or `IP:PORT`.
    ///
    /// # Errors
    /// A sentence, for clap. Other addresses than loopback are refused: who may read the names of
    /// all Applications is not asked here.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let address: SocketAddr = text.parse().or_else(|_| {
            match text.strip_prefix(':').and_then(|port| port.parse().ok()) {
                Some(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
                None => Err(format!(
                    "`{text}` is neither `off` nor IP:PORT, such as 127.0.0.1:8082"
                )),
            }
        })?;
        if !address.ip().is_loopback() {
            return Err(format!(
                "`{text}` is no loopback address, and metrics are served there only"
            ));
        }
        Ok(Self(Some(address)))
    }
}

/// A running endpoint. It ends when it is dropped.
pub struct Metrics {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Metrics {
    /// Listens, and answers until it is dropped; `None` where it is off.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub async fn start(listen: Listen, controllers: &Controllers) -> anyhow::Result<Option<Self>> {
        let Some(wanted) = listen.0 else {
            return Ok(None);
        };
        let listener = TcpListener::bind(wanted)
            .await
            .with_context(|| format!("cannot listen on {wanted} for metrics"))?;
        let address = listener.local_addr()?;
        let syncs = Syncs::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(syncs.clone().follow(controllers.hub.store.clone()));
        let watched = Watched {
            hub: controllers.hub.clone(),
            applications: controllers.applications.clone(),
            sets: controllers.sets.clone(),
            syncs,
        };
        tasks.spawn(serve(listener, Arc::new(watched)));
        Ok(Some(Self {
            address,
            _tasks: tasks,
        }))
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// What is told of.
struct Watched {
    hub: Arc<Hub>,
    applications: Arc<ApplicationController>,
    sets: Arc<ApplicationSetController>,
    syncs: Syncs,
}

async fn serve(listener: TcpListener, watched: Arc<Watched>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let slot = slots
            .clone()
            .acquire_owned()
            .await
            .expect("it is never closed");
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection for metrics was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let watched = watched.clone();
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            let _slot = slot;
            // Whoever asks too slowly, or goes away, asks again.
            let _ = tokio::time::timeout(PATIENCE, connection(stream, watched)).await;
        });
    }
}

async fn connection(stream: TcpStream, watched: Arc<Watched>) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let watched = watched.clone();
        async move { Ok::<_, Infallible>(watched.answer(request.method(), request.uri().path()).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

impl Watched {
    async fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        match path {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => match is_ready(&self.hub.store).await {
                true => text(StatusCode::OK, "ok\n"),
                false => text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the hub's Applications, ApplicationSets, projects and Secrets are not read yet\n",
                ),
            },
            "/metrics" => match self.metrics() {
                Ok(body) => answer(StatusCode::OK, OPEN_METRICS, body),
                Err(_) => text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "metrics cannot be written\n",
                ),
            },
            _ => text(
                StatusCode::NOT_FOUND,
                "there are /healthz, /readyz and /metrics\n",
            ),
        }
    }

    fn metrics(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Fleet {
            applications: self
                .hub
                .store
                .list(argosy_crds::names::ARGO_GROUP, "Application"),
            syncs: self.syncs.all(),
            queues: [
                (
                    "app_reconciliation_queue",
                    self.applications.queue().depth(),
                ),
                ("applicationset", self.sets.queue().depth()),
            ],
            stages: self.hub.stage_times.all(),
        }));
        let mut body = String::new();
        encode(&mut body, &registry)?;
        Ok(body)
    }
}

/// Whether everything that the controllers follow has been read once.
async fn is_ready(store: &HubStore) -> bool {
    let resources = argosy_argo::hub_resources();
    let read = store.wait_synced(&resources);
    tokio::time::timeout(Duration::ZERO, read).await.is_ok()
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    answer(status, TEXT, body.to_owned())
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(kind),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_off_are_taken() {
        assert_eq!(Listen::parse("off"), Ok(Listen(None)));
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 8082));
        assert_eq!(Listen::parse("127.0.0.1:8082"), Ok(Listen(Some(local))));
        assert_eq!(Listen::parse(":8082"), Ok(Listen(Some(local))));
        assert!(
            Listen::parse("0.0.0.0:8082")
                .unwrap_err()
                .contains("loopback")
        );
        assert!(Listen::parse("here").unwrap_err().contains("`off`"));
    }
}
