//! Plugins of helm that change what is rendered: programs beside a `plugin.yaml`.
//!
//! Only the one that the command line names is run, and only on the machine of whoever runs the
//! command: it is bounded in time and in what it answers, and in nothing else.

mod command;

use super::flags::{Context, read_file};
use argosy_semver::Version;
use command::Command;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longest run of a plugin.
const MAX_TIME: Duration = Duration::from_mins(5);
/// Largest answer of a plugin.
const MAX_OUTPUT: u64 = 64 << 20;
/// Largest complaint that is shown.
const MAX_COMPLAINT: u64 = 16 << 10;
/// Largest plugin.yaml.
const MAX_FILE: u64 = 1 << 20;
/// How many plugins a folder may have.
const MAX_PLUGINS: usize = 1_000;
const TYPE: &str = "postrenderer/v1";

/// A post-renderer that was found.
pub(super) struct Plugin {
    name: String,
    folder: PathBuf,
    commands: Vec<Command>,
    environment: BTreeMap<String, String>,
}

/// What a `plugin.yaml` says.
struct Metadata {
    name: String,
    kind: String,
    runtime: String,
    commands: Vec<Command>,
}

impl Plugin {
    /// Finds the plugin with this name in the folders of `HELM_PLUGINS`. Others are only looked at.
    pub fn find(context: &Context<'_>, name: &str) -> Result<Self, String> {
        for folder in folders(context) {
            let mut names = BTreeMap::<String, PathBuf>::new();
            let mut wanted = None;
            for file in files(&folder) {
                let place = file.parent().unwrap_or(&folder).to_owned();
                let found = read_file(&file, MAX_FILE).and_then(|data| Metadata::read(&data));
                let metadata = match found {
                    Ok(Some(metadata)) => metadata,
                    Ok(None) => continue,
                    Err(error) => {
                        let shown = file.to_string_lossy();
                        let error = format!("failed to load plugin {place:?}: {error}");
                        let fields = [("plugin_yaml", &*shown), ("error", &error)];
                        context.warn_fields("failed to load plugin (ignoring)", &fields);
                        continue;
                    }
                };
                if let Some(other) = names.insert(metadata.name.clone(), place.clone()) {
                    let name = &metadata.name;
                    return Err(format!(
                        "two plugins claim the name {name:?} at {other:?} and {place:?}"
                    ));
                }
                if metadata.name == name && metadata.kind == TYPE {
                    wanted = Some((metadata, place));
                }
            }
            if let Some((metadata, folder)) = wanted {
                return Self::new(metadata, folder, context);
            }
        }
        Err(format!("plugin: {{Name:{name} Type:{TYPE}}} not found"))
    }

