//! What a post-renderer sees, and what becomes of what it answers.
//!
//! Templates are files, a post-renderer wants one stream of objects. So each object is given the
//! name of its file as an annotation on its way there, and is filed by it on its way back.

use std::collections::BTreeMap;

use argosy_gotmpl::GoStr;
use argosy_yaml::{Limits, Written};

use crate::error::HelmError;
use crate::outside::PostRenderer;

const ANNOTATIONS: [&str; 2] = ["metadata", "annotations"];
/// The file of an object, on its way to a post-renderer and back.
const FILE: &str = "postrenderer.helm.sh/postrender-filename";
/// What kyaml takes off whatever it writes.
const OF_KYAML: [&str; 3] = [
    "config.kubernetes.io/index",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
];

/// Largest stream that is read back.
const MAX_BYTES: usize = 64 << 20;

/// The rendered files after the post-renderer.
pub(crate) fn apply(
    files: &BTreeMap<String, GoStr>,
    renderer: &PostRenderer,
) -> Result<BTreeMap<String, GoStr>, HelmError> {
    let failed = |what: &str, text: String| HelmError::PostRender(format!("{what}: {text}"));
    let stream = merge(files).map_err(|text| failed("error merging manifests", text))?;
    let answer = renderer(&stream)
        .map_err(|text| failed("error while running post render on files", text))?;
    divide(&answer).map_err(|text| failed("error while parsing post rendered output", text))
}

/// All objects of all files as one stream, each with the name of its file.
fn merge(files: &BTreeMap<String, GoStr>) -> Result<String, String> {
    let mut documents = Vec::new();
    for (file, text) in files {
        let text = text.lossy();
        let is_partial = file.rsplit('/').next().is_some_and(|n| n.starts_with('_'));
        if is_partial || text.trim().is_empty() {
            continue;
        }
        let found = parse(&with_separators(&text)).map_err(|e| format!("parsing {file}: {e}"))?;
        for mut document in found {
            annotate(&mut document, file);
            documents.push(document);
        }
    }
    Ok(write(documents))
}

fn annotate(document: &mut Written, file: &str) {
    document.set(&[ANNOTATIONS[0], ANNOTATIONS[1], FILE], file);
}

/// The objects of a stream by the file that their annotation names.
fn divide(stream: &str) -> Result<BTreeMap<String, GoStr>, String> {
    let mut files: BTreeMap<String, Vec<Written>> = BTreeMap::new();
    let documents = parse(stream).map_err(|text| format!("error parsing YAML: {text}"))?;
    for (number, mut document) in documents.into_iter().enumerate() {
        let path = [ANNOTATIONS[0], ANNOTATIONS[1], FILE];
        let file = document.get(&path).filter(|file| !file.is_empty());
        let file = match file {
            Some(file) => file.to_owned(),
            None => format!("generated-by-postrender-{number}.yaml"),
        };
        document.remove(&path, false);
        files.entry(file).or_default().push(document);
    }
    let written = |(file, documents)| (file, GoStr::from(write(documents)));
    Ok(files.into_iter().map(written).collect())
}

/// Puts a line break behind a `---` that has something on its line: a template that trims the
/// space behind it leaves `---apiVersion: v1`.
fn with_separators(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("---") {
            Some(rest)
                if rest.starts_with(|unit: char| !matches!(unit, '\n' | '\r' | ' ' | '\t')) =>
            {
                out.push_str("---\n");
                out.push_str(rest);
            }
            _ => out.push_str(line),
        }
    }
    out
}

/// The objects of a stream, as `kio.ParseAll` cuts and opens them.
fn parse(stream: &str) -> Result<Vec<Written>, String> {
    let text = stream.replace("\r\n", "\n");
    let parts = cut(&text)?;
    let limits = Limits {
        max_bytes: MAX_BYTES,
        ..Limits::default()
    };
    let mut documents = Vec::new();
    for part in &parts {
        let read = Written::read("", part, &limits)
            .map_err(|error| format!("MalformedYAMLError: {}", error.text))?;
        let Some(document) = read else { continue };
        if !document.is_mapping() {
            return Err("wrong node kind: expected MappingNode but was another".to_owned());
        }
        let is_list = matches!(document.get(&["kind"]), Some("List" | "ResourceList"));
        match document
            .items("items")
            .filter(|_| is_list && parts.len() == 1)
        {
            Some(items) => documents.extend(items),
            None => documents.push(document),
        }
    }
    Ok(documents)
}

/// Cuts a stream at the lines that begin with `---`, on which only a comment may follow.
fn cut(text: &str) -> Result<Vec<String>, String> {
    let mut parts = vec![String::new()];
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let last = parts.last_mut().ok_or("no document")?;
        match line.strip_prefix("---") {
            // The first line is no separator, and neither is one that the text ends in.
            Some(rest) if number > 0 && line.ends_with('\n') => {
                let rest = rest.trim();
                if !rest.is_empty() && !rest.starts_with('#') {
                    return Err(format!("invalid document separator: {}", line.trim()));
                }
                parts.push(String::new());
            }
            _ => last.push_str(line),
        }
    }
    Ok(parts)
}

/// The objects as `kio.StringAll` writes them.
fn write(documents: Vec<Written>) -> String {
    let mut out = String::new();
    for mut document in documents {
        for name in OF_KYAML {
            document.remove(&[ANNOTATIONS[0], ANNOTATIONS[1], name], false);
        }
        document.remove(&ANNOTATIONS, true);
        document.remove(&ANNOTATIONS[..1], true);
        if !out.is_empty() {
            out.push_str("---\n");
        }
        out.push_str(&document.to_string());
    }
    out
}

#[cfg(test)]
mod tests;
