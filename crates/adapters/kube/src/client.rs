//! Plain operations on objects: the `Api` port over a wire.

use crate::list::{RawEvent, Target, Watch, all, garbled};
use crate::path::Path;
use crate::spec::ClusterSpec;
use crate::transport::{Transport, TransportError};
use crate::wire::{JSON, Outgoing, Wire};
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{
    Api, ApiError, ApiErrorKind, ApiService, DeleteOptions, ListOptions, ObjectList, PatchBody,
    Propagation, Resource, TableOf, WatchEvent, WatchOptions, WatchStream, WriteOptions,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Method;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Tables, as kubectl asks for them; a server that has none answers the object.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,\
                     application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
/// As much of a log as is shown.
const LOG_BYTES: &str = "1048576";

/// One Kubernetes API. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    wire: Wire,
    streaming: Arc<AtomicBool>,
}

impl Client {
    /// A client of `service`, called `server` in messages.
    pub fn new(server: &str, service: ApiService) -> Self {
        Self {
            wire: Wire::new(server, service),
            streaming: crate::list::streaming_unknown(),
        }
    }

    /// A client of the cluster that `spec` describes.
    ///
    /// # Errors
    /// As [`Transport::service`].
    pub fn connect(transport: &Transport, spec: &ClusterSpec) -> Result<Self, TransportError> {
        Ok(Self::new(&spec.server, transport.service(spec)?))
    }

    /// The same client on behalf of another user.
    ///
    /// # Errors
    /// Where the user's name cannot stand in a header.
    pub fn impersonating(&self, user: &str) -> Result<Self, ApiError> {
        self.impersonating_with(user, &[])
    }

    /// As [`Self::impersonating`], with groups.
    ///
    /// # Errors
    /// Where a name cannot stand in a header.
    pub fn impersonating_with(&self, user: &str, groups: &[String]) -> Result<Self, ApiError> {
        Ok(Self {
            wire: self.wire.impersonating(user, groups)?,
            streaming: self.streaming.clone(),
        })
    }

    /// The server's URL.
    pub fn server(&self) -> &str {
        self.wire.server()
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(crate) fn streaming(&self) -> &AtomicBool {
        &self.streaming
    }

    /// Patches; `validation` is `fieldValidation` (`Strict`, `Warn`, `Ignore`).
    pub(crate) async fn patch_with(
        &self,
        at: &At<'_>,
        patch: &PatchBody,
        options: &WriteOptions,
        validation: Option<&str>,
    ) -> Result<Object, ApiError> {
        let path = at.path(options, validation)?;
        let (media_type, body) = match patch {
            PatchBody::Json(value) => ("application/json-patch+json", value),
            PatchBody::Merge(value) => ("application/merge-patch+json", value),
            PatchBody::Strategic(value) => ("application/strategic-merge-patch+json", value),
            // JSON is YAML, and every server takes this type.
            PatchBody::Apply { config, .. } => ("application/apply-patch+yaml", config),
        };
        let path = match patch {
            PatchBody::Apply { force: true, .. } => path.with("force", "true"),
            _ => path,
        };
        self.write(Method::PATCH, &path, Some((media_type, body)))
            .await
    }

    /// Creates; `validation` as in [`Self::patch_with`].
    pub(crate) async fn create_with(
        &self,
        resource: &Resource,
        object: &Object,
        options: &WriteOptions,
        validation: Option<&str>,
    ) -> Result<Object, ApiError> {
        if resource.namespaced && object.namespace().is_none() {
            let text = format!("`{}` needs a namespace", object.key());
            return Err(ApiError::new(ApiErrorKind::Invalid, text));
        }
        let path = match &options.subresource {
            Some(_) => At::of(resource, object).path(options, validation)?,
            None => {
                let path = Path::collection(resource, object.namespace())?;
                with_options(path, options, validation)
            }
        };
        self.write(Method::POST, &path, Some((JSON, object.value())))
            .await
    }

    /// Replaces; `validation` as in [`Self::patch_with`].
    pub(crate) async fn replace_with(
        &self,
        resource: &Resource,
        object: &Object,
        options: &WriteOptions,
        validation: Option<&str>,
    ) -> Result<Object, ApiError> {
        let path = At::of(resource, object).path(options, validation)?;
        self.write(Method::PUT, &path, Some((JSON, object.value())))
            .await
    }

    async fn write(
        &self,
        method: Method,
        path: &Path,
        body: Option<(&'static str, &Value)>,
    ) -> Result<Object, ApiError> {
        let body = body.map(|(media_type, value)| (media_type, Bytes::from(value.to_string())));
        let answer = self
            .wire
            .send(
                path,
                Outgoing {
                    method,
                    accept: JSON,
                    body,
                },
            )
            .await?;
        self.object(&answer, None)
    }

    /// An object of an answer; lists leave out what they say once, which `resource` fills in.
    fn object(&self, bytes: &[u8], resource: Option<&Resource>) -> Result<Object, ApiError> {
        let mut value: Value =
            serde_json::from_slice(bytes).map_err(|e| garbled(&self.wire, "answer", &e))?;
        if let (Some(map), Some(resource)) = (value.as_object_mut(), resource) {
            let gvk = &resource.gvk;
            map.entry("apiVersion")
                .or_insert_with(|| gvk.api_version().into());
            map.entry("kind").or_insert_with(|| (*gvk.kind).into());
        }
        Object::new(value).map_err(|error| {
            let text = format!("an answer of cluster `{}`: {error}", self.wire.server());
            ApiError::new(ApiErrorKind::Unreachable, text)
        })
    }

    fn event(&self, raw: RawEvent, resource: &Resource) -> Result<WatchEvent, ApiError> {
        Ok(match raw {
            RawEvent::Added(bytes) => WatchEvent::Added(self.object(&bytes, Some(resource))?),
            RawEvent::Modified(bytes) => WatchEvent::Modified(self.object(&bytes, Some(resource))?),
            RawEvent::Deleted(bytes) => WatchEvent::Deleted(self.object(&bytes, Some(resource))?),
            RawEvent::Bookmark {
                resource_version, ..
            } => WatchEvent::Bookmark(resource_version),
        })
    }
}

/// One object's place.
pub(crate) struct At<'a> {
    pub resource: &'a Resource,
    pub namespace: Option<&'a str>,
    pub name: &'a str,
}

impl<'a> At<'a> {
    /// The place of `object` itself.
    pub fn of(resource: &'a Resource, object: &'a Object) -> Self {
        Self {
            resource,
            namespace: object.namespace(),
            name: object.name(),
        }
    }

