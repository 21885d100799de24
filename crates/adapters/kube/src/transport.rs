//! The way to an API server: one service a cluster, over HTTP/2, HTTP/1.1 or no socket at all.
//!
//! Watches travel on connections apart from calls, so that a slow stream of events never stands
//! in the way of a write. Equal TLS material shares one configuration, always with an explicit
//! root store. A URL under a registered prefix is answered in the process.

mod address;
mod connect;
mod guard;
mod lane;
mod remote;
mod tls;

pub use address::Address;
pub(crate) use remote::Remote;
pub(crate) use tls::TlsStore;

use crate::auth::{ExecSource, authenticated, remote_with_exec};
use crate::spec::{ClusterSpec, Credential};
use argosy_object::{Class, Classified};
use argosy_ports::{ApiService, Body, BoxError};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tower::Service as _;
use tower::ServiceExt as _;

/// Why a cluster's service could not be made, or why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The server's URL.
    #[error("the server's URL `{url}` {what}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Certificates or keys.
    #[error("the {what} for `{server}` cannot be used: {reason}")]
    Tls {
        /// The server.
        server: String,
        /// Which material.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// No connection.
    #[error("cannot connect to `{address}`: {reason}")]
    Connect {
        /// Host and port.
        address: String,
        /// Why.
        reason: String,
    },
    /// No answer in time.
    #[error("`{address}` did not {what} within {} s", .limit.as_secs())]
    Timeout {
        /// Host and port.
        address: String,
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
    /// The connection broke before the answer began.
    #[error("the connection to `{address}` broke: {reason}")]
    Broken {
        /// Host and port.
        address: String,
        /// Why.
        reason: String,
    },
    /// The breaker is open: recent attempts all failed, and the last one so. The words are the
    /// attempt's own, because they are told in a status, which is not to change with each try.
    #[error("{reason}")]
    Resting {
        /// Why the last attempt failed.
        reason: String,
    },
    /// The credential program.
    #[error(transparent)]
    Credential(#[from] crate::auth::CredentialError),
}

impl Classified for TransportError {
    fn class(&self) -> Class {
        match self {
            Self::Url { .. } | Self::Tls { .. } => Class::Stalled,
            Self::Credential(error) => error.class(),
            _ => Class::Transient,
        }
    }
}

/// Times and sizes of the transport.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// TCP and TLS together.
    pub connect: Duration,
    /// From a request to the head of its answer.
    pub answer: Duration,
    /// From a watch request to the head of its answer.
    pub watch_answer: Duration,
    /// Largest request body.
    pub request_bytes: usize,
    /// Calls under way at once to one cluster.
    pub calls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(65), // a little over the server's own 60 s
            watch_answer: Duration::from_secs(30),
            request_bytes: 16 << 20,
            calls: 64,
        }
    }
}

/// What answers an address without a socket.
#[derive(Clone)]
struct InProcess {
    service: ApiService,
    /// Bulkhead and breaker hold for it, as for a server behind a socket.
    guarded: bool,
}

/// Makes services for clusters. Cheap to clone; clones share everything.
#[derive(Clone, Default)]
pub struct Transport {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    limits: Limits,
    tls: TlsStore,
    in_process: RwLock<BTreeMap<Address, InProcess>>,
    calls: Arc<AtomicU64>,
    hub: RwLock<Option<ApiService>>,
}

