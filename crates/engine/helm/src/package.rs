//! Packs a chart into an archive, as `helm package` does.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};

use crate::chart::Chart;
use crate::error::HelmError;

const BLOCK: usize = 512;
/// What helm writes into the extra field of its archives, by which they are told apart.
const EXTRA: &[u8] = b"+aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";

/// Packs a chart; every file bears the time `seconds` since 1970.
///
/// # Errors
/// A values.schema.json that is no JSON, and a name that cannot be a folder's.
pub fn pack(chart: &Chart, seconds: u64) -> Result<Vec<u8>, HelmError> {
    let mut tar = Tar {
        seconds,
        bytes: Vec::new(),
    };
    tar.chart(chart, "")?;
    tar.bytes.extend_from_slice(&[0; 2 * BLOCK]);
    let broken = |error: std::io::Error| HelmError::Chart(format!("failed to save: {error}"));
    let mut zip = GzBuilder::new()
        .extra(EXTRA)
        .comment("Helm")
        .write(Vec::new(), Compression::default());
    zip.write_all(&tar.bytes).map_err(broken)?;
    zip.finish().map_err(broken)
}

struct Tar {
    seconds: u64,
    bytes: Vec<u8>,
}

impl Tar {
    fn chart(&mut self, chart: &Chart, above: &str) -> Result<(), HelmError> {
        let name = chart.name();
        if name.contains('/') || matches!(name, "" | "." | "..") {
            return Err(HelmError::Chart(format!("invalid chart name {name:?}")));
        }
        let base = format!("{above}{name}");
        let mut metadata = chart.metadata.clone();
        let is_v1 = metadata.api_version == "v1";
        if is_v1 {
            metadata.dependencies = None;
        }
        self.file(&format!("{base}/Chart.yaml"), metadata.to_yaml().as_bytes());
        if let Some(lock) = chart.lock.as_ref().filter(|_| metadata.api_version == "v2") {
            self.file(&format!("{base}/Chart.lock"), lock.to_yaml().as_bytes());
        }
        if let Some(values) = &chart.values_file {
            self.file(&format!("{base}/values.yaml"), values);
        }
        if let Some(schema) = &chart.schema {
            let text = String::from_utf8_lossy(schema);
            if text.parse::<argosy_object::Value>().is_err() {
                let text = "failed to save: invalid JSON in values.schema.json";
                return Err(HelmError::Chart(text.into()));
            }
            self.file(&format!("{base}/values.schema.json"), schema);
        }
        for file in chart.templates.iter().chain(&chart.files) {
            self.file(&format!("{base}/{}", file.name), &file.data);
        }
        for sub in &chart.dependencies {
            self.chart(sub, &format!("{base}/charts/"))?;
        }
        Ok(())
    }

    fn file(&mut self, name: &str, data: &[u8]) {
        if !fits(name) {
            let length = name.len() + " path=\n".len();
            // The record's length counts its own digits.
            let mut total = length + length.to_string().len();
            total = length + total.to_string().len();
            let record = format!("{total} path={name}\n");
            self.entry("PaxHeaders.0/file", record.as_bytes(), b'x');
        }
        self.entry(name, data, b'0');
    }

    fn entry(&mut self, name: &str, data: &[u8], kind: u8) {
        let mut block = [0_u8; BLOCK];
        let (prefix, name) = split(name).unwrap_or_else(|| {
            let end = name.floor_char_boundary(100);
            ("", &name[..end])
        });
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", data.len()).as_bytes());
        put(136, format!("{:011o}\0", self.seconds).as_bytes());
        put(148, b"        ");
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        put(345, prefix.as_bytes());
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&block);
        self.bytes.extend_from_slice(data);
        let padding = data.len().next_multiple_of(BLOCK) - data.len();
        self.bytes.extend(std::iter::repeat_n(0, padding));
    }
}

fn fits(name: &str) -> bool {
    name.is_ascii() && split(name).is_some()
}

/// A name as the two fields of a header hold it.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= 100 {
        return Some(("", name));
    }
    let cut = name
        .char_indices()
        .filter(|(at, unit)| *unit == '/' && *at <= 155 && name.len() - at - 1 <= 100)
        .map(|(at, _)| at)
        .next_back()?;
    Some((&name[..cut], &name[cut + 1..])).filter(|(_, name)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{load_archive, load_folder};
    use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};

    #[test]
    fn a_packed_chart_loads_as_the_same_chart() {
        let deep = format!("templates/{}/{}.yaml", "d".repeat(90), "f".repeat(120));
        let accents = format!("templates/{}.yaml", "ä".repeat(20));
        let files = [
            (
                "Chart.yaml",
                "apiVersion: v2\nname: c\nversion: 1.2.3\nappVersion: \"1\"\n",
            ),
            (
                "Chart.lock",
                "dependencies: []\ndigest: sha256:00\ngenerated: \"2020-01-01T00:00:00Z\"\n",
            ),
            ("values.yaml", "# why\na: 1\n"),
            ("values.schema.json", "{}"),
            ("templates/a.yaml", "a: {{ .Values.a }}\n"),
            (&deep, "deep"),
            (&accents, "accents"),
            ("README.md", "read"),
            (
                "charts/s/Chart.yaml",
                "apiVersion: v2\nname: s\nversion: 1.0.0\n",
            ),
            ("charts/s/templates/b.yaml", "b: 2\n"),
        ];
        let tree = MemoryTree::new(files);
        let reader = Rooted::new(&tree, Limits::default());
        let mut chart = load_folder(&reader, &RelPath::root()).expect("it loads");
        let packed = pack(&chart, 1_600_000_000).expect("it packs");
        let mut again = load_archive(&packed).expect("it loads again");
        for chart in [&mut chart, &mut again] {
            chart.templates.sort_by(|a, b| a.name.cmp(&b.name));
        }
        assert_eq!(again, chart);
    }
}
