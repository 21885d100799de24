//! `kustomize build DIR` on a folder of the disk, to compare with the real tool.
//!
//! The tree's root is the nearest folder above that has a `.runs` file, or the folder itself.

use argosy_kustomize::{BuildOptions, build, to_yaml};
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = std::env::args().next_back().ok_or("a folder is needed")?;
    let folder = std::fs::canonicalize(argument)?;
    let root = folder
        .ancestors()
        .find(|a| a.join(".runs").exists())
        .unwrap_or(&folder);
    let mut files = Vec::new();
    collect(root, &mut files)?;
    let files = files.into_iter().map(|path: PathBuf| {
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        let bytes = std::fs::read(&path).unwrap_or_default();
        (name, bytes)
    });
    let tree = MemoryTree::new(files);
    let rooted = Rooted::new(&tree, Limits::default());
    let folder = RelPath::new(&folder.strip_prefix(root)?.to_string_lossy())?;
    let built = build(&rooted, &folder, &BuildOptions::default())?;
    let text = to_yaml(built.objects.iter().map(|(object, _)| object.value()));
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
