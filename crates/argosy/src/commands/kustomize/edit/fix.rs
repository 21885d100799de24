//! `argosy kustomize edit fix`: what is deprecated is moved to what took its place.

use super::files;
use crate::session::Session;
use argosy_cli::Failure;
use argosy_git::DiskTree;
use argosy_kustomize::{BuildOptions, Edit, build, to_yaml};
use argosy_tree::{Limits, RelPath, Rooted};
use std::path::Path;

/// The largest file that variables are looked for in.
const MAX_BYTES: u64 = 16 << 20;

const FIXED: &str = "
Fixed fields:
  patchesJson6902 -> patches
  patchesStrategicMerge -> patches
  commonLabels -> labels
";

/// Fixes the kustomization of the current folder; with `vars`, the files that name variables, too.
///
/// Compat: a person is told where it builds to something else than before.
pub(super) fn run(session: &Session, vars: bool) -> Result<u8, Failure> {
    let name = files::kustomization()?;
    let mut file = files::parse(name)?;
    let before = outcome();
    let patches = file.strategic_patches().iter();
    let paths = patches.filter(|text| Path::new(text).is_file());
    let fix = Edit::Fix(paths.cloned().collect());
    file.edit(&fix)
        .map_err(|error| Failure::from_error(&error))?;
    if vars {
        let changed = file
            .vars_to_replacements(&mut read)
            .map_err(|error| Failure::from_error(&error))?;
        for (path, text) in changed {
            files::write(&path, &text)?;
        }
    }
    files::write(name, &file.to_text())?;
    session.print(FIXED)?;
    session.print(if vars {
        "  vars -> replacements\n"
    } else {
        "\n`kustomize edit fix --vars` turns vars into replacements, too: it changes the files that \
         name\nthem, so run it where Git can undo it.\n"
    })?;
    match (before, outcome()) {
        (_, Err(error)) => session.tell(&format!("warning: it does not build any more: {error}")),
        (Ok(before), Ok(after)) if before != after => {
            session.tell("warning: it builds to something else than before");
        }
        _ => {}
    }
    Ok(0)
}

/// A file of this machine, where it is one of a bearable size.
fn read(path: &str) -> Option<Vec<u8>> {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    std::fs::read(path).ok()
}

/// What the current folder builds to.
fn outcome() -> Result<String, String> {
    let folder = std::env::current_dir().map_err(|error| error.to_string())?;
    let tree = DiskTree::open(Path::new("/")).map_err(|error| error.to_string())?;
    let reader = Rooted::new(&tree, Limits::default());
    let path = RelPath::new(&folder.to_string_lossy()).map_err(|error| error.to_string())?;
    let options = BuildOptions {
        shown_root: "/".into(),
        ..BuildOptions::default()
    };
    let built = build(&reader, &path, &options).map_err(|error| error.to_string())?;
    Ok(to_yaml(built.objects.iter().map(|(o, _)| o.value())))
}
