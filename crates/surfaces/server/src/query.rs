//! What a list is asked for: search, filters, order and place, and how rows answer it.

use crate::row::AppRow;
use argosy_crds::{HealthCode, SyncCode};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Rows of one answer, where nothing is said and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 500;
/// Bytes of a search, and values of one filter, at most.
const SEARCH_MAX: usize = 200;
const VALUES_MAX: usize = 64;

/// A query for Applications. What is empty asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppQuery {
    /// Words, all of which must be found, in lower case.
    pub words: Vec<String>,
    /// One of these.
    pub sync: Vec<SyncCode>,
    /// One of these.
    pub health: Vec<HealthCode>,
    /// On one of these clusters.
    pub clusters: Vec<String>,
    /// On clusters with all of these labels.
    pub labels: Vec<(String, String)>,
    /// In one of these projects.
    pub projects: Vec<String>,
    /// In which order.
    pub order: Order,
    /// The order the other way round.
    pub is_descending: bool,
    /// Only rows after this place: order's value, then namespace/name.
    pub after: Option<(String, String)>,
    /// Rows to leave out before the first.
    pub skip: usize,
    /// Rows at most.
    pub limit: usize,
}

impl Default for AppQuery {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            sync: Vec::new(),
            health: Vec::new(),
            clusters: Vec::new(),
            labels: Vec::new(),
            projects: Vec::new(),
            order: Order::Name,
            is_descending: false,
            after: None,
            skip: 0,
            limit: LIMIT,
        }
    }
}

/// By what rows are ordered; namespace and name come last always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Name, then namespace.
    Name,
    /// Cluster.
    Cluster,
    /// Sync code.
    Sync,
    /// Health code, best first.
    Health,
    /// Who needs looking at, most first.
    Attention,
    /// The last operation, newest first.
    Changed,
}

/// A query that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A value is none of those that there are.
    #[error("`{value}` is no {field}")]
    Value {
        /// The parameter.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// A parameter is longer than anybody needs.
    #[error("`{0}` is too long")]
    TooLong(&'static str),
    /// There is no such parameter.
    #[error("there is no parameter `{0}`")]
    Unknown(String),
}

impl AppQuery {
    /// Reads a URL's query.
    ///
    /// # Errors
    /// [`QueryError`] names the parameter.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "q" if value.len() > SEARCH_MAX => return Err(QueryError::TooLong("q")),
                "q" => {
                    wanted.words = value
                        .to_lowercase()
                        .split_whitespace()
                        .map(Into::into)
                        .collect();
                }
                "sync" => wanted.sync.extend(codes("sync", &value, sync_code)?),
                "health" => wanted.health.extend(codes("health", &value, health_code)?),
                "cluster" => wanted.clusters.extend(texts("cluster", &value)?),
                "project" => wanted.projects.extend(texts("project", &value)?),
                "label" => {
                    let (key, text) = value.split_once('=').ok_or_else(|| no("label", &value))?;
                    wanted.labels.push((key.into(), text.into()));
                }
                "sort" => {
                    let (is_descending, order) = match value.strip_prefix('-') {
                        Some(order) => (true, order),
                        None => (false, &*value),
                    };
                    wanted.order = Order::of(order).ok_or_else(|| no("sort", &value))?;
                    wanted.is_descending = is_descending;
                }
                "after" if value.is_empty() => {}
                "after" => {
                    let (place, key) = value.rsplit_once('~').ok_or_else(|| no("after", &value))?;
                    wanted.after = Some((place.into(), key.into()));
                }
                "skip" => wanted.skip = value.parse().map_err(|_| no("skip", &value))?,
                "limit" => {
                    let limit: usize = value.parse().map_err(|_| no("limit", &value))?;
                    wanted.limit = limit.clamp(1, LIMIT_MAX);
                }
                other => return Err(QueryError::Unknown(other.chars().take(40).collect())),
            }
            if wanted.labels.len() > VALUES_MAX {
                return Err(QueryError::TooLong("label"));
            }
        }
        Ok(wanted)
    }

    /// Whether a row answers all but the filters on sync and health.
    pub(crate) fn fits_place(
        &self,
        row: &AppRow,
        haystack: &str,
        labels: Option<&BTreeMap<String, String>>,
    ) -> bool {
        let is_in = |all: &[String], one: &str| all.is_empty() || all.iter().any(|any| any == one);
        is_in(&self.clusters, &row.cluster)
            && is_in(&self.projects, &row.project)
            && self.labels.iter().all(|(key, value)| {
                let own = labels
                    .and_then(|labels| labels.get(key))
                    .map_or("", String::as_str);
                own == value
            })
            && self
                .words
                .iter()
                .all(|word| haystack.contains(word.as_str()))
    }

    /// Whether a row answers the filter on sync.
    pub(crate) fn fits_sync(&self, row: &AppRow) -> bool {
        self.sync.is_empty() || self.sync.contains(&row.sync)
    }

    /// Whether a row answers the filter on health.
    pub(crate) fn fits_health(&self, row: &AppRow) -> bool {
        self.health.is_empty() || self.health.contains(&row.health)
    }

    /// Which of two rows comes first.
    pub(crate) fn compare(&self, a: &AppRow, b: &AppRow) -> Ordering {
        let by_place = match self.order {
            Order::Name => Ordering::Equal,
            Order::Cluster => a.cluster.cmp(&b.cluster),
            Order::Sync => a.sync.cmp(&b.sync),
            Order::Health => a.health.cmp(&b.health),
            Order::Attention => b.attention().cmp(&a.attention()),
            Order::Changed => b.changed.cmp(&a.changed),
        };
        let order = by_place.then_with(|| (&a.name, &a.namespace).cmp(&(&b.name, &b.namespace)));
        if self.is_descending {
            order.reverse()
        } else {
            order
        }
    }

    /// The place of a row, for `after`.
    pub(crate) fn cursor(&self, row: &AppRow) -> String {
        format!("{}~{}", self.place(row), row.key())
    }

    /// Whether a row comes after the place that the query goes on from. That place holds where
    /// its own row has moved or gone meanwhile.
    pub(crate) fn is_after(&self, row: &AppRow) -> bool {
        let Some((place, key)) = &self.after else {
            return true;
        };
        let (namespace, name) = key.split_once('/').unwrap_or(("", key));
        let by_place = self.place(row).as_str().cmp(place.as_str());
        let by_place = match self.order {
            Order::Attention | Order::Changed => by_place.reverse(),
            _ => by_place,
        };
        let by_key = (row.name.as_str(), row.namespace.as_str()).cmp(&(name, namespace));
        let order = by_place.then(by_key);
        (if self.is_descending {
            order.reverse()
        } else {
            order
        }) == Ordering::Greater
    }

    /// The order's value as text that sorts as the value does.
    fn place(&self, row: &AppRow) -> String {
        match self.order {
            Order::Name => String::new(),
            Order::Cluster => row.cluster.clone(),
            Order::Sync => (row.sync as u8).to_string(),
            Order::Health => (row.health as u8).to_string(),
            Order::Attention => format!("{:03}", row.attention()),
            Order::Changed => row.changed.clone(),
        }
    }
}

