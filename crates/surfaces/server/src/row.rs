//! One Application as a row: the few fields that lists show, filter and sort by.

use argosy_crds::{ApplicationSpec, ApplicationStatus, Destination, HealthCode, SyncCode, names};
use argosy_object::{Key, Object};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;

/// An Application's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct AppKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl AppKey {
    /// A key of these two.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// As the hub names the object.
    pub fn key(&self) -> Key {
        Key::new(
            names::ARGO_GROUP,
            "Application",
            Some(&self.namespace),
            &self.name,
        )
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One Application in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRow {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: String,
    /// The name of its cluster, or the server where no cluster has that.
    pub cluster: String,
    /// The namespace that its objects go to.
    pub to: String,
    /// Whether Git and cluster agree.
    pub sync: SyncCode,
    /// Health of the whole.
    pub health: HealthCode,
    /// The phase of the last operation, empty before the first.
    pub phase: String,
    /// Whether it syncs by itself.
    pub auto: bool,
    /// The first source's repository, without credentials.
    pub repo: String,
    /// The first source's path or chart.
    pub path: String,
    /// The revision that is followed.
    pub target: String,
    /// The revision that was compared.
    pub revision: String,
    /// The ApplicationSet that made it, or empty.
    pub set: String,
    /// The first thing that is wrong, in words.
    pub trouble: String,
    /// When the last operation began or ended, in RFC 3339; empty before the first.
    pub changed: String,
    #[serde(skip)]
    pub(crate) destination: Destination,
}

/// Text of a condition beyond which a list cuts it.
const TROUBLE_MAX: usize = 300;

impl AppRow {
    /// Reads a row off an Application. What cannot be read counts as unknown, and `trouble` says so.
    pub fn of(application: &Object, clusters: &ClusterNames) -> Self {
        let (spec, broken_spec) = read(ApplicationSpec::of(application));
        let (status, broken_status) = read(ApplicationStatus::of(application));
        let source = spec.all_sources().first().cloned().unwrap_or_default();
        let place = [source.path, source.chart]
            .into_iter()
            .find(|text| !text.is_empty());
        let revisions = status.sync.revisions.first().cloned();
        let revision = Some(status.sync.revision.clone()).filter(|text| !text.is_empty());
        let operation = status.operation_state.as_ref();
        let phase = operation
            .map(|state| format!("{:?}", state.phase))
            .unwrap_or_default();
        let changed = operation
            .map(|state| {
                state
                    .finished_at
                    .as_ref()
                    .unwrap_or(&state.started_at)
                    .clone()
            })
            .unwrap_or_default();
        let trouble = broken_spec
            .or(broken_status)
            .unwrap_or_else(|| trouble(&status));
        Self {
            namespace: application.namespace().unwrap_or("").into(),
            name: application.name().into(),
            project: spec.project_name().into(),
            cluster: clusters.name_of(&spec.destination),
            to: spec.destination.namespace.clone(),
            sync: status.sync.status,
            health: status.health.status.unwrap_or_default(),
            phase,
            auto: spec.automated().is_some(),
            repo: without_credentials(&source.repo_url),
            path: place.unwrap_or_default(),
            target: source.target_revision,
            revision: revision.or(revisions).unwrap_or_default(),
            set: owner(application),
            trouble: cut(trouble),
            changed,
            destination: spec.destination,
        }
    }

    /// Its key.
    pub fn key(&self) -> AppKey {
        AppKey::new(&self.namespace, &self.name)
    }

    /// Whether an operation is under way.
    pub fn is_running(&self) -> bool {
        matches!(self.phase.as_str(), "Running" | "Terminating")
    }

    /// All that a search looks at, in lower case.
    pub(crate) fn haystack(&self) -> String {
        let fields = [
            &self.name,
            &self.namespace,
            &self.project,
            &self.cluster,
            &self.to,
            &self.repo,
            &self.path,
            &self.target,
            &self.revision,
            &self.set,
        ];
        let mut all = String::with_capacity(160);
        for field in fields {
            all.push_str(field);
            all.push('\n');
        }
        all.make_ascii_lowercase();
        all
    }

    /// 0 where nobody need look, and more the sooner somebody should.
    pub(crate) fn attention(&self) -> u8 {
        let health = match self.health {
            HealthCode::Healthy => 0,
            HealthCode::Suspended => 1,
            HealthCode::Progressing => 2,
            HealthCode::Unknown => 3,
            HealthCode::Missing => 4,
            HealthCode::Degraded => 5,
        };
        let sync = match self.sync {
            SyncCode::Synced => 0,
            SyncCode::Unknown => 1,
            SyncCode::OutOfSync => 2,
        };
        let failed = u8::from(matches!(self.phase.as_str(), "Failed" | "Error"));
        health * 6 + sync * 2 + failed
    }
}

fn read<T: Default>(view: Result<T, argosy_crds::ViewError>) -> (T, Option<String>) {
    match view {
        Ok(view) => (view, None),
        Err(error) => (T::default(), Some(error.to_string())),
    }
}

/// The first thing that is wrong: a condition, a failed operation, or what health waits for.
fn trouble(status: &ApplicationStatus) -> String {
    let condition = status
        .conditions
        .first()
        .map(|condition| condition.message.clone());
    let failed = status.operation_state.as_ref().filter(|state| {
        use argosy_crds::OperationPhase as Phase;
        matches!(state.phase, Phase::Failed | Phase::Error)
    });
    condition
        .or_else(|| failed.map(|state| state.message.clone()))
        .unwrap_or_else(|| status.health.message.clone())
}

fn cut(mut text: String) -> String {
    if text.len() > TROUBLE_MAX {
        let end = (0..=TROUBLE_MAX)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

fn owner(application: &Object) -> String {
    let owners = application
        .pointer("/metadata/ownerReferences")
        .and_then(|all| all.as_array());
    owners
        .into_iter()
        .flatten()
        .find(|owner| owner.get("kind").and_then(|kind| kind.as_str()) == Some("ApplicationSet"))
        .and_then(|owner| owner.get("name")?.as_str())
        .unwrap_or("")
        .to_owned()
}

/// A URL without user and password.
pub(crate) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => url.to_owned(),
    }
}

/// What clusters are called, by their servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterNames(HashMap<String, String>);

impl ClusterNames {
    /// The names of these servers.
    pub fn new(servers: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(servers.into_iter().collect())
    }

    /// What to call the cluster of a destination.
    pub fn name_of(&self, destination: &Destination) -> String {
        if !destination.name.is_empty() {
            return destination.name.clone();
        }
        let server = destination.server.trim_end_matches('/');
        match self.0.get(server) {
            Some(name) => name.clone(),
            None if server == names::IN_CLUSTER => "in-cluster".into(),
            None => server.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn row_has_what_spec_and_status_say() {
        let application = Object::new(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "web", "namespace": "argocd", "ownerReferences": [
                {"kind": "ApplicationSet", "name": "teams", "apiVersion": "a", "uid": "u"}]},
            "spec": {"destination": {"server": "https://eu/", "namespace": "shop"},
                "source": {"repoURL": "https://bot:hunter2@git.example/shop.git", "path": "deploy",
                    "targetRevision": "main"},
                "syncPolicy": {"automated": {}}},
            "status": {"sync": {"status": "OutOfSync", "revision": "abc"},
                "health": {"status": "Degraded", "message": "pod fails"},
                "operationState": {"phase": "Failed", "message": "refused",
                    "startedAt": "2026-01-01T00:00:00Z", "operation": {}}},
        }))
        .unwrap();
        let clusters = ClusterNames::new([("https://eu".to_owned(), "eu-1".to_owned())]);
        let row = AppRow::of(&application, &clusters);
        assert_eq!(row.key(), AppKey::new("argocd", "web"));
        assert_eq!((row.cluster.as_str(), row.to.as_str()), ("eu-1", "shop"));
        assert_eq!(row.repo, "https://git.example/shop.git");
        assert_eq!(
            (row.sync, row.health),
            (SyncCode::OutOfSync, HealthCode::Degraded)
        );
        assert_eq!(
            (row.phase.as_str(), row.trouble.as_str()),
            ("Failed", "refused")
        );
        assert_eq!((row.set.as_str(), row.auto), ("teams", true));
        assert_eq!(row.changed, "2026-01-01T00:00:00Z");
    }

    #[test]
    fn broken_application_is_a_row_that_says_so() {
        let broken = Object::new(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "web", "namespace": "argocd"}, "spec": {"destination": 7}}))
        .unwrap();
        let row = AppRow::of(&broken, &ClusterNames::default());
        assert!(row.trouble.contains("spec"), "{}", row.trouble);
        assert_eq!(row.health, HealthCode::Unknown);
    }

    #[test]
    fn credentials_leave_urls_and_nothing_else_does() {
        for (url, clean) in [
            ("https://u:p@h/x@y", "https://h/x@y"),
            ("https://u:p@q@h/x", "https://h/x"),
            ("git@h:x/y", "git@h:x/y"),
            ("https://h/x", "https://h/x"),
        ] {
            assert_eq!(without_credentials(url), clean);
        }
    }

    #[test]
    fn long_trouble_is_cut_between_characters() {
        let text = cut("ä".repeat(1000));
        assert!(text.len() <= TROUBLE_MAX + 3 && text.ends_with('…'));
    }
}
