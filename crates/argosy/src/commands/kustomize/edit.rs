//! `argosy kustomize edit`: a kustomization changed in place, with the bytes of `kustomize edit`.

mod add;
mod files;
mod remove;
mod set;

use crate::session::Session;
use argosy_cli::Failure;
use argosy_kustomize::{Edit, KustomizationFile};
use clap::{Args, Subcommand};

/// Changes the kustomization of the current folder, as `kustomize edit` does
#[derive(Args)]
pub struct EditCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Adds an item
    Add {
        #[command(subcommand)]
        what: add::Add,
    },
    /// Sets the value of a field
    Set {
        #[command(subcommand)]
        what: set::Set,
    },
    /// Removes items
    Remove {
        #[command(subcommand)]
        what: remove::Remove,
    },
    /// Moves what deprecated fields hold to those that took their place
    Fix {
        /// Turn vars into replacements, too
        #[arg(long)]
        vars: bool,
    },
}

impl EditCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        self.edit(session).map_err(super::ended)
    }

    fn edit(self, session: &Session) -> Result<u8, Failure> {
        let edit = match self.verb {
            Verb::Add { what } => what.edit(session)?,
            Verb::Set { what } => Some(what.edit()?),
            Verb::Remove { what } => Some(what.edit()),
            Verb::Fix { vars: true } => {
                return Err(Failure::new(
                    "`--vars` is not supported: write replacements by hand",
                ));
            }
            Verb::Fix { vars: false } => None,
        };
        let name = files::kustomization()?;
        let bytes =
            std::fs::read(name).map_err(|error| files::failed("cannot read", name, &error))?;
        let mut file =
            KustomizationFile::parse(name, &bytes).map_err(|error| Failure::from_error(&error))?;
        let edit = match edit {
            Some(edit) => edit,
            None => {
                let patches = file.strategic_patches().iter();
                let paths = patches.filter(|text| std::path::Path::new(text).is_file());
                Edit::Fix(paths.cloned().collect())
            }
        };
        let edited = file
            .edit(&edit)
            .map_err(|error| Failure::from_error(&error))?;
        for line in edited.told {
            session.tell(&line);
        }
        if edited.is_untouched {
            return Ok(0);
        }
        std::fs::write(name, file.to_text())
            .map_err(|error| files::failed("cannot write", name, &error))?;
        if matches!(edit, Edit::Fix(_)) {
            session.print(FIXED)?;
        }
        Ok(0)
    }
}

const FIXED: &str = "
Fixed fields:
  patchesJson6902 -> patches
  patchesStrategicMerge -> patches
  commonLabels -> labels
";
