//! Clusters: Secrets of the hub, and the account that Argo CD is in them.

use super::{Created, Hub, core, failed, secrets};
use crate::failure::Failure;
use argosy_crds::{ClusterSecret, names};
use argosy_object::{Gvk, Object, Redacted, Value, json};
use argosy_ports::{Api, ApiErrorKind, Resource, WriteOptions};
use base64::Engine;
use std::collections::BTreeMap;
use std::time::Duration;

/// The account that is made in a cluster.
const MANAGER: &str = "argocd-manager";
/// How often and how long a token is waited for.
const TOKEN_STEP: Duration = Duration::from_millis(200);
const TOKEN_STEPS: usize = 150;

/// A cluster to add.
#[derive(Clone, Debug, Default)]
pub struct ClusterRequest {
    /// The name for people and for `destination.name`.
    pub name: String,
    /// URL of the API server.
    pub server: String,
    /// Argo CD's `config`.
    pub config: Redacted<Value>,
    /// Only these namespaces.
    pub namespaces: Vec<String>,
    /// Whether cluster-scoped objects are managed beside those namespaces.
    pub cluster_resources: bool,
    /// Only for this project.
    pub project: String,
    /// Labels of the Secret.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the Secret.
    pub annotations: BTreeMap<String, String>,
}

/// Which account is made in a cluster.
#[derive(Clone, Debug, Default)]
pub struct Manager {
    /// The namespace of the account, `kube-system` by default.
    pub system_namespace: String,
    /// Namespaces it may manage; none means all of the cluster.
    pub namespaces: Vec<String>,
}

impl Hub {
    /// The Secrets of all clusters, sorted by the clusters' names and servers; those that cannot
    /// be read come last.
    ///
    /// # Errors
    /// [`Failure`] where the API fails.
    pub async fn clusters(&self) -> Result<Vec<Object>, Failure> {
        let mut secrets = self.secrets_of("cluster").await?;
        secrets.sort_by_cached_key(|secret| {
            let view = ClusterSecret::of(secret);
            (
                view.is_err(),
                view.map_or_else(|_| Default::default(), |view| (view.name, view.server)),
            )
        });
        Ok(secrets)
    }

    /// The Secret of a cluster, by name or server.
    ///
    /// # Errors
    /// [`Failure`] where there is none.
    pub async fn cluster(&self, name: &str) -> Result<Object, Failure> {
        let fits = |secret: &&Object| {
            ClusterSecret::of(secret).is_ok_and(|view| view.name == name || view.server == name)
        };
        let clusters = self.clusters().await?;
        clusters.iter().find(fits).cloned().ok_or_else(|| {
            Failure::new(format!("there is no cluster `{name}`"))
                .hint("`argosy cluster list` shows names and servers")
        })
    }

    /// Adds a cluster.
    ///
    /// # Errors
    /// [`Failure`] where one of that server or name is there and `upsert` is not set.
    pub async fn add_cluster(
        &self,
        request: &ClusterRequest,
        upsert: bool,
    ) -> Result<Created, Failure> {
        for existing in self.clusters().await? {
            let Ok(view) = ClusterSecret::of(&existing) else {
                continue;
            };
            if view.server == request.server && !upsert {
                return Err(Failure::new(format!(
                    "cluster `{}` is there already, as `{}`",
                    request.server, view.name
                ))
                .hint("`--upsert` changes it"));
            }
            if view.name == request.name && view.server != request.server {
                return Err(Failure::new(format!(
                    "the name `{}` belongs to cluster `{}` already",
                    view.name, view.server
                ))
                .hint("choose another one with `--name`"));
            }
        }
        let secret = self.cluster_secret(request);
        self.write_secret(&secret, &format!("cannot add cluster `{}`", request.name))
            .await
    }

    fn cluster_secret(&self, request: &ClusterRequest) -> Object {
        let mut labels = request.labels.clone();
        labels.insert(names::SECRET_TYPE.into(), "cluster".into());
        let mut data = BTreeMap::from([
            ("name", request.name.clone()),
            ("server", request.server.clone()),
            ("config", request.config.reveal().to_string()),
        ]);
        if !request.namespaces.is_empty() {
            data.insert("namespaces", request.namespaces.join(","));
            data.insert("clusterResources", request.cluster_resources.to_string());
        }
        if !request.project.is_empty() {
            data.insert("project", request.project.clone());
        }
        self.secret(
            &secret_name("cluster", &request.server),
            labels,
            &request.annotations,
            data,
        )
    }

    pub(super) fn secret(
        &self,
        name: &str,
        labels: BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
        data: BTreeMap<&str, String>,
    ) -> Object {
        let data: BTreeMap<&str, String> = data
            .into_iter()
            .map(|(key, text)| (key, base64::engine::general_purpose::STANDARD.encode(text)))
            .collect();
        let mut annotations = annotations.clone();
        annotations.insert("managed-by".into(), "argocd.argoproj.io".into());
        Object::from_trusted(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {
                "name": name,
                "namespace": self.namespace(),
                "labels": labels,
                "annotations": annotations,
            },
            "data": data,
        }))
    }

    pub(super) async fn secrets_of(&self, kind: &str) -> Result<Vec<Object>, Failure> {
        let selector = format!("{}={kind}", names::SECRET_TYPE);
        self.list(&secrets(), Some(self.namespace()), Some(&selector))
            .await
    }

    /// Creates a Secret, or replaces the one of its name.
    pub(super) async fn write_secret(
        &self,
        secret: &Object,
        doing: &str,
    ) -> Result<Created, Failure> {
        let options = WriteOptions::default();
        let created = self.api().create(&secrets(), secret, &options).await;
        match created {
            Ok(_) => Ok(Created::Created),
            Err(error) if error.kind == ApiErrorKind::AlreadyExists => {
                self.api()
                    .replace(&secrets(), secret, &options)
                    .await
                    .map_err(|error| failed(&error, doing))?;
                Ok(Created::Updated)
            }
            Err(error) => Err(failed(&error, doing)),
        }
    }

    /// Deletes a Secret.
    ///
    /// # Errors
    /// [`Failure`] where the API fails.
    pub async fn remove_secret(&self, secret: &Object, doing: &str) -> Result<(), Failure> {
        self.api()
            .delete(
                &secrets(),
                secret.namespace(),
                secret.name(),
                &argosy_ports::DeleteOptions::default(),
            )
            .await
            .map_err(|error| failed(&error, doing))?;
        Ok(())
    }
}

