//! `helmCharts`: charts of the tree or of chart repositories, rendered by Argosy's own Helm engine.

use crate::error::KustomizeError;
use crate::kustomization::{HelmChart, HelmGlobals};
use crate::load::{Loader, parse_resources};
use crate::merge::{MergeSchema, merge};
use crate::remote::RemoteChart;
use crate::resource::Resource;
use crate::target::HelmOptions;
use argosy_helm::{
    KubeVersion, Layer, OutputOptions, ReleaseRequest, Step, TemplateCache, load_folder,
    merge_layers, render_release,
};
use argosy_object::Value;
use argosy_tree::{RelPath, Rooted};
use argosy_yaml::{Dialect, Limits};

/// Renders one entry.
///
/// Compat: the chart stands in `chartHome` (`charts`), below `NAME-VERSION` where both version
/// and repository are given; the values file is the chart's own unless one is named, and what
/// stands inline is merged into it. A chart that is not there is asked for, and read as if it
/// stood there. Differs: a release without a name is called like its chart, so that two builds
/// are equal.
pub(crate) fn inflate(
    chart: &HelmChart,
    globals: Option<&HelmGlobals>,
    loader: &Loader<'_>,
    options: &HelmOptions,
) -> Result<Vec<Resource>, KustomizeError> {
    if chart.name.is_empty() {
        return Err(KustomizeError::failed("chart name cannot be empty"));
    }
    let home = home(chart, globals);
    let folder = loader.resolve(&format!("{home}/{}", chart.name))?;
    let files = ChartFiles {
        pulled: pulled(chart, &home, &folder, loader)?,
        folder,
        loader,
    };
    let layers = values(chart, &home, &files)?;
    let failed = |error: argosy_helm::HelmError| KustomizeError::failed(error.to_string());
    let loaded = match files.pulled {
        Some(tree) => load_folder(tree, &RelPath::root()),
        None => load_folder(loader.tree(), &files.folder),
    };
    let loaded = loaded.map_err(failed)?;
    let mut request = ReleaseRequest::new(release_name(chart)?, namespace(chart));
    let no_files = |_: &str| Err("no file is read here".to_owned());
    request.values = merge_layers(&layers, &no_files).map_err(failed)?;
    let kube_version = or(&chart.kube_version, &options.kube_version);
    if !kube_version.is_empty() {
        request.kube_version = KubeVersion::parse(kube_version).map_err(KustomizeError::failed)?;
    }
    let own = &chart.api_versions;
    request.api_versions.clone_from(if own.is_empty() {
        &options.api_versions
    } else {
        own
    });
    let step = render_release(&loaded, &request, &TemplateCache::new()).map_err(failed)?;
    let Step::Done(rendering) = step else {
        let text = "the chart asks for live objects, and there is no cluster";
        return Err(KustomizeError::failed(text));
    };
    let text = rendering.output(OutputOptions {
        include_crds: chart.include_crds,
        skip_tests: chart.skip_tests,
        no_hooks: chart.skip_hooks,
    });
    let name = loader.shown(&files.folder);
    let mut made = parse_resources(&name, text.as_bytes())?;
    for resource in &mut made {
        resource.from_chart = true;
    }
    Ok(made)
}

/// The tree of a chart that does not stand in its folder; nothing where it does.
fn pulled<'t>(
    chart: &HelmChart,
    home: &str,
    folder: &RelPath,
    loader: &Loader<'t>,
) -> Result<Option<&'t Rooted<'t>>, KustomizeError> {
    if loader.tree().is_dir(folder)? {
        return Ok(None);
    }
    if chart.repo.is_empty() {
        let text = format!(
            "no repo specified for pull, no chart found at '{}'",
            loader.shown(folder)
        );
        return Err(KustomizeError::failed(text));
    }
    let version = match chart.version.as_str() {
        "" if chart.devel => ">0.0.0-0",
        version => version,
    };
    let wanted = RemoteChart {
        repo: chart.repo.trim_end_matches('/').to_owned(),
        name: chart.name.clone(),
        version: version.to_owned(),
    };
    match loader.chart(&wanted)? {
        Some(tree) => Ok(Some(tree)),
        None => Err(KustomizeError::failed(format!(
            "the chart `{}` of `{}` is not in `{home}`, and nothing is pulled here: commit the \
             chart",
            chart.name, chart.repo
        ))),
    }
}

