//! A source's Helm options, handed to the Helm engine.

use crate::charts::{self, Fetched};
use crate::environment::Environment;
use crate::error::RenderError;
use crate::request::{Answers, Caches, Need, Request};
use crate::{Objects, Outcome};
use argosy_crds::{HelmSource, Source};
use argosy_glob::Glob;
use argosy_helm::{ChartRequest, GoTime, SetKind, SetValue};
use argosy_kustomize::{Remote, RemoteFile};
use argosy_object::{Digest, Str, Value};
use argosy_tree::{Limits, ReadSet, RelPath, Rooted};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) fn render(
    reader: &Rooted<'_>,
    path: &RelPath,
    source: &Source,
    request: &Request,
    environment: &Environment,
    answers: &Answers,
    caches: &Caches,
) -> Result<Outcome, RenderError> {
    let options = source.helm.clone().unwrap_or_default();
    let mut files = Files {
        reader,
        path,
        answers,
        reference_reads: BTreeMap::new(),
        remote_files: BTreeMap::new(),
        needs: vec![],
    };
    let values_files = files.values(&options, environment)?;
    let set_files = files.parameters(&options, environment)?;
    let Files {
        reference_reads,
        remote_files,
        mut needs,
        ..
    } = files;
    let fetched = charts::fetched(reader, path, options.pass_credentials, answers, caches)?;
    let fetched = match fetched {
        Fetched::Charts(charts) => charts,
        Fetched::Needs(more) => {
            needs.extend(more);
            Vec::new()
        }
    };
    if !needs.is_empty() {
        return Ok(Outcome::Needs(needs));
    }
    let chart = ChartRequest {
        chart: path.clone(),
        fetched,
        release_name: or(&options.release_name, &request.app_name),
        namespace: or(&options.namespace, &request.namespace),
        values_files,
        values: inline_values(&options)?,
        set: set_values(&options, environment),
        set_files,
        kube_version: or(&options.kube_version, &request.kube_version),
        api_versions: if options.api_versions.is_empty() {
            request.api_versions.clone()
        } else {
            Arc::from(options.api_versions.clone())
        },
        include_crds: !options.skip_crds,
        skip_tests: options.skip_tests,
        skip_schema_validation: options.skip_schema_validation,
        seed: request.seed.digest(),
        now: now(request.born),
        ..ChartRequest::default()
    };
    let rendered = argosy_helm::render_chart(reader, &chart, &caches.templates)
        .map_err(|error| RenderError::Helm(Box::new(error)))?;
    Ok(Outcome::Objects(Objects {
        objects: rendered.objects,
        findings: rendered.findings,
        reference_reads,
        remote_files,
        ..Objects::default()
    }))
}

/// What `now` gives; the epoch where nothing is known.
fn now(born: Option<jiff::Timestamp>) -> GoTime {
    GoTime::new(born.unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC))
}

fn or(own: &str, default: &str) -> String {
    if own.is_empty() { default } else { own }.to_owned()
}

/// `valuesObject`, which makes `values` count for nothing, or `values`.
fn inline_values(options: &HelmSource) -> Result<Vec<Value>, RenderError> {
    if let Some(values) = &options.values_object {
        return Ok(vec![values.clone()]);
    }
    if options.values.trim().is_empty() {
        return Ok(vec![]);
    }
    Ok(vec![argosy_yaml::from_slice_with(
        "spec.source.helm.values",
        options.values.as_bytes(),
        &argosy_yaml::Limits::default(),
        argosy_yaml::Dialect::V2,
    )?])
}

fn set_values(options: &HelmSource, environment: &Environment) -> Vec<SetValue> {
    options
        .parameters
        .iter()
        .map(|parameter| SetValue {
            kind: if parameter.force_string {
                SetKind::SetString
            } else {
                SetKind::Set
            },
            text: format!(
                "{}={}",
                parameter.name,
                escape_commas(&environment.expand(&parameter.value))
            ),
        })
        .collect()
}

/// A comma outside braces would start another assignment.
fn escape_commas(text: &str) -> String {
    if text.starts_with('{') && text.ends_with('}') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut previous = '\0';
    for char in text.chars() {
        if char == ',' && previous != '\\' {
            out.push('\\');
        }
        out.push(char);
        previous = char;
    }
    out
}

/// Reads value files from the source's own tree and from those of its siblings.
struct Files<'r, 't> {
    reader: &'r Rooted<'t>,
    path: &'r RelPath,
    answers: &'r Answers,
    reference_reads: BTreeMap<Str, ReadSet>,
    remote_files: BTreeMap<RemoteFile, Digest>,
    needs: Vec<Need>,
}

