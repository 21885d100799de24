//! Heads and sizes of Rust files: each says why it exists, and none outgrows its reader.

use super::functions::{Function, functions};
use anyhow::Context as _;
use std::fs;
use std::path::Path;

/// Longest file.
const MAX_FILE_LINES: usize = 800;
/// Nine files of ten are no longer.
const MAX_NINETIETH: usize = 500;
/// A function that is longer is counted.
const LONG_FUNCTION_LINES: usize = 100;
/// At most one function in so many may be long.
const LONG_FUNCTION_SHARE: usize = 100;

/// Files that are tables rather than code, and may be longer: the path and what it lists.
const TABLES: &[(&str, &str)] = &[];

/// Folders that hold Rust files of ours.
const FOLDERS: [&str; 3] = ["crates", "conformance", "xtask"];

/// One file, measured.
#[derive(Debug)]
pub struct File {
    path: String,
    has_head: bool,
    lines: usize,
    functions: Vec<Function>,
}

/// Reads and measures all Rust files.
///
/// # Errors
/// Where a folder or file cannot be read.
pub fn read(root: &Path) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        walk(root, &root.join(folder), &mut files)?;
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if name != "target" && name != "node_modules" {
                walk(root, &path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let path = path.strip_prefix(root).unwrap_or(&path);
            files.push(measure(&path.to_string_lossy(), &text));
        }
    }
    Ok(())
}

fn measure(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        has_head: text.starts_with("//!"),
        lines: text.lines().count(),
        functions: functions(text),
    }
}

/// Every rule that a file or all files together break.
pub fn faults(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files {
        if !file.has_head {
            faults.push(format!(
                "{}:1: no `//!` says why this file exists",
                file.path
            ));
        }
        let is_table = TABLES.iter().any(|(path, _)| *path == file.path);
        if file.lines > MAX_FILE_LINES && !is_table {
            faults.push(format!(
                "{}: {} lines, at most {MAX_FILE_LINES}",
                file.path, file.lines
            ));
        }
    }
    let ninetieth = ninetieth(files);
    if ninetieth > MAX_NINETIETH {
        faults.push(format!(
            "nine files of ten have up to {ninetieth} lines, at most {MAX_NINETIETH}"
        ));
    }
    let all: usize = files.iter().map(|file| file.functions.len()).sum();
    let long = long_functions(files);
    if long.len() * LONG_FUNCTION_SHARE > all {
        faults.push(format!(
            "{} of {all} functions are longer than {LONG_FUNCTION_LINES} lines, at most one in \
             {LONG_FUNCTION_SHARE}",
            long.len()
        ));
        faults.extend(long);
    }
    faults
}

/// The figures for people.
pub fn report(files: &[File]) -> String {
    let all: usize = files.iter().map(|file| file.functions.len()).sum();
    let longest = files.iter().max_by_key(|file| file.lines);
    let long = long_functions(files);
    let mut text = format!(
        "files: {}, 90th percentile {} lines, longest {}\nfunctions: {all}, over \
         {LONG_FUNCTION_LINES} lines: {}",
        files.len(),
        ninetieth(files),
        longest.map_or_else(String::new, |file| format!(
            "{} ({})",
            file.lines, file.path
        )),
        long.len()
    );
    for function in long {
        text.push_str("\n  ");
        text.push_str(&function);
    }
    text
}

fn long_functions(files: &[File]) -> Vec<String> {
    let of_file = |file: &File| {
        let path = file.path.clone();
        let long = file
            .functions
            .iter()
            .filter(|function| function.lines > LONG_FUNCTION_LINES);
        let told =
            long.map(move |f| format!("{path}:{}: `{}` has {} lines", f.line, f.name, f.lines));
        told.collect::<Vec<_>>()
    };
    files.iter().flat_map(of_file).collect()
}

fn ninetieth(files: &[File]) -> usize {
    let mut lines: Vec<usize> = files.iter().map(|file| file.lines).collect();
    lines.sort_unstable();
    lines.get(lines.len() * 9 / 10).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headless_and_long_files_are_named() {
        let long = format!("//! Long.\n{}", "\n".repeat(900));
        let files = [
            measure("a.rs", "fn a() {}\n"),
            measure("b.rs", &long),
            measure("c.rs", "//! C.\n"),
        ];
        let faults = faults(&files);
        assert_eq!(faults[0], "a.rs:1: no `//!` says why this file exists");
        assert_eq!(faults[1], "b.rs: 901 lines, at most 800");
    }

    #[test]
    fn one_long_function_in_few_is_too_much() {
        let body = "    x();\n".repeat(101);
        let text = format!("//! Head.\nfn long() {{\n{body}}}\nfn short() {{}}\n");
        let faults = faults(&[measure("a.rs", &text)]);
        assert!(
            faults
                .iter()
                .any(|fault| fault == "a.rs:2: `long` has 103 lines"),
            "{faults:#?}"
        );
    }
}
