//! Loads charts: from a folder of a tree, from an archive, and subcharts from both.

use argosy_object::{Map, Value as Json};
use argosy_tree::{Mode, RelPath, Rooted};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::archive::{MAX_CHART_BYTES, MAX_FILE_BYTES, unpack, without_bom};
use crate::cache::TemplateCache;
use crate::chart::{Chart, File, Metadata};
use crate::error::HelmError;
use crate::ignore::Rules;
use crate::lock::Lock;
use crate::values::{floats, merge_maps};

/// How deep subcharts and folders may lie in each other. Compat: Helm has no such limit.
const MAX_DEPTH: usize = 32;

/// Loads the chart in a folder of a tree, with `charts/` below it; `.helmignore` is obeyed.
/// Every look is recorded by the reader.
///
/// # Errors
/// What cannot be read, and what Helm refuses, in its words.
pub fn load_folder(tree: &Rooted<'_>, folder: &RelPath) -> Result<Chart, HelmError> {
    read_folder(tree, folder).map(|(chart, _)| chart)
}

/// As [`load_folder`], but that a folder known by its identity is not read again. The whole
/// folder counts as read.
pub(crate) fn load_cached(
    tree: &Rooted<'_>,
    folder: &RelPath,
    cache: &TemplateCache,
) -> Result<Arc<Chart>, HelmError> {
    let identity = tree.subtree(folder)?;
    if let Some(chart) = cache.chart(&identity) {
        return Ok(chart);
    }
    let (chart, has_links) = read_folder(tree, folder)?;
    if has_links {
        // What links lead to is not in the folder's identity.
        return Ok(Arc::new(chart));
    }
    Ok(cache.keep_chart(identity, chart))
}

/// Reads a chart, and tells whether it has links.
fn read_folder(tree: &Rooted<'_>, folder: &RelPath) -> Result<(Chart, bool), HelmError> {
    let rules = match tree.try_read(&folder.child(".helmignore"))? {
        Some(data) => Rules::parse(&String::from_utf8_lossy(&data)),
        None => Rules::parse(""),
    };
    let rules = rules.map_err(HelmError::Chart)?;
    let mut walk = Walk {
        tree,
        rules,
        files: Vec::new(),
        bytes: 0,
        has_links: false,
    };
    walk.folder(folder, "", 0)?;
    Ok((load_files(walk.files, 0)?, walk.has_links))
}

/// Loads a packed chart.
///
/// # Errors
/// Broken or oversized archives, and what Helm refuses, in its words.
pub fn load_archive(packed: &[u8]) -> Result<Chart, HelmError> {
    load_files(unpack(packed)?, 0)
}

/// The files of a packed chart, named from the chart's folder.
///
/// # Errors
/// Broken or oversized archives, in Helm's words.
pub fn unpack_archive(packed: &[u8]) -> Result<Vec<File>, HelmError> {
    unpack(packed)
}

struct Walk<'w, 't> {
    tree: &'w Rooted<'t>,
    rules: Rules,
    files: Vec<File>,
    bytes: u64,
    has_links: bool,
}

