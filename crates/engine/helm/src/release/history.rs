//! The revisions of a release: which is the last, which is deployed, which are too many.
//!
//! Records are unpacked one by one and only as far as needed, so that ten thousand of them cost
//! no more than the ones that are looked at.

use super::codec::{DecodeError, decode_release};
use super::record::{Release, Status};
use super::store::{SYSTEM_LABELS, StoreKind};
use argosy_object::Object;
use std::collections::BTreeMap;

/// A stored revision, not unpacked yet.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The object's name.
    pub key: String,
    /// The object's labels, Helm's own among them.
    pub labels: BTreeMap<String, String>,
    data: Vec<u8>,
}

impl Entry {
    /// The entry of a stored object; `None` where it holds no record.
    pub fn of(kind: StoreKind, object: &Object) -> Option<Self> {
        let labels = object
            .pointer("/metadata/labels")
            .and_then(|v| v.as_object());
        let labels = labels.into_iter().flatten();
        let labels = labels
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        Some(Self {
            key: object.name().to_owned(),
            labels,
            data: kind.data(object)?,
        })
    }

    /// The revision that the labels tell.
    pub fn version(&self) -> Option<i64> {
        self.labels.get("version")?.parse().ok()
    }

    /// The state that the labels tell.
    pub fn status(&self) -> Status {
        Status::of(self.labels.get("status").map_or("", String::as_str))
    }

    /// The record with all labels, as Helm's queries give it.
    ///
    /// # Errors
    /// [`DecodeError`]; also where the record is another release's than the labels say.
    pub fn read(&self) -> Result<Release, DecodeError> {
        let mut release = decode_release(&self.data)?;
        let named = self.labels.get("name");
        if named.is_some_and(|name| *name != release.name) {
            let name = &release.name;
            return Err(DecodeError::Json(format!("it is of release {name:?}")));
        }
        release.labels = self.labels.clone();
        Ok(release)
    }

    /// The record with the user's labels alone, as Helm's `get` gives it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn get(&self) -> Result<Release, DecodeError> {
        let mut release = self.read()?;
        release
            .labels
            .retain(|key, _| !SYSTEM_LABELS.contains(&&**key));
        Ok(release)
    }
}

/// Why a revision is not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// There is none.
    #[error("release: not found")]
    NotFound,
    /// None of this name can be read.
    #[error("no revision for release {0:?}")]
    NoRevision(String),
    /// None is deployed.
    #[error("{0:?} has no deployed releases")]
    NotDeployed(String),
}

/// All revisions of one release.
#[derive(Clone, Debug, Default)]
pub struct History {
    name: String,
    /// By revision, the newest first.
    entries: Vec<Entry>,
}