    fn new(metadata: Metadata, folder: PathBuf, context: &Context<'_>) -> Result<Self, String> {
        if metadata.runtime != "subprocess" {
            let Metadata { name, runtime, .. } = metadata;
            return Err(format!(
                "plugin {name:?} is WebAssembly (runtime {runtime}), which is not run here; a \
                 plugin of runtime `subprocess` is"
            ));
        }
        let mut environment = context.session.environment.clone();
        let own = [
            ("HELM_PLUGIN_NAME", metadata.name.clone()),
            ("HELM_PLUGIN_DIR", folder.to_string_lossy().into_owned()),
        ];
        environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
        Ok(Self {
            name: metadata.name,
            folder,
            commands: metadata.commands,
            environment,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the plugin answers to a stream.
    pub fn run(&self, arguments: &[String], stream: &str) -> Result<String, String> {
        let (program, own) = command::prepare(&self.commands, &self.environment)
            .map_err(|why| format!("failed to prepare plugin command: {why}"))?;
        let mut child = std::process::Command::new(&program)
            .args(own)
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                let folder = self.folder.display();
                format!("cannot start {program:?} of {folder}: {error}")
            })?;
        let outcome = self.talk(&mut child, stream);
        // Nothing of it is left behind.
        let _ = child.kill();
        let _ = child.wait();
        outcome
    }

    fn talk(&self, child: &mut Child, stream: &str) -> Result<String, String> {
        let end = Instant::now() + MAX_TIME;
        if let Some(mut stdin) = child.stdin.take() {
            let stream = stream.to_owned();
            // A plugin need not read what it is given.
            std::thread::spawn(move || stdin.write_all(stream.as_bytes()));
        }
        let answer = child.stdout.take().map(|pipe| reader(pipe, MAX_OUTPUT));
        let complaint = child.stderr.take().map(|pipe| reader(pipe, MAX_COMPLAINT));
        let late = || {
            let seconds = MAX_TIME.as_secs();
            format!("plugin {:?} is stopped after {seconds} seconds", self.name)
        };
        let rest = |end: Instant| end.saturating_duration_since(Instant::now());
        let take = |from: Option<mpsc::Receiver<Vec<u8>>>, end: Instant| match from {
            Some(from) => from.recv_timeout(rest(end)).map_err(|_| late()),
            None => Ok(Vec::new()),
        };
        let answer = take(answer, end)?;
        if answer.len() as u64 > MAX_OUTPUT {
            return Err(format!(
                "plugin {:?} answers more than {MAX_OUTPUT} bytes",
                self.name
            ));
        }
        let status = loop {
            match child.try_wait().map_err(|error| error.to_string())? {
                Some(status) => break status,
                None if rest(end).is_zero() => return Err(late()),
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        if !status.success() {
            let mut text = format!("plugin {:?} exited with error", self.name);
            // Who holds the pipe open after the plugin's end is not waited for.
            let soon = Instant::now() + Duration::from_secs(1);
            let complaint = take(complaint, soon).unwrap_or_default();
            let complaint = String::from_utf8_lossy(&complaint);
            if !complaint.trim().is_empty() {
                text.push_str(&format!("\n{}", complaint.trim()));
            }
            return Err(text);
        }
        String::from_utf8(answer).map_err(|_| "the answer is no UTF-8".to_owned())
    }
}

/// Reads a pipe up to a size and a byte, and then on without keeping it.
fn reader(mut pipe: impl std::io::Read + Send + 'static, max: u64) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut data = Vec::new();
        let _ = pipe.by_ref().take(max + 1).read_to_end(&mut data);
        let is_whole = data.len() as u64 <= max;
        let _ = send.send(data);
        if !is_whole {
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
    });
    receive
}

/// `HELM_PLUGINS`, or the folder that helm installs plugins in.
fn folders(context: &Context<'_>) -> Vec<PathBuf> {
    if let Some(named) = context.variable("HELM_PLUGINS") {
        return std::env::split_paths(named).collect();
    }
    let named = context.variable("HELM_DATA_HOME").map(PathBuf::from);
    let common = || {
        let dir = context.variable("XDG_DATA_HOME")?;
        Some(Path::new(dir).join("helm"))
    };
    let home = || {
        let dir = context.variable("HOME")?;
        Some(Path::new(dir).join(".local/share/helm"))
    };
    let data = named.or_else(common).or_else(home);
    data.into_iter().map(|dir| dir.join("plugins")).collect()
}

/// The `plugin.yaml`s one level below a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .take(MAX_PLUGINS)
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("plugin.yaml"))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

impl Metadata {
    /// Reads a `plugin.yaml`; nothing for one of helm 3, which is no post-renderer.
    fn read(data: &[u8]) -> Result<Option<Self>, String> {
        let file = argosy_yaml::from_slice(data).map_err(|error| error.text)?;
        let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
        match text("apiVersion").as_str() {
            "" => return Ok(None),
            "v1" => {}
            other => return Err(format!("invalid plugin apiVersion: {other:?}")),
        }
        let (name, version) = (text("name"), text("version"));
        let is_plain = |unit: char| unit.is_ascii_alphanumeric() || matches!(unit, '_' | '-');
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err("invalid plugin `name`".to_owned());
        }
        if version.is_empty() {
            return Err("plugin `version` is required".to_owned());
        }
        if Version::parse_strict(&version).is_err() {
            return Err(format!(
                "invalid plugin `version` {version:?}: must be valid semver"
            ));
        }
        let (kind, runtime) = (text("type"), text("runtime"));
        for (field, value) in [("type", &kind), ("runtime", &runtime)] {
            if value.is_empty() {
                return Err(format!("`{field}` missing"));
            }
        }
        if !matches!(runtime.as_str(), "subprocess" | "extism/v1") {
            return Err(format!("unsupported plugin runtime type: {runtime:?}"));
        }
        let commands = &file["runtimeConfig"]["platformCommand"];
        Ok(Some(Self {
            name,
            kind,
            runtime,
            commands: commands
                .as_array()
                .into_iter()
                .flatten()
                .map(Command::read)
                .collect(),
        }))
    }
}
