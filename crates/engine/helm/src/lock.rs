//! Chart.lock: the versions that dependencies were resolved to, and the digest that tells
//! whether Chart.yaml still asks for the same.

use argosy_object::{Digest, Value as Json, json};

use crate::chart::Dependency;
use crate::error::HelmError;
use crate::metadata::{DEPENDENCY, dependency};

/// A lock file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// When it was made, as it is written.
    pub generated: String,
    /// What [`lock_digest`] gives.
    pub digest: String,
    /// Names, repositories and exact versions.
    pub dependencies: Vec<Dependency>,
}

impl Lock {
    /// Reads a lock file; `file` is its name for errors.
    ///
    /// # Errors
    /// In Helm's words.
    pub fn parse(file: &str, data: &[u8]) -> Result<Self, HelmError> {
        let failed = |text: String| HelmError::Chart(format!("cannot load {file}: {text}"));
        let json = argosy_yaml::from_slice(data)
            .map_err(|error| failed(format!("error converting YAML to JSON: {}", error.text)))?;
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let dependencies = json["dependencies"].as_array().into_iter().flatten();
        Ok(Self {
            generated: text("generated"),
            digest: text("digest"),
            dependencies: dependencies
                .map(dependency)
                .collect::<Result<_, _>>()
                .map_err(failed)?,
        })
    }

    /// The file's text.
    pub fn to_yaml(&self) -> String {
        let dependencies: Vec<Json> = self.dependencies.iter().map(Dependency::to_json).collect();
        let dependencies = if dependencies.is_empty() {
            Json::Null
        } else {
            Json::Array(dependencies)
        };
        argosy_yaml::to_string(&json!({
            "dependencies": dependencies,
            "digest": self.digest,
            "generated": self.generated,
        }))
    }
}

/// The digest of what is asked for and of what was chosen.
///
/// Compat: `resolver.HashReq`: SHA-256 of both lists in the JSON of Go's structs.
pub fn lock_digest(wanted: &[Dependency], locked: &[Dependency]) -> String {
    let text = format!("[{},{}]", list(wanted), list(locked));
    format!("sha256:{}", Digest::of(text.as_bytes()).hex())
}

/// The digest that Helm 2 wrote.
pub fn legacy_lock_digest(wanted: &[Dependency]) -> String {
    let text = format!("{{\"dependencies\":{}}}", list(wanted));
    format!("sha256:{}", Digest::of(text.as_bytes()).hex())
}

fn list(dependencies: &[Dependency]) -> String {
    let items: Vec<String> = dependencies.iter().map(in_go_json).collect();
    format!("[{}]", items.join(","))
}

/// The fields in the order of Go's struct, empty ones left out but name and repository.
fn in_go_json(dependency: &Dependency) -> String {
    let json = dependency.to_json();
    let fields: Vec<String> = DEPENDENCY
        .iter()
        .filter_map(|name| {
            let value = argosy_yaml::write_json_go(json.get(name)?);
            Some(format!("\"{name}\":{value}"))
        })
        .collect();
    format!("{{{}}}", fields.join(","))
}
