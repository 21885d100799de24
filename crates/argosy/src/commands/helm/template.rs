//! `argosy helm template`: the bytes of `helm template`, from Argosy's own engine.

use super::charts::{ChartFlags, load_dir};
use super::flags::{Context, ValueFlags};
use super::operate::random_seed;
use super::outside::OutsideFlags;
use super::update::Updater;
use super::{HelmFailure, Outcome, io_text};
use argosy_helm::{
    GoTime, KubeVersion, OutputOptions, ReleaseRequest, Rendering, Step, TemplateCache,
    name_of_template, render_release, render_unsorted,
};
use argosy_object::Digest;
use clap::Args;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Renders a chart, as `helm template` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm template web ./chart
  argosy helm template web ./chart -f values-eu.yaml --set replicas=3
  argosy helm template web ./chart --show-only templates/deployment.yaml")]
pub struct TemplateCommand {
    /// [NAME] CHART: a folder, an archive, a URL or REPOSITORY/CHART
    #[arg(value_names = ["NAME", "CHART"], num_args = 0..)]
    args: Vec<String>,
    #[command(flatten)]
    values: ValueFlags,
    #[command(flatten)]
    source: ChartFlags,
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
    /// Only these templates; `*` and `?` stand for parts of a path (repeatable)
    #[arg(short, long, value_name = "FILE")]
    show_only: Vec<String>,
    /// Template of the release's name
    #[arg(long, value_name = "TEMPLATE")]
    name_template: Option<String>,
    /// No NAME is given
    #[arg(short, long)]
    generate_name: bool,
    /// Write a file for each template into this folder
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// The release's name is a folder in the output folder
    #[arg(long)]
    release_name: bool,
    /// Fetch dependencies that are missing
    #[arg(long)]
    dependency_update: bool,
    /// Only "client": there is no cluster
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: Option<String>,
    #[command(flatten)]
    outside: OutsideFlags,
    #[command(flatten)]
    ignored: IgnoredFlags,
}

/// Flags of installations that change nothing about what is printed, in helm as here.
#[derive(Args)]
struct IgnoredFlags {
    #[arg(long, hide = true)]
    create_namespace: bool,
    #[arg(long, hide = true)]
    description: Option<String>,
    #[arg(long, hide = true)]
    disable_openapi_validation: bool,
    #[arg(long, hide = true)]
    force_conflicts: bool,
    #[arg(long, hide = true, alias = "force")]
    force_replace: bool,
    #[arg(long, hide = true)]
    hide_notes: bool,
    #[arg(short, long, hide = true)]
    labels: Vec<String>,
    #[arg(long, hide = true)]
    render_subchart_notes: bool,
    #[arg(long, hide = true)]
    replace: bool,
    #[arg(long, hide = true, alias = "atomic")]
    rollback_on_failure: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    server_side: Option<String>,
    #[arg(long, hide = true)]
    skip_crds: bool,
    #[arg(long, hide = true)]
    take_ownership: bool,
    #[arg(long, hide = true)]
    timeout: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "watcher")]
    wait: Option<String>,
    #[arg(long, hide = true)]
    wait_for_jobs: bool,
}

