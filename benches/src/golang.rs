//! Loops in Go over the same libraries that helm and kustomize are made of.

use anyhow::Context as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A loop that is built: it reads a case a line and answers with milliseconds, or `-` where the
/// case fails.
pub struct Loop(PathBuf);

impl Loop {
    /// Builds `benches/go/NAME`; `None` where there is no Go, which is said.
    pub fn build(name: &str, folder: &Path) -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(name);
        let binary = folder.join(name);
        let status = Command::new("go")
            .args(["build", "-o"])
            .arg(&binary)
            .arg(".")
            .current_dir(&source)
            .status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Self(binary));
        }
        eprintln!("SKIPPED: the loop in Go over {name}'s library, which Go is needed for");
        None
    }

    /// The time of each case, warm: the mean of `rounds` renderings behind a first one, or of
    /// fewer where they take long.
    pub fn times(&self, cases: &[String], rounds: usize) -> anyhow::Result<Vec<Option<Duration>>> {
        let mut child = Command::new(&self.0)
            .arg(rounds.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the loop in Go")?;
        let mut input = child.stdin.take().context("no standard input")?;
        let text = cases.join("\n") + "\n";
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = child.wait_with_output()?;
        writer.join().expect("writing does not panic")?;
        let answer = String::from_utf8(output.stdout)?;
        let times = answer.lines().map(|line| {
            let milliseconds: f64 = line.parse().ok()?;
            Some(Duration::from_secs_f64(milliseconds / 1e3))
        });
        let times: Vec<Option<Duration>> = times.collect();
        anyhow::ensure!(times.len() == cases.len(), "the loop in Go broke off");
        Ok(times)
    }
}
