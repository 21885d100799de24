//! `helm lint`: what is wrong with a chart, rule by rule, in Helm's words.
//!
//! Compat: the rules of helm 4.1's `lint` package in its order.

mod chartfile;
mod deprecations;
mod manifests;
mod names;

use argosy_object::{Map, Value as Json};
use argosy_tree::{Mode, RelPath, Rooted, TreeError};

use crate::cache::TemplateCache;
use crate::chart::Chart;
use crate::error::HelmError;
use crate::hosts::KubeVersion;
use crate::load::load_folder;
use crate::render::{ReleaseRequest, Texts, render_texts};
use crate::schema;
use crate::values::{Table, coalesce_tables};

/// How bad a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Against the conventions.
    Warning,
    /// It will not work.
    Error,
}

/// What a rule says. It shows as `helm lint` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintMessage {
    /// How bad it is.
    pub severity: Severity,
    /// The file, or the chart's folder.
    pub path: String,
    /// What is wrong.
    pub text: String,
}

impl std::fmt::Display for LintMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        write!(f, "[{severity}] {}: {}", self.path, self.text)
    }
}

/// What a chart is looked at with.
#[derive(Clone)]
pub struct LintRequest {
    /// The chart's folder as messages name it.
    pub chart_dir: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// What the user gives beside values.yaml.
    pub values: Table,
    /// `.Capabilities.KubeVersion`, and what deprecations are measured by.
    pub kube_version: KubeVersion,
    /// Whether values.schema.json is left alone.
    pub skip_schema_validation: bool,
}

/// Looks for faults of the chart in a folder.
///
/// # Errors
/// Where the tree cannot be read.
pub fn lint(
    reader: &Rooted<'_>,
    folder: &RelPath,
    request: &LintRequest,
) -> Result<Vec<LintMessage>, HelmError> {
    let mut linter = Linter {
        reader,
        folder,
        request,
        messages: Vec::new(),
    };
    linter.chart_file()?;
    linter.values()?;
    linter.templates()?;
    linter.dependencies();
    linter.crds()?;
    Ok(linter.messages)
}

pub(crate) struct Linter<'l, 't> {
    reader: &'l Rooted<'t>,
    folder: &'l RelPath,
    request: &'l LintRequest,
    messages: Vec<LintMessage>,
}

impl Linter<'_, '_> {
    /// Takes down what a rule says; tells whether it was content.
    fn rule(&mut self, severity: Severity, path: &str, verdict: Result<(), String>) -> bool {
        let Err(text) = verdict else { return true };
        self.messages.push(LintMessage {
            severity,
            path: path.to_owned(),
            text,
        });
        false
    }

    fn file(&self, name: &str) -> Result<Option<bytes::Bytes>, TreeError> {
        self.reader.try_read(&self.folder.child(name))
    }

    fn mode(&self, name: &str) -> Result<Option<Mode>, TreeError> {
        let node = self.reader.look(&self.folder.child(name))?;
        Ok(node.map(|node| node.mode))
    }

    fn load(&self) -> Result<Chart, String> {
        load_folder(self.reader, self.folder).map_err(|error| error.to_string())
    }

    /// The chart; that it does not load is a fault of folder `dir`.
    fn loaded_for(&mut self, dir: &str) -> Option<Chart> {
        match self.load() {
            Ok(chart) => Some(chart),
            Err(text) => {
                self.rule(Severity::Error, dir, Err(text));
                None
            }
        }
    }

    fn values(&mut self) -> Result<(), HelmError> {
        let Some(data) = self.file("values.yaml")? else {
            let missing = Err("file does not exist".to_owned());
            self.rule(Severity::Info, "values.yaml", missing);
            return Ok(());
        };
        let schema = self.file("values.schema.json")?;
        let verdict = self.values_verdict(&data, schema.as_deref());
        self.rule(Severity::Error, "values.yaml", verdict);
        Ok(())
    }

