//! Flags that several of helm's commands have, and what they resolve to.

use super::kube::KubeFlags;
use super::{HelmFailure, clock, io_text, printable};
use crate::session::Session;
use argosy_fetch::{Download, download};
use argosy_helm::{Layer, Table, merge_layers};
use argosy_kube::Kubeconfig;
use clap::Args;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Largest values file, and largest file for `--set-file`.
const MAX_VALUES: u64 = 16 << 20;

/// helm's own global flags.
#[derive(Args)]
pub(super) struct HelmFlags {
    /// Namespace of the release [default: $HELM_NAMESPACE, then the kubeconfig's]
    #[arg(short, long, global = true, value_name = "NAME")]
    namespace: Option<String>,
    /// More output where something fails
    #[arg(long, global = true)]
    debug: bool,
    /// File of known chart repositories [default: $HELM_REPOSITORY_CONFIG, then helm's own]
    #[arg(long, global = true, value_name = "FILE")]
    repository_config: Option<PathBuf>,
    /// The cluster.
    #[command(flatten)]
    kube: KubeFlags,
    /// Folder of indexes of chart repositories [default: $HELM_REPOSITORY_CACHE, then helm's own]
    #[arg(long, global = true, value_name = "DIR")]
    repository_cache: Option<PathBuf>,
    /// File of logins to registries [default: $HELM_REGISTRY_CONFIG, then helm's own]
    #[arg(long, global = true, value_name = "FILE")]
    registry_config: Option<PathBuf>,
    /// Taken for compatibility: they concern helm's own output and caches.
    #[command(flatten)]
    ignored: IgnoredGlobals,
}

/// Global flags of helm that change nothing about these commands.
#[derive(Args)]
struct IgnoredGlobals {
    #[arg(long, global = true, hide = true)]
    burst_limit: Option<i64>,
    #[arg(long, global = true, hide = true, alias = "colour")]
    color: Option<String>,
    #[arg(long, global = true, hide = true)]
    content_cache: Option<String>,
    #[arg(long, global = true, hide = true)]
    qps: Option<f64>,
}

/// What commands run in.
pub(super) struct Context<'s> {
    pub session: &'s Session,
    pub is_debug: bool,
    pub kube: &'s KubeFlags,
    namespace: Option<&'s str>,
    repository_config: Option<PathBuf>,
    repository_cache: Option<PathBuf>,
    registry_config: Option<PathBuf>,
}

impl<'s> Context<'s> {
    pub fn new(flags: &'s HelmFlags, session: &'s Session) -> Self {
        let variable = |name: &str| {
            let value = session.environment.get(name).map(String::as_str);
            value.filter(|value| !value.is_empty())
        };
        let config_home = || {
            let named = variable("HELM_CONFIG_HOME").map(PathBuf::from);
            let common = || variable("XDG_CONFIG_HOME").map(|dir| Path::new(dir).join("helm"));
            let home = || variable("HOME").map(|dir| Path::new(dir).join(".config/helm"));
            named.or_else(common).or_else(home)
        };
        let cache_home = || {
            let named = variable("HELM_CACHE_HOME").map(PathBuf::from);
            let common = || variable("XDG_CACHE_HOME").map(|dir| Path::new(dir).join("helm"));
            let home = || variable("HOME").map(|dir| Path::new(dir).join(".cache/helm"));
            named.or_else(common).or_else(home)
        };
        let place = |given: &Option<PathBuf>, name: &str, usual: Option<PathBuf>| {
            let named = || variable(name).map(PathBuf::from);
            given.clone().or_else(named).or(usual)
        };
        let in_config = |file: &str| config_home().map(|dir| dir.join(file));
        Self {
            session,
            is_debug: flags.debug,
            kube: &flags.kube,
            namespace: flags
                .namespace
                .as_deref()
                .or_else(|| variable("HELM_NAMESPACE")),
            repository_config: place(
                &flags.repository_config,
                "HELM_REPOSITORY_CONFIG",
                in_config("repositories.yaml"),
            ),
            repository_cache: place(
                &flags.repository_cache,
                "HELM_REPOSITORY_CACHE",
                cache_home().map(|dir| dir.join("repository")),
            ),
            registry_config: place(
                &flags.registry_config,
                "HELM_REGISTRY_CONFIG",
                in_config("registry/config.json"),
            ),
        }
    }

    /// The release's namespace.
    ///
    /// Compat: without a flag that of the kubeconfig's context, else `default`.
    pub fn namespace(&self) -> String {
        if let Some(namespace) = self.namespace {
            return namespace.to_owned();
        }
        let settings = &self.session.settings;
        let context = self.kube.kube_context.as_deref();
        let context = context.or_else(|| self.variable("HELM_KUBECONTEXT"));
        Kubeconfig::load(&settings.kubeconfig)
            .ok()
            .and_then(|config| config.cluster(context.or(settings.context.as_deref())).ok())
            .and_then(|(_, namespace)| namespace)
            .filter(|namespace| !namespace.is_empty())
            .unwrap_or_else(|| "default".to_owned())
    }

