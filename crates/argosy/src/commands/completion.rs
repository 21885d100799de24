//! `argosy completion SHELL`.

use crate::cli::Cli;
use crate::session::Session;
use argosy_cli::Failure;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// A script that completes commands in a shell.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy completion bash > ~/.local/share/bash-completion/completions/argosy
  argosy completion zsh > ~/.zfunc/_argosy")]
pub struct CompletionCommand {
    /// The shell: bash, elvish, fish, powershell or zsh
    shell: Shell,
}

impl CompletionCommand {
    /// Prints the script.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        let mut script = Vec::new();
        let mut program = Cli::command();
        program.build();
        clap_complete::generate(self.shell, &mut program, "argosy", &mut script);
        session.print(&String::from_utf8_lossy(&script))?;
        Ok(0)
    }
}
