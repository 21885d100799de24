//! A server that fails in the middle: the release is left failed, and nothing that could not be
//! read is deleted.
#![allow(clippy::unwrap_used)] // a test's helpers may panic too

use argosy_helm::release::{Release, Status, StoreKind};
use argosy_helm::{Chart, Outside, TemplateCache, load_folder};
use argosy_kube::spec::Scope;
use argosy_kube::{Client, ClusterSettings, KubeCluster};
use argosy_kubeapi::auth::authn::StaticTokens;
use argosy_kubeapi::auth::authorizer::RbacAuthorizer;
use argosy_kubeapi::auth::tokens::TokenKey;
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{ApiServer, HistoryLimits, MemoryStorage, Shared};
use argosy_object::{Digest, Gvk, Object, json};
use argosy_ports::{
    Api, ApiService, Body, BoxError, Cluster, DeleteOptions, ListOptions, Resource, SystemTime,
    WriteOptions, full_body,
};
use argosy_release::{
    InstallRequest, Options, Releases, Silent, Store, UninstallRequest, UpgradeRequest,
};
use argosy_schema::Schemas;
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};
use jiff::tz::TimeZone;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tower::Service as _;

/// A method, a part of a path, and what happens to such requests.
type Fault = (&'static str, &'static str, Mishap);

#[derive(Clone, Copy)]
enum Mishap {
    /// An answer of this code.
    Answer(u16),
    /// No answer: what the transport says after its limit.
    Silence,
}

struct Ground {
    releases: Releases,
    client: Client,
    faults: Arc<Mutex<Vec<Fault>>>,
}

/// The embedded API behind a service that fails where it is told to.
async fn ground() -> Ground {
    let deps = Deps {
        key: Arc::new(TokenKey::in_memory()),
        tokens: Arc::new(StaticTokens::default()),
    };
    let shared = Shared::new(Schemas::builtin(), hooks::all(&deps));
    let storage = Arc::new(MemoryStorage::new(HistoryLimits::SMALL));
    let server = ApiServer::new(storage, &shared, Arc::new(SystemTime))
        .authorizer(Arc::new(RbacAuthorizer::new()))
        .start()
        .await
        .unwrap();
    let faults: Arc<Mutex<Vec<Fault>>> = Arc::default();
    let (inner, known) = (server.service(), faults.clone());
    let service = ApiService::new(tower::service_fn(move |request: http::Request<Body>| {
        let (mut inner, known) = (inner.clone(), known.clone());
        async move {
            let path = request.uri().to_string();
            let is_hit =
                |(method, part, _): &&Fault| request.method() == method && path.contains(part);
            let hit = known.lock().unwrap().iter().find(is_hit).copied();
            let outcome: Result<http::Response<Body>, BoxError> = match hit {
                None => inner.call(request).await,
                Some((_, _, Mishap::Silence)) => Err(BoxError::from("no answer within 65 s")),
                Some((_, _, Mishap::Answer(code))) => {
                    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                        "message": format!("mishap {code}"), "code": code, "details": {"name": "x"}});
                    let answer = http::Response::builder().status(code);
                    let answer = answer.header("content-type", "application/json");
                    answer
                        .body(full_body(status.to_string()))
                        .map_err(BoxError::from)
                }
            };
            outcome
        }
    }));
    let client = Client::new("https://embedded", service);
    let schemas = Schemas::builtin();
    let settings = ClusterSettings::new(schemas.clone());
    let cluster: Arc<dyn Cluster> =
        Arc::new(KubeCluster::new(client.clone(), Scope::default(), settings));
    let clock = Arc::new(SystemTime);
    let (_stop, interrupt) = watch::channel(false);
    let releases = Releases {
        store: Store::new(
            cluster.clone(),
            StoreKind::Secrets,
            "default",
            clock.clone(),
        ),
        cluster,
        schemas,
        templates: Arc::new(TemplateCache::new()),
        clock,
        zone: TimeZone::UTC,
        manager: "helm".into(),
        notices: Arc::new(Silent),
        interrupt,
    };
    Ground {
        releases,
        client,
        faults,
    }
}