impl TemplateCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let kube_version = match self.kube_version.as_deref() {
            None | Some("") => KubeVersion::default(),
            Some(version) => KubeVersion::parse(version)
                .map_err(|text| format!("invalid kube version '{version}': {text}"))?,
        };
        match self.dry_run.as_deref() {
            None | Some("client" | "unset" | "true") => {}
            Some(other) => {
                return Err(
                    format!("--dry-run={other} needs a cluster; only client is there").into(),
                );
            }
        }
        let outside = self.outside.resolve(context)?;
        let now = GoTime::new(context.now());
        let seed = random_seed()?;
        let (name, place) = self.name_and_chart(&now, seed)?;
        let mut located = self.source.locate(&place, context)?;
        let values = self.values.merge()?;
        if let Some(folder) = located
            .folder
            .as_deref()
            .filter(|_| self.dependency_update && !located.chart.missing_dependencies().is_empty())
        {
            Updater::new(folder, &self.source.access, context).update()?;
            located.chart = load_dir(folder)?;
        }
        let mut request = ReleaseRequest::new(name, context.namespace());
        request.values = values;
        request.kube_version = kube_version;
        request.api_versions.clone_from(&self.api_versions);
        request.skip_schema_validation = self.skip_schema_validation;
        request.is_upgrade = self.is_upgrade;
        request.now = now;
        request.seed = seed;
        request.outside = outside;
        if located.chart.metadata.deprecated {
            context.warn("this chart is deprecated");
        }
        let chart = &located.chart;
        let cache = TemplateCache::new();
        match render_release(chart, &request, &cache) {
            Ok(Step::Done(rendering)) => self.show(context, &request.release_name, &rendering),
            Ok(Step::Needs(_)) => Err("the chart asks for live objects".into()),
            Err(error) if error.is_of_rendering() && context.is_debug => {
                // Where the templates themselves fail, there is nothing to show.
                let texts = render_unsorted(chart, &request, &cache).unwrap_or_default();
                context.print(&format!("{}\n", texts.trim()))?;
                Err(error.into())
            }
            Err(error) if error.is_of_rendering() => {
                Err(format!("{error}\n\nUse --debug flag to render out invalid YAML").into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Compat: a chart alone is rendered as `release-name`, whether a name is to be made or not.
    fn name_and_chart(&self, now: &GoTime, seed: Digest) -> Result<(String, String), HelmFailure> {
        match self.args.as_slice() {
            [] => Err(
                "\"helm template\" requires at least 1 argument\n\nUsage:  helm template \
                       [NAME] [CHART] [flags]"
                    .into(),
            ),
            [chart] => match self
                .name_template
                .as_deref()
                .filter(|text| !text.is_empty())
            {
                Some(template) => Ok((name_of_template(template, now, seed)?, chart.clone())),
                None => Ok(("release-name".to_owned(), chart.clone())),
            },
            [_, _] if self.generate_name => {
                Err("cannot set --generate-name and also specify a name".into())
            }
            [_, _]
                if self
                    .name_template
                    .as_deref()
                    .is_some_and(|text| !text.is_empty()) =>
            {
                Err("cannot set --name-template and also specify a name".into())
            }
            [name, chart] => Ok((name.clone(), chart.clone())),
            [_, _, rest @ ..] => Err(format!(
                "expected at most two arguments, unexpected arguments: {}",
                rest.join(", ")
            )
            .into()),
        }
    }

    fn show(&self, context: &Context<'_>, release: &str, rendering: &Rendering) -> Outcome {
        let options = OutputOptions {
            include_crds: self.include_crds,
            skip_tests: self.skip_tests,
            no_hooks: self.no_hooks,
        };
        if let Some(dir) = &self.output_dir {
            let mut out = self.write(dir, release, rendering, options)?;
            if let Some(missing) = self.show_only.first() {
                context.print(&out)?;
                return Err(format!("could not find template {missing} in chart").into());
            }
            out.push('\n');
            return context.print(&out);
        }
        if self.show_only.is_empty() {
            return context.print(&rendering.output(options));
        }
        context.print(&rendering.show_only(options, &self.show_only)?)
    }

    /// Writes files, and tells which.
    fn write(
        &self,
        dir: &Path,
        release: &str,
        rendering: &Rendering,
        options: OutputOptions,
    ) -> Result<String, HelmFailure> {
        let release_dir = if self.release_name {
            dir.join(release)
        } else {
            dir.to_owned()
        };
        let mut files = Files::default();
        if options.include_crds {
            for (path, text) in &rendering.crds {
                files.add(dir, path, text)?;
            }
        }
        for manifest in &rendering.manifests {
            files.add(&release_dir, &manifest.source, &manifest.text)?;
        }
        for hook in rendering.hooks(options) {
            let (path, text) = (&hook.manifest.source, &hook.manifest.text);
            // Compat: hooks are added to what is there, even from another time.
            if release_dir.join(path).exists() {
                files.written.insert(release_dir.join(path));
            }
            files.add(&release_dir, path, text)?;
        }
        Ok(files.told)
    }
}

/// Files that were written, and what is told of them.
#[derive(Default)]
struct Files {
    written: BTreeSet<PathBuf>,
    told: String,
}

impl Files {
    fn add(&mut self, dir: &Path, source: &str, text: &str) -> Outcome {
        if source
            .split('/')
            .any(|part| matches!(part, "" | "." | ".."))
        {
            return Err(format!("{source:?} leads out of the output folder").into());
        }
        let path = dir.join(source);
        let shown = path.to_string_lossy().into_owned();
        let failed = |error: &std::io::Error| io_text("open", &shown, error);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(&error))?;
        }
        let mut options = std::fs::OpenOptions::new();
        if self.written.insert(path.clone()) {
            options.write(true).create(true).truncate(true);
        } else {
            options.append(true);
        }
        let mut file = options.open(&path).map_err(|error| failed(&error))?;
        write!(file, "---\n# Source: {source}\n{text}\n").map_err(|error| failed(&error))?;
        self.told.push_str(&format!("wrote {shown}\n"));
        Ok(())
    }
}
