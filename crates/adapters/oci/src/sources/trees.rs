//! Unpacked charts, the most recently used ones.

use super::lock;
use crate::tar::{TarError, TarLimits, untar};
use argosy_helm::{HelmError, unpack_archive};
use argosy_object::Digest;
use argosy_tree::{MemoryTree, Mode, RelPath, Tree};
use bytes::Bytes;
use flate2::read::GzDecoder;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Bytes of all files together; one tree stays whatever its size.
const MAX_BYTES: usize = 64 << 20;
/// What an archive may unpack to. Compat: Argo CD's default is a gigabyte, on disk.
const LIMITS: TarLimits = TarLimits {
    bytes: 100 << 20,
    entries: 50_000,
};

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

    /// Unpacks a chart within Helm's limits.
    pub(super) fn unpack(
        &self,
        partition: &Digest,
        digest: &str,
        data: &[u8],
    ) -> Result<Arc<dyn Tree>, HelmError> {
        let files = unpack_archive(data)?;
        let mut entries = Vec::with_capacity(files.len());
        for file in files {
            let path = RelPath::new(&file.name)
                .map_err(|error| HelmError::Chart(format!("{:?}: {error}", file.name)))?;
            entries.push((path, (Mode::File, file.data)));
        }
        Ok(self.keep(partition, digest, entries))
    }

    /// Unpacks an archive of anything, packed by gzip or not.
    pub(super) fn unpack_files(
        &self,
        partition: &Digest,
        digest: &str,
        data: &[u8],
    ) -> Result<Arc<dyn Tree>, TarError> {
        let entries = if data.starts_with(&[0x1f, 0x8b]) {
            untar(GzDecoder::new(data), LIMITS)?
        } else {
            untar(data, LIMITS)?
        };
        Ok(self.keep(partition, digest, entries))
    }

    fn keep(
        &self,
        partition: &Digest,
        digest: &str,
        entries: Vec<(RelPath, (Mode, Bytes))>,
    ) -> Arc<dyn Tree> {
        let bytes = entries.iter().map(|(_, (_, data))| data.len()).sum();
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
        tree
    }
}