impl History {
    /// A history of the entries that were found for a name.
    pub fn new(name: &str, mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.version().unwrap_or(0)));
        Self {
            name: name.to_owned(),
            entries,
        }
    }

    /// Whether there is not even a broken record.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, the newest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last revision that can be read.
    ///
    /// # Errors
    /// [`HistoryError`] where there is none.
    pub fn last(&self) -> Result<Release, HistoryError> {
        if self.entries.is_empty() {
            return Err(HistoryError::NotFound);
        }
        let mut found = self.entries.iter().filter_map(|entry| entry.read().ok());
        found
            .next()
            .ok_or_else(|| HistoryError::NoRevision(self.name.clone()))
    }

    /// The last deployed revision that can be read.
    ///
    /// # Errors
    /// [`HistoryError::NotDeployed`] where there is none.
    pub fn deployed(&self) -> Result<Release, HistoryError> {
        self.all_deployed()
            .next()
            .ok_or_else(|| HistoryError::NotDeployed(self.name.clone()))
    }

    /// All deployed revisions that can be read, the newest first: there is more than one where
    /// programs ran into each other.
    pub fn all_deployed(&self) -> impl Iterator<Item = Release> {
        let deployed = self.entries.iter();
        deployed
            .filter(|entry| entry.status() == Status::Deployed)
            .filter_map(|entry| entry.read().ok())
    }

    /// The last revision that once was deployed: where a failed upgrade goes back to.
    pub fn last_good(&self) -> Option<i64> {
        let mut good = self.entries.iter().filter_map(|entry| entry.read().ok());
        good.find(|release| matches!(release.info.status, Status::Superseded | Status::Deployed))
            .map(|release| release.version)
    }

    /// Whether a revision is there.
    pub fn has(&self, version: i64) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.version() == Some(version))
    }

    /// The oldest revisions that must go, so that one more makes `max`; the deployed one stays.
    /// 0 is no limit. What cannot be read is not counted and not deleted.
    pub fn surplus(&self, max: usize) -> Vec<i64> {
        let Some(room) = max.checked_sub(1).filter(|_| self.entries.len() >= max) else {
            return Vec::new();
        };
        // Each is unpacked once.
        let readable = self.entries.iter().filter(|entry| entry.read().is_ok());
        let readable: Vec<&Entry> = readable.collect();
        let count = readable.len();
        let deployed = readable
            .iter()
            .find(|entry| entry.status() == Status::Deployed)
            .and_then(|entry| entry.version());
        let mut oldest: Vec<i64> = readable
            .iter()
            .filter_map(|entry| entry.version())
            .filter(|version| Some(*version) != deployed)
            .collect();
        oldest.reverse();
        oldest.truncate(count.saturating_sub(room));
        oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::record::Info;
    use crate::release::store::record_object;
    use argosy_object::json;

    fn entry(version: i64, status: Status) -> Entry {
        let release = Release {
            name: "web".into(),
            version,
            info: Info {
                status,
                ..Info::default()
            },
            ..Release::default()
        };
        let now = jiff::Timestamp::UNIX_EPOCH;
        let object = record_object(StoreKind::Secrets, &release, "shop", true, now);
        Entry::of(StoreKind::Secrets, &object).unwrap()
    }

    fn broken(version: i64, status: &str) -> Entry {
        let object = Object::from_trusted(json!({
            "metadata": {"name": "x", "labels": {"version": version.to_string(), "name": "web", "status": status}},
            "data": {"release": "AAAA"},
        }));
        Entry::of(StoreKind::Secrets, &object).unwrap()
    }

    #[test]
    fn the_last_revision_is_the_newest_that_can_be_read() {
        let history = History::new(
            "web",
            vec![
                entry(2, Status::Deployed),
                broken(11, "deployed"),
                entry(10, Status::Failed),
                entry(1, Status::Superseded),
            ],
        );
        assert_eq!(history.last().unwrap().version, 10);
        assert_eq!(history.deployed().unwrap().version, 2);
        assert_eq!(history.last_good(), Some(2));
        assert!(history.has(11));
    }

    #[test]
    fn no_record_and_no_readable_record_are_told_apart() {
        assert_eq!(
            History::new("web", vec![]).last(),
            Err(HistoryError::NotFound)
        );
        let history = History::new("web", vec![broken(1, "deployed")]);
        assert_eq!(
            history.last().unwrap_err().to_string(),
            "no revision for release \"web\""
        );
        let missing = history.deployed().unwrap_err().to_string();
        assert_eq!(missing, "\"web\" has no deployed releases");
    }

    #[test]
    fn the_oldest_go_but_never_the_deployed_or_what_cannot_be_read() {
        let entries = vec![
            broken(1, "superseded"),
            entry(2, Status::Superseded),
            entry(3, Status::Deployed),
            entry(4, Status::Failed),
            entry(5, Status::Failed),
        ];
        let history = History::new("web", entries);
        assert_eq!(history.surplus(0), Vec::<i64>::new());
        assert_eq!(history.surplus(10), Vec::<i64>::new());
        assert_eq!(history.surplus(3), [2, 4]);
        assert_eq!(history.surplus(1), [2, 4, 5]);
    }

    #[test]
    fn a_record_of_another_release_is_not_read() {
        let mut strange = entry(1, Status::Deployed);
        strange.labels.insert("name".into(), "other".into());
        assert!(strange.read().is_err());
    }

    #[test]
    fn ten_thousand_revisions_are_not_unpacked_to_find_the_last() {
        let mut entries: Vec<Entry> = (1..10_000)
            .map(|version| broken(version, "superseded"))
            .collect();
        entries.push(entry(10_000, Status::Deployed));
        let history = History::new("web", entries);
        assert_eq!(history.last().unwrap().version, 10_000);
        assert_eq!(history.deployed().unwrap().version, 10_000);
    }
}
