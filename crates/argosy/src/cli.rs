//! The command line's outermost layer: global flags and the list of commands.

use crate::commands::{
    app, appset, bench, cluster, completion, debug, demo, helm, kustomize, project, render, repo,
    run, up, version,
};
use crate::deferred::Deferred;
use crate::session::Session;
use argosy_cli::{Failure, Flags, GitOptions};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Keeps a fleet of Kubernetes clusters in the state that Git declares.
#[derive(Parser)]
#[command(
    name = "argosy",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalFlags,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct GlobalFlags {
    /// Kubeconfig file of the hub [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context in the kubeconfig [default: the current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Namespace of the control plane [default: argocd]
    #[arg(long, global = true, value_name = "NAME")]
    pub hub_namespace: Option<String>,
    /// Settings file [default: $ARGOSY_CONFIG, then ~/.config/argosy/config.yaml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder whose Git repositories may be read by path or file:// URL (repeatable)
    #[arg(long, global = true, value_name = "DIR")]
    pub local_repos: Vec<PathBuf>,
    /// Read URLs that start with BASE from OTHER instead (repeatable)
    #[arg(long, global = true, value_name = "BASE=OTHER")]
    pub git_instead_of: Vec<String>,
    /// Time between two looks at a remote repository [default: 2m]
    #[arg(long, global = true, value_name = "TIME", value_parser = argosy_cli::parse_interval)]
    pub git_interval: Option<Duration>,
    /// The most bytes that one fetch may bring [default: 4Gi]
    #[arg(long, global = true, value_name = "SIZE", value_parser = argosy_cli::parse_bytes)]
    pub git_max_fetch: Option<u64>,
    /// The largest file that is read of a repository [default: 32Mi]
    #[arg(long, global = true, value_name = "SIZE", value_parser = argosy_cli::parse_bytes)]
    pub git_max_file: Option<u64>,
    /// Whether submodules are read [default: true]
    #[arg(long, global = true, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub git_submodules: Option<bool>,
    /// Ask your own ssh agent where a repository's credential has no key
    #[arg(long, global = true)]
    pub ssh_agent: bool,
    /// The OpenSSH client that ssh URLs are read with [default: ssh]
    #[arg(long, global = true, value_name = "FILE")]
    pub ssh_program: Option<PathBuf>,
    /// Host that kustomizations of Applications may name bases of (repeatable) [default: all]
    #[arg(long, global = true, value_name = "HOST")]
    pub remote_hosts: Vec<String>,
    /// No colours, even on a terminal
    #[arg(long, global = true)]
    pub no_color: bool,
}

impl GlobalFlags {
    /// As the settings take them.
    pub fn flags(&self) -> Flags {
        Flags {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespace: self.hub_namespace.clone(),
            config: self.config.clone(),
            local_repos: self.local_repos.clone(),
            git_instead_of: self.git_instead_of.clone(),
            git: GitOptions {
                interval: self.git_interval,
                max_fetch: self.git_max_fetch,
                max_file: self.git_max_file,
                submodules: self.git_submodules,
                ssh_agent: self.ssh_agent.then_some(true),
                ssh_program: self.ssh_program.clone(),
                environment: argosy_cli::GitEnvironment::default(),
            },
            remote_hosts: self.remote_hosts.clone(),
            no_color: self.no_color,
        }
    }
}

/// All commands.
#[derive(Subcommand)]
pub enum Command {
    /// A fleet that follows Git, on this machine, in a minute
    Demo(Deferred<demo::DemoCommand>),
    /// A hub and simulated clusters on this machine, with nothing installed
    Up(Deferred<up::UpCommand>),
    /// The controllers on an existing cluster
    Run(Deferred<run::RunCommand>),
    /// Applications
    #[command(subcommand, visible_alias = "application")]
    App(Deferred<app::AppCommand>),
    /// ApplicationSets
    #[command(subcommand, visible_alias = "applicationset")]
    Appset(Deferred<appset::AppsetCommand>),
    /// Clusters
    #[command(subcommand)]
    Cluster(Deferred<cluster::ClusterCommand>),
    /// Repositories
    #[command(subcommand)]
    Repo(Deferred<repo::RepoCommand>),
    /// Projects
    #[command(subcommand, visible_alias = "proj")]
    Project(Deferred<project::ProjectCommand>),
    /// A folder, rendered as an Application would
    Render(Deferred<render::RenderCommand>),
    /// Helm charts, rendered by Argosy's own engine
    Helm(Deferred<Box<helm::HelmCommand>>),
    /// Kustomizations, built by Argosy's own engine
    #[command(subcommand)]
    Kustomize(Deferred<kustomize::KustomizeCommand>),
    /// What Argosy costs on this machine
    #[command(subcommand)]
    Bench(Deferred<bench::BenchCommand>),
    /// One stage of an Application, replayed from a folder
    Debug(Deferred<debug::DebugCommand>),
    /// The version of this program
    Version(version::VersionCommand),
    /// A script that completes commands in a shell
    Completion(completion::CompletionCommand),
}

impl Command {
    /// Runs the command; gives the exit code.
    ///
    /// # Errors
    /// [`Failure`], whose code the program ends with.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::Demo(command) => command.0.run(session),
            Self::Up(command) => command.0.run(session),
            Self::Run(command) => command.0.run(session),
            Self::App(command) => command.0.run(session),
            Self::Appset(command) => command.0.run(session),
            Self::Cluster(command) => command.0.run(session),
            Self::Repo(command) => command.0.run(session),
            Self::Project(command) => command.0.run(session),
            Self::Render(command) => command.0.run(session),
            Self::Helm(command) => command.0.run(session),
            Self::Kustomize(command) => command.0.run(session),
            Self::Bench(command) => command.0.run(session),
            Self::Debug(command) => command.0.run(session),
            Self::Version(command) => command.run(session),
            Self::Completion(command) => command.run(session),
        }
    }
}

/// The exit code where the arguments are wrong. Compat: `kustomize` ends with 1.
pub fn usage_code(command: Option<&str>) -> u8 {
    match command {
        Some("kustomize") => 1,
        _ => argosy_cli::EXIT_FAILURE,
    }
}
