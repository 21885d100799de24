//! `argosy app diff`.

use super::OneApp;
use crate::pipeline::{self, Overrides};
use crate::session::Session;
use argosy_cli::{EXIT_DIFF_ERROR, EXIT_DIFFERS, Failure, view};
use argosy_crds::SyncCode;
use argosy_diff::{Row, unified_diff};
use argosy_object::{Object, Value};
use clap::{ArgAction, Args};
use std::path::PathBuf;
use std::time::Duration;

/// How long a refresh may take.
const REFRESH: Duration = Duration::from_secs(120);

/// What a sync would change.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app diff guestbook
  argosy app diff guestbook --revision feature
  argosy app diff guestbook --local ./deploy")]
pub struct DiffCommand {
    #[command(flatten)]
    app: OneApp,
    /// Another revision than the target
    #[arg(long)]
    revision: Option<String>,
    /// A folder of this machine instead of the repository's path
    #[arg(long, value_name = "DIR", conflicts_with = "revision")]
    local: Option<PathBuf>,
    /// Compare with Git first
    #[arg(long)]
    refresh: bool,
    /// Compare with Git first, and render anew
    #[arg(long)]
    hard_refresh: bool,
    /// End with 1 where something differs
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    exit_code: bool,
}

impl DiffCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let exit_code = self.exit_code;
        match self.diff(session) {
            Ok(differs) => Ok(if differs && exit_code {
                EXIT_DIFFERS
            } else {
                0
            }),
            Err(failure) => Err(failure.code(EXIT_DIFF_ERROR)),
        }
    }

    fn diff(self, session: &Session) -> Result<bool, Failure> {
        let overrides = Overrides {
            revision: self.revision,
            local: self.local,
        };
        let compared = session.block_on(async {
            let connected = session.connect()?;
            let mut app = self.app.find(&connected.hub).await?;
            if self.refresh || self.hard_refresh {
                let hard = self.hard_refresh;
                app = connected.hub.refresh_app(&app, hard, REFRESH).await?;
            }
            pipeline::compare(session, &connected, &app, &overrides).await
        })?;
        let mut differs = false;
        for row in &compared.comparison.rows {
            if let Some(error) = &row.error {
                return Err(Failure::new(format!(
                    "`{}` cannot be compared: {error}",
                    row.key
                )));
            }
            if row.code != Some(SyncCode::OutOfSync) || row.is_ignored {
                continue;
            }
            differs = true;
            session.print(&difference(row))?;
        }
        Ok(differs)
    }
}

/// `Compat:` the line above each difference is Argo CD's.
fn difference(row: &Row) -> String {
    let shown = |object: Option<&Object>| {
        object.map_or_else(String::new, |object| {
            argosy_yaml::to_string(&view::without_managed_fields(object))
        })
    };
    let live = shown(row.live.as_ref());
    let target = match (&row.predicted, &row.desired) {
        (_, None) => String::new(),
        (Some(predicted), _) => shown(Some(&Object::from_trusted(Value::clone(predicted)))),
        (None, Some(desired)) => shown(Some(&desired.object)),
    };
    let key = &row.key;
    format!(
        "\n===== {}/{} {}/{} ======\n{}",
        key.group,
        key.kind,
        key.namespace_or_empty(),
        key.name,
        unified_diff("live", &live, "target", &target)
    )
}
