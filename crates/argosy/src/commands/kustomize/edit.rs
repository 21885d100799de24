//! `argosy kustomize edit`: a kustomization changed in place, with the bytes of `kustomize edit`.

mod add;
mod files;
mod fix;
mod remove;
mod set;

use crate::session::Session;
use argosy_cli::Failure;
use argosy_kustomize::Edit;
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
        /// Turn vars into replacements, too; the files that name them are changed
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
            Verb::Set { what } => what.edit()?,
            Verb::Remove { what } => what.edit(),
            Verb::Fix { vars } => return fix::run(session, vars),
        };
        // Compat: where nothing fits, the kustomization is not even read.
        if matches!(&edit, Edit::AddPaths(_, paths) if paths.is_empty()) {
            return Ok(0);
        }
        let name = files::kustomization()?;
        let mut file = files::parse(name)?;
        let edited = file
            .edit(&edit)
            .map_err(|error| Failure::from_error(&error))?;
        for line in edited.told {
            session.tell(&line);
        }
        if edited.is_untouched {
            return Ok(0);
        }
        files::write(name, &file.to_text())?;
        Ok(0)
    }
}
