//! Files and patterns of files in the current folder.

use argosy_cli::Failure;
use argosy_kustomize::KustomizationFile;
use std::path::Path;

/// The longest list of files that a pattern may stand for.
const MAX_FOUND: usize = 10_000;

/// The name of the current folder's kustomization.
pub(super) fn kustomization() -> Result<&'static str, Failure> {
    let mut found = argosy_kustomize::FILE_NAMES
        .into_iter()
        .filter(|name| Path::new(name).exists());
    match (found.next(), found.next()) {
        (Some(name), None) if Path::new(name).is_dir() => {
            Err(Failure::new(format!("{name} should be a file")))
        }
        (Some(name), None) => Ok(name),
        (None, _) => Err(Failure::new(
            "Missing kustomization file 'kustomization.yaml'.",
        )),
        (Some(one), Some(two)) => Err(Failure::new(format!(
            "Found multiple kustomization file: [{one} {two}]"
        ))),
    }
}

/// Reads the kustomization.
pub(super) fn parse(name: &str) -> Result<KustomizationFile, Failure> {
    let bytes = std::fs::read(name).map_err(|error| failed("cannot read", name, &error))?;
    KustomizationFile::parse(name, &bytes).map_err(|error| Failure::from_error(&error))
}

/// Writes a file.
pub(super) fn write(name: &str, text: &str) -> Result<(), Failure> {
    std::fs::write(name, text).map_err(|error| failed("cannot write", name, &error))
}

fn failed(doing: &str, name: &str, error: &std::io::Error) -> Failure {
    Failure::from_error(error).while_doing(format!("{doing} `{name}`"))
}

/// What patterns stand for; what fits nothing must be a folder elsewhere or a URL.
///
/// Compat: upstream fetches URLs to see whether they are there; here they are taken as they are.
pub(super) fn expand(patterns: &[String], verify: bool) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for pattern in patterns {
        if !verify {
            found.push(pattern.clone());
            continue;
        }
        let files = glob(pattern)?;
        if !files.is_empty() {
            found.extend(files);
        } else if argosy_kustomize::is_remote(pattern) {
            found.push(pattern.clone());
        } else {
            let path = std::path::absolute(pattern).unwrap_or_else(|_| pattern.into());
            let path = path.display();
            return Err(Failure::new(format!(
                "{pattern} has no match: must build at directory: not a valid directory: \
                 evalsymlink failure on '{path}' : lstat {path}: no such file or directory"
            )));
        }
    }
    Ok(found)
}

/// The files and folders that a pattern fits, sorted; hidden ones only where it names such.
pub(super) fn glob(pattern: &str) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    walk(String::new(), pattern, &mut found)?;
    let hidden = |path: &String| {
        path.split('/')
            .any(|part| part.starts_with('.') && part != "." && part != "..")
    };
    if !hidden(&pattern.to_owned()) {
        found.retain(|path| !hidden(path));
    }
    Ok(found)
}

fn walk(before: String, rest: &str, found: &mut Vec<String>) -> Result<(), Failure> {
    let (part, rest) = match rest.split_once('/') {
        Some((part, rest)) => (part, Some(rest)),
        None => (rest, None),
    };
    let step = |name: &str, found: &mut Vec<String>| match rest {
        Some(rest) => walk(format!("{before}{name}/"), rest, found),
        None => {
            let path = format!("{before}{name}");
            if std::fs::symlink_metadata(&path).is_ok() && found.len() < MAX_FOUND {
                found.push(path);
            }
            Ok(())
        }
    };
    if !part.contains(['*', '?', '[', '\\']) {
        return step(part, found);
    }
    let folder = if before.is_empty() {
        "."
    } else {
        before.as_str()
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| argosy_kustomize::fits_pattern(part, name))
        .collect();
    names.sort();
    names.iter().try_for_each(|name| step(name, found))
}

/// `--from-file` with its patterns expanded. A key stands for one file.
pub(super) fn file_sources(sources: &[String]) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for source in sources {
        match source.split_once('=') {
            None => found.extend(glob(source)?),
            Some((key, pattern)) => match glob(pattern)?.as_slice() {
                [one] => found.push(format!("{key}={one}")),
                files => {
                    return Err(Failure::new(format!(
                        "failed to expand file source: 'pattern '{source}' catches files [{}], \
                         should catch only one",
                        files.join(" ")
                    )));
                }
            },
        }
    }
    for source in &found {
        let path = source
            .split_once('=')
            .map_or(source.as_str(), |(_, path)| path);
        readable(path)?;
    }
    Ok(found)
}

/// Refuses a file that is not there.
pub(super) fn readable(path: &str) -> Result<(), Failure> {
    if Path::new(path).is_file() {
        return Ok(());
    }
    Err(Failure::new(format!("`{path}` is not a file")))
}
