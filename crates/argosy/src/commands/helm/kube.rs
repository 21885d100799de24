//! The cluster that helm's flags name, and its releases.

use super::HelmFailure;
use super::flags::Context;
use super::log::Terminal;
use argosy_helm::TemplateCache;
use argosy_helm::release::StoreKind;
use argosy_kube::spec::{ClusterSpec, Credential, Scope};
use argosy_kube::{Client, ClusterSettings, KubeCluster, Kubeconfig, Limits, Transport};
use argosy_object::Redacted;
use argosy_ports::{Cluster, SystemTime};
use argosy_release::{Releases, Store};
use argosy_schema::Schemas;
use clap::Args;
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// helm's flags of the cluster.
#[derive(Args, Clone, Default)]
pub(super) struct KubeFlags {
    /// Context of the kubeconfig [default: $HELM_KUBECONTEXT, then the current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// URL of the API server [default: $HELM_KUBEAPISERVER, then the kubeconfig's]
    #[arg(long, global = true, value_name = "URL")]
    kube_apiserver: Option<String>,
    /// Bearer token [default: $HELM_KUBETOKEN, then the kubeconfig's credential]
    #[arg(long, global = true, value_name = "TOKEN")]
    kube_token: Option<String>,
    /// User to act as [default: $HELM_KUBEASUSER]
    #[arg(long, global = true, value_name = "NAME")]
    kube_as_user: Option<String>,
    /// Group to act as (repeatable) [default: $HELM_KUBEASGROUPS]
    #[arg(long, global = true, value_name = "NAME")]
    kube_as_group: Vec<String>,
    /// Authority of the API server's certificate [default: $HELM_KUBECAFILE]
    #[arg(long, global = true, value_name = "FILE")]
    kube_ca_file: Option<PathBuf>,
    /// Take any certificate of the API server
    #[arg(long, global = true)]
    kube_insecure_skip_tls_verify: bool,
    /// Name in the API server's certificate [default: $HELM_KUBETLS_SERVER_NAME]
    #[arg(long, global = true, value_name = "NAME")]
    kube_tls_server_name: Option<String>,
}

/// What a file of authorities may hold.
const MAX_CA: u64 = 1 << 20;

impl KubeFlags {
    /// Flags, or the environment where there are none.
    fn resolved(&self, context: &Context<'_>) -> Self {
        let or = |flag: &Option<String>, name: &str| {
            let flag = flag.clone().filter(|text| !text.is_empty());
            flag.or_else(|| context.variable(name).map(str::to_owned))
        };
        let groups = if self.kube_as_group.is_empty() {
            let groups = context.variable("HELM_KUBEASGROUPS").unwrap_or_default();
            let groups = groups.split(',').filter(|group| !group.is_empty());
            groups.map(str::to_owned).collect()
        } else {
            self.kube_as_group.clone()
        };
        let insecure = context.variable("HELM_KUBEINSECURE_SKIP_TLS_VERIFY");
        let ca_file = context.variable("HELM_KUBECAFILE").map(PathBuf::from);
        Self {
            kube_context: or(&self.kube_context, "HELM_KUBECONTEXT"),
            kube_apiserver: or(&self.kube_apiserver, "HELM_KUBEAPISERVER"),
            kube_token: or(&self.kube_token, "HELM_KUBETOKEN"),
            kube_as_user: or(&self.kube_as_user, "HELM_KUBEASUSER"),
            kube_as_group: groups,
            kube_ca_file: self.kube_ca_file.clone().or(ca_file),
            kube_insecure_skip_tls_verify: self.kube_insecure_skip_tls_verify
                || matches!(insecure, Some("true" | "1" | "t" | "T" | "TRUE" | "True")),
            kube_tls_server_name: or(&self.kube_tls_server_name, "HELM_KUBETLS_SERVER_NAME"),
        }
    }

