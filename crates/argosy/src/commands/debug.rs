//! `argosy debug STAGE --case DIR`: one stage of an Application, replayed from a folder.
//!
//! A bug report is a folder, and a fixed one becomes a test. Nothing is asked of a hub, a cluster
//! or a repository, and no clock is read: what the folder holds is all there is.

mod case;
mod stages;

use crate::session::Session;
use argosy_cli::{EXIT_DIFF_ERROR, EXIT_DIFFERS, Failure};
use argosy_diff::unified_diff;
use case::Case;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Replays one stage from a folder and compares its outcome with the expected one.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy debug render --case ./case
  argosy debug plan --case ./case --update

A case is a folder:
  stage          the stage's name, where the folder is about one
  request.yaml   application, and optionally project, destination, kubeVersion, apiVersions,
                 crds, sync
  tree/          the files of the first source (tree-2/ of the second, and so on)
  live.yaml      the live objects
  now            the time, such as 2026-01-31T12:00:00Z
  expected.yaml  the outcome; --update writes it

Ends with 1 where the outcome is another than expected, with 2 on an error.")]
pub struct DebugCommand {
    /// The stage
    stage: Stage,
    /// The case's folder
    #[arg(long, value_name = "DIR")]
    case: PathBuf,
    /// Write the outcome to expected.yaml
    #[arg(long)]
    update: bool,
}

/// A stage that needs nothing but its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// Files become objects
    Render,
    /// Objects get namespace and tracking id, and are held against the project's rules
    Desired,
    /// Desired objects are compared with live ones
    Compare,
    /// What a sync would do, in which order
    Plan,
    /// Health of the live objects and of the whole
    Health,
}

impl Stage {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Render => "render",
            Self::Desired => "desired",
            Self::Compare => "compare",
            Self::Plan => "plan",
            Self::Health => "health",
        }
    }
}

impl DebugCommand {
    /// Replays the stage; 1 where its outcome is not the expected one.
    ///
    /// # Errors
    /// [`Failure`] with code 2 where the case cannot be read. A stage's own error is an outcome.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        self.replay(session).map_err(|failure| failure.code(EXIT_DIFF_ERROR))
    }

    fn replay(self, session: &Session) -> Result<u8, Failure> {
        let case = Case::read(&self.case)?;
        if let Some(named) = &case.stage
            && named != self.stage.as_str()
        {
            return Err(Failure::new(format!(
                "`{}` is a case of stage `{named}`, not `{}`",
                self.case.display(),
                self.stage.as_str()
            )));
        }
        let outcome = argosy_yaml::to_string(&stages::replay(&case, self.stage));
        if self.update {
            case.write_expected(&outcome)?;
        }
        let expected = case.expected()?;
        match expected {
            None => session.print(&outcome)?,
            Some(expected) if expected == outcome => {
                session.tell(&format!("{}: as expected", self.stage.as_str()));
            }
            Some(expected) => {
                session.print(&unified_diff("expected", &expected, "outcome", &outcome))?;
                return Ok(EXIT_DIFFERS);
            }
        }
        Ok(0)
    }
}
