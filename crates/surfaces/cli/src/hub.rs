//! What commands do to Argo CD's objects, through any Kubernetes API.

mod apps;
mod clusters;
mod operations;
mod repositories;
mod wait;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use apps::{AppFilter, Created, DeleteRequest};
pub use clusters::{ClusterRequest, Manager, install_manager};
pub use operations::{RollbackRequest, SyncRequest};
pub use repositories::RepositoryRequest;
pub use wait::WaitFor;

use crate::failure::Failure;
use argosy_crds::names;
use argosy_object::{Gvk, Object};
use argosy_ports::{Api, ApiError, ApiErrorKind, ListOptions, Resource};
use std::sync::Arc;

/// Applications.
pub fn applications() -> Resource {
    argo("Application", "applications")
}

/// ApplicationSets.
pub fn application_sets() -> Resource {
    argo("ApplicationSet", "applicationsets")
}

/// AppProjects.
pub fn projects() -> Resource {
    argo("AppProject", "appprojects")
}

/// Secrets.
pub fn secrets() -> Resource {
    core("Secret", "secrets")
}

fn argo(kind: &str, plural: &str) -> Resource {
    Resource::new(Gvk::new(names::ARGO_GROUP, "v1alpha1", kind), plural, true)
}

fn core(kind: &str, plural: &str) -> Resource {
    Resource::new(Gvk::new("", "v1", kind), plural, true)
}

/// The control plane's objects.
#[derive(Clone)]
pub struct Hub {
    api: Arc<dyn Api>,
    namespace: String,
}

impl Hub {
    /// The hub behind an API; `namespace` is the control plane's.
    pub fn new(api: Arc<dyn Api>, namespace: &str) -> Self {
        Self {
            api,
            namespace: namespace.into(),
        }
    }

    /// The API.
    pub fn api(&self) -> &Arc<dyn Api> {
        &self.api
    }

    /// The control plane's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Namespace and name of `name` or `namespace/name`.
    pub fn place(&self, name: &str, namespace: Option<&str>) -> (String, String) {
        match (name.split_once('/'), namespace) {
            (Some((namespace, name)), _) => (namespace.into(), name.into()),
            (None, Some(namespace)) => (namespace.into(), name.into()),
            (None, None) => (self.namespace.clone(), name.into()),
        }
    }

    /// One object that must be there.
    ///
    /// # Errors
    /// [`Failure`] where it is not, or where the API fails.
    pub async fn get(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Object, Failure> {
        let what = noun(resource);
        let found = self
            .api
            .get(resource, Some(namespace), name)
            .await
            .map_err(|error| failed(&error, &format!("cannot read {what} `{name}`")))?;
        found.ok_or_else(|| {
            Failure::new(format!("{what} `{name}` is not in namespace `{namespace}`")).hint(
                format!(
                    "`argosy {} list` shows what there is; `-N` chooses another namespace",
                    verb(resource)
                ),
            )
        })
    }

    /// All objects of a kind, sorted by namespace and name.
    ///
    /// # Errors
    /// [`Failure`] where the API fails.
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
    ) -> Result<Vec<Object>, Failure> {
        let options = ListOptions {
            namespace: namespace.map(Into::into),
            labels: labels.map(Into::into),
            fields: None,
        };
        let mut list = self
            .api
            .list(resource, &options)
            .await
            .map_err(|error| failed(&error, &format!("cannot list {}s", noun(resource))))?;
        list.items.sort_by_key(|object| {
            (
                object.namespace().unwrap_or("").to_owned(),
                object.name().to_owned(),
            )
        });
        Ok(list.items)
    }
}

/// A failure of the API, with the way out where there is a usual one.
pub fn failed(error: &ApiError, doing: &str) -> Failure {
    let failure = Failure::of(error).while_doing(doing);
    match error.kind {
        ApiErrorKind::NoKind => failure.hint(
            "the cluster does not know the kind: `argosy up` starts a hub that does, \
             `argosy run` makes this cluster one",
        ),
        ApiErrorKind::Unreachable => {
            failure.hint("is the hub running? `--kubeconfig` and `--context` choose another one")
        }
        ApiErrorKind::Unauthorized | ApiErrorKind::Forbidden => {
            failure.hint("the kubeconfig's user may not do this: choose another `--context`")
        }
        _ => failure,
    }
}

fn noun(resource: &Resource) -> &'static str {
    match &*resource.gvk.kind {
        "Application" => "application",
        "ApplicationSet" => "application set",
        "AppProject" => "project",
        "Secret" => "secret",
        _ => "object",
    }
}

fn verb(resource: &Resource) -> &'static str {
    match &*resource.gvk.kind {
        "ApplicationSet" => "appset",
        "AppProject" => "project",
        _ => "app",
    }
}