    /// A variable of the environment that is not empty.
    pub fn variable(&self, name: &str) -> Option<&'s str> {
        let value = self.session.environment.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// The time of day here.
    pub fn now(&self) -> jiff::Zoned {
        clock::now(self.session.environment.get("TZ").map(String::as_str))
    }

    /// The file of known chart repositories.
    pub fn repository_config(&self) -> Option<&Path> {
        self.repository_config.as_deref()
    }

    /// The folder of indexes.
    pub fn repository_cache(&self) -> Option<&Path> {
        self.repository_cache.as_deref()
    }

    /// The file of logins to registries.
    pub fn registry_config(&self) -> Option<&Path> {
        self.registry_config.as_deref()
    }

    /// Something beside the output.
    pub fn note(&self, text: &str) {
        self.session.tell(&printable(text));
    }

    /// A warning with fields.
    pub fn warn_fields(&self, text: &str, fields: &[(&str, &str)]) {
        let mut line = format!("level=WARN msg={text:?}");
        for (name, value) in fields {
            let is_plain = |unit: char| unit.is_ascii_graphic() && unit != '"' && unit != '=';
            if !value.is_empty() && value.chars().all(is_plain) {
                line.push_str(&format!(" {name}={value}"));
            } else {
                line.push_str(&format!(" {name}={value:?}"));
            }
        }
        self.session.tell(&printable(&line));
    }

    pub fn warn(&self, text: &str) {
        self.session
            .tell(&printable(&format!("level=WARN msg={text:?}")));
    }

    pub fn print(&self, text: &str) -> Result<(), HelmFailure> {
        self.session.print(text).map_err(HelmFailure::from)
    }
}

/// Values that a user gives.
#[derive(Args)]
pub(super) struct ValueFlags {
    /// Values file, `-` for standard input, or URL (repeatable)
    #[arg(short = 'f', long, value_name = "FILE", value_delimiter = ',')]
    values: Vec<String>,
    /// Value as JSON (repeatable)
    #[arg(long, value_name = "KEY=JSON")]
    set_json: Vec<String>,
    /// Value (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Value that stays text (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
    /// Value from a file (repeatable)
    #[arg(long, value_name = "KEY=FILE")]
    set_file: Vec<String>,
    /// One key, and the rest is its text (repeatable)
    #[arg(long, value_name = "KEY=TEXT")]
    set_literal: Vec<String>,
}

impl ValueFlags {
    /// Files and lines, merged.
    pub fn merge(&self) -> Result<Table, HelmFailure> {
        let mut layers = Vec::new();
        for file in &self.values {
            layers.push(Layer::File {
                name: file.clone(),
                data: read(file)?,
            });
        }
        let kinds: [(&[String], fn(String) -> Layer); 5] = [
            (&self.set_json, Layer::SetJson),
            (&self.set, Layer::Set),
            (&self.set_string, Layer::SetString),
            (&self.set_file, Layer::SetFile),
            (&self.set_literal, Layer::SetLiteral),
        ];
        for (lines, layer) in kinds {
            layers.extend(lines.iter().cloned().map(layer));
        }
        Ok(merge_layers(&layers, &read)?)
    }
}

/// Reads a file, standard input, or what a URL names.
fn read(place: &str) -> Result<Vec<u8>, String> {
    if place.trim() == "-" {
        let mut data = Vec::new();
        let stdin = std::io::stdin().lock();
        stdin
            .take(MAX_VALUES + 1)
            .read_to_end(&mut data)
            .map_err(|error| error.to_string())?;
        return within(place, data);
    }
    if place.starts_with("http://") || place.starts_with("https://") {
        return download(&Download {
            url: place,
            max_bytes: MAX_VALUES,
            ..Download::default()
        });
    }
    read_file(Path::new(place), MAX_VALUES)
}

fn within(place: &str, data: Vec<u8>) -> Result<Vec<u8>, String> {
    if data.len() as u64 > MAX_VALUES {
        return Err(format!("{place}: it is larger than {MAX_VALUES} bytes"));
    }
    Ok(data)
}

/// Reads a file of the disk up to a size.
pub(super) fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let shown = path.to_string_lossy();
    let failed = |error: std::io::Error| io_text("open", &shown, &error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut data = Vec::new();
    file.take(max + 1)
        .read_to_end(&mut data)
        .map_err(|error| io_text("read", &shown, &error))?;
    if data.len() as u64 > max {
        return Err(format!("{shown}: it is larger than {max} bytes"));
    }
    Ok(data)
}
