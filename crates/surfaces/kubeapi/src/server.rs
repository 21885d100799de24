//! The API of one cluster as a service: who asks, whether they may, and who answers.

use crate::auth::{attributes::Attributes, impersonate};
use crate::call::Call;
use crate::catalog::Catalog;
use crate::cluster::{Cluster, Parts};
use crate::error::ApiError;
use crate::hook::{ClusterFacts, Hooks};
use crate::negotiate::{Format, negotiate};
use crate::request::{
    Authenticator, Authorizer, Decision, PeerCertificate, Query, RequestInfo, UserInfo,
    percent_decode,
};
use crate::storage::Storage;
use crate::workers::Workers;
use crate::{documents, rest};
use argosy_ports::{ApiService, Body, BoxError, Clock};
use argosy_schema::Schemas;
use http::{Request, Response};
use std::sync::Arc;
use tower::util::BoxCloneSyncService;

/// Marks a request that came over a socket: without credentials it is anonymous, where a call
/// within the process is trusted.
#[derive(Clone, Copy, Debug)]
pub struct FromSocket;

/// What the clusters of one process share: built-in kinds with their discovery documents, and
/// the hooks.
#[derive(Clone)]
pub struct Shared {
    catalog: Arc<Catalog>,
    hooks: Arc<Hooks>,
}

impl Shared {
    /// Makes the shared part once for all clusters.
    pub fn new(schemas: Arc<Schemas>, hooks: Hooks) -> Self {
        let catalog = Arc::new(Catalog::new(&schemas, std::collections::BTreeMap::new()));
        Self {
            catalog,
            hooks: Arc::new(hooks),
        }
    }
}

/// One embedded API.
#[derive(Clone)]
pub struct ApiServer {
    cluster: Arc<Cluster>,
    workers: Arc<Workers>,
}

/// How to make an [`ApiServer`].
pub struct Setup {
    storage: Arc<dyn Storage>,
    shared: Shared,
    clock: Arc<dyn Clock>,
    facts: ClusterFacts,
    authorizer: Option<Arc<dyn Authorizer>>,
    authenticator: Option<Arc<dyn Authenticator>>,
}

impl Setup {
    /// Facts of the cluster.
    #[must_use]
    pub fn facts(mut self, facts: ClusterFacts) -> Self {
        self.facts = facts;
        self
    }

    /// Who decides what callers may do; without one, everything is allowed and the cluster
    /// starts without roles.
    #[must_use]
    pub fn authorizer(mut self, authorizer: Arc<dyn Authorizer>) -> Self {
        self.authorizer = Some(authorizer);
        self
    }

    /// Who finds out who asks; without one, callers over sockets are anonymous.
    #[must_use]
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.authenticator = Some(authenticator);
        self
    }

    /// Fills an empty store with what every cluster has, starts the workers (garbage
    /// collection, namespaces, CRDs, service accounts) and returns the API. The workers stop
    /// when the last clone of it is dropped.
    ///
    /// # Errors
    /// [`ApiError`] where the store cannot be written.
    pub async fn start(self) -> Result<ApiServer, ApiError> {
        let cluster = Arc::new(Cluster::new(Parts {
            storage: self.storage,
            clock: self.clock,
            hooks: self.shared.hooks,
            facts: self.facts,
            authorizer: self.authorizer,
            authenticator: self.authenticator,
            plain: self.shared.catalog,
        }));
        cluster.load_crds();
        crate::bootstrap::fill(&cluster).await?;
        let workers = Arc::new(Workers::start(&cluster));
        Ok(ApiServer { cluster, workers })
    }
}

