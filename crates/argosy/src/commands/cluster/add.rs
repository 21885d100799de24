//! `argosy cluster add`.

use super::probe::client;
use crate::session::{Connected, Session, parse_pair};
use argosy_cli::Failure;
use argosy_cli::hub::{ClusterRequest, Created, Manager, install_manager};
use argosy_kube::spec::{ClusterSpec, Credential};
use argosy_object::{Value, json};
use base64::Engine as _;
use clap::Args;
use std::collections::BTreeMap;

/// The label by which a running `argosy up` knows a cluster that it simulates.
const SIMULATED: &str = "argosy.dev/simulated";

/// Adds a cluster: one of the kubeconfig's contexts, or a simulated one.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy cluster add production --labels environment=production,region=eu --yes
  argosy cluster add --simulated sim-4 --labels environment=staging")]
pub struct AddCommand {
    /// Context of the kubeconfig
    #[arg(required_unless_present = "simulated", conflicts_with = "simulated")]
    context_name: Option<String>,
    /// Make a simulated cluster of this name in the hub that `argosy up` runs
    #[arg(long, value_name = "NAME")]
    simulated: Option<String>,
    /// Its name [default: the context's]
    #[arg(long)]
    name: Option<String>,
    /// Label (repeatable, or several with commas)
    #[arg(long, visible_alias = "labels", value_name = "KEY=VALUE", value_parser = parse_pair, value_delimiter = ',')]
    label: Vec<(String, String)>,
    /// Annotation (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    annotation: Vec<(String, String)>,
    /// Manage only this namespace (repeatable)
    #[arg(long, value_name = "NAME")]
    namespace: Vec<String>,
    /// Manage cluster-scoped objects beside those namespaces
    #[arg(long)]
    cluster_resources: bool,
    /// Only for this project
    #[arg(long, default_value = "")]
    project: String,
    /// Namespace of the account that is made
    #[arg(long, default_value = "kube-system", value_name = "NAME")]
    system_namespace: String,
    /// The cluster is the one that the hub runs in: use its own credential
    #[arg(long)]
    in_cluster: bool,
    /// Change a cluster that is there
    #[arg(long)]
    upsert: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl AddCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let (request, created) = session.block_on(async {
            let connected = session.connect()?;
            let request = match &self.simulated {
                Some(name) => self.simulated(&connected, name)?,
                None => self.real(session, &connected).await?,
            };
            let created = connected.hub.add_cluster(&request, self.upsert).await?;
            Ok((request, created))
        })?;
        let word = match created {
            Created::Created => "added",
            Created::Updated | Created::Unchanged => "updated",
        };
        session.print(&format!("Cluster '{}' {word}\n", request.server))?;
        Ok(0)
    }

    fn request(&self, name: &str, server: &str, config: Value) -> ClusterRequest {
        ClusterRequest {
            name: self.name.clone().unwrap_or_else(|| name.to_owned()),
            server: server.to_owned(),
            config: config.into(),
            namespaces: self.namespace.clone(),
            cluster_resources: self.cluster_resources,
            project: self.project.clone(),
            labels: self.label.iter().cloned().collect(),
            annotations: self.annotation.iter().cloned().collect(),
        }
    }

    fn simulated(&self, connected: &Connected, name: &str) -> Result<ClusterRequest, Failure> {
        let is_label = !name.is_empty()
            && name.len() <= 63
            && !name.starts_with('-')
            && !name.ends_with('-')
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_label {
            return Err(
                Failure::new(format!("`{name}` is no name of a simulated cluster"))
                    .hint("lower-case letters, digits and `-`, at most 63"),
            );
        }
        let server = format!("{}/clusters/{name}", connected.spec.server);
        let mut request = self.request(name, &server, config(&connected.spec)?);
        let labels: &mut BTreeMap<String, String> = &mut request.labels;
        labels.insert(SIMULATED.into(), "true".into());
        Ok(request)
    }

    async fn real(
        &self,
        session: &Session,
        connected: &Connected,
    ) -> Result<ClusterRequest, Failure> {
        let context = self.context_name.as_deref().unwrap_or_default();
        let kubeconfig = session.kubeconfig()?;
        let (spec, _) = kubeconfig.cluster(Some(context)).map_err(|error| {
            Failure::of(&error).hint(format!(
                "contexts of the kubeconfig: {}",
                kubeconfig.contexts().join(", ")
            ))
        })?;
        if self.in_cluster {
            let config = json!({"tlsClientConfig": {"insecure": false}});
            return Ok(self.request(context, argosy_kube::spec::IN_CLUSTER, config));
        }
        session.confirm(
            &format!(
                "An account `argocd-manager` with rights over {} is made in `{}`. Go on?",
                if self.namespace.is_empty() {
                    "the whole cluster".to_owned()
                } else {
                    self.namespace.join(", ")
                },
                spec.server
            ),
            self.yes,
        )?;
        let manager = Manager {
            system_namespace: self.system_namespace.clone(),
            namespaces: self.namespace.clone(),
        };
        let token = install_manager(&client(connected, &spec)?, &manager).await?;
        let with_token = ClusterSpec {
            credential: Credential::Bearer(token),
            ..spec
        };
        let without_certificate = ClusterSpec {
            tls: argosy_kube::spec::TlsSpec {
                certificate: None,
                key: None,
                ..with_token.tls.clone()
            },
            ..with_token
        };
        let config = config(&without_certificate)?;
        Ok(self.request(context, &without_certificate.server, config))
    }
}

/// Argo CD's `config` for an address and a credential.
fn config(spec: &ClusterSpec) -> Result<Value, Failure> {
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut tls = json!({"insecure": spec.tls.insecure});
    if let Some(ca) = &spec.tls.ca {
        tls["caData"] = encode(ca).into();
    }
    if let Some(name) = &spec.tls.server_name {
        tls["serverName"] = name.as_str().into();
    }
    if let (Some(certificate), Some(key)) = (&spec.tls.certificate, &spec.tls.key) {
        tls["certData"] = encode(certificate).into();
        tls["keyData"] = encode(key.reveal().as_ref()).into();
    }
    let mut config = json!({"tlsClientConfig": tls});
    match &spec.credential {
        Credential::None => {}
        Credential::Bearer(token) => config["bearerToken"] = token.reveal().as_str().into(),
        Credential::Basic { username, password } => {
            config["username"] = username.as_str().into();
            config["password"] = password.reveal().as_str().into();
        }
        Credential::TokenFile(_) | Credential::Exec(_) | Credential::Hub => {
            return Err(Failure::new(format!(
                "the credential of `{}` cannot be handed on",
                spec.server
            ))
            .hint("use a context with a token or a client certificate"));
        }
    }
    Ok(config)
}
