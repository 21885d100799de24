//! What a command is waiting for, on standard error.

use crate::terminal::{Colour, Terminal};
use std::io::Write;

/// Lines of progress: rewritten in place on a terminal, one below the other elsewhere. Data on
/// standard output is never mixed with it.
pub struct Progress {
    terminal: Terminal,
    quiet: bool,
    last: String,
}

impl Progress {
    /// Progress for a terminal; `quiet` shows none.
    pub fn new(terminal: Terminal, quiet: bool) -> Self {
        Self {
            terminal,
            quiet,
            last: String::new(),
        }
    }

    /// Shows the present state, where it differs from the last one.
    pub fn show(&mut self, text: &str) {
        if self.quiet || text == self.last {
            return;
        }
        text.clone_into(&mut self.last);
        let line: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(200)
            .collect();
        let mut out = std::io::stderr().lock();
        let _ = if self.terminal.stderr {
            let line = self.terminal.paint_error(Colour::Dim, &line);
            write!(out, "\r\u{1b}[2K{line}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
    }

    /// Removes the line from a terminal.
    pub fn clear(&mut self) {
        if !self.quiet && self.terminal.stderr && !self.last.is_empty() {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r\u{1b}[2K").and_then(|()| out.flush());
        }
        self.last.clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
