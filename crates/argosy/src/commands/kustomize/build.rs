//! `argosy kustomize build`: the bytes of `kustomize build`, from Argosy's own engine.

use crate::session::Session;
use argosy_cli::Failure;
use argosy_git::DiskTree;
use argosy_kustomize::{BuildOptions, build, to_yaml};
use argosy_tree::{Limits, RelPath, Rooted};
use clap::Args;
use std::path::{Path, PathBuf};

/// Builds a kustomization, as `kustomize build` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy kustomize build ./overlays/production
  argosy kustomize build ./overlays/production -o out.yaml")]
pub struct BuildCommand {
    /// Its folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Write to a file instead
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Whether files may lie outside their kustomization's folder
    #[arg(long, default_value = "LoadRestrictionsRootOnly", value_parser = ["LoadRestrictionsRootOnly", "LoadRestrictionsNone"])]
    load_restrictor: String,
}

impl BuildCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let shown = self.dir.display();
        let doing = || format!("cannot build `{shown}`");
        let dir = self
            .dir
            .canonicalize()
            .map_err(|error| Failure::from_error(&error).while_doing(doing()))?;
        // Bases may lie above the folder, so the tree begins at the top; it is read as asked for.
        let tree = DiskTree::open(Path::new("/"))
            .map_err(|error| Failure::from_error(&error).while_doing(doing()))?;
        let reader = Rooted::new(&tree, Limits::default());
        let path = RelPath::new(&dir.to_string_lossy())
            .map_err(|error| Failure::from_error(&error).while_doing(doing()))?;
        let options = BuildOptions {
            load_anywhere: self.load_restrictor == "LoadRestrictionsNone",
            ..BuildOptions::default()
        };
        let built = build(&reader, &path, &options)
            .map_err(|error| Failure::from_error(&error).while_doing(doing()))?;
        let text = to_yaml(built.iter().map(|(object, _)| object.value()));
        match &self.output {
            None => session.print(&text)?,
            Some(file) => std::fs::write(file, text).map_err(|error| {
                Failure::from_error(&error).while_doing(format!("cannot write `{}`", file.display()))
            })?,
        }
        Ok(0)
    }
}
