//! Whole processes, one after another in turn, so that what disturbs one disturbs the other.

use crate::tally::Pair;
use anyhow::Context as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A case that took so long is not run again: chance matters less to it than the report's end.
const LONG: Duration = Duration::from_secs(1);

/// The fastest of `rounds` runs on each side; `None` where one of them fails.
pub fn pair(
    other: (&Path, &[String]),
    ours: (&Path, &[String]),
    rounds: usize,
) -> anyhow::Result<Option<Pair>> {
    let mut best = Pair {
        other: Duration::MAX,
        ours: Duration::MAX,
    };
    for _ in 0..rounds.max(1) {
        let (Some(theirs), Some(mine)) = (time(other.0, other.1)?, time(ours.0, ours.1)?) else {
            return Ok(None);
        };
        best.other = best.other.min(theirs);
        best.ours = best.ours.min(mine);
        if theirs + mine > LONG {
            break;
        }
    }
    Ok(Some(best))
}

fn time(program: &Path, arguments: &[String]) -> anyhow::Result<Option<Duration>> {
    let start = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {}", program.display()))?;
    Ok(status.success().then(|| start.elapsed()))
}