impl ApiServer {
    /// Begins an API over a store.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(storage: Arc<dyn Storage>, shared: &Shared, clock: Arc<dyn Clock>) -> Setup {
        Setup {
            storage,
            shared: shared.clone(),
            clock,
            facts: ClusterFacts::default(),
            authorizer: None,
            authenticator: None,
        }
    }

    /// The API as a service, to be called with no socket. A request may carry a [`UserInfo`]
    /// extension; without it and without credentials it acts as `system:admin`.
    pub fn service(&self) -> ApiService {
        let server = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, BoxError>(server.handle(request).await) }
        }))
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let answer = self.respond(request).await;
        // What could not be read looks as if it were not there: no such answer goes out.
        let failure = self.cluster.storage.failure();
        let answer = failure.map_or(answer, |why| Err(ApiError::internal(&why)));
        answer.unwrap_or_else(|error| error.reply())
    }

    /// Waits until the workers have nothing to do for what was written so far.
    pub async fn settle(&self) {
        self.workers.settle(&self.cluster).await;
    }

    async fn respond(&self, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let (head, body) = request.into_parts();
        let path = percent_decode(head.uri.path(), false);
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let user = self.user(&head)?;
        let mut info = RequestInfo::parse(&head.method, &path, &query, user);
        info.query = head.uri.query().unwrap_or_default().into();
        self.authorize(&info)?;
        if !info.is_resource {
            return documents::serve(&self.cluster, &info, &head.headers);
        }
        let catalog = self.cluster.catalog();
        let (group, version) = (&info.api_group, &info.api_version);
        let Some(served) = catalog.resource(group, version, &info.resource) else {
            let known = group.is_empty() && version == "v1"
                || catalog
                    .schemas
                    .kinds()
                    .any(|kind| *kind.gvk.group == **group && *kind.gvk.version == **version);
            return if known {
                Err(unknown_path())
            } else {
                Ok(documents::page_not_found())
            };
        };
        if too_deep(&info) {
            return Err(unknown_path());
        }
        let shapes = !matches!(
            info.subresource.as_str(),
            "log" | "exec" | "attach" | "portforward"
        );
        let format = if shapes {
            negotiate(&head.headers, true)?
        } else {
            Format::default()
        };
        let call = Call {
            cluster: &self.cluster,
            catalog,
            served,
            info: &info,
            query: &query,
            headers: &head.headers,
            format,
            now: self.cluster.now(),
            warnings: Vec::new(),
            is_head: head.method == http::Method::HEAD,
        };
        rest::serve(call, body).await
    }

    /// The caller, after authentication and impersonation.
    fn user(&self, head: &http::request::Parts) -> Result<UserInfo, ApiError> {
        let cluster = &*self.cluster;
        let authenticated = match (head.extensions.get::<UserInfo>(), &cluster.authenticator) {
            (Some(user), _) => Some(user.clone()),
            (None, Some(authenticator)) => {
                let peer = head.extensions.get::<PeerCertificate>();
                authenticator.authenticate(&head.headers, peer, cluster)?
            }
            (None, None) => None,
        };
        let trusted = head.extensions.get::<FromSocket>().is_none();
        let user = authenticated.unwrap_or_else(|| {
            if trusted {
                UserInfo::system_admin()
            } else {
                UserInfo::anonymous()
            }
        });
        impersonate::effective_user(&head.headers, &user, &*cluster.authorizer, cluster)
    }

    fn authorize(&self, info: &RequestInfo) -> Result<(), ApiError> {
        // Probes are open to everyone, as with upstream's always-allow paths.
        if matches!(info.path.as_str(), "/healthz" | "/livez" | "/readyz") {
            return Ok(());
        }
        match self.cluster.authorizer.authorize(&*self.cluster, info) {
            Decision::Allow => Ok(()),
            Decision::Deny(reason) => {
                let message = Attributes::of(info).forbidden(&info.user.username, &reason);
                let mut error =
                    ApiError::forbidden(&info.api_group, &info.resource, &info.name, "");
                error.message = message;
                Err(error)
            }
        }
    }
}

/// Whether the path goes on behind a subresource we would serve.
fn too_deep(info: &RequestInfo) -> bool {
    let parts = info.path.split('/').filter(|part| !part.is_empty()).count();
    let prefix = if info.api_prefix == "api" { 2 } else { 3 };
    let namespaced = !info.namespace.is_empty() && info.resource != "namespaces";
    let expected = prefix + if namespaced { 5 } else { 3 };
    let watched = usize::from(info.verb == "watch" && info.path.contains("/watch/"));
    parts > expected + watched && info.subresource != "proxy"
}

/// What a path answers that leads nowhere.
pub(crate) fn unknown_path() -> ApiError {
    ApiError::unknown_resource()
}
