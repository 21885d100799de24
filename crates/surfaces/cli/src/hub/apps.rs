//! Applications: found, made, refreshed, deleted.

use super::{Hub, applications, failed};
use crate::failure::Failure;
use argosy_crds::{ApplicationSpec, names};
use argosy_object::{Object, Value, json};
use argosy_ports::{DeleteOptions, PatchBody, Propagation, WriteOptions};
use std::time::Duration;

/// Which applications are wanted; what is empty asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct AppFilter {
    /// Only this namespace.
    pub namespace: Option<String>,
    /// A label selector.
    pub selector: Option<String>,
    /// Projects.
    pub projects: Vec<String>,
    /// A repository's URL.
    pub repo: String,
    /// The server or the name of a cluster.
    pub cluster: String,
    /// A path in the repository.
    pub path: String,
}

impl AppFilter {
    fn fits(&self, app: &Object) -> bool {
        let spec = ApplicationSpec::of(app).unwrap_or_default();
        let sources = spec.all_sources();
        let any_source = |wanted: &str, field: fn(&argosy_crds::Source) -> &str| {
            wanted.is_empty() || sources.iter().any(|source| field(source) == wanted)
        };
        (self.projects.is_empty() || self.projects.iter().any(|p| p == spec.project_name()))
            && any_source(&self.repo, |source| &source.repo_url)
            && any_source(&self.path, |source| &source.path)
            && (self.cluster.is_empty()
                || spec.destination.server == self.cluster
                || spec.destination.name == self.cluster)
    }
}

/// What became of an object that was to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    Created,
    /// It was there and is different now.
    Updated,
    /// It was there, just so.
    Unchanged,
}

impl Created {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

/// How an application is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteRequest {
    /// Whether its resources go too.
    pub cascade: bool,
    /// Whether they go in the background.
    pub background: bool,
    /// How long to wait until it is gone; `None` does not wait.
    pub wait: Option<Duration>,
}

impl Hub {
    /// The applications that fit a filter, sorted.
    ///
    /// # Errors
    /// [`Failure`] where the API fails.
    pub async fn apps(&self, filter: &AppFilter) -> Result<Vec<Object>, Failure> {
        let selector = filter.selector.as_deref();
        let mut apps = self
            .list(&applications(), filter.namespace.as_deref(), selector)
            .await?;
        apps.retain(|app| filter.fits(app));
        Ok(apps)
    }

    /// One application, by `name` or `namespace/name`.
    ///
    /// # Errors
    /// [`Failure`] where it is not there.
    pub async fn app(&self, name: &str, namespace: Option<&str>) -> Result<Object, Failure> {
        let (namespace, name) = self.place(name, namespace);
        self.get(&applications(), &namespace, &name).await
    }

    /// Makes an application. One that is there with another spec is changed only with `upsert`.
    ///
    /// # Errors
    /// [`Failure`] where it is there and may not be changed, or the API refuses it.
    pub async fn create_app(&self, wanted: &Object, upsert: bool) -> Result<Created, Failure> {
        let name = wanted.name();
        let namespace = wanted.namespace().unwrap_or(&self.namespace).to_owned();
        let doing = format!("cannot create application `{name}`");
        let mut wanted = wanted.clone();
        wanted.set_namespace(Some(&namespace));
        let resource = applications();
        let options = WriteOptions::default();
        let existing = self
            .api()
            .get(&resource, Some(&namespace), name)
            .await
            .map_err(|error| failed(&error, &doing))?;
        let Some(existing) = existing else {
            self.api()
                .create(&resource, &wanted, &options)
                .await
                .map_err(|error| failed(&error, &doing))?;
            return Ok(Created::Created);
        };
        let same = |pointer: &str| {
            let wanted = wanted.pointer(pointer);
            wanted.is_none() || wanted == existing.pointer(pointer)
        };
        let metadata = [
            "/metadata/labels",
            "/metadata/annotations",
            "/metadata/finalizers",
        ];
        if same("/spec") && metadata.iter().all(|pointer| same(pointer)) {
            return Ok(Created::Unchanged);
        }
        if !upsert {
            return Err(Failure::new(format!(
                "existing application spec is different; application `{name}` is left as it is"
            ))
            .hint("`--upsert` changes it"));
        }
        let mut replaced = existing.clone();
        replaced.value_mut()["spec"] = wanted.pointer("/spec").cloned().unwrap_or_default();
        for field in ["labels", "annotations", "finalizers"] {
            if let Some(value) = wanted.metadata().and_then(|m| m.get(field)) {
                replaced.metadata_mut().insert(field.into(), value.clone());
            }
        }
        self.api()
            .replace(&resource, &replaced, &options)
            .await
            .map_err(|error| failed(&error, &doing))?;
        Ok(Created::Updated)
    }