impl Order {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "name" => Self::Name,
            "cluster" => Self::Cluster,
            "sync" => Self::Sync,
            "health" => Self::Health,
            "attention" => Self::Attention,
            "changed" => Self::Changed,
            _ => return None,
        })
    }
}

fn no(field: &'static str, value: &str) -> QueryError {
    QueryError::Value {
        field,
        value: value.chars().take(40).collect(),
    }
}

fn texts(field: &'static str, value: &str) -> Result<Vec<String>, QueryError> {
    let all: Vec<String> = value
        .split(',')
        .filter(|text| !text.is_empty())
        .map(Into::into)
        .collect();
    if all.len() > VALUES_MAX {
        return Err(QueryError::TooLong(field));
    }
    Ok(all)
}

fn codes<C>(
    field: &'static str,
    value: &str,
    read: fn(&str) -> Option<C>,
) -> Result<Vec<C>, QueryError> {
    texts(field, value)?
        .iter()
        .map(|text| read(text).ok_or_else(|| no(field, text)))
        .collect()
}

fn sync_code(text: &str) -> Option<SyncCode> {
    [SyncCode::Synced, SyncCode::OutOfSync, SyncCode::Unknown]
        .into_iter()
        .find(|code| code.as_str() == text)
}

fn health_code(text: &str) -> Option<HealthCode> {
    use HealthCode::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};
    [Healthy, Progressing, Degraded, Suspended, Missing, Unknown]
        .into_iter()
        .find(|code| code.as_str() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_page_asks_is_read() {
        let query = AppQuery::parse(
            "q=Web+EU&sync=OutOfSync,Unknown&health=Degraded&cluster=a,b&label=region%3Deu&\
             sort=-changed&after=2026~argocd/x&skip=3&limit=9999&project=",
        )
        .unwrap();
        assert_eq!(query.words, ["web", "eu"]);
        assert_eq!(query.sync, [SyncCode::OutOfSync, SyncCode::Unknown]);
        assert_eq!(query.health, [HealthCode::Degraded]);
        assert_eq!(query.clusters, ["a", "b"]);
        assert_eq!(query.labels, [("region".to_owned(), "eu".to_owned())]);
        assert_eq!((query.order, query.is_descending), (Order::Changed, true));
        assert_eq!(query.after, Some(("2026".into(), "argocd/x".into())));
        assert_eq!((query.skip, query.limit), (3, LIMIT_MAX));
    }

    #[test]
    fn what_is_no_query_is_refused_by_name() {
        for (text, says) in [
            ("sync=Nope", "`Nope` is no sync"),
            ("sort=colour", "`colour` is no sort"),
            ("limit=-1", "`-1` is no limit"),
            ("after=x", "`x` is no after"),
            ("colour=red", "there is no parameter `colour`"),
        ] {
            assert_eq!(AppQuery::parse(text).unwrap_err().to_string(), says);
        }
        let long = format!("q={}", "x".repeat(SEARCH_MAX + 1));
        assert_eq!(AppQuery::parse(&long), Err(QueryError::TooLong("q")));
        let many = format!("cluster={}", "x,".repeat(VALUES_MAX + 1));
        assert_eq!(AppQuery::parse(&many), Err(QueryError::TooLong("cluster")));
    }
}
