//! index.yaml of a chart repository: which versions of which charts there are, and where.

mod json;

use std::collections::BTreeMap;

use argosy_object::Value as Json;
use argosy_semver::{Constraint, Version};
use argosy_yaml::{Limits, from_slice_in_pieces, from_slice_with, is_about_anchors};

use crate::error::HelmError;

/// The largest index that is read. Compat: Helm has no such limit.
pub const MAX_INDEX_BYTES: u64 = 128 << 20;
/// Most versions of all charts together. Compat: Helm has no such limit.
const MAX_VERSIONS: usize = 250_000;
/// What is kept of all versions together, in bytes of text.
const MAX_KEPT: usize = 64 << 20;
/// The largest entry, in nodes.
const MAX_ENTRY_NODES: usize = 100_000;
/// URLs of one version that are kept; only the first is ever used.
const MAX_URLS: usize = 4;
/// Keywords of one version that are kept.
const MAX_KEYWORDS: usize = 32;

/// One version of a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexEntry {
    /// `version`
    pub version: String,
    /// `urls`: of the archive; relative ones begin at the repository's.
    pub urls: Vec<String>,
    /// `digest`: SHA-256 of the archive in hex, where it is told.
    pub digest: String,
    /// `appVersion`, where it was asked for.
    pub app_version: String,
    /// `description`, where it was asked for.
    pub description: String,
    /// `keywords`, where they were asked for.
    pub keywords: Vec<String>,
}

/// A chart repository's index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    charts: BTreeMap<String, Vec<IndexEntry>>,
}

impl Index {
    /// Reads an index in YAML or JSON, entry by entry: what is not kept costs no memory. Entries
    /// that are none are left out; versions come in descending order.
    ///
    /// # Errors
    /// In Helm's words; and where it is larger than the limits.
    pub fn parse(data: &[u8]) -> Result<Self, HelmError> {
        Self::read(data, false)
    }

    /// [`Index::parse`] that keeps `appVersion` and `description` too.
    ///
    /// # Errors
    /// As there.
    pub fn parse_with_descriptions(data: &[u8]) -> Result<Self, HelmError> {
        Self::read(data, true)
    }

    fn read(data: &[u8], with_descriptions: bool) -> Result<Self, HelmError> {
        let refuse = |text: &str| Err(HelmError::Chart(text.to_owned()));
        if data.is_empty() {
            return refuse("empty index.yaml file");
        }
        if data.len() as u64 > MAX_INDEX_BYTES {
            let text = format!("the index is larger than {MAX_INDEX_BYTES} bytes");
            return Err(HelmError::Limit(text));
        }
        let mut gathered = Gathered {
            with_descriptions,
            ..Gathered::default()
        };
        let head = gathered.head(data)?;
        if gathered.is_over {
            return Err(HelmError::Limit(format!(
                "the index names more than {MAX_VERSIONS} versions, or {MAX_KEPT} bytes of URLs"
            )));
        }
        if !head["apiVersion"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
        {
            return refuse("no API version specified");
        }
        let names = head["entries"].as_object().into_iter().flatten();
        for (name, _) in names {
            gathered.charts.entry(name.clone()).or_default();
        }
        let sorted = gathered.charts.into_iter().map(|(name, mut entries)| {
            entries.sort_by(|(left, _), (right, _)| right.cmp(left));
            let entries = entries.into_iter().map(|(_, entry)| entry).collect();
            (name, entries)
        });
        Ok(Self {
            charts: sorted.collect(),
        })
    }

    /// The names of all charts, sorted.
    pub fn charts(&self) -> impl Iterator<Item = (&str, &[IndexEntry])> {
        let charts = self.charts.iter();
        charts.map(|(name, entries)| (name.as_str(), entries.as_slice()))
    }

    /// All versions of a chart, highest first.
    pub fn versions(&self, chart: &str) -> Option<&[IndexEntry]> {
        self.charts.get(chart).map(Vec::as_slice)
    }

    /// The entry of exactly this version, else the highest in this range; without a version the
    /// highest that is no pre-release.
    pub fn find(&self, chart: &str, version: &str) -> Option<&IndexEntry> {
        let entries = self.charts.get(chart)?;
        let range = Constraint::parse(if version.is_empty() { "*" } else { version }).ok()?;
        let exact = entries
            .iter()
            .find(|entry| !version.is_empty() && entry.version == version);
        exact.or_else(|| {
            entries
                .iter()
                .find(|entry| Version::parse(&entry.version).is_ok_and(|found| range.check(&found)))
        })
    }
}

#[derive(Default)]
struct Gathered {
    charts: BTreeMap<String, Vec<(Version, IndexEntry)>>,
    with_descriptions: bool,
    versions: usize,
    bytes: usize,
    is_over: bool,
}

impl Gathered {
    /// Takes all entries, and returns what else the index says.
    fn head(&mut self, data: &[u8]) -> Result<Json, HelmError> {
        // Compat: what is valid JSON is read as such. YAML would do but for its escapes.
        let start = data.iter().find(|byte| !byte.is_ascii_whitespace());
        if start == Some(&b'{')
            && let Ok(head) = json::read(data, &mut |name, entry| self.take(name, &entry))
        {
            return Ok(head);
        }
        self.charts.clear();
        (self.versions, self.bytes) = (0, 0);
        let failed = |error: &argosy_yaml::YamlError| {
            HelmError::Chart(format!("error converting YAML to JSON: {}", error.text))
        };
        let limits = Limits {
            max_bytes: MAX_INDEX_BYTES as usize,
            max_nodes: MAX_ENTRY_NODES,
            max_expanded: MAX_ENTRY_NODES,
            ..Limits::default()
        };
        let read = from_slice_in_pieces(data, &limits, "entries", &mut |name, entry| {
            self.take(name, &entry);
        });
        let whole = match read {
            Err(error) if is_about_anchors(&error) => {
                from_slice_with("", data, &Limits::default(), argosy_yaml::Dialect::V2)
            }
            Err(error) => return Err(failed(&error)),
            Ok(head) => return Ok(head),
        };
        let whole = whole.map_err(|error| failed(&error))?;
        self.charts.clear();
        (self.versions, self.bytes) = (0, 0);
        for (name, entries) in whole["entries"].as_object().into_iter().flatten() {
            for entry in entries.as_array().into_iter().flatten() {
                self.take(name, entry);
            }
        }
        Ok(whole)
    }