impl Ground {
    fn fail(&self, method: &'static str, part: &'static str, mishap: Mishap) {
        self.faults.lock().unwrap().push((method, part, mishap));
    }

    fn heal(&self) {
        self.faults.lock().unwrap().clear();
    }

    async fn names(&self) -> Vec<String> {
        let maps = Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true);
        let options = ListOptions {
            namespace: Some("default".into()),
            ..ListOptions::default()
        };
        let found = self.client.list(&maps, &options).await.unwrap().items;
        let names = found.iter().map(|map| map.name().to_owned());
        names.filter(|name| name != "kube-root-ca.crt").collect()
    }

    async fn last(&self) -> Release {
        self.releases.content("web", 0).await.unwrap()
    }

    async fn install(&self, names: &[&str]) -> Result<Release, String> {
        let request = InstallRequest {
            name: "web".into(),
            chart: chart(names),
            values: argosy_helm::Table::new(),
            labels: Default::default(),
            replace: false,
            create_namespace: false,
            skip_crds: false,
            hide_secret: false,
            subchart_notes: false,
            skip_schema_validation: false,
            seed: Digest::of(b""),
            outside: Outside::default(),
            options: Options::default(),
        };
        let done = self.releases.install(request).await;
        done.map_err(|failed| failed.error.to_string())
    }

    async fn upgrade(&self, names: &[&str], options: Options) -> Result<Release, String> {
        let request = UpgradeRequest {
            name: "web".into(),
            chart: chart(names),
            values: argosy_helm::Table::new(),
            reuse: Default::default(),
            labels: Default::default(),
            hide_secret: false,
            subchart_notes: false,
            skip_schema_validation: false,
            seed: Digest::of(b""),
            outside: Outside::default(),
            options,
        };
        let done = self.releases.upgrade(request).await;
        done.map_err(|failed| failed.error.to_string())
    }
}

