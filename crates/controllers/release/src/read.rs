//! Releases as they are recorded: one revision, all of one release, or a list of releases.

use crate::Releases;
use crate::error::ReleaseError;
use argosy_helm::release::{HistoryError, Release, Status, name_fault};
use std::collections::BTreeMap;

/// The states that a list shows; none is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// `deployed`
    pub deployed: bool,
    /// `uninstalled`
    pub uninstalled: bool,
    /// `uninstalling`
    pub uninstalling: bool,
    /// Any pending state.
    pub pending: bool,
    /// `failed`
    pub failed: bool,
    /// `superseded`
    pub superseded: bool,
}

impl States {
    fn is_only_superseded(self) -> bool {
        self == Self {
            superseded: true,
            ..Self::default()
        }
    }

    fn shows(self, status: &Status) -> bool {
        self == Self::default()
            || match status {
                Status::Deployed => self.deployed,
                Status::Uninstalled => self.uninstalled,
                Status::Uninstalling => self.uninstalling,
                Status::Failed => self.failed,
                Status::Superseded => self.superseded,
                status => self.pending && status.is_pending(),
            }
    }
}

/// Which releases a list shows.
pub struct ListFilter<'a> {
    /// The states.
    pub states: States,
    /// Whether releases of all namespaces are listed.
    pub everywhere: bool,
    /// Which names.
    pub name: &'a (dyn Fn(&str) -> bool + Send + Sync),
    /// Which labels of the record.
    pub labels: &'a (dyn Fn(&BTreeMap<String, String>) -> bool + Send + Sync),
}

impl Releases {
    /// A revision of a release; 0 is the last. Of the last one all labels are given, of another
    /// one the user's alone, as Helm does.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn content(&self, name: &str, version: i64) -> Result<Release, ReleaseError> {
        if name_fault(name).is_some() {
            return Err(ReleaseError::Refused(format!(
                "releaseContent: Release name is invalid: {name}"
            )));
        }
        if version > 0 {
            return self.store.get(name, version).await;
        }
        Ok(self.store.history(name).await?.last()?)
    }

    /// As [`Self::content`], once the cluster is known to answer.
    ///
    /// # Errors
    /// As [`Self::content`], and where it does not.
    pub async fn get(&self, name: &str, version: i64) -> Result<Release, ReleaseError> {
        self.reach().await?;
        self.content(name, version).await
    }

    /// The last `max` revisions that can be read, the oldest first. Their charts are cut down to
    /// the metadata.
    ///
    /// # Errors
    /// Where there is no such release.
    pub async fn history(&self, name: &str, max: usize) -> Result<Vec<Release>, ReleaseError> {
        self.reach().await?;
        if name_fault(name).is_some() {
            return Err(ReleaseError::Refused(format!(
                "release name is invalid: {name}"
            )));
        }
        let history = self.store.history(name).await?;
        if history.is_empty() {
            return Err(HistoryError::NotFound.into());
        }
        let found = history
            .entries()
            .iter()
            .filter_map(|entry| entry.read().ok());
        let mut releases: Vec<Release> = found.take(max).map(cut).collect();
        releases.reverse();
        Ok(releases)
    }

    /// The releases, one revision each (the last), unless only superseded ones are asked for.
    /// By name; their charts are cut down to the metadata.
    ///
    /// # Errors
    /// Where the cluster does not tell.
    pub async fn list(&self, filter: &ListFilter<'_>) -> Result<Vec<Release>, ReleaseError> {
        self.reach().await?;
        let mut releases: Vec<Release> = Vec::new();
        let mut latest: BTreeMap<(String, String), usize> = BTreeMap::new();
        for entry in self.store.all(filter.everywhere).await? {
            // What cannot be read is passed over, as Helm does.
            let Ok(release) = entry.read().map(cut) else {
                tracing::debug!(key = entry.key, "a record cannot be read");
                continue;
            };
            if !(filter.name)(&release.name) {
                continue;
            }
            if filter.states.is_only_superseded() {
                releases.push(release);
                continue;
            }
            let key = (release.namespace.clone(), release.name.clone());
            match latest.get(&key) {
                Some(at) if releases[*at].version > release.version => {}
                Some(at) => releases[*at] = release,
                None => {
                    latest.insert(key, releases.len());
                    releases.push(release);
                }
            }
        }
        releases.retain(|release| {
            filter.states.shows(&release.info.status) && (filter.labels)(&release.labels)
        });
        releases.sort_by(|left, right| {
            let key = |release: &Release| (release.name.clone(), release.namespace.clone());
            key(left).cmp(&key(right))
        });
        Ok(releases)
    }
}

/// The release without what lists do not show.
fn cut(mut release: Release) -> Release {
    if let Some(chart) = release.chart.as_object_mut() {
        chart.retain(|field, _| field == "metadata");
    }
    release.manifest = String::new();
    release.config = None;
    release.hooks = Vec::new();
    release
}