/// The files beside a kustomization, among them those of a chart.
struct ChartFiles<'l, 't> {
    /// The chart's own tree, where it is one that does not stand in `folder`.
    pulled: Option<&'t Rooted<'t>>,
    folder: RelPath,
    loader: &'l Loader<'t>,
}

impl ChartFiles<'_, '_> {
    fn read(&self, file: &str) -> Result<Vec<u8>, KustomizeError> {
        let Some(tree) = self.pulled else {
            return self.loader.read(file);
        };
        let path = self.loader.resolve(file)?;
        match path.strip(&self.folder) {
            None => self.loader.read(file),
            Some(below) => {
                let below = RelPath::new(below)
                    .map_err(|error| KustomizeError::failed(error.to_string()))?;
                let found = tree.try_read(&below)?;
                let missing = || KustomizeError::NotFound(self.loader.shown(&path));
                Ok(found.ok_or_else(missing)?.to_vec())
            }
        }
    }
}

fn or<'a>(own: &'a str, other: &'a str) -> &'a str {
    if own.is_empty() { other } else { own }
}

/// The folder that holds the chart's own.
fn home(chart: &HelmChart, globals: Option<&HelmGlobals>) -> String {
    let home = globals.map_or("", |globals| globals.chart_home.as_str());
    let home = or(home, "charts");
    if chart.version.is_empty() || chart.repo.is_empty() {
        return home.to_owned();
    }
    format!("{home}/{}-{}", chart.name, chart.version)
}

fn namespace(chart: &HelmChart) -> &str {
    or(&chart.namespace, "default")
}

fn release_name(chart: &HelmChart) -> Result<&str, KustomizeError> {
    if chart.name_template.contains("{{") {
        let text = format!(
            "nameTemplate `{}`: templates are not run",
            chart.name_template
        );
        return Err(KustomizeError::failed(text));
    }
    Ok(or(
        or(&chart.name_template, &chart.release_name),
        &chart.name,
    ))
}

/// What the chart's user gives: the values file with what stands inline, then further files.
fn values(
    chart: &HelmChart,
    home: &str,
    files: &ChartFiles<'_, '_>,
) -> Result<Vec<Layer>, KustomizeError> {
    let loader = files.loader;
    let own_file = format!("{home}/{}/values.yaml", chart.name);
    let file = or(&chart.values_file, &own_file);
    let strategy = or(&chart.values_merge, "override");
    if !["merge", "override", "replace"].contains(&strategy) {
        let text = "valuesMerge must be one of [merge override replace]";
        return Err(KustomizeError::failed(text));
    }
    let inline = Value::Object(chart.values_inline.clone());
    let data = if chart.values_inline.is_empty() {
        files.read(file)?
    } else if strategy == "replace" {
        argosy_yaml::to_string(&inline).into_bytes()
    } else {
        let bytes = files.read(file)?;
        let name = loader.full(file);
        let known = argosy_yaml::from_slice_with(&name, &bytes, &Limits::default(), Dialect::V3)?;
        let (target, patch) = match strategy {
            "merge" => (inline, known),
            _ => (known, inline),
        };
        let merged = merge(&MergeSchema::default(), target, &patch)?;
        argosy_yaml::to_string(&merged.unwrap_or(Value::Null)).into_bytes()
    };
    let mut layers = vec![Layer::File {
        name: loader.full(file),
        data,
    }];
    for file in &chart.additional_values_files {
        layers.push(Layer::File {
            name: loader.full(file),
            data: files.read(file)?,
        });
    }
    Ok(layers)
}
