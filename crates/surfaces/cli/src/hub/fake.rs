//! A Kubernetes API in a map, for tests.

use argosy_object::{Object, Value};
use argosy_ports::{
    Api, ApiError, ApiErrorKind, DeleteOptions, ListOptions, ObjectList, PatchBody, Resource,
    WatchEvent, WatchOptions, WatchStream, WriteOptions,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

type Place = (String, String, String);

/// Objects by kind, namespace and name, with a revision for each write.
pub struct FakeApi {
    objects: Mutex<BTreeMap<Place, Object>>,
    revision: Mutex<u64>,
    events: broadcast::Sender<WatchEvent>,
    /// What happens to each object that is written: a controller in one function.
    pub react: Mutex<Option<React>>,
}

type React = Box<dyn Fn(&mut Value) + Send>;

impl FakeApi {
    pub fn new(objects: impl IntoIterator<Item = Value>) -> Arc<Self> {
        let api = Arc::new(Self {
            objects: Mutex::default(),
            revision: Mutex::default(),
            events: broadcast::channel(100).0,
            react: Mutex::default(),
        });
        for object in objects {
            api.put(object);
        }
        api
    }

    pub fn put(&self, value: Value) -> Object {
        let mut object = Object::from_trusted(value);
        let mut revision = self.revision.lock().unwrap();
        *revision += 1;
        let text = revision.to_string();
        object
            .metadata_mut()
            .insert("resourceVersion".into(), text.into());
        let old = self
            .objects
            .lock()
            .unwrap()
            .insert(place(&object), object.clone());
        let event = match old {
            Some(_) => WatchEvent::Modified(object.clone()),
            None => WatchEvent::Added(object.clone()),
        };
        let _ = self.events.send(event);
        object
    }

    pub fn all(&self, kind: &str) -> Vec<Object> {
        let objects = self.objects.lock().unwrap();
        let of_kind = objects.iter().filter(|((k, ..), _)| k == kind);
        of_kind.map(|(_, object)| object.clone()).collect()
    }

    fn react(&self, object: &Object) {
        if let Some(react) = &*self.react.lock().unwrap() {
            let mut value = object.value().clone();
            react(&mut value);
            if &value != object.value() {
                self.put(value);
            }
        }
    }
}

fn place(object: &Object) -> Place {
    let namespace = object.namespace().unwrap_or("").to_owned();
    (
        object.kind().to_owned(),
        namespace,
        object.name().to_owned(),
    )
}

fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(argosy_object::Map::new());
    }
    let map = into.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[async_trait]
impl Api for FakeApi {
    async fn get(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Object>, ApiError> {
        let key = (
            resource.gvk.kind.to_string(),
            namespace.unwrap_or("").to_owned(),
            name.to_owned(),
        );
        Ok(self.objects.lock().unwrap().get(&key).cloned())
    }

    async fn list(
        &self,
        resource: &Resource,
        options: &ListOptions,
    ) -> Result<ObjectList, ApiError> {
        let fits = |object: &Object| {
            let label = options.labels.as_deref().and_then(|l| l.split_once('='));
            options
                .namespace
                .as_deref()
                .is_none_or(|n| object.namespace() == Some(n))
                && label.is_none_or(|(k, v)| object.label(k) == Some(v))
        };
        let mut items = self.all(&resource.gvk.kind);
        items.retain(fits);
        Ok(ObjectList {
            items,
            resource_version: self.revision.lock().unwrap().to_string(),
        })
    }

    async fn watch(
        &self,
        resource: &Resource,
        options: &WatchOptions,
    ) -> Result<WatchStream, ApiError> {
        let name = options.list.fields.clone().unwrap_or_default();
        let name = name.trim_start_matches("metadata.name=").to_owned();
        let receiver = self.events.subscribe();
        let first: Vec<_> = self
            .all(&resource.gvk.kind)
            .into_iter()
            .filter(|object| object.name() == name)
            .map(|object| Ok(WatchEvent::Added(object)))
            .chain([Ok(WatchEvent::Bookmark("1".into()))])
            .collect();
        let later = futures_util::stream::unfold((receiver, name), |(mut receiver, name)| async {
            loop {
                let event = receiver.recv().await.ok()?;
                let object = match &event {
                    WatchEvent::Added(o) | WatchEvent::Modified(o) | WatchEvent::Deleted(o) => o,
                    WatchEvent::Bookmark(_) => continue,
                };
                if object.name() == name {
                    return Some((Ok(event), (receiver, name)));
                }
            }
        });
        use futures_util::StreamExt;
        Ok(futures_util::stream::iter(first).chain(later).boxed())
    }

    async fn create(
        &self,
        _resource: &Resource,
        object: &Object,
        _options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        if self.objects.lock().unwrap().contains_key(&place(object)) {
            return Err(ApiError::new(ApiErrorKind::AlreadyExists, "already exists"));
        }
        let object = self.put(object.value().clone());
        self.react(&object);
        Ok(object)
    }

    async fn replace(
        &self,
        _resource: &Resource,
        object: &Object,
        _options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        Ok(self.put(object.value().clone()))
    }

    async fn patch(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        patch: &PatchBody,
        _options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        let PatchBody::Merge(patch) = patch else {
            return Err(ApiError::new(
                ApiErrorKind::Unsupported,
                "only merge patches",
            ));
        };
        let Some(object) = self.get(resource, namespace, name).await? else {
            return Err(ApiError::new(ApiErrorKind::NotFound, "not found"));
        };
        let wanted = patch
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str);
        if wanted.is_some_and(|wanted| wanted != object.resource_version()) {
            return Err(ApiError::new(ApiErrorKind::Conflict, "changed"));
        }
        let mut value = object.into_value();
        merge(&mut value, patch);
        let object = self.put(value);
        self.react(&object);
        Ok(object)
    }

    async fn delete(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        _options: &DeleteOptions,
    ) -> Result<bool, ApiError> {
        let key = (
            resource.gvk.kind.to_string(),
            namespace.unwrap_or("").to_owned(),
            name.to_owned(),
        );
        let gone = self.objects.lock().unwrap().remove(&key);
        if let Some(object) = &gone {
            let _ = self.events.send(WatchEvent::Deleted(object.clone()));
        }
        Ok(gone.is_some())
    }
}