    fn path(&self, options: &WriteOptions, validation: Option<&str>) -> Result<Path, ApiError> {
        let subresource = options.subresource.as_deref();
        let path = Path::object(self.resource, self.namespace, self.name, subresource)?;
        Ok(with_options(path, options, validation))
    }
}

fn with_options(path: Path, options: &WriteOptions, validation: Option<&str>) -> Path {
    path.with_some("dryRun", options.dry_run.then_some("All"))
        .with_some("fieldManager", options.manager.as_deref())
        .with_some("fieldValidation", validation)
}

fn strictness(options: &WriteOptions) -> Option<&'static str> {
    options.strict.then_some("Strict")
}

fn target(resource: &Resource, options: &ListOptions) -> Target {
    Target {
        resource: resource.clone(),
        options: options.clone(),
        accept: JSON,
    }
}

#[async_trait]
impl Api for Client {
    async fn get(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Object>, ApiError> {
        let path = Path::object(resource, namespace, name, None)?;
        match self.wire.get(&path, JSON).await {
            Ok(bytes) => self.object(&bytes, None).map(Some),
            Err(error) if error.kind == ApiErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(
        &self,
        resource: &Resource,
        options: &ListOptions,
    ) -> Result<ObjectList, ApiError> {
        let mut items = std::collections::BTreeMap::new();
        let target = target(resource, options);
        let version = all(&self.wire, &target, |bytes| {
            let object = self.object(&bytes, Some(resource))?;
            items.insert(object.key(), object);
            Ok(())
        });
        let resource_version = version.await?;
        Ok(ObjectList {
            items: items.into_values().collect(),
            resource_version,
        })
    }

    async fn watch(
        &self,
        resource: &Resource,
        options: &WatchOptions,
    ) -> Result<WatchStream, ApiError> {
        let target = target(resource, &options.list);
        let watch = match &options.from {
            Some(from) => Watch::from(&self.wire, &target, from).await?,
            None => Watch::everything(&self.wire, &target, &self.streaming).await?,
        };
        let state = Some((watch, self.clone(), target.resource));
        let stream = futures_util::stream::unfold(state, |state| async move {
            let (mut watch, client, resource) = state?;
            match watch.next().await {
                Ok(None) => None,
                Ok(Some(raw)) => {
                    let event = client.event(raw, &resource);
                    Some((event, Some((watch, client, resource))))
                }
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(stream.boxed())
    }

    async fn create(
        &self,
        resource: &Resource,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        self.create_with(resource, object, options, strictness(options))
            .await
    }

    async fn replace(
        &self,
        resource: &Resource,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        self.replace_with(resource, object, options, strictness(options))
            .await
    }

    async fn patch(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        patch: &PatchBody,
        options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        self.patch_with(
            &At {
                resource,
                namespace,
                name,
            },
            patch,
            options,
            strictness(options),
        )
        .await
    }

    async fn delete(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<bool, ApiError> {
        let path = Path::object(resource, namespace, name, None)?;
        let policy = match options.propagation {
            Propagation::Foreground => "Foreground",
            Propagation::Background => "Background",
            Propagation::Orphan => "Orphan",
        };
        let mut body =
            json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy});
        if let Some(uid) = &options.uid {
            body["preconditions"]["uid"] = uid.as_str().into();
        }
        if let Some(version) = &options.resource_version {
            body["preconditions"]["resourceVersion"] = version.as_str().into();
        }
        let body = Some((JSON, Bytes::from(body.to_string())));
        match self
            .wire
            .send(
                &path,
                Outgoing {
                    method: Method::DELETE,
                    accept: JSON,
                    body,
                },
            )
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ApiErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn table(&self, resource: &Resource, wanted: &TableOf<'_>) -> Result<Value, ApiError> {
        let path = match *wanted {
            TableOf::Name { namespace, name } => Path::object(resource, namespace, name, None)?,
            TableOf::Labels { namespace, labels } => Path::collection(resource, Some(namespace))?
                .with_some("labelSelector", Some(labels)),
        };
        let bytes = self
            .wire
            .get(&path.with("includeObject", "Object"), TABLE)
            .await?;
        serde_json::from_slice(&bytes).map_err(|error| garbled(&self.wire, "table", &error))
    }

    async fn logs(
        &self,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
    ) -> Result<Vec<u8>, ApiError> {
        let pods = Resource::new(Gvk::new("", "v1", "Pod"), "pods", true);
        let path = Path::object(&pods, Some(namespace), pod, Some("log"))?
            .with_some("container", container)
            .with("limitBytes", LOG_BYTES);
        let bytes = self.wire.get(&path, "*/*").await?;
        Ok(bytes.to_vec())
    }
}
