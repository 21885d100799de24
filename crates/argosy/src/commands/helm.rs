//! `argosy helm`: the commands of helm, with its flags, words and exit codes.

mod access;
mod arguments;
mod charts;
mod clock;
mod dependency;
mod flags;
mod get;
mod history;
mod index;
mod install;
mod kube;
mod lint;
mod list;
mod log;
mod operate;
mod outside;
mod package;
mod plugin;
mod provenance;
mod pull;
mod registry;
mod repo;
mod repositories;
mod rollback;
mod search;
mod show;
mod status;
mod table;
mod tables;
mod template;
mod test;
mod uitable;
mod uninstall;
mod update;
mod upgrade;
mod view;

pub use arguments::plain as plain_arguments;

use crate::session::Session;
use argosy_cli::Failure;
use clap::{Args, Subcommand};

/// Helm charts, rendered by Argosy's own engine.
#[derive(Args)]
pub struct HelmCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    flags: flags::HelmFlags,
}

#[derive(Subcommand)]
enum Verb {
    /// Renders a chart, as `helm template` does
    Template(Box<template::TemplateCommand>),
    /// Looks for faults in charts, as `helm lint` does
    Lint(lint::LintCommand),
    /// Shows what a chart says of itself, as `helm show` does
    #[command(
        subcommand,
        visible_alias = "inspect",
        after_help = "Examples:
  argosy helm show chart ./chart
  argosy helm show values ./chart-1.2.3.tgz"
    )]
    Show(show::ShowCommand),
    /// Lists and fetches what a chart depends on, as `helm dependency` does
    #[command(subcommand, visible_aliases = ["dep", "dependencies"], after_help = "Examples:
  argosy helm dependency list ./chart
  argosy helm dependency update ./chart")]
    Dependency(dependency::DependencyCommand),
    /// Packs charts into archives, as `helm package` does
    Package(Box<package::PackageCommand>),
    /// Installs a chart, as `helm install` does
    Install(Box<install::InstallCommand>),
    /// Upgrades a release, as `helm upgrade` does
    Upgrade(Box<upgrade::UpgradeCommand>),
    /// Rolls a release back, as `helm rollback` does
    Rollback(Box<rollback::RollbackCommand>),
    /// Uninstalls releases, as `helm uninstall` does
    #[command(visible_aliases = ["un", "del", "delete"])]
    Uninstall(Box<uninstall::UninstallCommand>),
    /// Lists releases, as `helm list` does
    #[command(visible_alias = "ls")]
    List(Box<list::ListCommand>),
    /// Lists the revisions of a release, as `helm history` does
    #[command(visible_alias = "hist")]
    History(history::HistoryCommand),
    /// Shows a release and its objects, as `helm status` does
    Status(status::StatusCommand),
    /// Shows what is recorded of a release, as `helm get` does
    #[command(
        subcommand,
        after_help = "Examples:
  argosy helm get values web -n shop
  argosy helm get manifest web --revision 2"
    )]
    Get(get::GetCommand),
    /// Runs the tests of a release, as `helm test` does
    Test(test::TestCommand),
    /// Fetches charts, as `helm pull` does
    #[command(visible_alias = "fetch")]
    Pull(Box<pull::PullCommand>),
    /// Sends a packed chart to a registry, as `helm push` does
    Push(Box<registry::PushCommand>),
    /// Logs in to and out of registries, as `helm registry` does
    #[command(
        subcommand,
        after_help = "Examples:
  argosy helm registry login registry.example.com -u me --password-stdin < token.txt
  argosy helm registry logout registry.example.com"
    )]
    Registry(registry::RegistryCommand),
    /// Adds, lists, updates, removes and indexes chart repositories, as `helm repo` does
    #[command(
        subcommand,
        after_help = "Examples:
  argosy helm repo add stable https://charts.example.com
  argosy helm repo index ./packed --url https://charts.example.com"
    )]
    Repo(repo::RepoCommand),
    /// Looks for charts, as `helm search` does
    #[command(
        subcommand,
        after_help = "Examples:
  argosy helm search repo web --versions"
    )]
    Search(search::SearchCommand),
    /// Checks the provenance of a packed chart, as `helm verify` does
    Verify(provenance::VerifyCommand),
}

/// Compat: what helm ends with.
const EXIT_ERROR: u8 = 1;

/// A failed command, in helm's words.
pub(crate) struct HelmFailure(String);

type Outcome = Result<(), HelmFailure>;

impl<T: std::fmt::Display> From<T> for HelmFailure {
    fn from(error: T) -> Self {
        Self(error.to_string())
    }
}

impl HelmCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        let context = flags::Context::new(&self.flags, session);
        let outcome = match self.verb {
            Verb::Template(command) => command.run(&context),
            Verb::Lint(command) => command.run(&context),
            Verb::Show(command) => command.run(&context),
            Verb::Dependency(command) => command.run(&context),
            Verb::Package(command) => command.run(&context),
            Verb::Install(command) => command.run(&context),
            Verb::Upgrade(command) => command.run(&context),
            Verb::Rollback(command) => command.run(&context),
            Verb::Uninstall(command) => command.run(&context),
            Verb::List(command) => command.run(&context),
            Verb::History(command) => command.run(&context),
            Verb::Status(command) => command.run(&context),
            Verb::Get(command) => command.run(&context),
            Verb::Test(command) => command.run(&context),
            Verb::Pull(command) => command.run(&context),
            Verb::Push(command) => command.run(&context),
            Verb::Registry(command) => command.run(&context),
            Verb::Repo(command) => command.run(&context),
            Verb::Search(command) => command.run(&context),
            Verb::Verify(command) => command.run(&context),
        };
        match outcome {
            Ok(()) => Ok(0),
            Err(HelmFailure(text)) => {
                session.tell(&format!("Error: {}", printable(text.trim_end())));
                Ok(EXIT_ERROR)
            }
        }
    }
}

/// What helm says of a wrong command line, and what it ends with; `None` where it is no error.
pub fn usage_error(error: &clap::Error) -> Option<(String, u8)> {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => flag.clone(),
        _ => String::new(),
    };
    let text = match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::UnknownArgument if flag.starts_with("--") => format!("unknown flag: {flag}"),
        ErrorKind::UnknownArgument if flag.starts_with('-') => {
            let letter = flag.chars().nth(1).unwrap_or('-');
            format!("unknown shorthand flag: '{letter}' in {flag}")
        }
        _ => {
            let text = error.to_string();
            text.strip_prefix("error: ")
                .unwrap_or(&text)
                .trim_end()
                .to_owned()
        }
    };
    Some((format!("Error: {text}\n"), EXIT_ERROR))
}

/// A failure of the operating system, in Go's words.
fn io_text(doing: &str, path: &str, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let reason = match error.kind() {
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => return format!("read {path}: is a directory"),
        ErrorKind::NotADirectory => "not a directory".to_owned(),
        _ => error.to_string(),
    };
    format!("{doing} {path}: {reason}")
}

/// Text of charts and servers must not command the terminal.
fn printable(text: &str) -> String {
    let keep = |unit: char| !unit.is_control() || matches!(unit, '\n' | '\t');
    text.chars()
        .map(|unit| if keep(unit) { unit } else { ' ' })
        .collect()
}
