//! The typed objects that templates see: `.Files` and `.Capabilities`.

use std::collections::BTreeMap;
use std::sync::Arc;

use argosy_glob::Glob;
use argosy_gotmpl::{Elem, FuncError, GoStr, Host, List, Map, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::chart::File;
use crate::metadata::fields_map;

type Called = Option<Result<Value, FuncError>>;

/// Go's `engine.files`: contents by path.
#[derive(Clone, Debug)]
pub(crate) struct Files(Arc<BTreeMap<String, Bytes>>);

impl Files {
    pub fn new(files: &[File]) -> Self {
        Self(Arc::new(
            files
                .iter()
                .map(|file| (file.name.clone(), file.data.clone()))
                .collect(),
        ))
    }

    fn glob(&self, pattern: &str) -> Self {
        let glob = Glob::new(pattern, Some('/'));
        let kept = self.0.iter().filter(|(name, _)| glob.matches(name));
        Self(Arc::new(
            kept.map(|(name, data)| (name.clone(), data.clone()))
                .collect(),
        ))
    }

    /// Contents by the last part of the path, as a table in YAML.
    fn yaml(&self, encode: impl Fn(&[u8]) -> String) -> String {
        let table = self.0.iter().map(|(name, data)| {
            let base = name.rsplit('/').next().unwrap_or(name);
            (base.to_owned(), argosy_object::Value::String(encode(data)))
        });
        let table = argosy_object::Value::Object(table.collect());
        argosy_yaml::to_string(&table)
            .trim_end_matches('\n')
            .to_owned()
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let Some(data) = self.0.get(name).filter(|data| !data.is_empty()) else {
            return Vec::new();
        };
        let data = data.strip_suffix(b"\n").unwrap_or(data);
        data.split(|byte| *byte == b'\n')
            .map(|line| Value::str(line.to_vec()))
            .collect()
    }
}

fn wrong_args(name: &str) -> FuncError {
    FuncError::new(format!("wrong number or type of args for {name}"))
}

impl Host for Files {
    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn call(&self, name: &str, args: &[Value]) -> Called {
        let text = match args {
            [Value::Str(text)] => text.lossy().into_owned(),
            [] if matches!(name, "AsConfig" | "AsSecrets") => String::new(),
            _ if matches!(
                name,
                "Get" | "GetBytes" | "Glob" | "Lines" | "AsConfig" | "AsSecrets"
            ) =>
            {
                return Some(Err(wrong_args(name)));
            }
            _ => return None,
        };
        let found = || self.0.get(&text).cloned().unwrap_or_default();
        Some(Ok(match name {
            "Get" => Value::str(found().to_vec()),
            "GetBytes" => Value::Bytes(found().as_ref().into()),
            "Glob" => Value::Host(Arc::new(self.glob(&text))),
            "Lines" => Value::List(List::typed(self.lines(&text), Elem::Str)),
            "AsConfig" => Value::str(self.yaml(|data| String::from_utf8_lossy(data).into_owned())),
            "AsSecrets" => Value::str(self.yaml(|data| STANDARD.encode(data))),
            _ => return None,
        }))
    }

    fn go_type(&self) -> &'static str {
        "engine.files"
    }

    fn is_struct(&self) -> bool {
        false
    }

    fn plain(&self) -> Option<Value> {
        let map: Map = self
            .0
            .iter()
            .map(|(name, data)| {
                (
                    GoStr::from(name.as_str()),
                    Value::Bytes(data.as_ref().into()),
                )
            })
            .collect();
        Some(Value::map(map))
    }
}

/// The Kubernetes version that a chart is rendered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeVersion {
    /// As given, with a `v` before it (`v1.33.4-gke.1245000`).
    pub version: String,
    /// Without any suffix: what ranges are checked against.
    pub normalized: String,
    major: String,
    minor: String,
}

impl KubeVersion {
    /// The minor version as a number.
    pub(crate) fn minor_number(&self) -> u32 {
        self.minor.parse().unwrap_or(u32::MAX)
    }

    /// Parses a version.
    ///
    /// # Errors
    /// Helm's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let failed = || format!("could not parse {text:?} as version");
        let bare = text.trim().trim_start_matches('v');
        let end = bare
            .find(|unit: char| !(unit.is_ascii_digit() || unit == '.'))
            .unwrap_or(bare.len());
        let digits = bare[..end].trim_end_matches('.');
        let numbers: Option<Vec<u64>> = digits.split('.').map(|part| part.parse().ok()).collect();
        let numbers = numbers
            .filter(|numbers| numbers.len() >= 2)
            .ok_or_else(failed)?;
        let normalized: Vec<String> = numbers.iter().map(u64::to_string).collect();
        Ok(Self {
            version: format!("v{}", text.trim_start_matches('v')),
            normalized: format!("v{}", normalized.join(".")),
            major: normalized[0].clone(),
            minor: normalized[1].clone(),
        })
    }
}

