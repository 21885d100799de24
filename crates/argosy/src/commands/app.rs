//! `argosy app`.

mod create;
mod delete;
mod diff;
mod get;
mod history;
mod list;
mod manifests;
mod refresh;
mod resources;
mod rollback;
mod sync;
mod terminate;
mod wait;

use crate::session::{Session, parse_duration};
use argosy_cli::hub::{AppFilter, Hub};
use argosy_cli::{Failure, Format, Progress, to_pretty_json, view};
use argosy_object::Object;
use clap::{Args, Subcommand};
use std::time::Duration;

/// Applications.
#[derive(Subcommand)]
pub enum AppCommand {
    /// All applications
    #[command(visible_alias = "ls")]
    List(list::ListCommand),
    /// One application
    Get(get::GetCommand),
    /// Makes an application
    Create(Box<create::CreateCommand>),
    /// Deletes applications, with their resources unless told otherwise
    Delete(delete::DeleteCommand),
    /// Compares with Git again
    Refresh(refresh::RefreshCommand),
    /// Brings applications to what Git says
    Sync(Box<sync::SyncCommand>),
    /// Waits for applications
    Wait(wait::WaitCommand),
    /// Revisions that were deployed
    History(history::HistoryCommand),
    /// Brings an application back to an earlier revision
    Rollback(rollback::RollbackCommand),
    /// Ends the operation that is under way
    #[command(name = "terminate-op")]
    Terminate(terminate::TerminateCommand),
    /// The manifests that Git holds, or the live ones
    Manifests(manifests::ManifestsCommand),
    /// Resources of an application
    Resources(resources::ResourcesCommand),
    /// What a sync would change: ends with 1 where something differs, with 2 on an error
    Diff(diff::DiffCommand),
}

impl AppCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::List(command) => command.run(session),
            Self::Get(command) => command.run(session),
            Self::Create(command) => command.run(session),
            Self::Delete(command) => command.run(session),
            Self::Refresh(command) => command.run(session),
            Self::Sync(command) => command.run(session),
            Self::Wait(command) => command.run(session),
            Self::History(command) => command.run(session),
            Self::Rollback(command) => command.run(session),
            Self::Terminate(command) => command.run(session),
            Self::Manifests(command) => command.run(session),
            Self::Resources(command) => command.run(session),
            Self::Diff(command) => command.run(session),
        }
    }
}

/// Who asks, as operations record it.
const USER: &str = "argosy-cli";

/// One application, named.
#[derive(Args)]
struct OneApp {
    /// Its name, or NAMESPACE/NAME
    name: String,
    /// Its namespace
    #[arg(short = 'N', long, value_name = "NAME")]
    app_namespace: Option<String>,
}

impl OneApp {
    async fn find(&self, hub: &Hub) -> Result<Object, Failure> {
        hub.app(&self.name, self.app_namespace.as_deref()).await
    }
}

/// Several applications, named or selected.
#[derive(Args)]
struct SomeApps {
    /// Their names, or NAMESPACE/NAME
    names: Vec<String>,
    /// Those with these labels
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Those of this project (repeatable)
    #[arg(long, value_name = "NAME")]
    project: Vec<String>,
    /// Their namespace
    #[arg(short = 'N', long, value_name = "NAME")]
    app_namespace: Option<String>,
}

impl SomeApps {
    async fn find(&self, hub: &Hub) -> Result<Vec<Object>, Failure> {
        if self.names.is_empty() {
            if self.selector.is_none() && self.project.is_empty() {
                return Err(Failure::new("no application is named")
                    .hint("give names, or select with `-l` or `--project`"));
            }
            let filter = AppFilter {
                namespace: self.app_namespace.clone(),
                selector: self.selector.clone(),
                projects: self.project.clone(),
                ..AppFilter::default()
            };
            let found = hub.apps(&filter).await?;
            return if found.is_empty() {
                Err(Failure::new("no application fits the selection"))
            } else {
                Ok(found)
            };
        }
        let mut found = Vec::new();
        for name in &self.names {
            found.push(hub.app(name, self.app_namespace.as_deref()).await?);
        }
        Ok(found)
    }
}

/// How long to wait.
#[derive(Args)]
struct Patience {
    /// Give up after this time: seconds, or 30s, 5m [default: never]
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = parse_duration)]
    timeout: Duration,
}

/// Prints one application.
fn print_app(
    session: &Session,
    app: &Object,
    format: Format,
    show_operation: bool,
) -> Result<(), Failure> {
    session.print(&match format {
        Format::Json => to_pretty_json(&view::without_managed_fields(app)),
        Format::Yaml => argosy_yaml::to_string(&view::without_managed_fields(app)),
        Format::Name => format!("{}\n", view::qualified(app)),
        Format::Table | Format::Wide => view::app::summary(app, show_operation, &session.terminal),
    })
}

/// One line about where an application stands.
fn show(progress: &mut Progress, app: &Object) {
    let text = |pointer: &str| {
        let found = app.pointer(pointer).and_then(argosy_object::Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let (phase, operation) = (
        text("/status/operationState/phase"),
        text("/status/operationState/message"),
    );
    let health = text("/status/health/message");
    let parts = [
        format!(
            "{}: {}, {}",
            app.name(),
            view::app::sync_word(app),
            view::app::health_word(app)
        ),
        phase,
        operation,
        health,
    ];
    let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    progress.show(&said.join(" · "));
}
