//! helm and argosy as programs, and what they say with all that differs by nature made equal.

use crate::server::Server;
use argosy_testkit::realapi;
use regex::Regex;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Helm,
    Argosy,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Program {
    /// A command of helm's, ready to be spawned.
    pub fn command(self, server: &Server, home: &Path, namespace: &str, line: &str) -> Command {
        let mut command = match self {
            Self::Helm => Command::new(realapi::tool("helm").unwrap()),
            Self::Argosy => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_argosy"));
                command.arg("helm");
                command
            }
        };
        command
            .args(words(line))
            .args(["-n", namespace])
            .env_clear()
            .env("KUBECONFIG", &server.kubeconfig)
            .env("HOME", home)
            .env("TZ", "UTC")
            .env(
                "HELM_PLUGINS",
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/helm/plugins"),
            )
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/helm"))
            .stdin(Stdio::null());
        command
    }

    pub fn run(self, server: &Server, home: &Path, namespace: &str, line: &str) -> Said {
        let output = self
            .command(server, home, namespace, line)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| level(&String::from_utf8_lossy(bytes), namespace);
        Said {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

/// Words, of which single quotes hold some together.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(at, part)| -> Vec<String> {
        if at % 2 == 1 {
            vec![part.to_owned()]
        } else {
            part.split_whitespace().map(str::to_owned).collect()
        }
    });
    words.collect()
}

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // What client-go logs by itself, such as a watch that ended while it was read.
        (r"(?m)^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ .*\n?", ""),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC", "TIME"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (
            r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}",
            "TIME",
        ),
        (r"(modifiedAt|createdAt)=\d+", "$1=TIME"),
        (r#"("?(?:modifiedAt|createdAt)"?: ?)"\d+""#, "${1}TIME"),
        (r#","modtime":"TIME"|"modtime":"TIME","#, ""),
        (r#""schemamodtime":"[^"]*""#, "\"schemamodtime\":0"),
        (r"(?m)^ *modtime: .*\n", ""),
        (r"(?m)^( *)- data: ", "$1- data: "),
        (r"schemamodtime: .*", "schemamodtime: 0"),
        (r"\b\d+\.\d+\.\d+\.\d+\b", "ADDRESS"),
        (r"-[a-z0-9]{8,10}-[a-z0-9]{5}\b", "-POD"),
        (r"(?m)\b\d+m?\d*s$", "AGE"),
        (r"[ \t]+(\t|\n|$)", "$1"),
        (r" {2,}", "  "),
    ]
    .into_iter()
    .map(|(rule, with)| (Regex::new(rule).unwrap(), with))
    .collect()
});

/// The text without times, addresses and other chances. The namespaces of both programs have one
/// length, so that tables stay as wide.
pub fn level(text: &str, namespace: &str) -> String {
    let mut text = text.replace(namespace, "NAMESPACE");
    for (rule, with) in RULES.iter() {
        text = rule.replace_all(&text, *with).into_owned();
    }
    sorted_kinds(text.trim_end())
}

/// `helm status` tells kinds in any order.
fn sorted_kinds(text: &str) -> String {
    let Some((before, rest)) = text.split_once("RESOURCES:\n") else {
        return text.to_owned();
    };
    let (objects, after) = rest.split_once("\n\n\n").unwrap_or((rest, ""));
    let mut kinds: Vec<&str> = objects
        .split("==> ")
        .filter(|kind| !kind.is_empty())
        .collect();
    kinds.sort_unstable();
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.trim_end()).collect();
    format!(
        "{before}RESOURCES:\n==> {}\n\n\n{after}",
        kinds.join("\n\n==> ")
    )
}