    /// The cluster of flags, environment and kubeconfig.
    fn spec(&self, context: &Context<'_>) -> Result<ClusterSpec, HelmFailure> {
        let unreachable =
            |text: &dyn std::fmt::Display| format!("kubernetes cluster unreachable: {text}");
        let settings = &context.session.settings;
        let name = self.kube_context.as_deref().or(settings.context.as_deref());
        let found = Kubeconfig::load(&settings.kubeconfig).and_then(|file| file.cluster(name));
        let mut spec = match (found, &self.kube_apiserver) {
            (Ok((spec, _)), _) => spec,
            (Err(_), Some(server)) => ClusterSpec {
                name: server.clone(),
                server: server.clone(),
                tls: argosy_kube::spec::TlsSpec::default(),
                credential: Credential::None,
                scope: Scope::default(),
            },
            (Err(error), None) => return Err(unreachable(&error).into()),
        };
        if let Some(server) = &self.kube_apiserver {
            let server = server.trim_end_matches('/');
            spec.server = if server.contains("://") {
                server.to_owned()
            } else {
                format!("http://{server}")
            };
        }
        if let Some(token) = &self.kube_token {
            spec.credential = Credential::Bearer(Redacted::new(token.clone()));
        }
        if let Some(file) = &self.kube_ca_file {
            spec.tls.ca = Some(super::flags::read_file(file, MAX_CA)?.into());
        }
        if self.kube_insecure_skip_tls_verify {
            spec.tls.insecure = true;
            spec.tls.ca = None;
        }
        if let Some(name) = &self.kube_tls_server_name {
            spec.tls.server_name = Some(name.clone());
        }
        Ok(spec)
    }
}

/// The releases of a namespace, and what stops operations on them.
pub(super) struct Connected {
    pub releases: Releases,
    pub stop: watch::Sender<bool>,
}

/// Connects to the cluster; nothing is asked yet. Call it inside the runtime.
pub(super) fn connect(context: &Context<'_>) -> Result<Connected, HelmFailure> {
    let flags = context.kube.resolved(context);
    let kind = StoreKind::of(context.variable("HELM_DRIVER").unwrap_or_default())?;
    let spec = flags.spec(context)?;
    let transport = Transport::new(Limits::default());
    let mut client = Client::connect(&transport, &spec)
        .map_err(|error| format!("kubernetes cluster unreachable: {error}"))?;
    if let Some(user) = &flags.kube_as_user {
        client = client.impersonating_with(user, &flags.kube_as_group)?;
    }
    let schemas = Schemas::builtin();
    let settings = ClusterSettings::new(schemas.clone());
    let cluster: Arc<dyn Cluster> = Arc::new(KubeCluster::new(client, Scope::default(), settings));
    let (stop, interrupt) = watch::channel(false);
    let clock = Arc::new(SystemTime);
    let store = Store::new(cluster.clone(), kind, &context.namespace(), clock.clone());
    let releases = Releases {
        cluster,
        store,
        schemas,
        templates: Arc::new(TemplateCache::new()),
        clock,
        zone: TimeZone::system(),
        manager: "helm".to_owned(),
        notices: Arc::new(Terminal),
        interrupt,
    };
    Ok(Connected { releases, stop })
}

/// Runs work that talks to the cluster.
pub(super) fn block_on<T>(
    context: &Context<'_>,
    work: impl Future<Output = Result<T, HelmFailure>>,
) -> Result<T, HelmFailure> {
    let done = context.session.block_on(async { Ok(work.await) });
    done.map_err(HelmFailure::from)?
}

/// Runs an operation; an interrupt or a termination ends it as Helm ends it.
pub(super) async fn interruptible<T>(
    stop: &watch::Sender<bool>,
    release: &str,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = asked_to_stop() => {}
    }
    let text = format!("Release {release} has been cancelled.\n");
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    stop.send_replace(true);
    // What is under way is recorded as failed before the program ends.
    work.await
}

async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