impl Transport {
    /// A transport with limits of its own.
    pub fn new(limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner {
                limits,
                ..Inner::default()
            }),
        }
    }

    /// Answers every cluster whose URL is `url`, or lies under it, by `service`. What of the path
    /// lies below `url` is put before the request's path.
    ///
    /// # Errors
    /// Where `url` is no http or https URL.
    pub fn register(&self, url: &str, service: ApiService) -> Result<(), TransportError> {
        self.answer(url, service, false)
    }

    /// As [`Self::register`], with the bulkhead and the breaker that a server behind a socket
    /// has: for services that can be slow or dead, such as a simulated network's.
    ///
    /// # Errors
    /// Where `url` is no http or https URL.
    pub fn stand_in(&self, url: &str, service: ApiService) -> Result<(), TransportError> {
        self.answer(url, service, true)
    }

    fn answer(&self, url: &str, service: ApiService, guarded: bool) -> Result<(), TransportError> {
        let address = Address::parse(url)?;
        let mut table = self
            .inner
            .in_process
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        table.insert(address, InProcess { service, guarded });
        Ok(())
    }

    /// Sets the service that `https://kubernetes.default.svc` without a credential means.
    pub fn set_hub(&self, service: ApiService) {
        *self
            .inner
            .hub
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(service);
    }

    /// How many requests went out through services of this transport.
    pub fn calls(&self) -> u64 {
        self.inner.calls.load(Ordering::Relaxed)
    }

    /// `service`, with its requests counted in [`Self::calls`].
    pub fn counted(&self, service: ApiService) -> ApiService {
        let calls = self.inner.calls.clone();
        let counted = tower::service_fn(move |request| {
            calls.fetch_add(1, Ordering::Relaxed);
            let mut service = service.clone();
            async move { service.call(request).await }
        });
        ApiService::new(counted)
    }

    /// A service for the cluster. No connection is opened before the first request. The service
    /// is always ready: it limits and waits inside the call.
    ///
    /// # Errors
    /// Where the URL or the TLS material cannot be used.
    pub fn service(&self, spec: &ClusterSpec) -> Result<ApiService, TransportError> {
        let service = self.uncounted(spec)?;
        // Requests to the hub are counted where its service was made.
        Ok(match spec.credential {
            Credential::Hub => service,
            _ => self.counted(service),
        })
    }

    fn uncounted(&self, spec: &ClusterSpec) -> Result<ApiService, TransportError> {
        if spec.credential == Credential::Hub {
            let hub = self
                .inner
                .hub
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            return hub.ok_or_else(|| TransportError::Url {
                url: spec.server.clone(),
                what: "means the hub's own cluster, which is not known",
            });
        }
        let address = Address::parse(&spec.server)?;
        let limits = self.inner.limits;
        if let Some(found) = self.in_process(&address) {
            let service = authenticated(spec, found.service);
            return Ok(if found.guarded {
                guard::guarded(service, address.authority(), limits)
            } else {
                service
            });
        }
        let tls = self.inner.tls.clone();
        let setup = tls.setup(&spec.tls, &address)?;
        let authority = address.authority();
        let service = match &spec.credential {
            Credential::Exec(exec) => {
                let source = Arc::new(ExecSource::new(exec.clone(), spec));
                remote_with_exec(spec, source, tls, address, limits)
            }
            _ => authenticated(spec, Remote::new(address, setup, limits).service()),
        };
        Ok(guard::guarded(service, authority, limits))
    }

    /// The registered service of the longest prefix of `address`.
    fn in_process(&self, address: &Address) -> Option<InProcess> {
        let table = self
            .inner
            .in_process
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let (at, found) = table
            .iter()
            .filter(|(at, _)| address.is_under(at))
            .max_by_key(|(at, _)| at.prefix().len())?;
        let rest = address.prefix()[at.prefix().len()..].to_owned();
        if rest.is_empty() {
            return Some(found.clone());
        }
        let prefixed = found
            .service
            .clone()
            .map_request(move |request: http::Request<_>| address::with_prefix(request, &rest));
        Some(InProcess {
            service: ApiService::new(prefixed),
            guarded: found.guarded,
        })
    }
}

/// Sends one request. The service is always ready.
pub(crate) fn ask(
    service: ApiService,
    request: http::Request<Body>,
) -> BoxFuture<'static, Result<http::Response<Body>, BoxError>> {
    // Boxed here because the compiler cannot prove the bare future `Send` inside another one.
    Box::pin(service.oneshot(request))
}
