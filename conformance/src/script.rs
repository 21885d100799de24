//! Checks as text: `--- name` begins a check, `$ ` a compared command, `~ ` one whose output does
//! not count, `? ` one that is repeated until it succeeds, for what a server does in its own
//! time, and what follows a command is its standard input.
//!
//! A command's first word says what runs: `helm`, `http` (a request as it goes over the wire:
//! method, path, headers as `Name:value`) or, with any other word, kubectl. `NAME=value` words
//! before it are environment variables. `{{ns}}` stands for the check's own namespace.

/// One check: a short session that both servers must answer alike.
#[derive(Clone, Debug)]
pub struct Check {
    /// `AREA/NAME`.
    pub name: String,
    /// The commands in order.
    pub steps: Vec<Step>,
}

/// One command.
#[derive(Clone, Debug)]
pub struct Step {
    /// The line as it stands in the file.
    pub line: String,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// What runs.
    pub program: Program,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its standard input or the request's body.
    pub input: String,
    /// Whether its output is compared.
    pub compared: bool,
    /// Whether it is repeated until it succeeds, for a while.
    pub repeated: bool,
}

/// What a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// kubectl in the check's namespace.
    Kubectl,
    /// helm in the check's namespace.
    Helm,
    /// A request of our own.
    Http,
}

impl Check {
    /// The area: the name of the file.
    pub fn area(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// The namespace that the check has for itself.
    pub fn namespace(&self) -> String {
        self.name.replace('/', "-")
    }

    /// The same check in another namespace, for a second run.
    #[must_use]
    pub fn again(&self) -> Self {
        let name = format!("{}-2", self.name);
        let (old, new) = (self.namespace(), name.replace('/', "-"));
        let renamed = |text: &str| text.replace(&old, &new);
        let steps = self.steps.iter().map(|step| Step {
            line: renamed(&step.line),
            env: step
                .env
                .iter()
                .map(|(key, value)| (key.clone(), renamed(value)))
                .collect(),
            arguments: step
                .arguments
                .iter()
                .map(|argument| renamed(argument))
                .collect(),
            input: renamed(&step.input),
            ..step.clone()
        });
        Self {
            steps: steps.collect(),
            name,
        }
    }
}

/// Reads one file of checks.
///
/// # Errors
/// The line that makes no sense, in words.
pub fn parse(area: &str, text: &str) -> Result<Vec<Check>, String> {
    let mut checks: Vec<Check> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("{area}.txt line {}: {what}", index + 1);
        if let Some(name) = line.strip_prefix("--- ") {
            let name = format!("{area}/{}", name.trim());
            if checks.iter().any(|check| check.name == name) {
                return Err(wrong("this name is taken"));
            }
            if name.len() > 60 {
                return Err(wrong("a name and its area have 60 characters at most"));
            }
            checks.push(Check {
                name,
                steps: Vec::new(),
            });
            continue;
        }
        let Some(check) = checks.last_mut() else {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            return Err(wrong("a check begins with `--- name`"));
        };
        let namespace = check.namespace();
        let line = line.replace("{{ns}}", &namespace);
        let command = ["$ ", "~ ", "? "]
            .iter()
            .find_map(|mark| line.strip_prefix(mark));
        if let Some(command) = command {
            let mut step = step(command, line.starts_with('$')).map_err(|what| wrong(&what))?;
            step.repeated = line.starts_with('?');
            check.steps.push(step);
        } else if let Some(step) = check.steps.last_mut() {
            step.input.push_str(&line);
            step.input.push('\n');
        } else if !line.is_empty() && !line.starts_with('#') {
            return Err(wrong("input without a command"));
        }
    }
    for step in checks.iter_mut().flat_map(|check| &mut check.steps) {
        if step.input.trim().is_empty() {
            step.input.clear();
        }
    }
    Ok(checks)
}

fn step(command: &str, compared: bool) -> Result<Step, String> {
    let mut words = words(command)?;
    let mut env = Vec::new();
    while let Some((name, value)) = words.first().and_then(|word| word.split_once('=')) {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
            break;
        }
        env.push((name.to_owned(), value.to_owned()));
        words.remove(0);
    }
    let program = match words.first().map(String::as_str) {
        None => return Err("an empty command".into()),
        Some("helm") => Program::Helm,
        Some("http") => Program::Http,
        Some(_) => Program::Kubectl,
    };
    if program != Program::Kubectl {
        words.remove(0);
    }
    Ok(Step {
        line: command.to_owned(),
        env,
        program,
        arguments: words,
        input: String::new(),
        compared,
        repeated: false,
    })
}

/// Splits a line into words as a shell does: quotes and backslashes, nothing else.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(inner) => word.push(inner),
                        None => return Err("a quote is not closed".into()),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') => word.extend(characters.next()),
                        Some(inner) => word.push(inner),
                        None => return Err("a quote is not closed".into()),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_command_is_not_compared() {
        let checks = parse("area", "--- one\n? explain toys\n").unwrap();
        let step = &checks[0].steps[0];
        assert!(step.repeated && !step.compared);
    }

    #[test]
    fn check_has_steps_with_input() {
        let text = "# about\n--- one\n$ get cm a -o 'jsonpath={.data}'\n~ EDITOR='sed -i' apply -f -\n\
                    a: {{ns}}\n---\nb: \"c\"\n$ http GET /api X:y\n";
        let checks = parse("area", text).unwrap();
        assert_eq!(checks.len(), 1);
        let [get, apply, http] = &checks[0].steps[..] else {
            panic!("{checks:?}")
        };
        assert_eq!(get.arguments, ["get", "cm", "a", "-o", "jsonpath={.data}"]);
        assert!(get.compared && !apply.compared);
        assert_eq!(apply.env, [("EDITOR".into(), "sed -i".into())]);
        assert_eq!(apply.input, "a: area-one\n---\nb: \"c\"\n");
        assert_eq!(http.program, Program::Http);
    }

    #[test]
    fn second_run_has_a_namespace_of_its_own() {
        let checks = parse("area", "--- one\n$ get toys.{{ns}}.example.com\n").unwrap();
        let again = checks[0].again();
        assert_eq!(again.namespace(), "area-one-2");
        assert_eq!(again.steps[0].arguments[1], "toys.area-one-2.example.com");
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(parse("a", "$ get cm").is_err());
        assert!(parse("a", "--- x\n$ get 'cm").is_err());
        assert!(parse("a", "--- x\n--- x").is_err());
    }
}