impl Files<'_, '_> {
    /// The value files in their order. A glob stands for the files that match it, sorted; a file
    /// that is named explicitly has its explicit place only.
    fn values(
        &mut self,
        options: &HelmSource,
        environment: &Environment,
    ) -> Result<Vec<(String, Bytes)>, RenderError> {
        let entries: Vec<String> = options
            .value_files
            .iter()
            .map(|file| expand(file, environment))
            .collect();
        let mut files = Vec::new();
        for entry in &entries {
            if entry.contains("://") {
                if let Some(bytes) = self.downloaded(entry)? {
                    files.push((entry.clone(), bytes));
                }
                continue;
            }
            if entry.contains('*') && !entry.starts_with('$') {
                for file in self.glob(entry)? {
                    if !entries.iter().any(|other| self.names(other, &file)) {
                        let bytes = self.reader.read(&file)?;
                        files.push((file.to_string(), bytes));
                    }
                }
                continue;
            }
            match self.read(entry)? {
                Some(bytes) => files.push((entry.clone(), bytes)),
                None if options.ignore_missing_value_files || !self.needs.is_empty() => {}
                None => {
                    return Err(RenderError::ValueFileMissing {
                        file: self.shown(entry),
                    });
                }
            }
        }
        Ok(files)
    }

    /// A file of the web; nothing where it has to be fetched first.
    ///
    /// Compat: the schemes that upstream permits (`helm.valuesFileSchemes`) unless it is told
    /// otherwise.
    fn downloaded(&mut self, url: &str) -> Result<Option<Bytes>, RenderError> {
        if !["https://", "http://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            return Err(RenderError::Unsupported {
                what: "a value file of such a URL",
                place: url.to_owned(),
            });
        }
        let file = RemoteFile(url.to_owned());
        let Some(bytes) = self.answers.remote_files.get(&file) else {
            self.needs.push(Need::Remote(Remote::File(file)));
            return Ok(None);
        };
        self.remote_files.insert(file, Digest::of(bytes));
        Ok(Some(bytes.clone()))
    }

    fn parameters(
        &mut self,
        options: &HelmSource,
        environment: &Environment,
    ) -> Result<Vec<(String, Bytes)>, RenderError> {
        let mut files = Vec::new();
        for parameter in &options.file_parameters {
            let entry = expand(&parameter.path, environment);
            match self.read(&entry)? {
                Some(bytes) => files.push((parameter.name.clone(), bytes)),
                None if !self.needs.is_empty() => {}
                None => {
                    return Err(RenderError::ValueFileMissing {
                        file: self.shown(&entry),
                    });
                }
            }
        }
        Ok(files)
    }

    fn read(&mut self, entry: &str) -> Result<Option<Bytes>, RenderError> {
        let Some((name, below)) = reference(entry) else {
            return Ok(self.reader.try_read(&self.own(entry)?)?);
        };
        let name: Str = name.into();
        match self.answers.references.get(&name) {
            None => {
                let need = Need::Reference(name);
                if !self.needs.contains(&need) {
                    self.needs.push(need);
                }
                Ok(None)
            }
            Some(None) => Err(RenderError::NoReference {
                file: entry.into(),
                name: name.to_string(),
            }),
            Some(Some(tree)) => {
                let path = RelPath::new(below)
                    .map_err(|_| RenderError::PathOutside { path: entry.into() })?;
                let reader = Rooted::new(&**tree, Limits::default());
                let bytes = reader.try_read(&path);
                self.reference_reads
                    .entry(name)
                    .or_default()
                    .merge(&reader.reads());
                Ok(bytes?)
            }
        }
    }

    /// A path from the application's folder; a leading slash starts at the repository's root.
    fn own(&self, entry: &str) -> Result<RelPath, RenderError> {
        self.path
            .join(entry)
            .map_err(|_| RenderError::PathOutside { path: entry.into() })
    }

    fn shown(&self, entry: &str) -> String {
        match (reference(entry), self.path.join(entry)) {
            (None, Ok(path)) => path.to_string(),
            _ => entry.into(),
        }
    }

    fn names(&self, entry: &str, file: &RelPath) -> bool {
        !entry.contains('*') && self.path.join(entry).is_ok_and(|path| path == *file)
    }

    fn glob(&self, entry: &str) -> Result<Vec<RelPath>, RenderError> {
        let fixed = entry.split('*').next().unwrap_or("");
        let dir = fixed.rsplit_once('/').map_or("", |(dir, _)| dir);
        let dir = self.own(if entry.starts_with('/') && dir.is_empty() {
            "/"
        } else {
            dir
        })?;
        if !self.reader.is_dir(&dir)? {
            return Ok(vec![]);
        }
        let pattern = self.own(entry)?;
        let glob = Glob::new(pattern.as_str(), Some('/'));
        let files = self.reader.walk(&dir)?;
        Ok(files
            .into_iter()
            .filter(|file| glob.matches(file.as_str()))
            .collect())
    }
}

/// `$name/path` as name and path.
fn reference(entry: &str) -> Option<(&str, &str)> {
    entry.strip_prefix('$')?.split_once('/')
}

/// Expands variables, but not the `$name` of a reference at the start.
fn expand(entry: &str, environment: &Environment) -> String {
    match reference(entry) {
        Some((name, rest))
            if !name.starts_with("ARGOCD_") && !name.starts_with('{') && !name.starts_with('$') =>
        {
            format!("${name}/{}", environment.expand(rest))
        }
        _ => environment.expand(entry),
    }
}
