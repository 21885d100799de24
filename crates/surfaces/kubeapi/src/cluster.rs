//! One cluster's objects, kinds and rules: what every request works on.

use crate::catalog::{Catalog, KeyParts, Served};
use crate::error::ApiError;
use crate::hook::{ClusterFacts, Hooks, Reader};
use crate::meta;
use crate::request::{AllowAll, Authenticator, Authorizer};
use crate::storage::{CommitError, Expect, Range, Rev, Storage, Write};
use argosy_object::Value;
use argosy_ports::Clock;
use argosy_schema::Schemas;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The state behind one API.
pub(crate) struct Cluster {
    pub storage: Arc<dyn Storage>,
    pub clock: Arc<dyn Clock>,
    pub hooks: Arc<Hooks>,
    pub facts: ClusterFacts,
    pub authorizer: Arc<dyn Authorizer>,
    /// Whether the authorizer reads roles, so that the cluster needs its first ones.
    pub has_policy: bool,
    pub authenticator: Option<Arc<dyn Authenticator>>,
    base: Arc<Schemas>,
    catalog: RwLock<Arc<Catalog>>,
    /// Served as they are to whoever asks for no group: shared while no CRD is added.
    plain: Arc<Catalog>,
}

/// Everything a cluster is made of.
pub(crate) struct Parts {
    pub storage: Arc<dyn Storage>,
    pub clock: Arc<dyn Clock>,
    pub hooks: Arc<Hooks>,
    pub facts: ClusterFacts,
    pub authorizer: Option<Arc<dyn Authorizer>>,
    pub authenticator: Option<Arc<dyn Authenticator>>,
    pub plain: Arc<Catalog>,
}

impl Cluster {
    pub(crate) fn new(parts: Parts) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let mut facts = parts.facts;
        facts.serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Self {
            storage: parts.storage,
            clock: parts.clock,
            hooks: parts.hooks,
            facts,
            has_policy: parts.authorizer.is_some(),
            authorizer: parts.authorizer.unwrap_or_else(|| Arc::new(AllowAll)),
            authenticator: parts.authenticator,
            base: parts.plain.schemas.clone(),
            catalog: RwLock::new(parts.plain.clone()),
            plain: parts.plain,
        }
    }

    /// The kinds of this moment.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.catalog
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes a CRD's state, as the store has it now, into the catalog.
    fn take_crd(&self, key: &str) {
        let name = &key[crate::crd::PREFIX.len()..];
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        // Read behind the lock, so that of two writers the later one's state stays.
        let crd = self.load_key(key);
        let mut crds = catalog.crds.clone();
        let shape = crd.as_ref().map(crate::crd::shape);
        let before = match crd {
            Some(crd) => crds.insert(name.into(), crd),
            None => crds.remove(name),
        };
        if before.as_ref().map(crate::crd::shape) != shape {
            *catalog = self.catalog_of(crds);
        }
    }

    /// Reads all CRDs from the store.
    pub(crate) fn load_crds(&self) {
        let list = self.list("apiextensions.k8s.io", "customresourcedefinitions", None);
        let crds: BTreeMap<String, Value> = list
            .into_iter()
            .map(|crd| (meta::text(&crd, "name").to_owned(), crd))
            .collect();
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        *catalog = self.catalog_of(crds);
    }

    fn catalog_of(&self, crds: BTreeMap<String, Value>) -> Arc<Catalog> {
        if crds.is_empty() {
            self.plain.clone()
        } else {
            Arc::new(Catalog::new(&self.base, crds))
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An object as it is stored.
    pub(crate) fn load(&self, served: &Served, namespace: &str, name: &str) -> Option<Value> {
        self.load_key(&served.key(namespace, name))
    }

    /// An object by its key.
    pub(crate) fn load_key(&self, key: &str) -> Option<Value> {
        self.storage
            .get(key)
            .map(|stored| meta::decode(&stored.json, stored.rev))
    }

    /// Writes one object; `Ok(None)` where another write came first.
    pub(crate) async fn commit(
        &self,
        key: &str,
        expect: Expect,
        object: Option<&Value>,
    ) -> Result<Option<Rev>, ApiError> {
        let value = object.map(meta::encode);
        let write = Write {
            key: key.into(),
            expect,
            value,
        };
        match self.storage.commit(vec![write]).await {
            Ok(rev) => {
                if key.starts_with(crate::crd::PREFIX) {
                    self.take_crd(key);
                }
                Ok(Some(rev))
            }
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(CommitError::Full) => Err(ApiError::storage_full()),
            Err(CommitError::Failed(text)) => Err(ApiError::internal(&text)),
        }
    }

    /// Converts a stored object to the version of a request.
    pub(crate) fn to_version(&self, served: &Served, object: Value) -> Result<Value, ApiError> {
        crate::convert::from_stored(&self.hooks, served, object)
    }

    /// Converts an object of a request to the version that is stored.
    pub(crate) fn to_stored(&self, served: &Served, object: Value) -> Result<Value, ApiError> {
        crate::convert::to_stored(&self.hooks, served, object)
    }
}

impl Reader for Cluster {
    fn get(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let group = crate::catalog::group_part(group);
        let key = if namespace.is_empty() {
            format!("/{group}/{resource}/{name}")
        } else {
            format!("/{group}/{resource}/{namespace}/{name}")
        };
        self.load_key(&key)
    }

    fn list(&self, group: &str, resource: &str, namespace: Option<&str>) -> Vec<Value> {
        let group = crate::catalog::group_part(group);
        let prefix = match namespace {
            Some(namespace) => format!("/{group}/{resource}/{namespace}/"),
            None => format!("/{group}/{resource}/"),
        };
        let page = self.storage.range(Range {
            prefix: &prefix,
            ..Range::default()
        });
        let items = page.map(|page| page.items).unwrap_or_default();
        items
            .iter()
            .map(|(_, stored)| meta::decode(&stored.json, stored.rev))
            .collect()
    }
}

/// The revision an object was read at.
pub(crate) fn rev_of(object: &Value) -> Rev {
    meta::text(object, "resourceVersion").parse().unwrap_or(0)
}

/// The name of the object under a key, for messages.
pub(crate) fn name_of(key: &str) -> &str {
    KeyParts::of(key).map_or("", |parts| parts.name)
}
