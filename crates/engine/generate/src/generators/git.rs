//! The git generator: one parameter set for each folder, or for what each file holds.

use super::list::maps;
use super::{Cx, append_values, items, text};
use crate::error::Fault;
use crate::functions::{normalize, unmarshal_error};
use crate::inputs::{Need, TreeKey};
use crate::params::{self, Params, flatten, go_text, set, string_list};
use crate::paths::{base, dir, literal_prefix, path_match, pathspec_match};
use argosy_gotmpl::{MapRef, Value};
use argosy_object::Value as Json;
use argosy_tree::{Limits, Mode, RelPath, Rooted, TreeError};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn params(cx: &Cx<'_>, generator: &Json) -> Result<Vec<Params>, Fault> {
    let key = TreeKey {
        repo_url: text(generator, "repoURL").into(),
        revision: text(generator, "revision").into(),
    };
    let (by_folder, by_file) = (
        !items(generator, "directories").is_empty(),
        !items(generator, "files").is_empty(),
    );
    if !by_folder && !by_file {
        return Err(Fault::params("ApplicationSet is empty"));
    }
    let Some(tree) = cx.inputs.trees.get(&key) else {
        return Err(cx.need(Need::Tree(key)));
    };
    let rooted = Rooted::new(&**tree, Limits::default());
    let result = if by_folder {
        folder_params(cx, generator, &rooted)
    } else {
        file_params(cx, generator, &rooted, &key)
    };
    cx.reads
        .borrow_mut()
        .entry(key)
        .or_default()
        .merge(&rooted.reads());
    result.map_err(|fault| fault.within("error generating params from git"))
}

fn tree_fault(error: TreeError) -> Fault {
    Fault::params(error.to_string())
}

