//! Applications whose charts come from chart repositories and registries.

use crate::harness::{Fleet, Ground, commit};
use argosy_helm::{load_archive, load_folder, pack};
use argosy_object::{Digest, Value, json};
use argosy_oci::{Reference, Registry, RegistryAccess, push_chart};
use argosy_testkit::registry::RealRegistry;
use argosy_testkit::web::{Reply, WebServer};
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};
use std::sync::{Arc, Mutex};

/// A packed chart of one ConfigMap, which tells the chart's version unless values say otherwise.
pub fn packed(name: &str, version: &str) -> Vec<u8> {
    let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let template = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name }}}}-{name}\ndata:\n  \
         k: {{{{ .Values.k | default .Chart.Version | quote }}}}\n"
    );
    let files = [("Chart.yaml", chart), ("templates/a.yaml", template)];
    let tree = MemoryTree::new(files);
    let reader = Rooted::new(&tree, Limits::default());
    let chart = load_folder(&reader, &RelPath::root()).unwrap();
    pack(&chart, 1_700_000_000).unwrap()
}

/// A chart repository with `web` in these versions, and more of them later.
pub struct Shelf {
    pub server: WebServer,
    versions: Arc<Mutex<Vec<&'static str>>>,
}

impl Shelf {
    pub fn new(versions: &[&'static str]) -> Self {
        let versions = Arc::new(Mutex::new(versions.to_vec()));
        let shown = versions.clone();
        let server = WebServer::start(move |asked| {
            if let Some(version) = asked.target.strip_prefix("/web-") {
                return Reply::ok(packed("web", version.trim_end_matches(".tgz")));
            }
            if asked.target != "/index.yaml" {
                return Reply::status(404, "");
            }
            let mut index = "apiVersion: v1\nentries:\n  web:\n".to_owned();
            for version in shown.lock().unwrap().iter() {
                let digest = Digest::of(&packed("web", version)).hex();
                index.push_str(&format!(
                    "  - {{name: web, version: {version}, urls: [web-{version}.tgz], digest: \
                     {digest}}}\n"
                ));
            }
            Reply::ok(index)
        });
        Self { server, versions }
    }

    pub fn add(&self, version: &'static str) {
        self.versions.lock().unwrap().push(version);
    }
}

fn of_chart(fleet: &Fleet, name: &str, url: &str, version: &str) -> Value {
    let mut application = fleet.application(name, "none", ".", "a");
    application["spec"]["source"] =
        json!({"repoURL": url, "chart": "web", "targetRevision": version});
    application
}

async fn start(test: &str) -> Fleet {
    let fleet = Fleet::start(Ground::Embedded, test, &["a"]).await;
    fleet.expect("the embedded ground is always there")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_takes_a_new_version_up_and_history_tells_versions() {
    let fleet = start("a_range_takes_a_new_version_up").await;
    let shelf = Shelf::new(&["1.0.0", "2.0.0"]);
    fleet
        .create(of_chart(&fleet, "shop", &shelf.server.url, "1.*"))
        .await;
    let status = fleet.well("shop").await;
    assert_eq!(status["sync"]["revision"], "1.0.0");
    assert_eq!(status["history"][0]["revision"], "1.0.0");
    assert_eq!(status["sourceType"], "Helm");
    fleet.config_map("a", "shop-web", Some("1.0.0")).await;

    shelf.add("1.1.0");
    let refresh = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}});
    fleet.patch_application("shop", refresh).await;
    fleet.config_map("a", "shop-web", Some("1.1.0")).await;
    let status = fleet
        .until_status("shop", |status| status["history"][1]["revision"] == "1.1.0")
        .await;
    assert_eq!(status["sync"]["revision"], "1.1.0");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_of_a_kustomization_come_once_the_settings_enable_them() {
    let fleet = start("charts_of_a_kustomization").await;
    let shelf = Shelf::new(&["1.0.0"]);
    let kustomization = format!(
        "namePrefix: x-\nhelmCharts: [{{name: web, repo: '{}', version: 1.0.0, releaseName: r, \
         valuesInline: {{k: inline}}, valuesMerge: replace}}]\n",
        shelf.server.url
    );
    fleet.repository("over", &[("app/kustomization.yaml", &kustomization)]);
    let application = fleet.application("shop", "over", "app", "a");
    fleet.create(application).await;
    let refused = "must specify --enable-helm";
    fleet.condition("shop", "ComparisonError", refused).await;
    fleet
        .create(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "argocd-cm", "namespace": "argocd",
                "labels": {"app.kubernetes.io/part-of": "argocd"}},
            "data": {"kustomize.buildOptions": "--enable-helm"},
        }))
        .await;
    fleet.config_map("a", "x-r-web", Some("inline")).await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_takes_value_files_of_a_git_source() {
    let fleet = start("a_chart_takes_value_files_of_a_git_source").await;
    let shelf = Shelf::new(&["1.0.0"]);
    let repository = fleet.repository("values", &[("prod.yaml", "k: from git\n")]);
    let mut application = fleet.application("shop", "none", ".", "a");
    let spec = application["spec"].as_object_mut().unwrap();
    spec.remove("source");
    let sources = json!([
        {"repoURL": shelf.server.url, "chart": "web", "targetRevision": "1.0.0",
            "helm": {"valueFiles": ["$values/prod.yaml"]}},
        {"repoURL": "https://gitlab.internal/values", "targetRevision": "main", "ref": "values"},
    ]);
    spec.insert("sources".into(), sources);
    fleet.create(application).await;
    let status = fleet.well("shop").await;
    assert_eq!(status["sync"]["revisions"][0], "1.0.0");
    fleet.config_map("a", "shop-web", Some("from git")).await;
    commit(&repository, &[("prod.yaml", "k: newer\n")]);
    fleet.config_map("a", "shop-web", Some("newer")).await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_that_are_not_vendored_are_fetched_with_the_projects_names() {
    let fleet = start("dependencies_that_are_not_vendored").await;
    let shelf = Shelf::new(&["1.0.0", "1.2.0"]);
    fleet
        .create(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "shelf", "namespace": "argocd",
                "labels": {"argocd.argoproj.io/secret-type": "repository"}},
            "stringData": {"type": "helm", "name": "shelf", "url": shelf.server.url},
        }))
        .await;
    let chart = |place: &str, version: &str| {
        format!(
            "apiVersion: v2\nname: top\nversion: 0.1.0\ndependencies:\n- {{name: web, version: \
             '{version}', repository: '{place}'}}\n- {{name: near, version: '*', repository: \
             'file://../near'}}\n"
        )
    };
    let near = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-near\n\
                data:\n  k: near\n";
    fleet.repository(
        "umbrella",
        &[
            ("url/Chart.yaml", &chart(&shelf.server.url, "^1")),
            ("name/Chart.yaml", &chart("@shelf", "1.0.0")),
            ("none/Chart.yaml", &chart(&shelf.server.url, "^9")),
            (
                "near/Chart.yaml",
                "apiVersion: v2\nname: near\nversion: 0.1.0\n",
            ),
            ("near/templates/a.yaml", near),
        ],
    );
    for (folder, version) in [("url", "1.2.0"), ("name", "1.0.0")] {
        fleet
            .create(fleet.application(folder, "umbrella", folder, "a"))
            .await;
        fleet.well(folder).await;
        fleet
            .config_map("a", &format!("{folder}-web"), Some(version))
            .await;
        fleet
            .config_map("a", &format!("{folder}-near"), Some("near"))
            .await;
    }
    fleet
        .create(fleet.application("none", "umbrella", "none", "a"))
        .await;
    let text = fleet.condition("none", "ComparisonError", "suits").await;
    assert!(
        text.contains("no version of chart \"web\" suits \"^9\""),
        "{text}"
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_that_are_not_there_are_told_and_nothing_is_touched() {
    let fleet = start("charts_that_are_not_there_are_told").await;
    let shelf = Shelf::new(&["1.0.0"]);
    fleet
        .create(of_chart(&fleet, "shop", &shelf.server.url, "1.0.0"))
        .await;
    fleet.well("shop").await;
    let patch = json!({"spec": {"source": {"targetRevision": "9.9.9"}}});
    fleet.patch_application("shop", patch).await;
    let text = fleet.condition("shop", "ComparisonError", "9.9.9").await;
    assert!(text.contains(&shelf.server.url), "{text}");
    fleet.config_map("a", "shop-web", Some("1.0.0")).await;
    fleet
        .create(of_chart(&fleet, "closed", "http://127.0.0.1:1", "1.0.0"))
        .await;
    fleet
        .condition("closed", "ComparisonError", "http://127.0.0.1:1/index.yaml")
        .await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_of_a_registry_with_a_login_are_followed() {
    let test = "charts_of_a_registry_with_a_login_are_followed";
    let Some(real) = RealRegistry::start(test, true) else {
        return;
    };
    let host = real.host.clone();
    let push = move |version: &'static str| {
        let host = host.clone();
        tokio::task::spawn_blocking(move || {
            let registry = Registry::new(RegistryAccess {
                host: host.clone(),
                is_plain_http: true,
                login: argosy_oci::Login {
                    username: "ann".into(),
                    password: "secret".to_owned().into(),
                    ..argosy_oci::Login::default()
                },
                ..RegistryAccess::default()
            });
            let data = packed("web", version);
            let chart = load_archive(&data).unwrap();
            let place = Reference::parse(&format!("{host}/charts/web:{version}")).unwrap();
            let created = "2023-11-14T22:13:20Z";
            push_chart(&registry, &place, &chart.metadata, (&data, None), created).unwrap();
        })
    };
    push("1.0.0").await.unwrap();
    let fleet = start(test).await;
    let url = format!("{}/charts", real.host);
    fleet.create(of_chart(&fleet, "shop", &url, "^1")).await;
    fleet
        .condition("shop", "ComparisonError", "status code 401")
        .await;
    fleet
        .create(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "charts", "namespace": "argocd",
                "labels": {"argocd.argoproj.io/secret-type": "repository"}},
            "stringData": {"type": "helm", "enableOCI": "true", "url": url, "username": "ann",
                "password": "secret"},
        }))
        .await;
    let status = fleet.well("shop").await;
    assert_eq!(status["sync"]["revision"], "1.0.0");
    push("1.3.0+b.2").await.unwrap();
    let refresh = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}});
    fleet.patch_application("shop", refresh).await;
    fleet.config_map("a", "shop-web", Some("1.3.0+b.2")).await;
    fleet.stop().await;
}
