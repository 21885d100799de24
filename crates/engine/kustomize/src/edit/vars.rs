//! `fix --vars`: variables become replacements.

use super::KustomizationFile;
use crate::error::KustomizeError;
use crate::id::{meta_text, text};
use crate::kustomization::{
    FieldOptions, Kustomization, PatchEdit, ReplacementField, SourceSelector, TargetEdit,
    TargetSelector, Var,
};
use crate::load::{FILE_NAMES, is_remote};
use argosy_object::Value;
use argosy_yaml::{Dialect, Limits};
use std::collections::BTreeSet;

/// How many files may hold variables.
const MAX_FILES: usize = 10_000;
/// How deep bases may be nested.
const MAX_DEPTH: usize = crate::target::MAX_LAYERS;

/// Reads a file by its path from the kustomization's folder; nothing where there is none.
pub type ReadFile<'r> = dyn FnMut(&str) -> Option<Vec<u8>> + 'r;

/// A file that names variables.
struct Found {
    path: String,
    /// As long as it is one, a text; what is none is left alone.
    text: String,
    /// Where it is a patch of `patches`: which.
    patch: Option<PatchEdit>,
    is_changed: bool,
}

impl KustomizationFile {
    /// Turns `vars` into `replacements`: each place that names a variable becomes a target, and in
    /// the file that it stands in, a placeholder. What must be written is returned: paths and
    /// contents. Those of resources, of bases and theirs, and of patches are looked at.
    ///
    /// # Errors
    /// A variable that stands amid other text with nothing that could part it from that, files
    /// without end, a base that is no kustomization.
    ///
    /// Compat: `kustomize edit fix --vars` 5.8.1. Differs: replacements that are there already are
    /// kept; a base is looked at once; a patch without a target means the object that it names and
    /// not all of them; a comment above a field is no part of its path; the places in an object
    /// come in the order of names.
    pub fn vars_to_replacements(
        &mut self,
        read: &mut ReadFile<'_>,
    ) -> Result<Vec<(String, String)>, KustomizeError> {
        let vars = std::mem::take(&mut self.parsed.vars);
        if vars.is_empty() {
            return Ok(Vec::new());
        }
        let mut search = Search {
            read,
            found: Vec::new(),
            seen: BTreeSet::new(),
        };
        search.kustomization(&self.parsed, "", 0)?;
        let mut files = search.found;
        for var in vars {
            let targets = targets(&var.name, &files)?;
            for file in &mut files {
                file.hold_place(&var.name);
            }
            self.parsed.replacements.push(ReplacementField {
                source: Some(source(var)),
                targets: (!targets.is_empty()).then_some(targets),
                ..ReplacementField::default()
            });
        }
        let changed = files.into_iter().filter(|file| file.is_changed);
        Ok(changed.map(|file| (file.path, file.text)).collect())
    }
}

/// The files that a kustomization touches.
struct Search<'s, 'r> {
    read: &'s mut ReadFile<'r>,
    found: Vec<Found>,
    seen: BTreeSet<String>,
}

impl Search<'_, '_> {
    fn kustomization(
        &mut self,
        k: &Kustomization,
        folder: &str,
        depth: usize,
    ) -> Result<(), KustomizeError> {
        for entry in k.resources.iter().chain(&k.bases) {
            if is_remote(entry) {
                continue;
            }
            let path = joined(folder, entry);
            if !self.base(&path, depth)? {
                self.file(path, None)?;
            }
        }
        for patch in k.patches.iter().filter(|patch| !patch.path.is_empty()) {
            self.file(joined(folder, &patch.path), Some(patch))?;
        }
        Ok(())
    }

    /// Looks at a base; false where the path leads to none.
    fn base(&mut self, folder: &str, depth: usize) -> Result<bool, KustomizeError> {
        let mut file = None;
        for name in FILE_NAMES {
            let path = joined(folder, name);
            if let Some(bytes) = (self.read)(&path) {
                file = Some((path, bytes));
                break;
            }
        }
        let Some((path, bytes)) = file else {
            return Ok(false);
        };
        if depth >= MAX_DEPTH {
            return Err(KustomizeError::TooDeep(path));
        }
        if self.is_new(&path)? {
            let k = Kustomization::decode_lenient(&path, &bytes)?;
            self.kustomization(&k, folder, depth + 1)?;
        }
        Ok(true)
    }

    /// Whether a file was not looked at yet.
    fn is_new(&mut self, path: &str) -> Result<bool, KustomizeError> {
        if self.seen.len() >= MAX_FILES {
            let text = format!("there are more than {MAX_FILES} files");
            return Err(KustomizeError::failed(text));
        }
        Ok(self.seen.insert(path.to_owned()))
    }

    fn file(&mut self, path: String, patch: Option<&PatchEdit>) -> Result<(), KustomizeError> {
        if !self.is_new(&path)? {
            return Ok(());
        }
        let bytes = (self.read)(&path);
        if let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
            self.found.push(Found {
                path,
                text,
                patch: patch.cloned(),
                is_changed: false,
            });
        }
        Ok(())
    }
}