    fn take(&mut self, name: &str, entry: &Json) {
        let Some((version, entry)) = self.entry(entry) else {
            return;
        };
        self.versions += 1;
        let urls: usize = entry.urls.iter().map(String::len).sum();
        let keywords: usize = entry.keywords.iter().map(String::len).sum();
        let texts = [
            &entry.description,
            &entry.version,
            &entry.digest,
            &entry.app_version,
        ];
        self.bytes += urls + keywords + texts.map(|text| text.len()).iter().sum::<usize>();
        self.is_over |= self.versions > MAX_VERSIONS || self.bytes > MAX_KEPT;
        if self.is_over {
            self.charts.clear();
            return;
        }
        match self.charts.get_mut(name) {
            Some(entries) => entries.push((version, entry)),
            None => {
                self.charts.insert(name.to_owned(), vec![(version, entry)]);
            }
        }
    }

    /// Compat: what Helm skips is skipped: entries without a name, and those whose version is
    /// none.
    fn entry(&self, json: &Json) -> Option<(Version, IndexEntry)> {
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let name = json["name"].as_str().unwrap_or_default();
        if name.is_empty() || name.contains('/') {
            return None;
        }
        let version = text("version");
        let parsed = Version::parse(&version).ok()?;
        let urls = json["urls"].as_array().into_iter().flatten();
        let urls = urls.filter_map(|url| url.as_str().map(str::to_owned));
        let described = |name: &str| {
            if self.with_descriptions {
                text(name)
            } else {
                String::new()
            }
        };
        let entry = IndexEntry {
            version,
            urls: urls.take(MAX_URLS).collect(),
            digest: text("digest"),
            app_version: described("appVersion"),
            description: described("description"),
            keywords: if self.with_descriptions {
                let words = json["keywords"].as_array().into_iter().flatten();
                let words = words.filter_map(|word| word.as_str().map(str::to_owned));
                words.take(MAX_KEYWORDS).collect()
            } else {
                Vec::new()
            },
        };
        Some((parsed, entry))
    }
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

    #[test]
    fn json_and_yaml_with_anchors_say_the_same() {
        let wanted = Index::parse(INDEX.as_bytes()).expect("it parses");
        let json = r#"{"apiVersion": "v1", "entries": {"c": [
            {"name": "c", "version": "1.0.0", "urls": ["c-1.0.0.tgz"], "description": "\ud83d\ude00"},
            {"name": "c", "version": "2.0.0-rc.1", "urls": ["c-2.tgz"]}, null,
            {"name": "c", "version": "1.10.0", "urls": ["https:\/\/h\/c.tgz"], "digest": "aa"},
            {"name": "c", "version": "not one"}]}}"#;
        assert_eq!(Index::parse(json.as_bytes()).expect("it parses"), wanted);
        let anchored = INDEX.replace(
            "- {name: c, version: 1.0.0",
            "- {name: &n c, version: 1.0.0",
        );
        let anchored = anchored.replace("{name: c, version: 2", "{name: *n, version: 2");
        assert_eq!(
            Index::parse(anchored.as_bytes()).expect("it parses"),
            wanted
        );
    }

    #[test]
    fn too_many_versions_and_bombs_are_refused() {
        let mut many = String::from("apiVersion: v1\nentries:\n  c:\n");
        for patch in 0..=MAX_VERSIONS {
            many.push_str(&format!("  - {{name: c, version: 1.0.{patch}}}\n"));
        }
        let error = Index::parse(many.as_bytes()).expect_err("too many");
        assert!(
            error.to_string().contains("more than 250000 versions"),
            "{error}"
        );
        let mut bomb = String::from("apiVersion: v1\na: &a [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 'b'..'k' {
            let below = char::from(level as u8 - 1);
            let list = format!("*{below}, ").repeat(10);
            bomb.push_str(&format!("{level}: &{level} [{list}]\n"));
        }
        bomb.push_str("entries: {c: [*j]}\n");
        let error = Index::parse(bomb.as_bytes()).expect_err("a bomb");
        assert!(error.to_string().contains("excessive aliasing"), "{error}");
    }
}
