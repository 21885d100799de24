//! Which of a plugin's commands fits this machine, and what it is with the environment filled in.

use argosy_object::Value as Json;
use std::collections::BTreeMap;

/// A command for an operating system and an architecture, as Go names them.
#[derive(Debug, Default)]
pub(super) struct Command {
    system: String,
    architecture: String,
    command: String,
    arguments: Vec<String>,
}

impl Command {
    pub fn read(entry: &Json) -> Self {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let arguments = entry["args"].as_array().into_iter().flatten();
        Self {
            system: text("os"),
            architecture: text("arch"),
            command: text("command"),
            arguments: arguments
                .map(|argument| match argument {
                    Json::String(text) => text.clone(),
                    other => other.to_string(),
                })
                .collect(),
        }
    }

    /// How well it fits: 3 for system and architecture, 2 for the system, 1 for any machine.
    fn fit(&self) -> u8 {
        let is_system = self.system.eq_ignore_ascii_case(system());
        if is_system && self.architecture.eq_ignore_ascii_case(architecture()) {
            return 3;
        }
        match (self.system.as_str(), self.architecture.as_str()) {
            ("", "") => 1,
            (_, "") if is_system => 2,
            _ => 0,
        }
    }
}

/// The program and its arguments.
///
/// Compat: `PrepareCommands`: words are cut at single spaces, the first of the best fit wins.
pub(super) fn prepare(
    commands: &[Command],
    environment: &BTreeMap<String, String>,
) -> Result<(String, Vec<String>), String> {
    let mut best: Option<&Command> = None;
    for command in commands {
        if command.fit() > best.map_or(0, Command::fit) {
            best = Some(command);
        }
    }
    let none = || "no plugin command is applicable".to_owned();
    let command = best.filter(|c| !c.command.is_empty()).ok_or_else(none)?;
    let mut words = command
        .command
        .split(' ')
        .map(str::to_owned)
        .chain(command.arguments.iter().cloned())
        .map(|word| expand(&word, environment));
    let program = words.next().unwrap_or_default();
    if program.is_empty() {
        return Err(none());
    }
    Ok((program, words.collect()))
}

/// Puts variables in the place of `$NAME` and `${NAME}`; what is not set is empty.
///
/// Compat: Go's `os.Expand`.
fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let is_special = |unit: char| unit.is_ascii_digit() || "*#$@!?-".contains(unit);
    let is_name = |unit: char| unit.is_ascii_alphanumeric() || unit == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, after) = match rest.chars().next() {
            Some('{') => match rest.find('}') {
                Some(end) => (&rest[1..end], &rest[end + 1..]),
                // Without an end, the bracket is passed over.
                None => ("", &rest[1..]),
            },
            Some(unit) if is_special(unit) => rest.split_at(1),
            Some(unit) if is_name(unit) => {
                let end = rest.find(|unit| !is_name(unit)).unwrap_or(rest.len());
                rest.split_at(end)
            }
            _ => {
                out.push('$');
                continue;
            }
        };
        out.push_str(environment.get(name).map_or("", String::as_str));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(system: &str, architecture: &str, command: &str) -> Command {
        Command {
            system: system.to_owned(),
            architecture: architecture.to_owned(),
            command: command.to_owned(),
            arguments: vec!["$B".to_owned()],
        }
    }

    #[test]
    fn first_command_of_the_best_fit_is_run() {
        let environment = BTreeMap::from([("B".to_owned(), "b c".to_owned())]);
        let prepared = |commands: &[Command]| prepare(commands, &environment);
        let any = || command("", "", "any $B");
        let here = || command(system(), "", "here");
        let exact = || command(system(), architecture(), "exact");
        let args = |program: &str, own: &[&str]| {
            let own = own.iter().map(|text| (*text).to_owned());
            Ok((program.to_owned(), own.collect()))
        };
        assert_eq!(prepared(&[any(), any()]), args("any", &["b c", "b c"]));
        assert_eq!(prepared(&[any(), here()]), args("here", &["b c"]));
        assert_eq!(prepared(&[here(), exact(), any()]), args("exact", &["b c"]));
        let other = [command("plan9", "", "x"), command("", architecture(), "x")];
        assert_eq!(
            prepared(&other),
            Err("no plugin command is applicable".to_owned())
        );
    }

    #[test]
    fn variables_are_expanded_as_go_does() {
        let environment = BTreeMap::from([("A_1".to_owned(), "x".to_owned())]);
        for (text, wanted) in [
            ("$A_1/${A_1}-$B.", "x/x-."),
            ("a$", "a$"),
            ("$ a", "$ a"),
            ("$1$$b", "b"),
            ("${A_1", "A_1"),
        ] {
            assert_eq!(expand(text, &environment), wanted, "{text}");
        }
    }
}
