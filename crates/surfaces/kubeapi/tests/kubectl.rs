//! Real kubectl over TLS: certificates, tokens, RBAC, and the commands people type.
#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

use argosy_kubeapi::auth::authn::{Credentials, StaticTokens};
use argosy_kubeapi::auth::authority::Authority;
use argosy_kubeapi::auth::authorizer::RbacAuthorizer;
use argosy_kubeapi::auth::kubeconfig::{Context, Credential, Kubeconfig};
use argosy_kubeapi::auth::tokens::TokenKey;
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{
    ApiServer, ClusterFacts, HistoryLimits, Listener, MemoryStorage, Router, Shared,
};
use argosy_ports::SystemTime;
use argosy_schema::Schemas;
use argosy_testkit::realapi;
use jiff::Timestamp;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use tokio::sync::watch;

/// A hub and one cluster behind TLS, and a kubectl that knows both.
struct Served {
    kubectl: PathBuf,
    folder: tempfile::TempDir,
    _stop: watch::Sender<bool>,
}

async fn server(name: &str, shared: &Shared, deps: &Deps, ca_pem: &str) -> ApiServer {
    let issuer = format!("https://{name}.example.com");
    let facts = ClusterFacts {
        name: name.into(),
        issuer: issuer.clone(),
        ca_pem: ca_pem.into(),
        ..ClusterFacts::default()
    };
    let clock = Arc::new(Timestamp::now);
    let credentials = Credentials::new(deps.key.clone(), deps.tokens.clone(), &issuer, clock);
    let storage = Arc::new(MemoryStorage::new(HistoryLimits::SMALL));
    ApiServer::new(storage, shared, Arc::new(SystemTime))
        .facts(facts)
        .authorizer(Arc::new(RbacAuthorizer::new()))
        .authenticator(Arc::new(credentials))
        .start()
        .await
        .unwrap()
}