impl Walk<'_, '_> {
    fn folder(&mut self, folder: &RelPath, inner: &str, depth: usize) -> Result<(), HelmError> {
        if depth > MAX_DEPTH {
            return Err(HelmError::Limit(format!(
                "`{folder}` lies more than {MAX_DEPTH} folders deep in its chart"
            )));
        }
        for (name, mode) in self.tree.names(folder)? {
            self.has_links |= mode == Mode::Link;
            let path = folder.child(&name);
            let inner = if inner.is_empty() {
                name.to_string()
            } else {
                format!("{inner}/{name}")
            };
            let is_dir = match mode {
                Mode::Dir => true,
                Mode::Link => match self.tree.look(&path)? {
                    Some(node) => node.mode == Mode::Dir,
                    None if self.rules.ignores(&inner, false) => continue,
                    None => {
                        let text = format!("error evaluating symlink {path}: no such file");
                        return Err(HelmError::Chart(text));
                    }
                },
                Mode::Submodule => continue,
                Mode::File | Mode::Executable => false,
            };
            if self.rules.ignores(&inner, is_dir) {
                continue;
            }
            if is_dir {
                self.folder(&path, &inner, depth + 1)?;
            } else {
                self.file(&path, inner)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &RelPath, name: String) -> Result<(), HelmError> {
        let data = self.tree.read(path)?;
        if data.len() as u64 > MAX_FILE_BYTES {
            let base = path.name();
            return Err(HelmError::Chart(format!(
                "chart file {base:?} is larger than the maximum file size {MAX_FILE_BYTES}"
            )));
        }
        self.bytes += data.len() as u64;
        if self.bytes > MAX_CHART_BYTES {
            return Err(HelmError::Limit(format!(
                "the chart is larger than the maximum size {MAX_CHART_BYTES}"
            )));
        }
        let data = if data.starts_with(&[0xef, 0xbb, 0xbf]) {
            data.slice(3..)
        } else {
            data
        };
        self.files.push(File { name, data });
        Ok(())
    }
}

/// Makes a chart of files named from its folder.
fn load_files(files: Vec<File>, depth: usize) -> Result<Chart, HelmError> {
    if depth > MAX_DEPTH {
        return Err(HelmError::Limit(format!(
            "more than {MAX_DEPTH} charts in each other"
        )));
    }
    let mut metadata = None;
    if let Some(file) = files.iter().find(|file| file.name == "Chart.yaml") {
        let mut read = Metadata::default();
        read.read("Chart.yaml", &file.data)?;
        if read.api_version.is_empty() {
            "v1".clone_into(&mut read.api_version);
        }
        metadata = Some(read);
    }
    let is_v1 = metadata
        .as_ref()
        .is_some_and(|metadata| metadata.api_version == "v1");
    let mut chart = Chart {
        metadata: metadata.clone().unwrap_or_default(),
        values: Map::new(),
        values_file: None,
        lock: None,
        schema: None,
        templates: Vec::new(),
        files: Vec::new(),
        dependencies: Vec::new(),
    };
    let mut subcharts: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in files {
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => chart.lock = Some(Lock::parse("Chart.lock", &file.data)?),
            "values.yaml" => {
                let values = load_values(&file.data)
                    .map_err(|text| HelmError::Chart(format!("cannot load values.yaml: {text}")))?;
                chart.values = values;
                chart.values_file = Some(file.data);
            }
            "values.schema.json" => chart.schema = Some(file.data),
            "requirements.yaml" => {
                chart.metadata.read("requirements.yaml", &file.data)?;
                if is_v1 {
                    chart.files.push(file);
                }
            }
            "requirements.lock" => {
                chart.lock = Some(Lock::parse("requirements.lock", &file.data)?);
                if is_v1 {
                    chart.files.push(file);
                }
            }
            name if name.starts_with("templates/") => chart.templates.push(file),
            name if name.starts_with("charts/") => {
                if is_provenance(name) {
                    chart.files.push(file);
                } else {
                    let inner = name["charts/".len()..].to_owned();
                    let key = inner.split('/').next().unwrap_or_default().to_owned();
                    subcharts.entry(key).or_default().push(File {
                        name: inner,
                        ..file
                    });
                }
            }
            _ => chart.files.push(file),
        }
    }
    if metadata.is_none() {
        return Err(HelmError::Chart("Chart.yaml file is missing".into()));
    }
    chart.metadata.validate()?;
    for (name, files) in subcharts {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let sub =
            load_subchart(&name, files, chart.name(), depth).map_err(|error| match error {
                HelmError::Chart(text) => HelmError::Chart(format!(
                    "error unpacking subchart {name} in {}: {text}",
                    chart.name()
                )),
                other => other,
            })?;
        chart.dependencies.push(sub);
    }
    Ok(chart)
}

fn is_provenance(name: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "prov")
}

fn load_subchart(
    name: &str,
    files: Vec<File>,
    parent: &str,
    depth: usize,
) -> Result<Chart, HelmError> {
    if std::path::Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "tgz")
    {
        return match files.first() {
            Some(file) if file.name == name => load_files(unpack(&file.data)?, depth + 1),
            Some(file) => Err(HelmError::Chart(format!(
                "error unpacking subchart tar in {parent}: expected {name}, got {}",
                file.name
            ))),
            None => Err(HelmError::Chart("no files in chart archive".into())),
        };
    }
    let inner = files.into_iter().filter_map(|file| {
        let (_, name) = file.name.split_once('/')?;
        Some(File {
            name: name.to_owned(),
            data: file.data.clone(),
        })
    });
    load_files(inner.collect(), depth + 1)
}

/// Reads a values file: YAML documents, merged one over the other; numbers become floats.
///
/// # Errors
/// In Helm's words.
pub(crate) fn load_values(data: &[u8]) -> Result<Map<String, Json>, String> {
    let data = without_bom(data.to_vec());
    let mut values = Map::new();
    for document in documents(&data) {
        let json = argosy_yaml::from_slice(&document).map_err(|error| {
            let text = &error.text;
            format!("cannot unmarshal yaml document: error converting YAML to JSON: {text}")
        })?;
        match json {
            Json::Null => {}
            Json::Object(mut map) => {
                map.values_mut().for_each(floats);
                values = merge_maps(values, map);
            }
            other => {
                let found = match other {
                    Json::Array(_) => "array",
                    Json::String(_) => "string",
                    Json::Bool(_) => "bool",
                    _ => "number",
                };
                return Err(format!(
                    "cannot unmarshal yaml document: error unmarshaling JSON: while decoding \
                     JSON: json: cannot unmarshal {found} into Go value of type \
                     map[string]interface {{}}"
                ));
            }
        }
    }
    Ok(values)
}

/// Cuts a stream at lines of `---`, which only a comment may follow.
pub(crate) fn documents(data: &Bytes) -> Vec<Bytes> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let next = at + line.len();
        let is_separator = line.strip_prefix(b"---").is_some_and(|rest| {
            let rest = rest.trim_ascii();
            rest.is_empty() || rest.starts_with(b"#")
        });
        if is_separator {
            if at > start {
                documents.push(data.slice(start..at));
            }
            start = next;
        }
        at = next;
    }
    if at > start {
        documents.push(data.slice(start..at));
    }
    documents
}
