//! `argosy helm repo index`: index.yaml for a folder of packed charts.

use super::flags::{Context, read_file};
use super::repositories::write;
use super::{HelmFailure, Outcome};
use argosy_helm::{MAX_INDEX_BYTES, load_archive};
use argosy_object::{Digest, Map, Value as Json, json};
use argosy_oci::MAX_ARCHIVE_BYTES;
use argosy_semver::Version;
use argosy_yaml::{Dialect, Limits};
use clap::Args;
use std::path::{Path, PathBuf};

/// Most archives of one folder.
const MAX_ARCHIVES: usize = 100_000;

/// Which folder, and under which URL it is served.
#[derive(Args)]
pub struct IndexArgs {
    /// Folder with packed charts
    dir: PathBuf,
    /// URL under which the folder is served
    #[arg(long, default_value = "")]
    url: String,
    /// Index whose entries are kept where the folder has no others
    #[arg(long, value_name = "FILE")]
    merge: Option<PathBuf>,
    /// JSON instead of YAML
    #[arg(long)]
    json: bool,
}

impl IndexArgs {
    pub(super) fn run(self, _: &Context<'_>) -> Outcome {
        let dir = self.dir.canonicalize().unwrap_or_else(|_| self.dir.clone());
        let mut entries = Map::new();
        for (path, below) in archives(&dir)? {
            let Ok(data) = read_file(&path, MAX_ARCHIVE_BYTES) else {
                continue;
            };
            // Compat: what is no chart is passed over.
            let Ok(chart) = load_archive(&data) else {
                continue;
            };
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let mut entry = chart.metadata.to_json();
            entry["urls"] = json!([join(&self.url, &below, &file)]);
            entry["created"] = now().into();
            entry["digest"] = Digest::of(&data).hex().into();
            add(&mut entries, chart.name(), entry);
        }
        let mut index = json!({"apiVersion": "v1", "generated": now(), "entries": entries});
        if let Some(file) = &self.merge {
            let old = old_index(file, self.json)?;
            merge(&mut index, &old);
        }
        sort(&mut index);
        write_index(&dir.join("index.yaml"), &index, self.json)
    }
}

fn now() -> String {
    let now = jiff::Zoned::now();
    let zone = if now.offset().is_zero() {
        "Z".to_owned()
    } else {
        now.strftime("%:z").to_string()
    };
    let text = now.strftime("%Y-%m-%dT%H:%M:%S.%N").to_string();
    format!("{}{zone}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Archives of the folder, then of the folders in it; each with its folder below.
fn archives(dir: &Path) -> Result<Vec<(PathBuf, String)>, HelmFailure> {
    let list = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let is_archive = |path: &PathBuf| path.extension().is_some_and(|end| end == "tgz");
    let own = list(dir);
    let mut found: Vec<(PathBuf, String)> = own
        .iter()
        .filter(|path| is_archive(path))
        .map(|path| (path.clone(), String::new()))
        .collect();
    for folder in own.iter().filter(|path| path.is_dir()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let inner = list(folder).into_iter().filter(is_archive);
        found.extend(inner.map(|path| (path, name.to_string())));
        if found.len() > MAX_ARCHIVES {
            return Err(format!("there are more than {MAX_ARCHIVES} archives").into());
        }
    }
    Ok(found)
}

/// Compat: without a URL the archive's own name, with its folder.
fn join(url: &str, below: &str, file: &str) -> String {
    let base = url.trim_end_matches('/');
    let parts = [base, below, file];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

fn add(entries: &mut Map<String, Json>, name: &str, entry: Json) {
    match entries.get_mut(name).and_then(Json::as_array_mut) {
        Some(versions) => versions.push(entry),
        None => {
            entries.insert(name.to_owned(), Json::Array(vec![entry]));
        }
    }
}

/// Compat: an index that is not there is made, empty.
fn old_index(file: &Path, as_json: bool) -> Result<Json, HelmFailure> {
    if !file.exists() {
        let empty = json!({"apiVersion": "v1", "generated": now(), "entries": {}});
        write_index(file, &empty, as_json)?;
        return Ok(empty);
    }
    let shown = file.display();
    let data = read_file(file, MAX_INDEX_BYTES)?;
    let limits = Limits {
        max_bytes: MAX_INDEX_BYTES as usize,
        ..Limits::default()
    };
    let index = argosy_yaml::from_slice_with(&shown.to_string(), &data, &limits, Dialect::V2);
    let index = index.map_err(|error| {
        format!(
            "merge failed: error loading {shown}: error converting YAML to JSON: {}",
            error.text
        )
    })?;
    if !index["apiVersion"]
        .as_str()
        .is_some_and(|text| !text.is_empty())
    {
        return Err(
            format!("merge failed: error loading {shown}: no API version specified").into(),
        );
    }
    Ok(index)
}

/// Takes over what the new index lacks.
fn merge(index: &mut Json, old: &Json) {
    let Some(entries) = index["entries"].as_object_mut() else {
        return;
    };
    for versions in old["entries"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, all)| all)
    {
        for entry in versions.as_array().into_iter().flatten() {
            let (Some(name), Some(version)) = (entry["name"].as_str(), entry["version"].as_str())
            else {
                continue;
            };
            let known = entries.get(name).and_then(Json::as_array);
            let is_there = known.is_some_and(|all| all.iter().any(|one| one["version"] == version));
            if !is_there {
                add(entries, name, entry.clone());
            }
        }
    }
}

fn sort(index: &mut Json) {
    for (_, versions) in index["entries"].as_object_mut().into_iter().flatten() {
        if let Some(versions) = versions.as_array_mut() {
            let version = |entry: &Json| Version::parse(entry["version"].as_str()?).ok();
            versions.sort_by_cached_key(|entry| std::cmp::Reverse(version(entry)));
        }
    }
}

fn write_index(path: &Path, index: &Json, as_json: bool) -> Outcome {
    let text = if as_json {
        serde_json::to_string_pretty(index)?
    } else {
        argosy_yaml::to_string(index)
    };
    write(path, text.as_bytes(), 0o644)
}
