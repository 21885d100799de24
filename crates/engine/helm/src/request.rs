//! From a folder in a tree to objects, in one call.

use std::sync::Arc;

use argosy_gotmpl::{GoTime, Limits};
use argosy_object::{Digest, Finding, Object, Origin, Value as Json};
use argosy_tree::{RelPath, Rooted};
use bytes::Bytes;

use crate::cache::TemplateCache;
use crate::chart::Chart;
use crate::error::HelmError;
use crate::hosts::KubeVersion;
use crate::lacking::complete;
use crate::load::load_cached;
use crate::manifest::Manifest;
use crate::output::OutputOptions;
use crate::render::{ReleaseRequest, Rendering, Step, render_release};
use crate::values::{Layer, Table, merge_layers};

/// How a line of values is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// `--set`
    Set,
    /// `--set-string`
    SetString,
    /// `--set-json`
    SetJson,
    /// `--set-literal`
    SetLiteral,
}

/// A line of values (`a.b=1,c=2`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetValue {
    /// How it is read.
    pub kind: SetKind,
    /// The line.
    pub text: String,
}

/// What to render, and for what.
#[derive(Clone, Debug)]
pub struct ChartRequest {
    /// The folder with Chart.yaml.
    pub chart: RelPath,
    /// Subcharts that `charts/` lacks and that were fetched.
    pub fetched: Vec<Chart>,
    /// `.Release.Name`
    pub release_name: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// `.Release.Revision`
    pub revision: i64,
    /// `.Release.IsUpgrade`
    pub is_upgrade: bool,
    /// Values files: a name for errors, and the content. Later ones win.
    pub values_files: Vec<(String, Bytes)>,
    /// Tables of values; they win over files, later ones over earlier ones.
    pub values: Vec<Json>,
    /// Lines of values, which win over tables, in this order.
    pub set: Vec<SetValue>,
    /// Keys (`a.b`) whose values are contents of files; they win over all.
    pub set_files: Vec<(String, Bytes)>,
    /// `.Capabilities.KubeVersion`; empty for Helm's own default.
    pub kube_version: String,
    /// API versions besides those that Helm always assumes.
    pub api_versions: Arc<[String]>,
    /// Whether CRDs of `crds/` are among the objects.
    pub include_crds: bool,
    /// Whether test hooks are left out.
    pub skip_tests: bool,
    /// Whether values.schema.json is left alone.
    pub skip_schema_validation: bool,
    /// What `now` gives. Fixed by default, so that nothing drifts by itself.
    pub now: GoTime,
    /// What random functions start from: whoever knows it knows what they give.
    pub seed: Digest,
    /// How much templates may do.
    pub limits: Limits,
}

impl Default for ChartRequest {
    fn default() -> Self {
        let release = ReleaseRequest::new("release-name", "default");
        Self {
            chart: RelPath::root(),
            fetched: Vec::new(),
            release_name: release.release_name,
            namespace: release.namespace,
            revision: release.revision,
            is_upgrade: false,
            values_files: Vec::new(),
            values: Vec::new(),
            set: Vec::new(),
            set_files: Vec::new(),
            kube_version: String::new(),
            api_versions: Arc::from([]),
            include_crds: false,
            skip_tests: false,
            skip_schema_validation: false,
            now: release.now,
            seed: release.seed,
            limits: release.limits,
        }
    }
}

/// A rendered chart.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedChart {
    /// CRDs (where included), manifests in install order, hooks with their annotations. The
    /// origin is the template's place in the tree, as far as the chart lies there unpacked.
    pub objects: Vec<(Object, Origin)>,
    /// The stream that `helm template` prints, byte for byte.
    pub manifest: String,
    /// NOTES.txt, where the chart has one.
    pub notes: Option<String>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// Renders the chart in a folder to objects. `lookup` finds nothing, as in `helm template`; the
/// clock stands where the request says and random functions follow the seed, so that equal
/// inputs give equal bytes.
///
/// # Errors
/// In Helm's words, and where a manifest is no Kubernetes object.
pub fn render_chart(
    reader: &Rooted<'_>,
    request: &ChartRequest,
    cache: &TemplateCache,
) -> Result<RenderedChart, HelmError> {
    let rendering = template_chart(reader, request, cache)?;
    finished(request, &rendering)
}

