//! Runs one check on one server and notes what is said.

use crate::normal::normal;
use crate::script::{Check, Program, Step};
use crate::servers::Server;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

const STEP_WITHIN: Duration = Duration::from_secs(90);
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How a program ends that did what it was told.
const SUCCESS: &str = "0";
const POLL: Duration = Duration::from_millis(50);

/// What was said in one check.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// By step.
    pub steps: Vec<Said>,
}

/// What one command said, made comparable.
#[derive(Clone, Debug)]
pub struct Said {
    /// The command.
    pub line: String,
    /// Whether it counts.
    pub compared: bool,
    /// The exit code, or the status code of a request.
    pub code: String,
    /// Standard output, or the answer's body.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Said {
    /// Whether the two say different things, and it counts.
    pub fn differs(&self, other: &Self) -> bool {
        self.compared
            && (self.code != other.code
                || self.stdout != other.stdout
                || self.stderr != other.stderr)
    }
}

/// Runs a check in its own namespace.
///
/// # Errors
/// Where the namespace cannot be made or a program cannot be started.
pub async fn run(check: &Check, server: &Server) -> anyhow::Result<Transcript> {
    make_namespace(check, server).await?;
    let mut transcript = Transcript::default();
    for step in &check.steps {
        let (code, stdout, stderr) = said(check, step, server).await?;
        transcript.steps.push(Said {
            line: step.line.clone(),
            compared: step.compared,
            code,
            stdout,
            stderr,
        });
    }
    Ok(transcript)
}

/// What a step says; a repeated one at its first success, or in the end.
async fn said(
    check: &Check,
    step: &Step,
    server: &Server,
) -> anyhow::Result<(String, String, String)> {
    let deadline = tokio::time::Instant::now() + READY_WITHIN;
    loop {
        let said = match step.program {
            Program::Http => exchange(step, server).await?,
            Program::Kubectl | Program::Helm => program(check, step, server).await?,
        };
        let is_over = said.0 == SUCCESS || tokio::time::Instant::now() > deadline;
        if !step.repeated || is_over {
            return Ok(said);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Makes the namespace and waits for what every namespace gets.
async fn make_namespace(check: &Check, server: &Server) -> anyhow::Result<()> {
    let name = check.namespace();
    let body = serde_json::json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name}});
    let json = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    let body = body.to_string();
    let answer = server
        .send("POST", "/api/v1/namespaces", json, body.into_bytes())
        .await?;
    anyhow::ensure!(answer.code == 201, "namespace `{name}`: {}", answer.body);
    let deadline = tokio::time::Instant::now() + READY_WITHIN;
    for path in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
        let path = format!("/api/v1/namespaces/{name}/{path}");
        while server
            .send("GET", &path, Vec::new(), Vec::new())
            .await?
            .code
            != 200
        {
            anyhow::ensure!(
                tokio::time::Instant::now() < deadline,
                "no {path} on {}",
                server.name
            );
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

async fn program(
    check: &Check,
    step: &Step,
    server: &Server,
) -> anyhow::Result<(String, String, String)> {
    let path = match step.program {
        Program::Helm => &server.helm,
        _ => &server.kubectl,
    };
    let mut command = tokio::process::Command::new(path);
    command
        .arg("--namespace")
        .arg(check.namespace())
        .args(&step.arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("KUBECONFIG", &server.kubeconfig)
        .env("HOME", server.home.path())
        .env("TMPDIR", "/tmp")
        .env("TZ", "UTC")
        .envs(step.env.iter().map(|(name, value)| (name, value)))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = step.input.clone().into_bytes();
    // A program that does not read it all closes the pipe: that is its affair.
    let feed = async move {
        let _ = stdin.write_all(&input).await;
        drop(stdin);
    };
    let both = async { tokio::join!(feed, child.wait_with_output()).1 };
    let Ok(output) = tokio::time::timeout(STEP_WITHIN, both).await else {
        return Ok(("no end".into(), String::new(), String::new()));
    };
    let output = output?;
    let code = output
        .status
        .code()
        .map_or_else(|| "killed".to_owned(), |code| code.to_string());
    let mut stdout = normal(&String::from_utf8_lossy(&output.stdout));
    if step.arguments.first().is_some_and(|word| word == "explain") {
        stdout = undescribed(&stdout);
    }
    if step.arguments.iter().any(|word| word == "--raw") {
        stdout = laid_out(&String::from_utf8_lossy(&output.stdout));
    }
    Ok((
        code,
        stdout,
        normal(&String::from_utf8_lossy(&output.stderr)),
    ))
}

/// What `explain` says but for descriptions, which the embedded API has none of.
fn undescribed(text: &str) -> String {
    let told = |line: &&str| {
        let field = line.contains("\t<") || line.contains("enum:") || line.contains("ENUM:");
        field || !line.starts_with("    ") && !line.is_empty()
    };
    text.lines().filter(told).collect::<Vec<_>>().join("\n")
}

/// A request as it stands: `METHOD PATH [Name:value ..]`, the input being the body; JSON bodies
/// of answers are compared whatever the order of their fields.
async fn exchange(step: &Step, server: &Server) -> anyhow::Result<(String, String, String)> {
    let [method, path, headers @ ..] = &step.arguments[..] else {
        anyhow::bail!("`{}`: a method and a path are needed", step.line)
    };
    let headers = headers
        .iter()
        .filter_map(|header| header.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let body = body(&step.input);
    let answer = server.send(method, path, headers, body).await?;
    let said = format!("{}\n{}", answer.media, laid_out(&answer.body));
    Ok((answer.code.to_string(), said, String::new()))
}

/// The input without its last line break; `{{fill N}}` becomes N times `x`.
fn body(input: &str) -> Vec<u8> {
    let text = input.strip_suffix('\n').unwrap_or(input);
    let Some((before, rest)) = text.split_once("{{fill ") else {
        return text.as_bytes().to_vec();
    };
    let (count, after) = rest.split_once("}}").unwrap_or((rest, ""));
    let count: usize = count.parse().unwrap_or_default();
    format!("{before}{}{after}", "x".repeat(count)).into_bytes()
}

/// JSON values, one or a stream of them, in one layout; other text as it is.
fn laid_out(text: &str) -> String {
    let stream = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let values: Result<Vec<_>, _> = stream.collect();
    let Ok(values) = values else {
        return normal(text);
    };
    let texts: Vec<String> = values
        .into_iter()
        .map(|value| format!("{:#}", sorted(value)))
        .collect();
    normal(&texts.join("\n"))
}

/// With keys in order, managers in order, and columns without descriptions, which the embedded API
/// has none of.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map
                .into_iter()
                .map(|(key, value)| match (key.as_str(), sorted(value)) {
                    ("managedFields" | "causes", Value::Array(mut list)) => {
                        list.sort_by_key(ToString::to_string);
                        (key, Value::Array(list))
                    }
                    ("columnDefinitions", Value::Array(mut list)) => {
                        for column in list.iter_mut().filter_map(Value::as_object_mut) {
                            column.remove("description");
                        }
                        (key, Value::Array(list))
                    }
                    (_, value) => (key, value),
                })
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
