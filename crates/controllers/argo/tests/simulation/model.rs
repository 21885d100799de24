//! What is declared: the objects of each application at each commit.

use argosy_object::Digest;
use argosy_tree::MemoryTree;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The applications of a run, by number.
pub const APPS: usize = 3;
/// The clusters of a run.
pub const CLUSTERS: usize = 2;
pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// How an object is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    ThreeWay,
    ServerSide,
    Replace,
}

/// One declared object: a ConfigMap, or a Deployment where `is_workload`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub value: String,
    pub wave: u64,
    pub how: How,
    pub is_workload: bool,
}

/// The objects of one application, by name.
pub type Declared = BTreeMap<String, Item>;

/// One state of the repository.
#[derive(Clone)]
pub struct Commit {
    pub sha: String,
    /// By application; `None` where its folder does not render.
    pub apps: Vec<Option<Declared>>,
    pub tree: Arc<MemoryTree>,
}

impl Commit {
    pub fn new(serial: usize, apps: Vec<Option<Declared>>) -> Self {
        let mut files: Vec<(String, String)> = vec![("README".into(), format!("{serial}\n"))];
        for (app, declared) in apps.iter().enumerate() {
            let folder = format!("apps/{}", app_name(app));
            let Some(declared) = declared else {
                files.push((format!("{folder}/broken.yaml"), "kind: [oh\n".into()));
                continue;
            };
            // A folder of nothing is still there.
            files.push((format!("{folder}/NOTES"), "a folder\n".into()));
            for (name, item) in declared {
                files.push((format!("{folder}/{name}.yaml"), manifest(name, item)));
            }
        }
        let sha = Digest::of(format!("commit {serial}").as_bytes()).hex()[..40].to_owned();
        Self {
            sha,
            apps,
            tree: Arc::new(MemoryTree::new(files)),
        }
    }
}

pub fn app_name(app: usize) -> String {
    format!("a{app}")
}

/// The cluster that an application goes to.
pub fn cluster_of(app: usize) -> usize {
    app % CLUSTERS
}

pub fn server(cluster: usize) -> String {
    format!("https://c{cluster}.sim")
}

/// The application whose object this is, by its name.
pub fn app_of(object: &str) -> Option<usize> {
    let (app, _) = object.strip_prefix('a')?.split_once('-')?;
    app.parse().ok().filter(|app| *app < APPS)
}

/// Where the embedded API's store keeps it.
pub fn place(name: &str) -> String {
    if name.contains("-d") {
        format!("/apps/deployments/default/{name}")
    } else {
        format!("/core/configmaps/default/{name}")
    }
}

fn manifest(name: &str, item: &Item) -> String {
    let options = match item.how {
        How::ThreeWay => "",
        How::ServerSide => "ServerSideApply=true",
        How::Replace => "Replace=true",
    };
    let head = format!(
        "metadata:\n  name: {name}\n  annotations:\n    {SYNC_WAVE}: \"{}\"\n    {SYNC_OPTIONS}: \"{options}\"\n",
        item.wave
    );
    let value = &item.value;
    if item.is_workload {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\n{head}spec:\n  selector:\n    matchLabels: {{app: {name}}}\n  \
             template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      containers:\n      \
             - name: main\n        image: registry.invalid/{value}\n"
        )
    } else {
        format!("apiVersion: v1\nkind: ConfigMap\n{head}data:\n  k: {value}\n")
    }
}

/// The declared value of a live object.
pub fn value_of(object: &argosy_object::Value) -> Option<String> {
    let image = object.pointer("/spec/template/spec/containers/0/image");
    match image.and_then(|image| image.as_str()) {
        Some(image) => Some(image.rsplit('/').next()?.to_owned()),
        None => Some(object.pointer("/data/k")?.as_str()?.to_owned()),
    }
}
