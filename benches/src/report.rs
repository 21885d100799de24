//! The three comparisons that charts and kustomizations have in common.

use crate::golang::Loop;
use crate::tally::{Pair, line, paired};
use crate::warm;
use std::path::Path;
use std::time::Duration;

/// Times of the same cases, a place a case; `None` where a case fails.
pub struct Times<'t> {
    /// The other tool, `helm` or `kustomize`: its loop in Go has that name too.
    pub tool: &'t str,
    /// Its process and ours; empty where the tool is not here.
    pub processes: &'t [Option<Pair>],
    /// Warm, in our process.
    pub own: &'t [Option<Duration>],
    /// The cases as the loop in Go reads them.
    pub lines: &'t [String],
}

impl Times<'_> {
    /// Prints them; the loop in Go is built in `folder`.
    pub fn print(&self, folder: &Path) -> anyhow::Result<()> {
        let tool = self.tool;
        let processes: Vec<Pair> = self.processes.iter().copied().flatten().collect();
        println!("{}", line("processes", tool, &processes));
        let theirs: Vec<Option<Duration>> = self
            .processes
            .iter()
            .map(|pair| pair.map(|pair| pair.other))
            .collect();
        let pairs = paired(&theirs, self.own);
        println!("{}", line("in the process, to a process", tool, &pairs));
        if let Some(golang) = Loop::build(tool, folder) {
            let pairs = paired(&golang.times(self.lines, warm::ROUNDS)?, self.own);
            println!("{}", line("in the process, to a loop in Go", "go", &pairs));
        }
        Ok(())
    }
}