/// Patterns that take in and patterns that leave out.
fn patterns<'v>(generator: &'v Json, field: &str) -> (Vec<&'v str>, Vec<&'v str>) {
    let (excluded, included): (Vec<_>, Vec<_>) = items(generator, field)
        .iter()
        .map(|item| {
            (
                item.get("exclude").and_then(Json::as_bool) == Some(true),
                text(item, "path"),
            )
        })
        .partition(|(exclude, _)| *exclude);
    let paths = |list: Vec<(bool, &'v str)>| list.into_iter().map(|(_, path)| path).collect();
    (paths(included), paths(excluded))
}

/// A path from the root by its parts.
fn joined(parts: &[&str]) -> RelPath {
    parts
        .iter()
        .fold(RelPath::root(), |path, part| path.child(part))
}

/// The folders that a pattern could match, hidden ones left out. Nothing is looked at that the
/// pattern rules out, so that a change there leaves the result as it is.
fn folders(
    rooted: &Rooted<'_>,
    pattern: &str,
    found: &mut BTreeSet<Vec<String>>,
) -> Result<(), TreeError> {
    let Some(mut prefix) = literal_prefix(pattern) else {
        return Ok(());
    };
    let depth = pattern.split('/').count();
    // The last part is looked for among its folder's names, as a wildcard is.
    prefix.truncate(depth - 1);
    if prefix.iter().any(|part| part.starts_with('.')) {
        return Ok(());
    }
    let start = joined(&prefix);
    if !is_plain_folder(rooted, &start)? {
        return Ok(());
    }
    let mut open = vec![start];
    while let Some(folder) = open.pop() {
        for (name, mode) in rooted.names(&folder)? {
            if mode != Mode::Dir || name.starts_with('.') {
                continue;
            }
            let inner = folder.child(&name);
            let parts: Vec<String> = inner.parts().map(Into::into).collect();
            if parts.len() < depth {
                open.push(inner);
            }
            found.insert(parts);
        }
    }
    Ok(())
}

/// Whether a folder is there, and not behind a link.
fn is_plain_folder(rooted: &Rooted<'_>, path: &RelPath) -> Result<bool, TreeError> {
    let node = rooted.look(path)?;
    Ok(node.is_some_and(|node| node.mode == Mode::Dir && node.path == *path))
}

fn folder_params(cx: &Cx<'_>, generator: &Json, rooted: &Rooted<'_>) -> Result<Vec<Params>, Fault> {
    let (included, excluded) = patterns(generator, "directories");
    // A malformed pattern matches nothing.
    let any = |patterns: &[&str], path: &str| {
        patterns
            .iter()
            .any(|pattern| path_match(pattern, path) == Some(true))
    };
    let mut found = BTreeSet::new();
    for pattern in &included {
        folders(rooted, pattern, &mut found).map_err(tree_fault)?;
    }
    let mut sets = Vec::new();
    for path in found.iter().map(|parts| parts.join("/")) {
        if !any(&included, &path) || any(&excluded, &path) {
            continue;
        }
        let params = MapRef::default();
        path_params(cx, generator, &params, &path, None);
        append_values(cx, generator, &params).map_err(|fault| {
            fault.within("error generating params from apps: failed to append templated values")
        })?;
        sets.push(params);
    }
    Ok(sets)
}

/// The files that a pattern could match.
fn files(
    rooted: &Rooted<'_>,
    pattern: &str,
    found: &mut BTreeSet<RelPath>,
) -> Result<(), TreeError> {
    let Some(prefix) = literal_prefix(pattern) else {
        return Ok(());
    };
    let start = joined(&prefix);
    if !is_plain_folder(rooted, &start.parent())? {
        return Ok(());
    }
    match rooted.look(&start)? {
        Some(node) if node.mode == Mode::Dir && node.path == start => {
            found.extend(rooted.walk(&start)?);
        }
        Some(node) if matches!(node.mode, Mode::File | Mode::Executable) => {
            found.insert(start);
        }
        _ => {}
    }
    Ok(())
}

fn file_params(
    cx: &Cx<'_>,
    generator: &Json,
    rooted: &Rooted<'_>,
    key: &TreeKey,
) -> Result<Vec<Params>, Fault> {
    let (included, excluded) = patterns(generator, "files");
    let any = |patterns: &[&str], path: &str| patterns.iter().any(|p| pathspec_match(p, path));
    let mut found = BTreeSet::new();
    for pattern in &included {
        files(rooted, pattern, &mut found).map_err(tree_fault)?;
    }
    let mut sets = Vec::new();
    for path in found {
        if !any(&included, path.as_str()) || any(&excluded, path.as_str()) {
            continue;
        }
        let bytes = rooted.read(&path).map_err(tree_fault)?;
        let found = one_file(cx, generator, path.as_str(), &bytes).map_err(|fault| {
            fault.within(&format!(
                "unable to process file '{path}' from repository '{}'",
                key.repo_url
            ))
        })?;
        sets.extend(found);
    }
    Ok(sets)
}

fn one_file(cx: &Cx<'_>, generator: &Json, path: &str, bytes: &[u8]) -> Result<Vec<Params>, Fault> {
    let failed = |error: String| Fault::params(format!("unable to parse file: {error}"));
    let json = argosy_yaml::from_slice(bytes).map_err(|error| failed(error.to_string()))?;
    let objects = match &json {
        Json::Null => vec![MapRef::default()],
        Json::Object(_) => match Value::from_json_floats(&json) {
            Value::Map(map) => vec![map],
            _ => Vec::new(),
        },
        other => maps(other).map_err(|wrong| {
            let text = unmarshal_error(&Value::from_json_floats(wrong), true);
            failed(if matches!(other, Json::Array(_)) {
                text
            } else {
                text.replace("type map[", "type []map[")
            })
        })?,
    };
    let mut sets = Vec::new();
    for object in objects {
        let params = if cx.renderer.go {
            object
        } else {
            let flat = flatten(&object);
            flat.into_iter()
                .map(|(key, value)| (key.into(), params::text(go_text(&value))))
                .collect()
        };
        path_params(cx, generator, &params, dir(path), Some(base(path)));
        append_values(cx, generator, &params)
            .map_err(|f| f.within("failed to append templated values"))?;
        sets.push(params);
    }
    Ok(sets)
}

/// Adds what is to be said of a path: its folder, and the file's name where it is one.
fn path_params(cx: &Cx<'_>, generator: &Json, params: &Params, folder: &str, file: Option<&str>) {
    let prefix = text(generator, "pathParamPrefix");
    let mut parts = BTreeMap::from([
        ("basename", base(folder).to_owned()),
        ("basenameNormalized", normalize(base(folder))),
    ]);
    if let Some(file) = file {
        parts.insert("filename", file.to_owned());
        parts.insert("filenameNormalized", normalize(file));
    }
    if cx.renderer.go {
        let path = MapRef::default();
        set(&path, "path", params::text(folder));
        for (name, part) in parts {
            set(&path, name, params::text(part));
        }
        set(&path, "segments", string_list(folder.split('/')));
        if prefix.is_empty() {
            set(params, "path", Value::Map(path));
        } else {
            let outer = MapRef::default();
            set(&outer, "path", Value::Map(path));
            set(params, prefix, Value::Map(outer));
        }
        return;
    }
    let name = if prefix.is_empty() {
        "path".to_owned()
    } else {
        format!("{prefix}.path")
    };
    set(params, &name, params::text(folder));
    for (part_name, part) in parts {
        set(params, &format!("{name}.{part_name}"), params::text(part));
    }
    for (index, segment) in folder.split('/').enumerate().filter(|(_, s)| !s.is_empty()) {
        set(params, &format!("{name}[{index}]"), params::text(segment));
    }
}
