//! Sets, clusters and trees for tests, written as text.

use argosy_generate::{Cluster, Generation, GeneratorInputs, Need, Step, TreeKey, generate};
use argosy_object::{Object, Value, json};
use argosy_tree::MemoryTree;
use std::sync::Arc;

/// A set and what its generators look at.
pub struct Case {
    set: Object,
    inputs: GeneratorInputs,
}

impl Case {
    /// A set with this `spec`, in YAML.
    pub fn new(spec: &str) -> Self {
        let spec = argosy_yaml::from_str(spec).unwrap();
        Self::of(
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
            "metadata": {"name": "set", "namespace": "argocd", "uid": "set-uid"}, "spec": spec}),
        )
    }

    /// A whole set.
    pub fn of(set: Value) -> Self {
        let inputs = GeneratorInputs {
            clusters: Some(Vec::new()),
            ..GeneratorInputs::default()
        };
        Self {
            set: Object::from_trusted(set),
            inputs,
        }
    }

    /// Adds a tree: `--- path` lines cut its files.
    pub fn tree(mut self, repo_url: &str, revision: &str, files: &str) -> Self {
        let mut list: Vec<(String, String)> = Vec::new();
        for line in files.lines() {
            match (line.strip_prefix("--- "), list.last_mut()) {
                (Some(path), _) => list.push((path.into(), String::new())),
                (None, Some((_, content))) => {
                    content.push_str(line);
                    content.push('\n');
                }
                (None, None) => panic!("a file starts with `--- path`"),
            }
        }
        let tree = MemoryTree::new(list);
        let key = TreeKey {
            repo_url: repo_url.into(),
            revision: revision.into(),
        };
        self.inputs.trees.insert(key, Arc::new(tree));
        self
    }

    /// Adds a cluster with labels such as `a=b,c=d`.
    pub fn cluster(mut self, name: &str, server: &str, labels: &str) -> Self {
        let labels = labels.split(',').filter_map(|label| label.split_once('='));
        let cluster = Cluster {
            name: name.into(),
            server: server.into(),
            labels: labels.map(|(k, v)| (k.into(), v.into())).collect(),
            ..Cluster::default()
        };
        self.inputs.clusters.get_or_insert_default().push(cluster);
        self
    }

    pub fn without_clusters(mut self) -> Self {
        self.inputs.clusters = None;
        self
    }

    pub fn set(&self) -> &Object {
        &self.set
    }

    pub fn clusters(&self) -> &[Cluster] {
        self.inputs.clusters.as_deref().unwrap_or_default()
    }

    /// The result or the error's text.
    pub fn done_err(&self) -> Result<Generation, String> {
        match generate(&self.set, &self.inputs) {
            Ok(Step::Done(done)) => Ok(done),
            Ok(Step::Needs(needs)) => panic!("unexpected needs: {needs:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    pub fn apps(&self) -> Vec<Object> {
        self.done_err()
            .unwrap()
            .apps
            .into_iter()
            .map(|g| g.app)
            .collect()
    }

    /// The parameters; numbers that are whole are whole.
    pub fn params(&self) -> Vec<Value> {
        self.done_err()
            .unwrap()
            .apps
            .into_iter()
            .map(|g| g.params)
            .collect()
    }

    pub fn error(&self) -> String {
        self.done_err().expect_err("an error")
    }

    pub fn needs(&self) -> Vec<String> {
        match generate(&self.set, &self.inputs).unwrap() {
            Step::Needs(needs) => needs
                .into_iter()
                .map(|need| match need {
                    Need::Clusters => "Clusters".into(),
                    Need::Tree(key) => format!("Tree {} {}", key.repo_url, key.revision),
                })
                .collect(),
            Step::Done(_) => panic!("nothing is needed"),
        }
    }
}

pub fn names(apps: &[Object]) -> Vec<String> {
    apps.iter().map(|app| app.name().to_owned()).collect()
}
