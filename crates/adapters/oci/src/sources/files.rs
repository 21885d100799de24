//! Sources of plain files in a registry: `oci://` without a chart.
//!
//! Compat: Argo CD's OCI sources: the revision is the digest of the manifest.

use super::place::Place;
use super::{Shared, lock};
use crate::error::ChartError;
use crate::registry::choose_tag;
use crate::registry::reference::{Reference, is_digest};
use argosy_object::{Digest, Str};
use argosy_ports::RepoRef;
use argosy_semver::{Constraint, Version};
use argosy_tree::Tree;
use std::sync::Arc;
use std::time::Instant;

/// The tag that is taken where none is named.
const LATEST: &str = "latest";

impl Shared {
    /// The digest of what a source without a chart names: a digest, a tag, or a range of tags.
    pub(super) fn files_digest(
        &self,
        repo: &RepoRef,
        place: &Place,
        revision: &str,
    ) -> Result<String, ChartError> {
        if is_digest(revision) {
            return Ok(revision.to_owned());
        }
        let key = (repo.clone(), Str::from(revision));
        if let Some((at, digest)) = lock(&self.looked).digests.get(&key)
            && at.elapsed() < self.settings.interval
        {
            return Ok(digest.clone());
        }
        let (registry, reference) = place.registry("")?;
        let wanted = if revision.is_empty() {
            LATEST
        } else {
            revision
        };
        let is_range = Version::parse(wanted).is_err() && Constraint::parse(wanted).is_ok();
        let tag = if is_range {
            choose_tag(&*self.tags(repo, place, &Str::default())?, wanted)?
        } else {
            wanted.to_owned()
        };
        let reference = reference.at(&tag);
        let digest = registry.digest_of(&reference)?;
        let digest = digest.ok_or_else(|| ChartError::NoManifest(reference.to_string()))?;
        let mut looked = lock(&self.looked);
        if looked.digests.len() > 1000 {
            looked.digests.clear();
        }
        looked.digests.insert(key, (Instant::now(), digest.clone()));
        Ok(digest)
    }

    /// The files of a source without a chart, by the digest of its manifest.
    pub(super) fn fetch_files(
        &self,
        place: &Place,
        repo: &RepoRef,
        digest: &str,
    ) -> Result<Arc<dyn Tree>, ChartError> {
        let partition = Digest::of_parts([
            b"files".as_slice(),
            repo.url.as_bytes(),
            repo.credential.0.as_bytes(),
        ]);
        if let Some(tree) = self.trees.get(&partition, digest) {
            return Ok(tree);
        }
        let (registry, reference) = place.registry("")?;
        let reference = Reference {
            digest: digest.to_owned(),
            ..reference
        };
        let (data, is_chart) = registry.pull_files(&reference)?;
        if is_chart {
            return Ok(self.trees.unpack(&partition, digest, &data)?);
        }
        let unpacked = self.trees.unpack_files(&partition, digest, &data);
        unpacked.map_err(|error| ChartError::Malformed {
            place: reference.to_string(),
            reason: error.to_string(),
        })
    }
}
