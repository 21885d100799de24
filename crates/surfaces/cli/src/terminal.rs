//! What stands at the other end of the output, and colours for it.

use std::io::IsTerminal;

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether data goes to a terminal.
    pub stdout: bool,
    /// Whether messages and progress go to a terminal.
    pub stderr: bool,
    /// Whether colours are wanted.
    pub colour: bool,
}

impl Terminal {
    /// Looks at the process' own streams. `no_color` is whether `NO_COLOR` is set, to anything
    /// but the empty text.
    pub fn detect(no_color: bool) -> Self {
        Self {
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            colour: !no_color,
        }
    }

    /// A terminal that is none: plain text, no progress.
    pub fn plain() -> Self {
        Self {
            stdout: false,
            stderr: false,
            colour: false,
        }
    }

    /// Paints text for standard error, where that is a terminal.
    pub fn paint_error(&self, colour: Colour, text: &str) -> String {
        paint(self.stderr && self.colour, colour, text)
    }

    /// Paints text for standard output, where that is a terminal.
    pub fn paint(&self, colour: Colour, text: &str) -> String {
        paint(self.stdout && self.colour, colour, text)
    }
}

/// A colour of the terminal's own palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Failures.
    Red,
    /// What is well.
    Green,
    /// What is on its way.
    Yellow,
    /// Hints.
    Cyan,
    /// What matters less.
    Dim,
}

impl Colour {
    /// The colour of a sync, health or phase word; none for words that say neither good nor bad.
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "Synced" | "Healthy" | "Succeeded" | "Successful" | "True" => Some(Self::Green),
            "OutOfSync" | "Progressing" | "Running" | "Suspended" | "Terminating" => {
                Some(Self::Yellow)
            }
            "Degraded" | "Missing" | "Failed" | "Error" | "SyncFailed" => Some(Self::Red),
            _ => None,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Cyan => "36",
            Self::Dim => "2",
        }
    }
}

fn paint(wanted: bool, colour: Colour, text: &str) -> String {
    if wanted {
        format!("\u{1b}[{}m{text}\u{1b}[0m", colour.code())
    } else {
        text.to_owned()
    }
}
