//! A chart in memory: its metadata, files, default values and subcharts.

use argosy_object::{Map, Value as Json};
use argosy_semver::{Constraint, Version};
use bytes::Bytes;

use crate::error::HelmError;
use crate::lock::Lock;
use crate::metadata::fields_of;

/// A file of a chart, named from the chart's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path, `/` between its parts.
    pub name: String,
    /// The content.
    pub data: Bytes,
}

/// A loaded chart with its subcharts. Cheap enough to clone for each rendering: file contents
/// are shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What Chart.yaml (and requirements.yaml) say.
    pub metadata: Metadata,
    /// Default values; all numbers are floats, as Helm reads them.
    pub values: Map<String, Json>,
    /// values.yaml as it was written, where there is one.
    pub values_file: Option<Bytes>,
    /// Chart.lock or requirements.lock, where there is one.
    pub lock: Option<Lock>,
    /// values.schema.json, where there is one.
    pub schema: Option<Bytes>,
    /// Files under `templates/`.
    pub templates: Vec<File>,
    /// All other files, as `.Files` sees them; CRDs among them.
    pub files: Vec<File>,
    /// Subcharts.
    pub dependencies: Vec<Chart>,
}

/// Chart.yaml.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// `name`
    pub name: String,
    /// `home`
    pub home: String,
    /// `sources`
    pub sources: Vec<String>,
    /// `version`
    pub version: String,
    /// `description`
    pub description: String,
    /// `keywords`
    pub keywords: Vec<String>,
    /// `maintainers`: name, email and URL
    pub maintainers: Vec<[String; 3]>,
    /// `icon`
    pub icon: String,
    /// `apiVersion`; `v1` where a chart says none
    pub api_version: String,
    /// `condition`
    pub condition: String,
    /// `tags`
    pub tags: String,
    /// `appVersion`
    pub app_version: String,
    /// `deprecated`
    pub deprecated: bool,
    /// `annotations`
    pub annotations: Vec<(String, String)>,
    /// `kubeVersion`
    pub kube_version: String,
    /// `dependencies`; none at all is not the same as an empty list
    pub dependencies: Option<Vec<Dependency>>,
    /// `type`
    pub kind: String,
}

/// A subchart as Chart.yaml asks for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependency {
    /// `name`, or the alias once dependencies are processed
    pub name: String,
    /// `version`: a range
    pub version: String,
    /// `repository`
    pub repository: String,
    /// `condition`: paths of values, with commas
    pub condition: String,
    /// `tags`
    pub tags: Vec<String>,
    /// Whether conditions and tags let it in.
    pub enabled: bool,
    /// `import-values`
    pub import_values: Vec<Json>,
    /// `alias`
    pub alias: String,
}

impl Chart {
    /// The chart's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it only lends its partials.
    pub fn is_library(&self) -> bool {
        self.metadata.kind.eq_ignore_ascii_case("library")
    }

    /// CRDs of the chart and its subcharts: the path that Helm shows, and the file.
    pub fn crds(&self) -> Vec<(String, &File)> {
        let mut crds = Vec::new();
        self.collect_crds(self.name(), &mut crds);
        crds
    }

    fn collect_crds<'c>(&'c self, path: &str, crds: &mut Vec<(String, &'c File)>) {
        for file in self.files.iter().filter(|file| is_crd(&file.name)) {
            crds.push((format!("{path}/{}", file.name), file));
        }
        for sub in &self.dependencies {
            sub.collect_crds(&format!("{path}/charts/{}", sub.name()), crds);
        }
    }

    /// What Chart.yaml asks for and `charts/` lacks.
    pub fn missing_dependencies(&self) -> Vec<&str> {
        let wanted = self.metadata.dependencies.iter().flatten();
        wanted
            .map(|dependency| dependency.name.as_str())
            .filter(|name| !self.dependencies.iter().any(|sub| sub.name() == *name))
            .collect()
    }
}

fn is_crd(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let extension = lower
        .rsplit('/')
        .next()
        .and_then(|base| base.rsplit_once('.'));
    name.starts_with("crds/")
        && extension.is_some_and(|(_, extension)| matches!(extension, "yaml" | "yml" | "json"))
}

/// Whether a version lies in a range; false where either does not parse.
pub(crate) fn is_compatible(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.check(&version),
        _ => false,
    }
}

impl Metadata {
    /// Takes over what a Chart.yaml or requirements.yaml says.
    pub(crate) fn read(&mut self, file: &str, data: &[u8]) -> Result<(), HelmError> {
        let failed = |text: String| HelmError::Chart(format!("cannot load {file}: {text}"));
        let json = argosy_yaml::from_slice(data)
            .map_err(|error| failed(format!("error converting YAML to JSON: {}", error.text)))?;
        fields_of(self, &json).map_err(failed)
    }

    /// Checks and cleans the fields, as Helm does on loading.
    pub(crate) fn validate(&mut self) -> Result<(), HelmError> {
        let invalid = |text: String| Err(HelmError::Chart(format!("validation: {text}")));
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitize(text);
        }
        self.sources
            .iter_mut()
            .chain(&mut self.keywords)
            .for_each(sanitize);
        self.maintainers.iter_mut().flatten().for_each(sanitize);
        let name = &self.name;
        if self.api_version.is_empty() {
            return invalid("chart.metadata.apiVersion is required".into());
        }
        if name.is_empty() {
            return invalid("chart.metadata.name is required".into());
        }
        if name == "." || name == ".." {
            return invalid(format!("chart.metadata.name {name:?} is not allowed"));
        }
        if name.contains('/') {
            return invalid(format!("chart.metadata.name {name:?} is invalid"));
        }
        if self.version.is_empty() {
            return invalid("chart.metadata.version is required".into());
        }
        if Version::parse(&self.version).is_err() {
            return invalid(format!(
                "chart.metadata.version {:?} is invalid",
                self.version
            ));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return invalid("chart.metadata.type must be application or library".into());
        }
        let mut keys = Vec::new();
        for dependency in self.dependencies.iter_mut().flatten() {
            let key = dependency.validate()?;
            if keys.contains(&key) {
                let text = format!("more than one dependency with name or alias {key:?}");
                return invalid(text);
            }
            keys.push(key);
        }
        Ok(())
    }
}

impl Dependency {
    /// Checks the dependency and returns the name it goes by.
    fn validate(&mut self) -> Result<String, HelmError> {
        for text in [
            &mut self.name,
            &mut self.version,
            &mut self.repository,
            &mut self.condition,
        ] {
            sanitize(text);
        }
        self.tags.iter_mut().for_each(sanitize);
        let plain = |unit: char| unit.is_ascii_alphanumeric() || matches!(unit, '_' | '-');
        if !self.alias.chars().all(plain) {
            let name = &self.name;
            return Err(HelmError::Chart(format!(
                "validation: dependency {name:?} has disallowed characters in the alias"
            )));
        }
        Ok(if self.alias.is_empty() {
            self.name.clone()
        } else {
            self.alias.clone()
        })
    }
}

/// Makes every kind of space a plain one and drops what cannot be printed.
fn sanitize(text: &mut String) {
    let printable = |unit: &char| *unit == ' ' || !(unit.is_control() || unit.is_whitespace());
    if text.chars().all(|unit| printable(&unit)) {
        return;
    }
    *text = text
        .chars()
        .map(|unit| if unit.is_whitespace() { ' ' } else { unit })
        .filter(printable)
        .collect();
}