async fn serve(test: &str) -> Option<Served> {
    let Some(kubectl) = realapi::tool("kubectl") else {
        realapi::skipped(test, "no kubectl: run `cargo xtask kubeassets`");
        return None;
    };
    let now = Timestamp::now();
    let authority = Authority::in_memory(now).unwrap();
    let deps = Deps {
        key: Arc::new(TokenKey::in_memory()),
        tokens: Arc::new(StaticTokens::default()),
    };
    let shared = Shared::new(Schemas::builtin(), hooks::all(&deps));
    let router = Router::new(server("hub", &shared, &deps, authority.ca_pem()).await);
    router.insert(
        "eu-1",
        server("eu-1", &shared, &deps, authority.ca_pem()).await,
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let identity = authority.server(&["127.0.0.1".into()], now).unwrap();
    let tls = authority.tls(&identity).unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(Listener::new(listener, router, Some(tls)).run(stopped));
    let admin = authority
        .client("admin", Some("system:masters"), now)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let context = |name: &str, path: &str| Context {
        name: name.into(),
        server: format!("https://{address}{path}"),
        namespace: None,
    };
    Kubeconfig {
        contexts: vec![context("hub", ""), context("eu-1", "/clusters/eu-1")],
        ca_pem: authority.ca_pem().into(),
        credential: Credential::Certificate {
            cert_pem: admin.cert_pem.clone(),
            key_pem: admin.key_pem.clone(),
        },
    }
    .write(&folder.path().join("kubeconfig"))
    .unwrap();
    Some(Served {
        kubectl,
        folder,
        _stop: stop,
    })
}

impl Served {
    async fn run(&self, line: &str, input: &str) -> Output {
        use tokio::io::AsyncWriteExt as _;
        let mut child = tokio::process::Command::new(&self.kubectl)
            .args(line.split_whitespace())
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .env("HOME", self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        child.wait_with_output().await.unwrap()
    }

    /// Runs a command that must succeed, and returns what it says.
    async fn ok(&self, line: &str, input: &str) -> String {
        let output = self.run(line, input).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "kubectl {line}: {error}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// Runs a command that must fail, and returns its complaint.
    async fn fails(&self, line: &str) -> String {
        let output = self.run(line, "").await;
        assert!(!output.status.success(), "kubectl {line}");
        String::from_utf8(output.stderr)
            .unwrap()
            .trim_end()
            .to_owned()
    }
}

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyday_commands_work() {
    let Some(api) = serve("everyday_commands_work").await else {
        return;
    };
    assert_eq!(
        api.ok("auth whoami -o jsonpath={.status.userInfo.username}", "")
            .await,
        "admin"
    );
    assert_eq!(api.ok("create ns shop", "").await, "namespace/shop created");
    let line = "-n shop create cm conf --from-literal=a=b";
    assert_eq!(api.ok(line, "").await, "configmap/conf created");
    assert_eq!(
        api.ok("-n shop apply -f -", WEB).await,
        "deployment.apps/web created"
    );
    assert_eq!(
        api.ok("-n shop apply -f -", WEB).await,
        "deployment.apps/web unchanged"
    );
    let changed = WEB.replace("nginx:1", "nginx:2");
    assert_eq!(
        api.ok("-n shop apply -f -", &changed).await,
        "deployment.apps/web configured"
    );
    assert_eq!(
        api.ok("-n shop scale deploy web --replicas=3", "").await,
        "deployment.apps/web scaled"
    );
    let wide = api.ok("-n shop get deploy web -o wide", "").await;
    assert!(
        wide.contains("CONTAINERS") && wide.contains("nginx:2"),
        "{wide}"
    );
    assert_eq!(
        api.ok("-n shop get cm conf -o jsonpath={.data.a}", "")
            .await,
        "b"
    );
    let server_side = "-n shop apply --server-side --force-conflicts -f -";
    assert_eq!(
        api.ok(server_side, WEB).await,
        "deployment.apps/web serverside-applied"
    );
    let missing = api.fails("-n shop get cm nothing").await;
    assert_eq!(
        missing,
        "Error from server (NotFound): configmaps \"nothing\" not found"
    );
    assert_eq!(
        api.ok("delete ns shop", "").await,
        "namespace \"shop\" deleted"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_field_is_refused_by_the_server() {
    let Some(api) = serve("unknown_field_is_refused_by_the_server").await else {
        return;
    };
    let broken = WEB.replace(
        "metadata: {name: web,",
        "metadata: {name: web, colour: red,",
    );
    let output = api.run("apply -f -", &broken).await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("unknown field \"metadata.colour\""),
        "{error}"
    );
    assert!(!output.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_roles_decide() {
    let Some(api) = serve("tokens_and_roles_decide").await else {
        return;
    };
    api.ok("create sa bot", "").await;
    api.ok(
        "create role reader --verb=get,list --resource=configmaps",
        "",
    )
    .await;
    let token = api.ok("create token bot", "").await;
    let denied = api
        .fails("get cm --as=system:serviceaccount:default:bot")
        .await;
    assert_eq!(
        denied,
        "Error from server (Forbidden): configmaps is forbidden: User \
         \"system:serviceaccount:default:bot\" cannot list resource \"configmaps\" in API group \
         \"\" in the namespace \"default\""
    );
    api.ok(
        "create rolebinding read --role=reader --serviceaccount=default:bot",
        "",
    )
    .await;
    api.ok("get cm --as=system:serviceaccount:default:bot", "")
        .await;
    let can = "auth can-i delete cm --as=system:serviceaccount:default:bot";
    assert_eq!(api.run(can, "").await.stdout, b"no\n");
    assert!(token.split('.').count() == 3, "a JWT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_are_apart() {
    let Some(api) = serve("clusters_are_apart").await else {
        return;
    };
    api.ok("--context eu-1 create ns only-there", "").await;
    assert_eq!(
        api.fails("get ns only-there").await,
        "Error from server (NotFound): namespaces \"only-there\" not found"
    );
    api.ok("--context eu-1 get ns only-there", "").await;
}