    /// Deletes an application, with its resources where it cascades.
    ///
    /// # Errors
    /// [`Failure`] where it is not there, or where the wait takes too long.
    pub async fn delete_app(&self, app: &Object, request: DeleteRequest) -> Result<(), Failure> {
        let name = app.name().to_owned();
        let namespace = app.namespace().unwrap_or(&self.namespace).to_owned();
        let doing = format!("cannot delete application `{name}`");
        let before: Vec<&str> = app.finalizers().collect();
        let after = finalizers(&before, request);
        if before != after {
            let patch = json!({"metadata": {
                "finalizers": after,
                "resourceVersion": app.resource_version(),
            }});
            self.patch_app(&namespace, &name, patch, &doing).await?;
        }
        let options = DeleteOptions {
            propagation: Propagation::Background,
            uid: Some(app.uid().to_owned()).filter(|uid| !uid.is_empty()),
            resource_version: None,
        };
        self.api()
            .delete(&applications(), Some(&namespace), &name, &options)
            .await
            .map_err(|error| failed(&error, &doing))?;
        match request.wait {
            Some(timeout) => self.until_gone(&namespace, &name, timeout).await,
            None => Ok(()),
        }
    }

    /// Asks for a refresh and waits until the controller has done it.
    ///
    /// # Errors
    /// [`Failure`] where it takes longer than `timeout`.
    pub async fn refresh_app(
        &self,
        app: &Object,
        hard: bool,
        timeout: Duration,
    ) -> Result<Object, Failure> {
        let name = app.name();
        let namespace = app.namespace().unwrap_or(&self.namespace);
        let kind = if hard { "hard" } else { "normal" };
        let mut annotations = serde_json::Map::new();
        annotations.insert(names::REFRESH.into(), kind.into());
        let patch = json!({"metadata": {"annotations": annotations}});
        let doing = format!("cannot refresh application `{name}`");
        self.patch_app(namespace, name, patch, &doing).await?;
        let done = |app: &Object| {
            app.annotation(names::REFRESH)
                .is_none()
                .then(|| app.clone())
        };
        let what = format!("the refresh of application `{name}`");
        self.until(namespace, name, timeout, &what, done).await
    }

    pub(super) async fn patch_app(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
        doing: &str,
    ) -> Result<Object, Failure> {
        self.api()
            .patch(
                &applications(),
                Some(namespace),
                name,
                &PatchBody::Merge(patch),
                &WriteOptions::default(),
            )
            .await
            .map_err(|error| failed(&error, doing))
    }
}

/// `Compat:` as Argo CD's server: a cascade sets its finalizer, no cascade takes all of its
/// own away; finalizers of others stay.
fn finalizers<'f>(before: &[&'f str], request: DeleteRequest) -> Vec<&'f str> {
    const BACKGROUND: &str = "resources-finalizer.argocd.argoproj.io/background";
    let is_ours = |finalizer: &&str| finalizer.starts_with(names::RESOURCES_FINALIZER);
    let mut after: Vec<&str> = before.iter().copied().filter(|f| !is_ours(f)).collect();
    if request.cascade {
        after.push(if request.background {
            BACKGROUND
        } else {
            names::RESOURCES_FINALIZER
        });
    }
    after
}
