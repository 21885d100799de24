//! index.yaml of a chart repository: which versions of which charts there are, and where.

use std::collections::BTreeMap;

use argosy_object::Value as Json;
use argosy_semver::{Constraint, Version};

use crate::error::HelmError;

/// The largest index that is read. Compat: Helm has no such limit.
pub const MAX_INDEX_BYTES: u64 = 128 << 20;

/// One version of a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexEntry {
    /// `version`
    pub version: String,
    /// `urls`: of the archive; relative ones begin at the repository's.
    pub urls: Vec<String>,
    /// `digest`: SHA-256 of the archive in hex, where it is told.
    pub digest: String,
}

/// A chart repository's index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    charts: BTreeMap<String, Vec<IndexEntry>>,
}

impl Index {
    /// Reads an index in YAML or JSON. Entries that are none are left out; versions come in
    /// descending order.
    ///
    /// # Errors
    /// In Helm's words.
    pub fn parse(data: &[u8]) -> Result<Self, HelmError> {
        let refuse = |text: &str| Err(HelmError::Chart(text.to_owned()));
        if data.is_empty() {
            return refuse("empty index.yaml file");
        }
        if data.len() as u64 > MAX_INDEX_BYTES {
            let text = format!("the index is larger than {MAX_INDEX_BYTES} bytes");
            return Err(HelmError::Limit(text));
        }
        let text = String::from_utf8_lossy(data);
        let json = match text.parse::<Json>() {
            Ok(json) => json,
            Err(_) => argosy_yaml::from_slice(data).map_err(|error| {
                HelmError::Chart(format!("error converting YAML to JSON: {}", error.text))
            })?,
        };
        if !json["apiVersion"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
        {
            return refuse("no API version specified");
        }
        let mut charts = BTreeMap::new();
        for (name, versions) in json["entries"].as_object().into_iter().flatten() {
            let versions = versions.as_array().into_iter().flatten();
            let mut entries: Vec<(Option<Version>, IndexEntry)> = versions
                .filter_map(entry)
                .map(|entry| (Version::parse(&entry.version).ok(), entry))
                .collect();
            entries.sort_by(|(left, _), (right, _)| right.cmp(left));
            let entries = entries.into_iter().map(|(_, entry)| entry).collect();
            charts.insert(name.clone(), entries);
        }
        Ok(Self { charts })
    }

    /// All versions of a chart, highest first.
    pub fn versions(&self, chart: &str) -> Option<&[IndexEntry]> {
        self.charts.get(chart).map(Vec::as_slice)
    }

    /// The entry of exactly this version, else the highest in this range; without a version the
    /// highest that is no pre-release.
    pub fn find(&self, chart: &str, version: &str) -> Option<&IndexEntry> {
        let entries = self.charts.get(chart)?;
        let exact = entries
            .iter()
            .find(|entry| !version.is_empty() && entry.version == version);
        if exact.is_some() {
            return exact;
        }
        let range = Constraint::parse(if version.is_empty() { "*" } else { version }).ok()?;
        entries
            .iter()
            .find(|entry| Version::parse(&entry.version).is_ok_and(|found| range.check(&found)))
    }
}

fn entry(json: &Json) -> Option<IndexEntry> {
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let entry = IndexEntry {
        version: text("version"),
        urls: json["urls"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|url| url.as_str().map(str::to_owned))
            .collect(),
        digest: text("digest"),
    };
    (!entry.version.is_empty() && !text("name").is_empty()).then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "apiVersion: v1\nentries:\n  c:\n  - {name: c, version: 1.0.0, urls: [c-1.0.0.tgz]}\n  \
                         - {name: c, version: 2.0.0-rc.1, urls: [c-2.tgz]}\n  - null\n  \
                         - {name: c, version: 1.10.0, urls: ['https://h/c.tgz'], digest: aa}\n";

    #[test]
    fn versions_are_found_by_name_and_by_range() {
        let index = Index::parse(INDEX.as_bytes()).expect("it parses");
        let found = |version: &str| index.find("c", version).map(|entry| entry.version.as_str());
        assert_eq!(found(""), Some("1.10.0"));
        assert_eq!(found("2.0.0-rc.1"), Some("2.0.0-rc.1"));
        assert_eq!(found("<1.5"), Some("1.0.0"));
        assert_eq!(found(">0.0.0-0"), Some("2.0.0-rc.1"));
        assert_eq!(found("3"), None);
        assert_eq!(index.find("d", ""), None);
    }

    #[test]
    fn what_is_no_index_is_refused() {
        for (text, wanted) in [
            ("", "empty index.yaml file"),
            ("entries: {}", "no API version specified"),
            (
                "a: [",
                "error converting YAML to JSON: yaml: line 1: did not find expected node content",
            ),
        ] {
            let error = Index::parse(text.as_bytes()).expect_err("it is none");
            assert_eq!(error.to_string(), wanted);
        }
    }
}
