//! The rules of one AppProject.

use crate::url::normalize_repo_url;
use argosy_crds::{ProjectKind, ProjectSpec, Source};
use argosy_glob::Glob;
use argosy_object::{Class, Classified, GroupKind};

/// A project's rules.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The project's name.
    pub name: String,
    /// Its spec.
    pub spec: ProjectSpec,
}

/// Something the project does not allow. The texts are Argo CD's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The repository is not among `sourceRepos`.
    #[error("application repo {repo} is not permitted in project '{project}'")]
    Source {
        /// The repository's URL.
        repo: String,
        /// The project.
        project: String,
    },
    /// The destination is not among `destinations`.
    #[error(
        "application destination server '{server}' and namespace '{namespace}' do not match any \
         of the allowed destinations in project '{project}'"
    )]
    Destination {
        /// The cluster's URL.
        server: String,
        /// The namespace.
        namespace: String,
        /// The project.
        project: String,
    },
    /// The lists of kinds leave this kind out.
    #[error("resource {group}:{kind} is not permitted in project {project}")]
    Kind {
        /// API group.
        group: String,
        /// Kind.
        kind: String,
        /// The project.
        project: String,
    },
    /// An object's own namespace is not among the destinations.
    #[error("namespace {namespace} is not permitted in project '{project}'")]
    Namespace {
        /// The namespace.
        namespace: String,
        /// The project.
        project: String,
    },
    /// The project demands something that Argosy does not do yet, so nothing is synced.
    #[error("project '{project}' uses `{field}`, which is not supported yet")]
    Unsupported {
        /// The field of the project's spec.
        field: &'static str,
        /// The project.
        project: String,
    },
}

impl Classified for Denied {
    fn class(&self) -> Class {
        Class::Denied
    }

    fn hint(&self) -> Option<String> {
        let (field, project) = match self {
            Self::Source { project, .. } => ("sourceRepos", project),
            Self::Destination { project, .. } | Self::Namespace { project, .. } => {
                ("destinations", project)
            }
            Self::Kind { project, .. } => (
                "clusterResourceWhitelist or namespaceResourceBlacklist",
                project,
            ),
            Self::Unsupported { field, project } => {
                return Some(format!("take `spec.{field}` out of AppProject `{project}`"));
            }
        };
        Some(format!("see `spec.{field}` of AppProject `{project}`"))
    }
}

impl Project {
    /// Whether a source's repository is allowed.
    ///
    /// # Errors
    /// [`Denied::Source`].
    pub fn permit_source(&self, source: &Source) -> Result<(), Denied> {
        let url = normalize_repo_url(&source.repo_url);
        let mut allowed = false;
        for pattern in &self.spec.source_repos {
            match pattern.strip_prefix('!') {
                Some(denied) if matches_repo(denied, &url) => {
                    allowed = false;
                    break;
                }
                Some(_) => {}
                None => allowed |= matches_repo(pattern, &url),
            }
        }
        if allowed {
            return Ok(());
        }
        Err(Denied::Source {
            repo: source.repo_url.clone(),
            project: self.name.clone(),
        })
    }

    /// Whether objects may go to a namespace of a cluster: some entry allows it, none denies it.
    ///
    /// # Errors
    /// [`Denied::Destination`].
    pub fn permit_destination(
        &self,
        server: &str,
        name: &str,
        namespace: &str,
    ) -> Result<(), Denied> {
        if self.is_destination(server, name, namespace) {
            return Ok(());
        }
        Err(Denied::Destination {
            server: server.into(),
            namespace: namespace.into(),
            project: self.name.clone(),
        })
    }

