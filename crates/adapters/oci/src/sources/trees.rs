//! Unpacked charts, the most recently used ones.

use super::lock;
use argosy_helm::{HelmError, unpack_archive};
use argosy_object::Digest;
use argosy_tree::{MemoryTree, Mode, RelPath, Tree};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Bytes of all files together; one tree stays whatever its size.
const MAX_BYTES: usize = 64 << 20;

#[derive(Default)]
pub(super) struct Trees {
    /// The most recently used last.
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    partition: Digest,
    digest: String,
    bytes: usize,
    tree: Arc<MemoryTree>,
}

impl Trees {
    pub(super) fn get(&self, partition: &Digest, digest: &str) -> Option<Arc<dyn Tree>> {
        let mut kept = lock(&self.kept);
        let place = kept
            .iter()
            .rposition(|kept| kept.digest == digest && kept.partition == *partition)?;
        let entry = kept.remove(place)?;
        let tree = entry.tree.clone();
        kept.push_back(entry);
        Some(tree)
    }

    /// Unpacks an archive within Helm's limits.
    pub(super) fn unpack(
        &self,
        partition: &Digest,
        digest: &str,
        data: &[u8],
    ) -> Result<Arc<dyn Tree>, HelmError> {
        let files = unpack_archive(data)?;
        let bytes = files.iter().map(|file| file.data.len()).sum();
        let mut entries = Vec::with_capacity(files.len());
        for file in files {
            let path = RelPath::new(&file.name)
                .map_err(|error| HelmError::Chart(format!("{:?}: {error}", file.name)))?;
            entries.push((path, (Mode::File, file.data)));
        }
        let tree = Arc::new(MemoryTree::from_entries(entries));
        let mut kept = lock(&self.kept);
        kept.push_back(Kept {
            partition: *partition,
            digest: digest.to_owned(),
            bytes,
            tree: tree.clone(),
        });
        let mut total: usize = kept.iter().map(|kept| kept.bytes).sum();
        while total > MAX_BYTES && kept.len() > 1 {
            if let Some(gone) = kept.pop_front() {
                total -= gone.bytes;
            }
        }
        Ok(tree)
    }
}
