//! Records in the cluster.

use crate::error::ReleaseError;
use argosy_helm::release::{
    Entry, History, HistoryError, Release, StoreKind, record_key, record_object,
};
use argosy_object::{Gvk, Object};
use argosy_ports::{
    Api, ApiError, ApiErrorKind, Clock, DeleteOptions, ListOptions, Resource, WriteOptions,
};
use std::sync::Arc;

/// The records of one namespace, or of all.
#[derive(Clone)]
pub struct Store {
    api: Arc<dyn Api>,
    kind: StoreKind,
    namespace: String,
    clock: Arc<dyn Clock>,
}

impl Store {
    /// The records of `namespace`.
    pub fn new(api: Arc<dyn Api>, kind: StoreKind, namespace: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            api,
            kind,
            namespace: namespace.to_owned(),
            clock,
        }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    fn resource(&self) -> Resource {
        let plural = match self.kind {
            StoreKind::Secrets => "secrets",
            StoreKind::ConfigMaps => "configmaps",
        };
        Resource::new(Gvk::new("", "v1", self.kind.kind()), plural, true)
    }

    async fn entries(
        &self,
        labels: &str,
        namespace: Option<&str>,
        doing: &str,
    ) -> Result<Vec<Entry>, ReleaseError> {
        let options = ListOptions {
            namespace: namespace.map(str::to_owned),
            labels: Some(labels.to_owned()),
            fields: None,
        };
        let found = self.api.list(&self.resource(), &options).await;
        let found = found.map_err(|error| ReleaseError::Store {
            doing: doing.to_owned(),
            error,
        })?;
        let entries = found.items.iter();
        Ok(entries
            .filter_map(|object| Entry::of(self.kind, object))
            .collect())
    }

    /// All revisions of a release.
    ///
    /// # Errors
    /// Where the cluster does not tell.
    pub async fn history(&self, name: &str) -> Result<History, ReleaseError> {
        let labels = format!("name={name},owner=helm");
        let doing = "query: failed to query with labels";
        let entries = self.entries(&labels, Some(&self.namespace), doing).await?;
        Ok(History::new(name, entries))
    }

    /// All revisions of all releases; of every namespace where `everywhere`.
    ///
    /// # Errors
    /// Where the cluster does not tell.
    pub async fn all(&self, everywhere: bool) -> Result<Vec<Entry>, ReleaseError> {
        let namespace = (!everywhere).then_some(&*self.namespace);
        self.entries("owner=helm", namespace, "list: failed to list")
            .await
    }

    /// One revision.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub async fn get(&self, name: &str, version: i64) -> Result<Release, ReleaseError> {
        let key = record_key(name, version);
        let doing = || format!("get: failed to get {key:?}");
        let found = self
            .api
            .get(&self.resource(), Some(&self.namespace), &key)
            .await
            .map_err(|error| ReleaseError::Store {
                doing: doing(),
                error,
            })?;
        let object = found.ok_or(HistoryError::NotFound)?;
        let entry = Entry::of(self.kind, &object);
        let entry = entry.ok_or_else(|| {
            ReleaseError::Refused(format!(
                "get: failed to decode data {key:?}: no record in it"
            ))
        })?;
        entry.get().map_err(|error| {
            ReleaseError::Refused(format!("get: failed to decode data {key:?}: {error}"))
        })
    }

    fn object(&self, release: &Release, is_new: bool) -> Object {
        let now = self.clock.now();
        record_object(self.kind, release, &self.namespace, is_new, now)
    }

    /// Stores a new revision, after deleting the oldest ones so that there are `max` (0: all).
    ///
    /// # Errors
    /// In Helm's words.
    pub async fn create(&self, release: &Release, max: usize) -> Result<(), String> {
        if max > 0 {
            let history = self.history(&release.name).await;
            let surplus = history.map_err(|error| error.to_string())?.surplus(max);
            let mut faults = Vec::new();
            for version in surplus {
                faults.extend(self.forget(&release.name, version).await.err());
            }
            match faults.len() {
                0 => {}
                1 => return Err(faults.remove(0)),
                count => {
                    let first = &faults[0];
                    return Err(format!(
                        "encountered {count} deletion errors. First is: {first}"
                    ));
                }
            }
        }
        let object = self.object(release, true);
        let options = WriteOptions {
            manager: Some("helm".to_owned()),
            ..WriteOptions::default()
        };
        match self.api.create(&self.resource(), &object, &options).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ApiErrorKind::AlreadyExists => {
                Err("release: already exists".to_owned())
            }
            Err(error) => Err(format!("create: failed to create: {error}")),
        }
    }

    /// Stores a revision again.
    ///
    /// # Errors
    /// In Helm's words.
    pub async fn update(&self, release: &Release) -> Result<(), String> {
        let object = self.object(release, false);
        let options = WriteOptions {
            manager: Some("helm".to_owned()),
            ..WriteOptions::default()
        };
        let written = self.api.replace(&self.resource(), &object, &options).await;
        written
            .map(|_| ())
            .map_err(|error| format!("update: failed to update: {error}"))
    }

    /// Forgets a revision that can be read.
    ///
    /// # Errors
    /// In Helm's words.
    pub async fn forget(&self, name: &str, version: i64) -> Result<(), String> {
        self.get(name, version)
            .await
            .map_err(|error| error.to_string())?;
        let key = record_key(name, version);
        let options = DeleteOptions::default();
        let gone = self
            .api
            .delete(&self.resource(), Some(&self.namespace), &key, &options)
            .await;
        gone.map(|_| ())
            .map_err(|error: ApiError| error.to_string())
    }
}
