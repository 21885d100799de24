//! Which of the generated Applications can't be.

use crate::inputs::{Cluster, Generated};
use argosy_object::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What validation looks at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    /// The names of all projects.
    pub projects: &'f BTreeSet<String>,
    /// All clusters that have a Secret.
    pub clusters: &'f [Cluster],
}

/// What is wrong, by the name of the Application. Applications of these names are left out of
/// creating and updating, and none of them is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalid(pub BTreeMap<String, String>);

impl Invalid {
    /// Whether an Application of this name is left out.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What the condition `ErrorOccurred` says, with the reason `ApplicationValidationError`.
    pub fn message(&self) -> Option<String> {
        let last = self.0.values().next_back()?;
        Some(match self.0.len() {
            1 => last.clone(),
            count => format!("{last} (and {} more)", count - 1),
        })
    }
}

/// What Kubernetes says of a name that is no DNS subdomain.
pub(crate) const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Whether a name is a DNS subdomain.
pub(crate) fn is_dns_subdomain(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Finds Applications that have no name, a name twice or none that Kubernetes takes, a project
/// that is not there, or a destination that leads nowhere.
///
/// Compat: upstream's texts; a bad name is refused by the API server there, with this text.
pub fn validate(set_name: &str, apps: &[Generated], facts: Facts<'_>) -> Invalid {
    let mut invalid = BTreeMap::new();
    let mut names = BTreeSet::new();
    for generated in apps {
        let app = &generated.app;
        let name = app.name();
        let fault = if name.is_empty() {
            Some(format!(
                "ApplicationSet {set_name} contains an application with no name; a name must be set in the template's metadata.name or via a templatePatch (generateName is not supported)"
            ))
        } else if !names.insert(name) {
            Some(format!(
                "ApplicationSet {set_name} contains applications with duplicate name: {name}"
            ))
        } else if !is_dns_subdomain(name) {
            Some(format!(
                "Application.argoproj.io {name:?} is invalid: metadata.name: Invalid value: {name:?}: {SUBDOMAIN}"
            ))
        } else {
            project_fault(app.value(), facts)
                .or_else(|| destination_fault(app.value(), facts.clusters))
        };
        if let Some(fault) = fault {
            invalid.insert(name.to_owned(), fault);
        }
    }
    Invalid(invalid)
}

fn text<'v>(app: &'v Value, pointer: &str) -> &'v str {
    app.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn project_fault(app: &Value, facts: Facts<'_>) -> Option<String> {
    let project = text(app, "/spec/project");
    (!facts.projects.contains(project))
        .then(|| format!("application references project {project} which does not exist"))
}

fn destination_fault(app: &Value, clusters: &[Cluster]) -> Option<String> {
    const IN_CLUSTER: (&str, &str) = ("in-cluster", "https://kubernetes.default.svc");
    let (name, server) = (
        text(app, "/spec/destination/name"),
        text(app, "/spec/destination/server"),
    );
    let server = server.trim_end_matches('/');
    let fault = match (name.is_empty(), server.is_empty()) {
        (false, false) => format!(
            "application destination can't have both name and server defined: {name} {server}"
        ),
        (true, true) => "Destination server missing from app spec".into(),
        (true, false) => {
            let known = |c: &Cluster| c.server.trim_end_matches('/') == server;
            if server == IN_CLUSTER.1 || clusters.iter().any(known) {
                return None;
            }
            format!(
                "error getting cluster by server {server:?}: rpc error: code = NotFound desc = cluster {server:?} not found"
            )
        }
        (false, true) => {
            let servers: BTreeSet<&str> = clusters
                .iter()
                .filter(|c| c.name == name)
                .map(|c| c.server.as_str())
                .collect();
            match servers.len() {
                1 => return None,
                0 if name == IN_CLUSTER.0 => return None,
                0 => format!("there are no clusters with this name: {name}"),
                count => {
                    let list: Vec<&str> = servers.into_iter().collect();
                    format!(
                        "there are {count} clusters with the same name: [{}]",
                        list.join(" ")
                    )
                }
            }
        }
    };
    Some(format!("application destination spec is invalid: {fault}"))
}
