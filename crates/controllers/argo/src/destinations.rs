//! Which cluster a destination means.

use argosy_crds::{ClusterSecret, Destination, names};
use std::sync::{Arc, PoisonError, RwLock};

/// Names and servers of the clusters that Secrets name, and of the hub itself.
#[derive(Debug, Default)]
pub struct Destinations {
    clusters: RwLock<Arc<Vec<ClusterSecret>>>,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedDestination {
    /// The API server's URL.
    pub server: String,
    /// The cluster's name.
    pub name: String,
    /// The cluster is left alone.
    pub is_paused: bool,
    /// Only applications of this project may go there; empty: all.
    pub project: String,
}

/// Why a destination means no cluster. The texts are Argo CD's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Neither is set.
    #[error("Destination server missing from app spec")]
    Missing,
    /// Both are set.
    #[error("application destination can't have both name and server defined: {name} {server}")]
    Both {
        /// `destination.name`.
        name: String,
        /// `destination.server`.
        server: String,
    },
    /// No Secret has this name.
    #[error("there are no clusters with this name: {0}")]
    NoName(String),
    /// Several Secrets have this name.
    #[error("there are {count} clusters with the same name: {name}")]
    Ambiguous {
        /// The name.
        name: String,
        /// How many.
        count: usize,
    },
    /// No Secret has this server.
    #[error("cluster \"{0}\" is not configured")]
    NoServer(String),
}

impl Destinations {
    /// Replaces the clusters.
    pub fn set(&self, clusters: Vec<ClusterSecret>) {
        *self
            .clusters
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(clusters);
    }

    /// All clusters that Secrets name.
    pub fn all(&self) -> Arc<Vec<ClusterSecret>> {
        self.clusters
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The cluster of a destination.
    ///
    /// # Errors
    /// [`DestinationError`] where it means none, or more than one.
    pub fn resolve(&self, wanted: &Destination) -> Result<ResolvedDestination, DestinationError> {
        let clusters = self.all();
        let server = wanted.server.trim_end_matches('/');
        match (server.is_empty(), wanted.name.is_empty()) {
            (true, true) => Err(DestinationError::Missing),
            (false, false) => Err(DestinationError::Both {
                name: wanted.name.clone(),
                server: server.into(),
            }),
            (false, true) => match clusters.iter().find(|c| c.server == server) {
                Some(cluster) => Ok(found(cluster)),
                None if server == names::IN_CLUSTER => Ok(in_cluster()),
                None => Err(DestinationError::NoServer(server.into())),
            },
            (true, false) => {
                let named: Vec<&ClusterSecret> =
                    clusters.iter().filter(|c| c.name == wanted.name).collect();
                match named.as_slice() {
                    [one] => Ok(found(one)),
                    [] if wanted.name == "in-cluster" => Ok(in_cluster()),
                    [] => Err(DestinationError::NoName(wanted.name.clone())),
                    many => Err(DestinationError::Ambiguous {
                        name: wanted.name.clone(),
                        count: many.len(),
                    }),
                }
            }
        }
    }
}

fn found(cluster: &ClusterSecret) -> ResolvedDestination {
    ResolvedDestination {
        server: cluster.server.clone(),
        name: cluster.name.clone(),
        is_paused: cluster.paused,
        project: cluster.project.clone(),
    }
}

fn in_cluster() -> ResolvedDestination {
    ResolvedDestination {
        server: names::IN_CLUSTER.into(),
        name: "in-cluster".into(),
        is_paused: false,
        project: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations() -> Destinations {
        let cluster = |name: &str, server: &str| ClusterSecret {
            name: name.into(),
            server: server.into(),
            ..ClusterSecret::default()
        };
        let destinations = Destinations::default();
        destinations.set(vec![
            cluster("a", "https://a"),
            cluster("twin", "https://b"),
            cluster("twin", "https://c"),
        ]);
        destinations
    }

    fn to(server: &str, name: &str) -> Result<String, String> {
        let wanted = Destination {
            server: server.into(),
            name: name.into(),
            namespace: String::new(),
        };
        destinations()
            .resolve(&wanted)
            .map(|d| d.server)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn server_and_name_lead_to_the_same_cluster() {
        assert_eq!(to("https://a/", ""), Ok("https://a".into()));
        assert_eq!(to("", "a"), Ok("https://a".into()));
        assert_eq!(to("", "in-cluster"), Ok(names::IN_CLUSTER.into()));
    }

    #[test]
    fn neither_both_unknown_and_ambiguous_are_told_apart() {
        assert_eq!(
            to("", ""),
            Err("Destination server missing from app spec".into())
        );
        assert!(
            to("https://a", "a")
                .unwrap_err()
                .contains("both name and server")
        );
        assert_eq!(
            to("https://x", ""),
            Err("cluster \"https://x\" is not configured".into())
        );
        assert!(
            to("", "twin")
                .unwrap_err()
                .starts_with("there are 2 clusters")
        );
    }
}