/// Makes the account that manages a cluster, with its rights and a token; gives the token.
///
/// `Compat:` the names are Argo CD's, so that its `cluster rm` and ours find them.
///
/// # Errors
/// [`Failure`] where the API refuses, or no token comes within 30 seconds.
pub async fn install_manager(
    api: &dyn Api,
    manager: &Manager,
) -> Result<Redacted<String>, Failure> {
    let system = match manager.system_namespace.as_str() {
        "" => "kube-system",
        namespace => namespace,
    };
    let doing = format!("cannot make the account `{MANAGER}` in namespace `{system}`");
    ensure(
        api,
        &core("ServiceAccount", "serviceaccounts"),
        &json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": MANAGER, "namespace": system},
        }),
        &doing,
    )
    .await?;
    grant(api, system, &manager.namespaces, &doing).await?;
    let name = format!("{MANAGER}-long-lived-token");
    ensure(
        api,
        &secrets(),
        &json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": name, "namespace": system,
                "annotations": {"kubernetes.io/service-account.name": MANAGER}},
        }),
        &doing,
    )
    .await?;
    for _ in 0..TOKEN_STEPS {
        let secret = api
            .get(&secrets(), Some(system), &name)
            .await
            .map_err(|error| failed(&error, &doing))?;
        let token = secret.and_then(|s| argosy_crds::secret_text(&s, "token"));
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            return Ok(token.into());
        }
        tokio::time::sleep(TOKEN_STEP).await;
    }
    Err(Failure::new(format!("the cluster gives no token for Secret `{name}`")).while_doing(doing))
}

async fn grant(
    api: &dyn Api,
    system: &str,
    namespaces: &[String],
    doing: &str,
) -> Result<(), Failure> {
    let rules = json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    ]);
    let subjects = json!([{"kind": "ServiceAccount", "name": MANAGER, "namespace": system}]);
    let role = format!("{MANAGER}-role");
    let binding = format!("{role}-binding");
    let rbac = |kind: &str, plural: &str, namespaced: bool| {
        let gvk = Gvk::new("rbac.authorization.k8s.io", "v1", kind);
        Resource::new(gvk, plural, namespaced)
    };
    if namespaces.is_empty() {
        let mut rules = rules;
        let urls = json!({"nonResourceURLs": ["*"], "verbs": ["*"]});
        rules.as_array_mut().expect("rules are a list").push(urls);
        ensure(
            api,
            &rbac("ClusterRole", "clusterroles", false),
            &json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": role}, "rules": rules,
            }),
            doing,
        )
        .await?;
        return ensure(api, &rbac("ClusterRoleBinding", "clusterrolebindings", false), &json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": binding}, "subjects": subjects,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        }), doing)
        .await;
    }
    for namespace in namespaces {
        ensure(
            api,
            &rbac("Role", "roles", true),
            &json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                "metadata": {"name": role, "namespace": namespace}, "rules": rules,
            }),
            doing,
        )
        .await?;
        ensure(
            api,
            &rbac("RoleBinding", "rolebindings", true),
            &json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": binding, "namespace": namespace}, "subjects": subjects,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            }),
            doing,
        )
        .await?;
    }
    Ok(())
}

async fn ensure(
    api: &dyn Api,
    resource: &Resource,
    wanted: &Value,
    doing: &str,
) -> Result<(), Failure> {
    let object = Object::from_trusted(wanted.clone());
    let created = api
        .create(resource, &object, &WriteOptions::default())
        .await;
    match created {
        Ok(_) => Ok(()),
        Err(error) if error.kind == ApiErrorKind::AlreadyExists => {
            let patch = argosy_ports::PatchBody::Merge(wanted.clone());
            api.patch(
                resource,
                object.namespace(),
                object.name(),
                &patch,
                &WriteOptions::default(),
            )
            .await
            .map(drop)
            .map_err(|error| failed(&error, doing))
        }
        Err(error) => Err(failed(&error, doing)),
    }
}

/// `Compat:` Argo CD's name of a Secret: the kind, the host and a hash of the URL.
pub(super) fn secret_name(kind: &str, url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let host: String = host
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    format!(
        "{kind}-{}-{}",
        host.trim_matches(['-', '.']),
        fnv32a(&[url])
    )
}

/// FNV-1a of 32 bits, as Go's `hash/fnv` has it.
pub(super) fn fnv32a(parts: &[&str]) -> u32 {
    parts
        .iter()
        .flat_map(|part| part.bytes())
        .fold(0x811c_9dc5, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
}
