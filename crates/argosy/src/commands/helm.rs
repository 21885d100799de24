//! `argosy helm`.

mod template;

use crate::session::Session;
use argosy_cli::Failure;
use clap::Subcommand;

/// Helm charts, rendered by Argosy's own engine.
#[derive(Subcommand)]
pub enum HelmCommand {
    /// Renders a chart, as `helm template` does
    Template(Box<template::TemplateCommand>),
}

impl HelmCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::Template(command) => command.run(session),
        }
    }
}