/// A chart of ConfigMaps; a name that begins with `hook` is a hook's.
fn chart(names: &[&str]) -> Chart {
    let mut files = vec![(
        "Chart.yaml".to_owned(),
        "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned(),
    )];
    for name in names {
        let hook = if name.starts_with("hook") {
            "  annotations: {helm.sh/hook: pre-upgrade}\n"
        } else {
            ""
        };
        files.push((
            format!("templates/{name}.yaml"),
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{hook}data: {{revision: \"{{{{ .Release.Revision }}}}\"}}\n"),
        ));
    }
    let tree = MemoryTree::new(files);
    load_folder(&Rooted::new(&tree, Limits::default()), &RelPath::root()).unwrap()
}

#[tokio::test]
async fn a_failed_write_leaves_the_release_failed_and_the_rest_in_place() {
    let ground = ground().await;
    ground.install(&["a", "b", "old"]).await.unwrap();
    for code in [500, 409, 403] {
        ground.fail("PATCH", "/configmaps/b", Mishap::Answer(code));
        let error = ground
            .upgrade(&["a", "b"], Options::default())
            .await
            .unwrap_err();
        assert!(error.contains(&format!("mishap {code}")), "{error}");
        ground.heal();
        let last = ground.last().await;
        assert_eq!(last.info.status, Status::Failed);
        assert_eq!(
            last.info.description,
            format!("Upgrade \"web\" failed: {error}")
        );
        // Where an object could not be patched nothing is deleted.
        assert_eq!(ground.names().await, ["a", "b", "old"]);
    }
    ground
        .upgrade(&["a", "b"], Options::default())
        .await
        .unwrap();
    assert_eq!(ground.names().await, ["a", "b"]);
    assert_eq!(ground.last().await.info.status, Status::Deployed);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_deleted() {
    let ground = ground().await;
    ground.install(&["a", "old"]).await.unwrap();
    ground.fail("GET", "/configmaps/old", Mishap::Answer(500));
    ground.upgrade(&["a"], Options::default()).await.unwrap();
    ground.heal();
    assert_eq!(ground.names().await, ["a", "old"]);
}

#[tokio::test]
async fn an_unreadable_object_ends_the_upgrade_before_it_is_written() {
    let ground = ground().await;
    ground.install(&["a"]).await.unwrap();
    ground.fail("GET", "/configmaps/a", Mishap::Answer(503));
    let error = ground
        .upgrade(&["a", "b"], Options::default())
        .await
        .unwrap_err();
    assert_eq!(
        error,
        "could not get information about the resource: mishap 503"
    );
    ground.heal();
    assert_eq!(ground.names().await, ["a"]);
}

#[tokio::test]
async fn what_a_failed_upgrade_made_is_deleted_where_asked() {
    let ground = ground().await;
    ground.install(&["b"]).await.unwrap();
    ground.fail("PATCH", "/configmaps/b", Mishap::Answer(500));
    let options = Options {
        cleanup_on_fail: true,
        ..Options::default()
    };
    ground.upgrade(&["a", "b"], options).await.unwrap_err();
    ground.heal();
    assert_eq!(ground.names().await, ["b"]);
}

#[tokio::test]
async fn a_record_that_cannot_be_stored_changes_nothing() {
    let ground = ground().await;
    ground.fail("POST", "/secrets", Mishap::Answer(500));
    let error = ground.install(&["a"]).await.unwrap_err();
    assert_eq!(error, "create: failed to create: mishap 500");
    ground.heal();
    assert_eq!(ground.names().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_failed_uninstall_keeps_the_records() {
    let ground = ground().await;
    ground.install(&["a", "b"]).await.unwrap();
    ground.fail("DELETE", "/configmaps/a", Mishap::Answer(403));
    let request = UninstallRequest {
        name: "web".into(),
        dry_run: false,
        ignore_not_found: false,
        keep_history: false,
        cascade: Default::default(),
        options: Options::default(),
    };
    let error = ground
        .releases
        .uninstall(request.clone())
        .await
        .unwrap_err();
    assert_eq!(
        error.error.to_string(),
        "failed to delete release: web: mishap 403"
    );
    ground.heal();
    assert_eq!(ground.last().await.info.status, Status::Uninstalling);
    ground.releases.uninstall(request).await.unwrap();
    assert!(ground.releases.content("web", 0).await.is_err());
}

#[tokio::test]
async fn a_server_that_does_not_answer_leaves_a_failed_release() {
    let ground = ground().await;
    ground.install(&["a", "old"]).await.unwrap();
    ground.fail("PATCH", "/configmaps/a", Mishap::Silence);
    let error = ground
        .upgrade(&["a"], Options::default())
        .await
        .unwrap_err();
    assert!(error.contains("no answer within 65 s"), "{error}");
    ground.heal();
    assert_eq!(ground.last().await.info.status, Status::Failed);
    assert_eq!(ground.names().await, ["a", "old"]);
}

#[tokio::test]
async fn an_object_that_is_gone_already_is_no_fault() {
    let ground = ground().await;
    ground.install(&["a", "b"]).await.unwrap();
    let maps = Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true);
    let options = DeleteOptions::default();
    ground
        .client
        .delete(&maps, Some("default"), "b", &options)
        .await
        .unwrap();
    ground.upgrade(&["a"], Options::default()).await.unwrap();
    ground
        .upgrade(&["a", "b"], Options::default())
        .await
        .unwrap();
    assert_eq!(ground.names().await, ["a", "b"]);
}

#[tokio::test]
async fn an_object_of_somebody_else_is_not_taken() {
    let ground = ground().await;
    let maps = Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true);
    let own = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "default"}, "data": {"mine": "yes"}});
    let own = Object::new(own).unwrap();
    let options = WriteOptions::default();
    ground.client.create(&maps, &own, &options).await.unwrap();
    let error = ground.install(&["a"]).await.unwrap_err();
    let start = "unable to continue with install: ConfigMap \"a\" in namespace \"default\" exists \
                 and cannot be imported into the current release: invalid ownership metadata; ";
    assert!(error.starts_with(start), "{error}");
    assert!(
        ground.releases.content("web", 0).await.is_err(),
        "nothing is recorded"
    );
}
