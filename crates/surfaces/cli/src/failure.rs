//! What a command says when it fails, and with which code it ends.
//!
//! `Compat:` `argocd app diff` ends with 1 where something differs and 2 on an error; other
//! failures end with 20.

use crate::terminal::{Colour, Terminal};
use argosy_object::Classified;
use std::fmt;

/// `app diff`: something differs.
pub const EXIT_DIFFERS: u8 = 1;
/// `app diff`: it could not be found out.
pub const EXIT_DIFF_ERROR: u8 = 2;
/// Every other failure.
pub const EXIT_FAILURE: u8 = 20;

/// A failed command: what failed on what, why, and the way out.
#[derive(Debug)]
pub struct Failure {
    message: String,
    chain: Vec<String>,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// A failure with a sentence of its own.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            chain: Vec::new(),
            hint: None,
            code: EXIT_FAILURE,
        }
    }

    /// A failure from an error that knows its hint. A cause whose text the error already
    /// repeats is not said twice.
    pub fn of<E: std::error::Error + Classified>(error: &E) -> Self {
        Self::from_error(error).or_hint(error.hint())
    }

    /// A failure from any error, its causes once each.
    pub fn from_error(error: &dyn std::error::Error) -> Self {
        let message = error.to_string();
        let mut chain: Vec<String> = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) && !chain.iter().any(|said| said.contains(&text)) {
                chain.push(text);
            }
            source = cause.source();
        }
        Self {
            chain,
            ..Self::new(message)
        }
    }

    /// Says what was done when it failed.
    #[must_use]
    pub fn while_doing(mut self, doing: impl Into<String>) -> Self {
        let message = std::mem::replace(&mut self.message, doing.into());
        self.chain.insert(0, message);
        self
    }

    /// Sets the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn or_hint(mut self, hint: Option<String>) -> Self {
        self.hint = self.hint.or(hint);
        self
    }

    /// Sets the exit code.
    #[must_use]
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        self.code
    }

    /// The text for standard error: the failure, its causes, and after a blank line the hint.
    pub fn render(&self, terminal: &Terminal) -> String {
        let label = terminal.paint_error(Colour::Red, "error:");
        let mut text = format!("{label} {}\n", clean(&self.message));
        for cause in &self.chain {
            text.push_str(&format!("  because {}\n", clean(cause)));
        }
        if let Some(hint) = &self.hint {
            let label = terminal.paint_error(Colour::Cyan, "hint:");
            text.push_str(&format!("\n{label} {}\n", clean(hint)));
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Text from servers must not command the terminal.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read `x`")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_chain_is_said_once_and_the_hint_after_a_blank_line() {
        let error = Outer(std::io::Error::other("disk\u{1b}[2J gone"));
        let failure = Failure::from_error(&error)
            .while_doing("cannot sync `app`")
            .hint("buy a disk");
        expect![[r"
            error: cannot sync `app`
              because cannot read `x`
              because disk [2J gone

            hint: buy a disk
        "]]
        .assert_eq(&failure.render(&Terminal::plain()));
        assert_eq!(failure.exit_code(), 20);
    }
}
