//! What all runs begin from: a prepared hub and an empty cluster, made once.

use crate::clock::HostClock;
use crate::model;
use argosy_argo::bootstrap;
use argosy_kube::Client;
use argosy_kubeapi::auth::{authn::StaticTokens, tokens::TokenKey};
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{
    ApiServer, Expect, HistoryLimits, MemoryStorage, Range, Shared, Storage, Write,
};
use argosy_object::{Gvk, Object, json};
use argosy_ports::{Api, Clock, Resource, WriteOptions};
use argosy_schema::Schemas;
use std::sync::{Arc, OnceLock};

pub struct Ground {
    pub schemas: Arc<Schemas>,
    shared: Shared,
    hub: Vec<Write>,
    cluster: Vec<Write>,
}

/// The ground, made at the first call.
pub fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(Ground::new())
    })
}

impl Ground {
    async fn new() -> Self {
        let schemas = Schemas::builtin();
        let deps = Deps {
            key: Arc::new(TokenKey::in_memory()),
            tokens: Arc::new(StaticTokens::default()),
        };
        let shared = Shared::new(schemas.clone(), hooks::all(&deps));
        let clock = Arc::new(HostClock::new());
        let (cluster, hub) = (empty(), empty());
        let server = serve(&shared, &cluster, clock.clone()).await;
        server.settle().await;
        let server = serve(&shared, &hub, clock).await;
        let client = Client::new("https://hub", server.service());
        bootstrap(&client, "argocd").await.unwrap();
        for cluster in 0..model::CLUSTERS {
            let secret = secret(cluster);
            let options = WriteOptions::default();
            client.create(&secrets(), &secret, &options).await.unwrap();
        }
        server.settle().await;
        Self {
            schemas,
            shared,
            hub: content(&hub),
            cluster: content(&cluster),
        }
    }

    /// A store and its API, as a hub or as a cluster.
    pub async fn serve(&self, is_hub: bool, clock: Arc<dyn Clock>) -> (MemoryStorage, ApiServer) {
        let store = empty();
        let content = if is_hub { &self.hub } else { &self.cluster };
        store.commit(content.clone()).await.unwrap();
        let server = serve(&self.shared, &store, clock).await;
        (store, server)
    }
}

fn empty() -> MemoryStorage {
    MemoryStorage::new(HistoryLimits::SMALL)
}

async fn serve(shared: &Shared, store: &MemoryStorage, clock: Arc<dyn Clock>) -> ApiServer {
    let setup = ApiServer::new(Arc::new(store.clone()), shared, clock);
    setup.start().await.unwrap()
}

fn content(store: &MemoryStorage) -> Vec<Write> {
    let range = Range {
        prefix: "/",
        ..Range::default()
    };
    let page = store.range(range).unwrap();
    let writes = page.items.into_iter().map(|(key, stored)| Write {
        key,
        expect: Expect::Absent,
        value: Some(stored.json),
    });
    writes.collect()
}

fn secret(cluster: usize) -> Object {
    Object::from_trusted(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": format!("cluster-c{cluster}"), "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "cluster"}},
        "stringData": {"name": format!("c{cluster}"), "server": model::server(cluster),
            "config": "{\"bearerToken\": \"sim\"}"},
    }))
}

pub fn secrets() -> Resource {
    Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true)
}