/// Renders the chart in a folder to texts, whether they are Kubernetes objects or not: what
/// `helm template` does. [`Rendering::output`] is its output.
///
/// # Errors
/// In Helm's words.
pub fn template_chart(
    reader: &Rooted<'_>,
    request: &ChartRequest,
    cache: &TemplateCache,
) -> Result<Rendering, HelmError> {
    let mut chart = load_cached(reader, &request.chart, cache)?;
    if !request.fetched.is_empty() {
        chart = Arc::new(complete(&chart, &request.fetched));
    }
    let mut release =
        ReleaseRequest::new(request.release_name.as_str(), request.namespace.as_str());
    release.revision = request.revision;
    release.is_upgrade = request.is_upgrade;
    release.values = values(request)?;
    release.api_versions = request.api_versions.to_vec();
    release.skip_schema_validation = request.skip_schema_validation;
    release.now = request.now.clone();
    release.seed = request.seed;
    release.limits = request.limits.clone();
    if !request.kube_version.is_empty() {
        let given = &request.kube_version;
        release.kube_version = KubeVersion::parse(given)
            .map_err(|text| HelmError::Values(format!("invalid kube version '{given}': {text}")))?;
    }
    match render_release(&chart, &release, cache)? {
        Step::Done(rendering) => Ok(*rendering),
        Step::Needs(_) => Err(HelmError::Limit(
            "lookups are off, yet one was asked for".into(),
        )),
    }
}

impl ChartRequest {
    /// What of the rendering goes into the stream.
    pub fn output_options(&self) -> OutputOptions {
        OutputOptions {
            include_crds: self.include_crds,
            skip_tests: self.skip_tests,
            no_hooks: false,
        }
    }
}

fn values(request: &ChartRequest) -> Result<Table, HelmError> {
    let mut layers = Vec::new();
    for (name, data) in &request.values_files {
        layers.push(Layer::File {
            name: name.clone(),
            data: data.to_vec(),
        });
    }
    for table in &request.values {
        match table {
            Json::Object(table) => layers.push(Layer::Table(table.clone())),
            Json::Null => {}
            _ => return Err(HelmError::Values("values must be a table of keys".into())),
        }
    }
    for line in &request.set {
        let text = line.text.clone();
        layers.push(match line.kind {
            SetKind::Set => Layer::Set(text),
            SetKind::SetString => Layer::SetString(text),
            SetKind::SetJson => Layer::SetJson(text),
            SetKind::SetLiteral => Layer::SetLiteral(text),
        });
    }
    // The line names the file by its index, as its own name may hold anything.
    for (index, (key, _)) in request.set_files.iter().enumerate() {
        layers.push(Layer::SetFile(format!("{key}={index}")));
    }
    merge_layers(&layers, &|index| {
        let file = index
            .parse()
            .ok()
            .and_then(|index: usize| request.set_files.get(index));
        file.map(|(_, data)| data.to_vec())
            .ok_or_else(|| format!("no file `{index}`"))
    })
}

fn finished(request: &ChartRequest, rendering: &Rendering) -> Result<RenderedChart, HelmError> {
    let chart_name = &rendering.chart;
    let origin = |source: &str, document: usize| {
        let inner = source.strip_prefix(chart_name.as_str()).unwrap_or(source);
        let file = request.chart.join(inner.trim_start_matches('/'));
        let file = file.map_or_else(|_| source.to_owned(), |path| path.as_str().to_owned());
        Origin {
            file: file.as_str().into(),
            line: 0,
            doc: document as u32,
        }
    };
    let mut objects = Vec::new();
    if request.include_crds {
        for (source, text) in &rendering.crds {
            let place = origin(source, 0);
            let crds = argosy_yaml::parse_stream(
                &place.file,
                text.as_bytes(),
                &argosy_yaml::Limits::default(),
            )
            .map_err(|error| HelmError::Manifest(error.to_string()))?;
            objects.extend(crds);
        }
    }
    let hooks = rendering
        .hooks
        .iter()
        .filter(|hook| !(request.skip_tests && hook.is_test()));
    for manifest in rendering
        .manifests
        .iter()
        .chain(hooks.map(|hook| &hook.manifest))
    {
        take_apart(
            manifest,
            &origin(&manifest.source, manifest.document),
            &mut objects,
        )?;
    }
    let findings = rendering.warnings.iter().map(|(reason, message)| Finding {
        reason,
        message: message.clone(),
        origin: Some(origin(chart_name, 0)),
    });
    Ok(RenderedChart {
        objects,
        manifest: rendering.output(request.output_options()),
        notes: Some(rendering.notes.clone()).filter(|notes| !notes.is_empty()),
        findings: findings.collect(),
    })
}

/// Adds the object of a manifest, or the items of a list.
fn take_apart(
    manifest: &Manifest,
    origin: &Origin,
    objects: &mut Vec<(Object, Origin)>,
) -> Result<(), HelmError> {
    let items = match &manifest.object {
        Json::Null => return Ok(()),
        Json::Object(map) => match map.get("items") {
            Some(Json::Array(items)) if manifest.kind().ends_with("List") => items.clone(),
            _ => vec![manifest.object.clone()],
        },
        _ => vec![manifest.object.clone()],
    };
    for item in items {
        let object = Object::new(item).map_err(|error| {
            HelmError::Manifest(format!(
                "{} is no Kubernetes object: {error}",
                manifest.source
            ))
        })?;
        objects.push((object, origin.clone()));
    }
    Ok(())
}
