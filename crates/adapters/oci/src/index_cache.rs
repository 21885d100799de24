//! Indexes of chart repositories, on disk as they came and in memory as little as is needed.
//!
//! A server is asked whether its index has changed (`ETag`, `Last-Modified`) before it is fetched
//! again, also by the next process.

use crate::artifacts::waiting_name;
use crate::error::ChartError;
use crate::repository::{ChartRepository, Validators};
use argosy_helm::Index;
use argosy_object::Digest;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Versions of all indexes in memory together; the longest unused go first.
const MAX_VERSIONS: usize = 500_000;

/// Indexes by a key that names URL and credential.
#[derive(Debug)]
pub struct IndexCache {
    dir: PathBuf,
    /// The most recently used last.
    parsed: Mutex<VecDeque<(Digest, Arc<Index>)>>,
}

impl IndexCache {
    /// A folder of indexes; made at the first write.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            parsed: Mutex::default(),
        }
    }

    /// The index that is here, from memory or from disk; `None` where there is none.
    pub fn get(&self, key: &Digest) -> Option<Arc<Index>> {
        if let Some(index) = self.in_memory(key) {
            return Some(index);
        }
        let data = std::fs::read(self.path(key)).ok()?;
        let index = Arc::new(Index::parse(&data).ok()?);
        self.keep(key, index.clone());
        Some(index)
    }

    /// The index as the server has it now.
    ///
    /// # Errors
    /// [`ChartError`]; what was here before stays.
    pub fn refresh(
        &self,
        key: &Digest,
        repository: &ChartRepository,
    ) -> Result<Arc<Index>, ChartError> {
        let path = self.path(key);
        std::fs::create_dir_all(&self.dir)
            .map_err(|error| ChartError::disk("make", &self.dir, error))?;
        let here = self.get(key);
        let seen = match &here {
            Some(_) => self.validators(key),
            None => Validators::default(),
        };
        let waiting = waiting_name(&path);
        let result = repository.index_into(&waiting, &seen);
        let new = match (result, here) {
            (Ok(Some(new)), _) => new,
            (Ok(None), Some(index)) => return Ok(index),
            (Ok(None), None) => return Err(ChartError::NotFound("no index".into())),
            (Err(error), _) => {
                // Half an index is of no use.
                let _ = std::fs::remove_file(&waiting);
                return Err(error);
            }
        };
        let parsed = std::fs::read(&waiting)
            .map_err(|error| ChartError::disk("read", &waiting, error))
            .and_then(|data| Ok(Index::parse(&data)?));
        let index = match parsed {
            Ok(index) => Arc::new(index),
            Err(error) => {
                let _ = std::fs::remove_file(&waiting);
                return Err(error);
            }
        };
        std::fs::rename(&waiting, &path)
            .map_err(|error| ChartError::disk("replace", &path, error))?;
        self.set_validators(key, &new)?;
        self.keep(key, index.clone());
        Ok(index)
    }

    fn path(&self, key: &Digest) -> PathBuf {
        self.dir.join(format!("{}.yaml", key.hex()))
    }

    fn validators(&self, key: &Digest) -> Validators {
        let text = std::fs::read_to_string(self.path(key).with_extension("seen"));
        let text = text.unwrap_or_default();
        let mut lines = text.lines().map(str::to_owned);
        Validators {
            etag: lines.next().unwrap_or_default(),
            last_modified: lines.next().unwrap_or_default(),
        }
    }

    fn set_validators(&self, key: &Digest, new: &Validators) -> Result<(), ChartError> {
        let text = format!("{}\n{}\n", new.etag, new.last_modified);
        crate::artifacts::write(&self.path(key).with_extension("seen"), text.as_bytes())
    }

    /// The index that is here, if it is in memory.
    pub(crate) fn in_memory(&self, key: &Digest) -> Option<Arc<Index>> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        let place = parsed.iter().rposition(|(known, _)| known == key)?;
        let entry = parsed.remove(place)?;
        let index = entry.1.clone();
        parsed.push_back(entry);
        Some(index)
    }

    fn keep(&self, key: &Digest, index: Arc<Index>) {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        parsed.retain(|(known, _)| known != key);
        parsed.push_back((*key, index));
        let versions = |index: &Index| index.charts().map(|(_, all)| all.len()).sum::<usize>();
        let mut total: usize = parsed.iter().map(|(_, index)| versions(index)).sum();
        while total > MAX_VERSIONS && parsed.len() > 1 {
            if let Some((_, index)) = parsed.pop_front() {
                total -= versions(&index);
            }
        }
    }
}