/// A path from the folder that the first is from, without `.` and with `..` where they cancel.
fn joined(folder: &str, entry: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let is_absolute = entry.starts_with('/');
    let folder = if is_absolute { "" } else { folder };
    for part in folder.split('/').chain(entry.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    if is_absolute {
        format!("/{path}")
    } else {
        path
    }
}

impl Found {
    fn hold_place(&mut self, name: &str) {
        let variable = format!("$({name})");
        if self.text.contains(&variable) {
            self.text = self.text.replace(&variable, &format!("{name}_PLACEHOLDER"));
            self.is_changed = true;
        }
    }

    /// The objects of the file, lists taken apart; none where it is no YAML.
    fn objects(&self) -> Vec<Value> {
        let limits = Limits::default();
        let bytes = self.text.as_bytes();
        let documents = argosy_yaml::parse_documents_with(&self.path, bytes, &limits, Dialect::V3);
        let mut objects = Vec::new();
        for document in documents.unwrap_or_default() {
            let is_list = matches!(text(&document.value, "kind"), "List" | "ResourceList");
            match document.value {
                Value::Object(mut map) if is_list => {
                    if let Some(Value::Array(items)) = map.remove("items") {
                        objects.extend(items);
                    }
                }
                value => objects.push(value),
            }
        }
        objects.retain(Value::is_object);
        objects
    }
}

fn targets(name: &str, files: &[Found]) -> Result<Vec<TargetSelector>, KustomizeError> {
    let variable = format!("$({name})");
    let mut targets = Vec::new();
    for file in files.iter().filter(|file| file.text.contains(&variable)) {
        for object in file.objects() {
            let mut places = Vec::new();
            find(&object, &variable, &mut Vec::new(), &mut places)
                .map_err(|text| KustomizeError::invalid(&file.path, text))?;
            let select = selector(&object, file.patch.as_ref());
            targets.extend(places.into_iter().map(|(path, options)| TargetSelector {
                select: Some(select.clone()),
                field_paths: vec![path],
                options,
                ..TargetSelector::default()
            }));
        }
    }
    Ok(targets)
}

/// Field paths with how the variable stands in the field.
type Places = Vec<(String, Option<FieldOptions>)>;

fn find(
    value: &Value,
    variable: &str,
    path: &mut Vec<String>,
    places: &mut Places,
) -> Result<(), String> {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(at.to_string());
                find(item, variable, path, places)?;
                path.pop();
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.trim();
                path.push(if key.contains('.') {
                    format!("[{key}]")
                } else {
                    key.to_owned()
                });
                find(value, variable, path, places)?;
                path.pop();
            }
        }
        Value::String(text) => {
            if let Some(at) = text.find(variable) {
                places.push((path.join("."), options(text, variable, at)?));
            }
        }
        _ => {}
    }
    Ok(())
}

/// How a variable at `at` of a text is parted from the rest of it; nothing where it is all of it.
fn options(text: &str, variable: &str, at: usize) -> Result<Option<FieldOptions>, String> {
    let before = text[..at].chars().next_back();
    let after = text[at + variable.len()..].chars().next();
    let (delimiter, index) = match (before, after) {
        (None, None) => return Ok(None),
        (None, Some(after)) => (after, 0),
        (Some(before), None) => (before, text.matches(before).count()),
        (Some(before), Some(after)) if before == after => {
            let at = text.split(before).position(|part| part == variable);
            let at = at.ok_or_else(|| undelimited(variable))?;
            (before, at)
        }
        _ => return Err(undelimited(variable)),
    };
    Ok(Some(FieldOptions {
        delimiter: delimiter.to_string(),
        index: index as i64,
        ..FieldOptions::default()
    }))
}

fn undelimited(variable: &str) -> String {
    format!("cannot convert all vars to replacements; {variable} is not delimited")
}

/// What selects the object that a place is in.
fn selector(object: &Value, patch: Option<&PatchEdit>) -> TargetEdit {
    let may = |what: &str| {
        let options = patch.and_then(|patch| patch.options.as_ref());
        options.is_some_and(|options| options.get(what) == Some(&true))
    };
    let (new_name, new_kind) = (may("allowNameChange"), may("allowKindChange"));
    let target = patch.and_then(|patch| patch.target.clone());
    let Some(mut select) = target.filter(|_| !(new_name && new_kind)) else {
        let (group, version) = match text(object, "apiVersion").rsplit_once('/') {
            Some((group, version)) => (group, version),
            None => ("", text(object, "apiVersion")),
        };
        return TargetEdit {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text(object, "kind").to_owned(),
            name: meta_text(object, "name"),
            namespace: meta_text(object, "namespace"),
            ..TargetEdit::default()
        };
    };
    if new_name {
        select.name = meta_text(object, "name");
    }
    if new_kind {
        text(object, "kind").clone_into(&mut select.kind);
    }
    let namespace = meta_text(object, "namespace");
    if !namespace.is_empty() {
        select.namespace = namespace;
    }
    select
}

fn source(var: Var) -> SourceSelector {
    let object = var.objref;
    let (group, version) = match object.api_version.rsplit_once('/') {
        _ if object.api_version.is_empty() => (object.group.as_str(), object.version.as_str()),
        Some((group, version)) => (group, version),
        None => ("", object.api_version.as_str()),
    };
    SourceSelector {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: object.kind,
        name: object.name,
        namespace: object.namespace,
        field_path: var.fieldref.field_path,
        options: None,
    }
}
