//! ConfigMaps and Secrets made from literals, files and environment files.

use crate::error::KustomizeError;
use crate::id::scalar_text;
use crate::kustomization::{GeneratorArgs, GeneratorOptions, Texts};
use crate::load::Loader;
use crate::resource::{Behavior, Resource, child};
use argosy_object::{Map, Origin, Value, json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// Characters of a line of long base64 text.
const BASE64_LINE: usize = 70;

/// Makes one ConfigMap or Secret.
pub(crate) fn generate(
    kind: &'static str,
    args: &GeneratorArgs,
    global: Option<&GeneratorOptions>,
    loader: &Loader<'_>,
    file: &str,
) -> Result<Resource, KustomizeError> {
    if args.name.is_empty() {
        return Err(KustomizeError::invalid(
            file,
            "a configmap must have a name",
        ));
    }
    let mut value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": args.name}});
    if !args.namespace.is_empty() {
        child(&mut value, "metadata").insert("namespace".into(), args.namespace.clone().into());
    }
    let secret = kind == "Secret";
    if secret {
        let ty = if args.kind.is_empty() {
            "Opaque"
        } else {
            &args.kind
        };
        value["type"] = ty.into();
        child(&mut value, "data");
    }
    for (key, bytes) in pairs(args, loader, file)? {
        match String::from_utf8(bytes) {
            _ if !valid_key(&key) => {
                let text = format!("{key:?} is not a valid key name");
                return Err(KustomizeError::invalid(file, text));
            }
            Ok(text) if !secret => {
                child(&mut value, "data").insert(key, text.into());
            }
            Ok(text) => {
                child(&mut value, "data").insert(key, wrapped(text.as_bytes()).into());
            }
            Err(error) => {
                let field = if secret { "data" } else { "binaryData" };
                child(&mut value, field).insert(key, wrapped(error.as_bytes()).into());
            }
        }
    }
    let options = merged_options(args.options.clone(), global);
    for (field, texts) in [
        ("labels", &options.labels),
        ("annotations", &options.annotations),
    ] {
        if !texts.is_empty() {
            let texts: Map<String, Value> = texts
                .iter()
                .map(|(k, v)| (k.clone(), v.clone().into()))
                .collect();
            child(&mut value, "metadata").insert(field.into(), texts.into());
        }
    }
    if options.immutable {
        value["immutable"] = true.into();
    }
    let mut resource = Resource::new(
        value,
        Origin {
            file: file.into(),
            line: 0,
            doc: 0,
        },
    );
    resource.needs_hash = !options.disable_name_suffix_hash;
    resource.behavior = Behavior::parse(&args.behavior);
    Ok(resource)
}

/// A generator's options over those of all.
pub(crate) fn merged_options(
    local: Option<GeneratorOptions>,
    global: Option<&GeneratorOptions>,
) -> GeneratorOptions {
    let mut options = local.unwrap_or_default();
    let Some(global) = global else {
        return options;
    };
    let add = |mine: &mut Texts, theirs: &Texts| {
        for (name, text) in theirs {
            mine.entry(name.clone()).or_insert_with(|| text.clone());
        }
    };
    add(&mut options.labels, &global.labels);
    add(&mut options.annotations, &global.annotations);
    options.disable_name_suffix_hash |= global.disable_name_suffix_hash;
    options.immutable |= global.immutable;
    options
}

fn pairs(
    args: &GeneratorArgs,
    loader: &Loader<'_>,
    file: &str,
) -> Result<BTreeMap<String, Vec<u8>>, KustomizeError> {
    let mut found = Vec::new();
    for path in &args.envs {
        env_lines(&loader.full(path), &loader.read(path)?, &mut found)?;
    }
    for literal in &args.literals {
        let (key, text) = literal
            .split_once('=')
            .filter(|(k, _)| !k.is_empty())
            .ok_or_else(|| {
                let text = format!("invalid literal source {literal}, expected key=value");
                KustomizeError::invalid(file, text)
            })?;
        found.push((key.to_owned(), unquoted(text).as_bytes().to_vec()));
    }
    for source in &args.files {
        let (key, path) = file_source(source).map_err(|t| KustomizeError::invalid(file, t))?;
        found.push((key.to_owned(), loader.read(path)?));
    }
    let mut pairs = BTreeMap::new();
    for (key, bytes) in found {
        if pairs.contains_key(&key) {
            let text = format!("configmap {} illegally repeats the key `{key}`", args.name);
            return Err(KustomizeError::invalid(file, text));
        }
        pairs.insert(key, bytes);
    }
    Ok(pairs)
}

fn env_lines(
    file: &str,
    bytes: &[u8],
    found: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), KustomizeError> {
    for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(text) = std::str::from_utf8(line) else {
            let text = format!("line {} has invalid utf8 bytes", number + 1);
            return Err(KustomizeError::invalid(file, text));
        };
        let text = if number == 0 {
            text.trim_start_matches('\u{feff}')
        } else {
            text
        };
        let text = text.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if !valid_env_name(key) {
            let text = format!(
                "line {}: {key:?} is not a valid environment variable name",
                number + 1
            );
            return Err(KustomizeError::invalid(file, text));
        }
        found.push((key.to_owned(), value.as_bytes().to_vec()));
    }
    Ok(())
}

/// Key and path of a `files` entry: `path`, or `key=path`.
fn file_source(source: &str) -> Result<(&str, &str), String> {
    match source.split_once('=') {
        None => Ok((source.rsplit('/').next().unwrap_or(source), source)),
        Some((_, path)) if path.contains('=') => Err(format!(
            "source {source:?} key name or file path contains '='"
        )),
        Some(("", path)) => Err(format!(
            "missing key name for file path {path:?} in source {source:?}"
        )),
        Some((key, "")) => Err(format!(
            "missing file path for key name {key:?} in source {source:?}"
        )),
        Some((key, path)) => Ok((key, path)),
    }
}

fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote) {
            return &text[1..text.len() - 1];
        }
    }
    text
}

fn valid_key(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !key.is_empty()
        && key.len() <= 253
        && key != "."
        && !key.starts_with("..")
        && key.chars().all(fits)
}

fn valid_env_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name != "."
        && !name.starts_with("..")
        && name.chars().all(fits)
}

/// Base64, in lines where it is long.
fn wrapped(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    if text.len() < BASE64_LINE {
        return text;
    }
    let mut out = String::with_capacity(text.len() + text.len() / BASE64_LINE + 1);
    for (index, c) in text.chars().enumerate() {
        out.push(c);
        if (index + 1) % BASE64_LINE == 0 {
            out.push('\n');
        }
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// Adds the data of `old` that `new` does not have.
pub(crate) fn merge_data(new: &mut Value, old: &Value) {
    for field in ["data", "binaryData"] {
        let mut merged: Map<String, Value> = Map::new();
        for value in [old, &*new] {
            let entries = value
                .get(field)
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            merged.extend(entries.map(|(k, v)| (k.clone(), Value::String(scalar_text(v)))));
        }
        if let Value::Object(map) = new {
            if merged.is_empty() {
                map.remove(field);
            } else {
                map.insert(field.into(), Value::Object(merged));
            }
        }
    }
}
