//! A child process that ends with its owner.

use super::{RealApiError, io};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LOG_TAIL_BYTES: usize = 4000;
const POLL: Duration = Duration::from_millis(50);

/// A running program, killed and awaited on drop.
pub(super) struct Process {
    program: &'static str,
    child: Child,
    log: PathBuf,
}

/// A program that ended early or was not ready in time.
pub(super) struct Failure {
    pub program: &'static str,
    pub what: String,
    pub log: String,
}

impl Process {
    /// Starts `path`; its output goes to `NAME.log` in `folder`.
    pub fn start(
        program: &'static str,
        path: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Self, RealApiError> {
        let log = folder.join(format!("{program}.log"));
        let output = File::create(&log).map_err(|source| io("making a log file", source))?;
        let errors = output
            .try_clone()
            .map_err(|source| io("making a log file", source))?;
        let child = Command::new(path)
            .args(arguments)
            .current_dir(folder)
            .env_remove("KUBECONFIG")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|source| io(&format!("starting `{}`", path.display()), source))?;
        Ok(Self {
            program,
            child,
            log,
        })
    }

    /// Waits until `ready` says yes.
    pub fn wait_until(
        &mut self,
        deadline: Instant,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), Failure> {
        while !ready() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failure(format!("ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.failure("was not ready in time".to_owned()));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn failure(&self, what: String) -> Failure {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let tail = &text[text.len().saturating_sub(LOG_TAIL_BYTES)..];
        Failure {
            program: self.program,
            what,
            log: String::from_utf8_lossy(tail).into_owned(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails only where the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