    fn values_verdict(&self, data: &[u8], schema: Option<&[u8]>) -> Result<(), String> {
        let broken = |text: String| format!("unable to parse YAML: {text}");
        let json = argosy_yaml::from_slice(data)
            .map_err(|error| broken(format!("error converting YAML to JSON: {}", error.text)))?;
        let mut defaults: Map<String, Json> = match json {
            Json::Null => Map::new(),
            Json::Object(map) => map,
            other => return Err(broken(not_a_table(&other))),
        };
        defaults.values_mut().for_each(crate::values::floats);
        let schema = schema.filter(|schema| !schema.is_empty());
        let Some(schema) = schema.filter(|_| !self.request.skip_schema_validation) else {
            return Ok(());
        };
        let mut values = Table::new();
        coalesce_tables(&mut values, self.request.values.clone(), false);
        coalesce_tables(&mut values, defaults, false);
        schema::check_one(schema, &values)
    }

    fn templates(&mut self) -> Result<(), HelmError> {
        const DIR: &str = "templates/";
        match self.mode("templates")? {
            Some(Mode::Dir) => {}
            Some(_) => {
                self.rule(Severity::Error, DIR, Err("not a directory".into()));
                return Ok(());
            }
            None => {
                let missing = Err("directory does not exist".to_owned());
                self.rule(Severity::Warning, DIR, missing);
                return Ok(());
            }
        }
        let Some(chart) = self.loaded_for(DIR) else {
            return Ok(());
        };
        let request = self.request;
        let mut release = ReleaseRequest::new("test-release", request.namespace.as_str());
        release.revision = 0;
        release.is_lint = true;
        release.values = request.values.clone();
        release.kube_version = request.kube_version.clone();
        release.skip_schema_validation = request.skip_schema_validation;
        match render_texts(&chart, &release, &TemplateCache::new()) {
            Ok(Texts::Done(texts)) => {
                self.manifests(&texts.chart, &texts.files);
            }
            Ok(Texts::Needs(_)) => {}
            // Compat: values that cannot be merged end the rule without a word.
            Err(HelmError::Values(text)) if is_silent(&text) => {}
            Err(error) => {
                self.rule(Severity::Error, DIR, Err(error.to_string()));
            }
        }
        Ok(())
    }

    fn dependencies(&mut self) {
        let chart = match self.load() {
            Ok(chart) => chart,
            Err(text) => {
                let text = format!("unable to load chart\n\t{text}");
                self.rule(Severity::Error, "", Err(text));
                return;
            }
        };
        let wanted = chart.metadata.dependencies.iter().flatten();
        let wanted: Vec<&str> = wanted.clone().map(|wanted| wanted.name.as_str()).collect();
        let listed = |found: Vec<&str>, text: &str| match found.as_slice() {
            [] => Ok(()),
            found => Err(format!("{text}: {}", found.join(","))),
        };
        let unlisted = chart.dependencies.iter().map(Chart::name);
        let unlisted = unlisted.filter(|name| !wanted.contains(name)).collect();
        let mut keys: Vec<&str> = Vec::new();
        let mut repeated = Vec::new();
        for dependency in chart.metadata.dependencies.iter().flatten() {
            let key = if dependency.alias.is_empty() {
                &dependency.name
            } else {
                &dependency.alias
            };
            if keys.contains(&key.as_str()) {
                repeated.push(key.as_str());
            }
            keys.push(key);
        }
        let missing = chart.missing_dependencies();
        let dir = self.request.chart_dir.clone();
        let text = "chart metadata is missing these dependencies";
        self.rule(Severity::Error, &dir, listed(unlisted, text));
        let text = "multiple dependencies with name or alias";
        self.rule(Severity::Error, &dir, listed(repeated, text));
        let text = "chart directory is missing these dependencies";
        self.rule(Severity::Warning, &dir, listed(missing, text));
    }
}

/// Whether an error comes of merging values, not of checking them.
fn is_silent(text: &str) -> bool {
    text.starts_with("chart dependencies processing failed") || text.starts_with("type mismatch on")
}

/// What Go says of a document that is no table.
fn not_a_table(found: &Json) -> String {
    let found = match found {
        Json::Array(_) => "array",
        Json::String(_) => "string",
        Json::Bool(_) => "bool",
        _ => "number",
    };
    format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go \
         value of type map[string]interface {{}}"
    )
}
