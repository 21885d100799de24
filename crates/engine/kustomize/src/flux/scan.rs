//! The manifests of a folder that has no kustomization.

use crate::error::KustomizeError;
use crate::load::{FILE_NAMES, Loader, parse_resources};
use argosy_tree::{Mode, RelPath};

/// How many resources a generated kustomization may have.
const MAX_RESOURCES: usize = 100_000;
/// How deep folders may be nested.
const MAX_DEPTH: usize = 100;

/// Paths as the generated file has them, `./` in front, in the order of a walk.
pub(super) fn manifests(loader: &Loader<'_>) -> Result<Vec<String>, KustomizeError> {
    let mut found = Vec::new();
    walk(loader, &loader.root, ".", 0, &mut found)?;
    Ok(found)
}

fn walk(
    loader: &Loader<'_>,
    folder: &RelPath,
    shown: &str,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), KustomizeError> {
    if depth > MAX_DEPTH || found.len() > MAX_RESOURCES {
        let text = format!(
            "folders below `{}` hold too much",
            loader.shown(&loader.root)
        );
        return Err(KustomizeError::failed(text));
    }
    if loader.tree().look(folder)?.is_none() {
        return Err(KustomizeError::NotFound(loader.shown(folder)));
    }
    let mut names = loader.tree().names(folder)?;
    names.sort();
    for (name, mode) in names {
        let path = folder.child(&name);
        let shown = format!("{shown}/{name}");
        match mode {
            // A walk does not follow links to folders.
            Mode::Dir => {
                let mut built = false;
                for name in FILE_NAMES {
                    built |= loader.tree().is_file(&path.child(name))?;
                }
                if built {
                    found.push(shown);
                } else {
                    walk(loader, &path, &shown, depth + 1, found)?;
                }
            }
            Mode::File | Mode::Executable | Mode::Link
                if name.ends_with(".yaml") || name.ends_with(".yml") =>
            {
                let bytes = loader.tree().read(&path)?;
                let file = loader.shown(&path);
                parse_resources(&file, &bytes).map_err(|error| {
                    let text = format!("failed to decode Kubernetes YAML from {file}: {error}");
                    KustomizeError::invalid(&file, text)
                })?;
                found.push(shown);
            }
            _ => {}
        }
    }
    Ok(())
}