impl Default for KubeVersion {
    /// Compat: what helm 4.1.4 assumes without a cluster.
    fn default() -> Self {
        Self {
            version: "v1.35.0".into(),
            normalized: "v1.35.0".into(),
            major: "1".into(),
            minor: "35".into(),
        }
    }
}

impl Host for KubeVersion {
    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::str(match name {
            "Version" => self.version.as_str(),
            "Major" => &self.major,
            "Minor" => &self.minor,
            _ => return None,
        }))
    }

    fn call(&self, name: &str, _: &[Value]) -> Called {
        match name {
            "GitVersion" => Some(Ok(Value::str(self.version.as_str()))),
            "String" => Some(Ok(Value::str(self.normalized.as_str()))),
            _ => None,
        }
    }

    fn go_type(&self) -> &'static str {
        "common.KubeVersion"
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::map(fields_map([
            ("Version", self.version.as_str().into()),
            ("Major", self.major.as_str().into()),
            ("Minor", self.minor.as_str().into()),
        ])))
    }

    fn display(&self) -> Option<String> {
        Some(self.normalized.clone())
    }
}

/// Go's `common.VersionSet`.
#[derive(Clone, Debug)]
pub(crate) struct VersionSet(pub Arc<Vec<String>>);

impl Host for VersionSet {
    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn call(&self, name: &str, args: &[Value]) -> Called {
        if name != "Has" {
            return None;
        }
        Some(match args {
            [Value::Str(wanted)] => Ok(Value::Bool(
                self.0
                    .iter()
                    .any(|version| version.as_bytes() == wanted.as_bytes()),
            )),
            _ => Err(wrong_args(name)),
        })
    }

    fn go_type(&self) -> &'static str {
        "common.VersionSet"
    }

    fn is_struct(&self) -> bool {
        false
    }

    fn plain(&self) -> Option<Value> {
        let versions = self
            .0
            .iter()
            .map(|version| Value::str(version.as_str()))
            .collect();
        Some(Value::List(List::typed(versions, Elem::Str)))
    }
}

/// Go's `*common.Capabilities`.
#[derive(Clone, Debug)]
pub(crate) struct Capabilities {
    pub kube_version: KubeVersion,
    pub api_versions: VersionSet,
}

impl Host for Capabilities {
    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => Value::Host(Arc::new(self.kube_version.clone())),
            "APIVersions" => Value::Host(Arc::new(self.api_versions.clone())),
            "HelmVersion" => Value::Host(Arc::new(HelmVersion)),
            _ => return None,
        })
    }

    fn call(&self, name: &str, _: &[Value]) -> Called {
        (name == "Copy").then(|| Ok(Value::Host(Arc::new(self.clone()))))
    }

    fn go_type(&self) -> &'static str {
        "*common.Capabilities"
    }

    fn plain(&self) -> Option<Value> {
        let names = ["KubeVersion", "APIVersions", "HelmVersion"];
        let fields = names.map(|name| (name, self.field(name).unwrap_or_default()));
        Some(Value::map(fields_map(fields)))
    }
}

/// Which Helm this renders as.
#[derive(Clone, Copy, Debug)]
struct HelmVersion;

const HELM_VERSION: [(&str, &str); 5] = [
    ("Version", "v4.1.4"),
    ("GitCommit", "05fa37973dc9e42b76e1d2883494c87174b6074f"),
    ("GitTreeState", "clean"),
    ("GoVersion", "go1.25.9"),
    ("KubeClientVersion", "v1.35"),
];

impl Host for HelmVersion {
    fn field(&self, name: &str) -> Option<Value> {
        HELM_VERSION
            .iter()
            .find(|(field, _)| *field == name)
            .map(|(_, text)| Value::str(*text))
    }

    fn call(&self, _: &str, _: &[Value]) -> Called {
        None
    }

    fn go_type(&self) -> &'static str {
        "version.BuildInfo"
    }

    fn plain(&self) -> Option<Value> {
        let keys = [
            "version",
            "git_commit",
            "git_tree_state",
            "go_version",
            "kube_client_version",
        ];
        let fields = keys.into_iter().zip(HELM_VERSION);
        Some(Value::map(
            fields
                .map(|(key, (_, text))| (GoStr::from(key), Value::str(text)))
                .collect(),
        ))
    }

    fn display(&self) -> Option<String> {
        Some(format!(
            "{{{}}}",
            HELM_VERSION.map(|(_, text)| text).join(" ")
        ))
    }
}
