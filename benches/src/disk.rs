//! Folders read once, so that what is timed is rendering.

use anyhow::Context as _;
use argosy_tree::MemoryTree;
use std::path::Path;

/// The files of a folder; links that lead out of it are left out.
pub fn read(folder: &Path) -> anyhow::Result<MemoryTree> {
    let folder = folder.canonicalize()?;
    let mut files = Vec::new();
    collect(&folder, &folder, &mut files)
        .with_context(|| format!("cannot read {}", folder.display()))?;
    Ok(MemoryTree::new(files))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let Ok(real) = path.canonicalize() else {
            continue;
        };
        if !real.starts_with(root) {
            continue;
        }
        if real.is_dir() {
            collect(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            files.push((name, std::fs::read(&path)?));
        }
    }
    Ok(())
}
