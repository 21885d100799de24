//! What the server does on its own account: effects of hooks, and the workers' writes.

use super::delete::{How, Outcome};
use super::write::{WriteOptions, follow, insert, may_vanish, own};
use crate::call::Call;
use crate::catalog::{KeyParts, Served};
use crate::cluster::{Cluster, rev_of};
use crate::error::ApiError;
use crate::hook::Effect;
use crate::meta;
use crate::negotiate::Format;
use crate::request::{Query, RequestInfo, UserInfo};
use crate::storage::Expect;
use argosy_object::Value;
use http::HeaderMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Tries of a write that lost a race.
const TRIES: usize = 32;

/// The server as a caller of its own API.
pub(crate) struct Actor<'c> {
    cluster: &'c Arc<Cluster>,
    info: RequestInfo,
    query: Query,
    headers: HeaderMap,
    served: Served,
    manager: &'static str,
}

impl<'c> Actor<'c> {
    /// The same actor under another name, which is noted with the fields that it writes.
    pub(crate) fn named(mut self, manager: &'static str) -> Self {
        self.manager = manager;
        self
    }

    /// An actor on objects of one resource in one namespace.
    pub(crate) fn new(cluster: &'c Arc<Cluster>, served: Served, namespace: &str) -> Self {
        let info = RequestInfo {
            user: UserInfo {
                username: "system:apiserver".into(),
                ..UserInfo::system_admin()
            },
            verb: "update".into(),
            api_group: served.group().into(),
            api_version: served.kind.gvk.version.to_string(),
            resource: served.plural().into(),
            namespace: namespace.into(),
            is_resource: true,
            ..RequestInfo::default()
        };
        Self {
            cluster,
            info,
            query: Query::default(),
            headers: HeaderMap::new(),
            served,
            manager: "kube-apiserver",
        }
    }

    /// An actor on the object under a key.
    pub(crate) fn of_key(cluster: &'c Arc<Cluster>, key: &str) -> Option<Self> {
        let parts = KeyParts::of(key)?;
        let served = cluster.catalog().stored(parts.group, parts.plural)?;
        let mut actor = Self::new(cluster, served, parts.namespace);
        actor.info.name = parts.name.into();
        Some(actor)
    }

    fn call(&self) -> Call<'_> {
        Call {
            cluster: self.cluster,
            catalog: self.cluster.catalog(),
            served: self.served.clone(),
            info: &self.info,
            query: &self.query,
            headers: &self.headers,
            format: Format::default(),
            now: self.cluster.now(),
            warnings: Vec::new(),
            is_head: false,
        }
    }

    /// Creates an object; one that exists is left as it is.
    pub(crate) async fn create(&self, object: Value) -> Result<(), ApiError> {
        let options = WriteOptions {
            dry_run: false,
            manager: Some(self.manager.into()),
            owned_as: None,
        };
        match insert(&self.call(), object, &options).await {
            Err(error) if error.reason == "AlreadyExists" => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// As [`Self::update`], the changed fields of a subresource owned by the actor.
    pub(crate) async fn update_owned(
        &self,
        key: &str,
        subresource: &'static str,
        change: &(dyn Fn(&mut Value) -> Result<(), ApiError> + Send + Sync),
    ) -> Result<Option<Value>, ApiError> {
        let call = self.call();
        let options = WriteOptions {
            dry_run: false,
            manager: None,
            owned_as: Some(subresource),
        };
        self.update(key, &|object: &mut Value| {
            let old = object.clone();
            change(object)?;
            if meta::same(&old, object) {
                return Ok(());
            }
            own(&call, self.manager, &options, Some(&old), object)
        })
        .await
    }

    /// Changes the stored object under a key, again where it lost a race. Answers with the
    /// object as it is then, `None` where it is gone.
    pub(crate) async fn update(
        &self,
        key: &str,
        change: &(dyn Fn(&mut Value) -> Result<(), ApiError> + Send + Sync),
    ) -> Result<Option<Value>, ApiError> {
        let call = self.call();
        for _ in 0..TRIES {
            let Some(old) = self.cluster.load_key(key) else {
                return Ok(None);
            };
            let mut new = old.clone();
            change(&mut new)?;
            if meta::same(&old, &new) {
                return Ok(Some(old));
            }
            let goes = may_vanish(key, &new);
            let value = (!goes).then_some(&new);
            let expect = Expect::Rev(rev_of(&old));
            if let Some(rev) = self.cluster.commit(key, expect, value).await? {
                meta::set(&mut new, "resourceVersion", &rev.to_string());
                follow(&call, Some(&old), (!goes).then_some(&new)).await?;
                return Ok((!goes).then_some(new));
            }
        }
        Err(call.conflict(crate::cluster::name_of(key), super::update::MODIFIED))
    }

    /// Deletes the object under a key, unless its UID is another than `uid`. Answers whether
    /// it is gone.
    pub(crate) async fn delete(
        &self,
        key: &str,
        uid: Option<&str>,
        how: How,
    ) -> Result<bool, ApiError> {
        let call = self.call();
        for _ in 0..TRIES {
            let Some(object) = self.cluster.load_key(key) else {
                return Ok(true);
            };
            if uid.is_some_and(|uid| uid != meta::text(&object, "uid")) {
                return Ok(true);
            }
            match super::delete::remove_or_mark(&call, object, how).await? {
                Outcome::Gone(_) => return Ok(true),
                Outcome::Marked(_) => return Ok(false),
                Outcome::Lost => {}
            }
        }
        Ok(false)
    }
}

/// Does the effects of a hook, in order.
pub(crate) fn perform(
    cluster: &Arc<Cluster>,
    effects: Vec<Effect>,
) -> Pin<Box<dyn Future<Output = Result<(), ApiError>> + Send + '_>> {
    Box::pin(async move {
        for effect in effects {
            perform_one(cluster, effect).await?;
        }
        Ok(())
    })
}

async fn perform_one(cluster: &Arc<Cluster>, effect: Effect) -> Result<(), ApiError> {
    let served = |group: &str, resource: &str| {
        cluster
            .catalog()
            .stored(group, resource)
            .ok_or_else(|| ApiError::internal(&format!("no resource {resource}.{group}")))
    };
    match effect {
        Effect::Create {
            group,
            resource,
            object,
        } => {
            let namespace = meta::text(&object, "namespace").to_owned();
            Actor::new(cluster, served(&group, &resource)?, &namespace)
                .named("kube-controller-manager")
                .create(object)
                .await
        }
        Effect::Update {
            group,
            resource,
            namespace,
            name,
            mutate,
        } => {
            let served = served(&group, &resource)?;
            let key = served.key(&namespace, &name);
            let actor = Actor::new(cluster, served, &namespace);
            actor.update(&key, &*mutate).await.map(|_| ())
        }
        Effect::Delete {
            group,
            resource,
            namespace,
            name,
            grace_seconds,
        } => {
            let served = served(&group, &resource)?;
            let key = served.key(&namespace, &name);
            let how = How {
                grace_seconds,
                ..How::default()
            };
            Actor::new(cluster, served, &namespace)
                .delete(&key, None, how)
                .await
                .map(|_| ())
        }
    }
}
