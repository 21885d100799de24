//! `argosy helm template`: the bytes of `helm template`, from Argosy's own engine.

use crate::session::Session;
use argosy_cli::Failure;
use argosy_git::DiskTree;
use argosy_helm::{
    Chart, KubeVersion, Layer, OutputOptions, ReleaseRequest, Rendering, Step, TemplateCache,
    load_archive, load_folder, merge_layers, render_release,
};
use argosy_tree::{Limits, RelPath, Rooted};
use clap::Args;
use std::path::{Path, PathBuf};

/// Largest packed chart.
const MAX_ARCHIVE: u64 = 100 << 20;
/// Largest values file.
const MAX_VALUES: u64 = 16 << 20;

/// Renders a chart, as `helm template` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm template web ./chart
  argosy helm template web ./chart -f values-eu.yaml --set replicas=3
  argosy helm template web ./chart --show-only templates/deployment.yaml")]
pub struct TemplateCommand {
    /// [NAME] CHART: a folder or a packed chart of this machine
    #[arg(required = true, num_args = 1..=2, value_names = ["NAME", "CHART"])]
    args: Vec<String>,
    /// Namespace of the release
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Values file (repeatable)
    #[arg(short = 'f', long, value_name = "FILE", value_delimiter = ',')]
    values: Vec<PathBuf>,
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
    /// Version of Kubernetes for the templates
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API version beside those always assumed (repeatable)
    #[arg(short, long, value_name = "VERSION", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// CRDs, too
    #[arg(long)]
    include_crds: bool,
    /// No test hooks
    #[arg(long)]
    skip_tests: bool,
    /// No hooks at all
    #[arg(long)]
    no_hooks: bool,
    /// As an upgrade, not an install
    #[arg(long)]
    is_upgrade: bool,
    /// Leave values.schema.json alone
    #[arg(long)]
    skip_schema_validation: bool,
    /// Only these templates (repeatable)
    #[arg(short, long, value_name = "FILE")]
    show_only: Vec<String>,
}

impl TemplateCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let (name, place) = match &self.args[..] {
            [name, chart] => (name.as_str(), chart.as_str()),
            [chart] => ("release-name", chart.as_str()),
            _ => return Err(Failure::new("no chart is named")),
        };
        let chart = load(Path::new(place))?;
        let mut request = ReleaseRequest::new(name, self.namespace.as_str());
        request.values = merge_layers(&self.layers()?, &|path| {
            read(Path::new(path), MAX_VALUES).map_err(|failure| failure.to_string())
        })
        .map_err(|error| Failure::from_error(&error))?;
        if let Some(version) = &self.kube_version {
            request.kube_version = KubeVersion::parse(version).map_err(Failure::new)?;
        }
        request.api_versions.clone_from(&self.api_versions);
        request.skip_schema_validation = self.skip_schema_validation;
        request.is_upgrade = self.is_upgrade;
        let step = render_release(&chart, &request, &TemplateCache::new())
            .map_err(|error| Failure::from_error(&error))?;
        let Step::Done(rendering) = step else {
            return Err(Failure::new("the chart asks for live objects, and there is no cluster"));
        };
        for (_, sentence) in &rendering.warnings {
            session.tell(&format!("WARNING: {sentence}"));
        }
        session.print(&self.output(&rendering)?)?;
        Ok(0)
    }

    fn layers(&self) -> Result<Vec<Layer>, Failure> {
        let mut layers = Vec::new();
        for file in &self.values {
            layers.push(Layer::File {
                name: file.display().to_string(),
                data: read(file, MAX_VALUES)?,
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
        Ok(layers)
    }

    fn output(&self, rendering: &Rendering) -> Result<String, Failure> {
        if self.show_only.is_empty() {
            return Ok(rendering.output(OutputOptions {
                include_crds: self.include_crds,
                skip_tests: self.skip_tests,
                no_hooks: self.no_hooks,
            }));
        }
        let by_source = rendering.by_source();
        let mut text = String::new();
        for wanted in &self.show_only {
            // The first part of a template's path is the chart's name.
            let found: Vec<_> = by_source
                .iter()
                .filter(|(source, _)| source.split_once('/').is_some_and(|(_, path)| path == wanted))
                .flat_map(|(source, manifests)| manifests.iter().map(move |m| (source, m)))
                .collect();
            if found.is_empty() {
                return Err(Failure::new(format!("could not find template {wanted} in chart")));
            }
            for (source, manifest) in found {
                text.push_str(&format!("---\n# Source: {source}\n{}\n", manifest.text));
            }
        }
        Ok(text)
    }
}

fn load(place: &Path) -> Result<Chart, Failure> {
    let doing = || format!("cannot read chart `{}`", place.display());
    if place.is_dir() {
        let tree = DiskTree::open(place)
            .map_err(|error| Failure::from_error(&error).while_doing(doing()))?;
        let reader = Rooted::new(&tree, Limits::default());
        return load_folder(&reader, &RelPath::root())
            .map_err(|error| Failure::from_error(&error).while_doing(doing()));
    }
    load_archive(&read(place, MAX_ARCHIVE)?)
        .map_err(|error| Failure::from_error(&error).while_doing(doing()))
}

fn read(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let doing = || format!("cannot read `{}`", path.display());
    let fail = |error: std::io::Error| Failure::from_error(&error).while_doing(doing());
    let size = std::fs::metadata(path).map_err(fail)?.len();
    if size > max {
        return Err(Failure::new(format!("it is larger than {max} bytes")).while_doing(doing()));
    }
    std::fs::read(path).map_err(fail)
}