    /// Whether an object of this kind may be managed, and in this namespace.
    ///
    /// # Errors
    /// [`Denied::Kind`] or [`Denied::Namespace`].
    pub fn permit_object(
        &self,
        kind: &GroupKind,
        object_name: &str,
        namespace: Option<&str>,
        server: (&str, &str),
    ) -> Result<(), Denied> {
        if !self.is_kind(kind, object_name, namespace.is_some()) {
            return Err(Denied::Kind {
                group: kind.group.to_string(),
                kind: kind.kind.to_string(),
                project: self.name.clone(),
            });
        }
        match namespace {
            Some(namespace) if !self.is_destination(server.0, server.1, namespace) => {
                Err(Denied::Namespace {
                    namespace: namespace.into(),
                    project: self.name.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// The first demand of the project that is not supported yet; syncing as if it were not
    /// there would do what the project forbids.
    ///
    /// # Errors
    /// [`Denied::Unsupported`].
    pub fn permit_sync(&self) -> Result<(), Denied> {
        let spec = &self.spec;
        let field = if !spec.sync_windows.is_empty() {
            "syncWindows"
        } else if !spec.signature_keys.is_empty() {
            "signatureKeys"
        } else if spec.source_integrity.is_some() {
            "sourceIntegrity"
        } else if !spec.destination_service_accounts.is_empty() {
            "destinationServiceAccounts"
        } else {
            return Ok(());
        };
        Err(Denied::Unsupported {
            field,
            project: self.name.clone(),
        })
    }

    fn is_destination(&self, server: &str, name: &str, namespace: &str) -> bool {
        let mut allowed = false;
        for item in &self.spec.destinations {
            let denies_server = item.server.starts_with('!');
            let denies_name = item.name.starts_with('!');
            let denies_namespace = item.namespace.starts_with('!');
            let server_fits = match (item.server.is_empty(), item.name.is_empty()) {
                (false, _) => matches_text(&item.server, server),
                (true, false) => matches_text(&item.name, name),
                (true, true) => false,
            };
            let namespace_fits = matches_text(&item.namespace, namespace);
            if denies_server || denies_name || denies_namespace {
                // A denial holds where its own denied part matches and the rest fits.
                if server_fits && namespace_fits {
                    return false;
                }
            } else {
                allowed |= server_fits && namespace_fits;
            }
        }
        allowed
    }

    fn is_kind(&self, kind: &GroupKind, name: &str, namespaced: bool) -> bool {
        let listed = |list: &Option<Vec<ProjectKind>>| {
            list.as_deref().unwrap_or_default().iter().any(|item| {
                Glob::is_match(&item.group, &kind.group)
                    && Glob::is_match(&item.kind, &kind.kind)
                    && (item.name.is_empty() || Glob::is_match(&item.name, name))
            })
        };
        let spec = &self.spec;
        if namespaced {
            let white = &spec.namespace_resource_whitelist;
            (white.is_none() || listed(white)) && !listed(&spec.namespace_resource_blacklist)
        } else {
            listed(&spec.cluster_resource_whitelist) && !listed(&spec.cluster_resource_blacklist)
        }
    }
}

fn matches_repo(pattern: &str, url: &str) -> bool {
    pattern == "*" || Glob::new(&normalize_repo_url(pattern), Some('/')).matches(url)
}

/// A pattern whose `!` is read by the caller.
fn matches_text(pattern: &str, text: &str) -> bool {
    Glob::is_match(pattern.strip_prefix('!').unwrap_or(pattern), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_crds::ProjectDestination;

    fn destination(server: &str, namespace: &str) -> ProjectDestination {
        ProjectDestination {
            server: server.into(),
            namespace: namespace.into(),
            name: String::new(),
        }
    }

    fn kind(group: &str, kind: &str) -> ProjectKind {
        ProjectKind {
            group: group.into(),
            kind: kind.into(),
            name: String::new(),
        }
    }

    fn project(spec: ProjectSpec) -> Project {
        Project {
            name: "team".into(),
            spec,
        }
    }

    #[test]
    fn denied_repository_beats_an_allowing_glob() {
        let project = project(ProjectSpec {
            source_repos: vec!["!https://git/org/secret".into(), "https://git/org/*".into()],
            ..ProjectSpec::default()
        });
        let source = |url: &str| Source {
            repo_url: url.into(),
            ..Source::default()
        };
        assert!(
            project
                .permit_source(&source("https://git/org/app.git"))
                .is_ok()
        );
        assert_eq!(
            project
                .permit_source(&source("https://git/org/secret"))
                .unwrap_err()
                .to_string(),
            "application repo https://git/org/secret is not permitted in project 'team'"
        );
        assert!(
            project
                .permit_source(&source("https://evil/org/app"))
                .is_err()
        );
    }

    #[test]
    fn destination_needs_an_allowance_and_no_denial() {
        let project = project(ProjectSpec {
            destinations: vec![destination("*", "team-*"), destination("*", "!team-secret")],
            ..ProjectSpec::default()
        });
        assert!(
            project
                .permit_destination("https://a", "a", "team-web")
                .is_ok()
        );
        assert!(
            project
                .permit_destination("https://a", "a", "team-secret")
                .is_err()
        );
        assert!(
            project
                .permit_destination("https://a", "a", "kube-system")
                .is_err()
        );
    }

    #[test]
    fn cluster_kinds_are_denied_by_default_and_namespaced_ones_allowed() {
        let closed = project(ProjectSpec {
            destinations: vec![destination("*", "*")],
            ..ProjectSpec::default()
        });
        let server = ("https://a", "a");
        let namespace = GroupKind::new("", "Namespace");
        let config = GroupKind::new("", "ConfigMap");
        assert_eq!(
            closed
                .permit_object(&namespace, "n", None, server)
                .unwrap_err()
                .to_string(),
            "resource :Namespace is not permitted in project team"
        );
        assert!(
            closed
                .permit_object(&config, "c", Some("n"), server)
                .is_ok()
        );
        let opened = project(ProjectSpec {
            cluster_resource_whitelist: Some(vec![kind("*", "*")]),
            namespace_resource_blacklist: Some(vec![kind("", "ConfigMap")]),
            destinations: vec![destination("*", "*")],
            ..ProjectSpec::default()
        });
        assert!(opened.permit_object(&namespace, "n", None, server).is_ok());
        assert!(
            opened
                .permit_object(&config, "c", Some("n"), server)
                .is_err()
        );
    }

    #[test]
    fn demand_that_is_not_supported_stops_the_sync() {
        let project = project(ProjectSpec {
            sync_windows: vec![argosy_object::json!({"kind": "deny"})],
            ..ProjectSpec::default()
        });
        assert!(matches!(
            project.permit_sync(),
            Err(Denied::Unsupported {
                field: "syncWindows",
                ..
            })
        ));
    }
}
