//! A source's kustomize options, handed to the kustomize engine.

mod flags;

use crate::environment::Environment;
use crate::error::RenderError;
use crate::request::{Answers, ChartNeed, Need, Request};
use crate::{Objects, Outcome};
use argosy_crds::{KustomizeSource, Source};
use argosy_kustomize::{
    BuildOptions, Built, Edits, HelmOptions, KustomizeError, RemoteChart, Remotes,
};
use argosy_object::{Digest, Value};
use argosy_tree::{Limits, RelPath, Rooted};
use std::collections::BTreeSet;

/// What `version` may say: nothing, or the version whose bytes are built here.
const OWN_VERSIONS: [&str; 3] = ["", "v5.8.1", "5.8.1"];

/// How many repositories and files elsewhere one kustomization may use.
const MAX_REMOTES: usize = 64;

pub(crate) fn render(
    reader: &Rooted<'_>,
    path: &RelPath,
    source: &Source,
    (request, environment): (&Request, &Environment),
    answers: &Answers,
) -> Result<Outcome, RenderError> {
    let options = source.kustomize.clone().unwrap_or_default();
    let flags =
        flags::parse(&request.tools.kustomize_build_options).map_err(RenderError::BuildOptions)?;
    let helm = flags
        .helm
        .as_ref()
        .map(|flags| helm(flags, &options, request));
    let build = BuildOptions {
        edits: edits(&options, environment)?,
        helm,
        ..flags
    };
    let remotes = remotes(answers);
    let built = argosy_kustomize::build_with(reader, path, &build, &remotes);
    outcome(built, remotes, build.helm.is_some())
}

/// What charts are told of the cluster: what the source says, else what the cluster is; further
/// API versions of the flags are known besides.
fn helm(flags: &HelmOptions, options: &KustomizeSource, request: &Request) -> HelmOptions {
    let versions = [
        &options.kube_version,
        &request.kube_version,
        &flags.kube_version,
    ];
    let kube_version = versions.into_iter().find(|version| !version.is_empty());
    let own = if options.api_versions.is_empty() {
        &*request.api_versions
    } else {
        options.api_versions.as_slice()
    };
    HelmOptions {
        kube_version: kube_version.cloned().unwrap_or_default(),
        api_versions: [&flags.api_versions, own].concat(),
    }
}

/// What was fetched, as a build takes it.
pub(crate) fn remotes(answers: &Answers) -> Remotes<'_> {
    let charts = answers.charts.iter().map(|(need, tree)| {
        let chart = RemoteChart {
            repo: need.repository.to_string(),
            name: need.name.to_string(),
            version: need.version.to_string(),
        };
        (chart, Rooted::new(&**tree, Limits::default()))
    });
    Remotes {
        trees: answers
            .remote_trees
            .iter()
            .map(|(name, tree)| (name.clone(), Rooted::new(&**tree, Limits::default())))
            .collect(),
        files: answers.remote_files.clone(),
        charts: charts.collect(),
        allowed: true,
    }
}

/// The objects of a build, or what it needs first.
pub(crate) fn outcome(
    built: Result<Built, KustomizeError>,
    remotes: Remotes<'_>,
    used_capabilities: bool,
) -> Result<Outcome, RenderError> {
    let objects = match built {
        Ok(built) => built.objects,
        Err(error) => return needs(error, &remotes),
    };
    if let Some((_, origin)) = objects.iter().find(|(o, _)| o.api_version().is_empty()) {
        return Err(RenderError::NotAnObject {
            place: origin.to_string(),
            reason: "`apiVersion` is missing or no text",
        });
    }
    let read = |reader: Rooted<'_>| reader.reads();
    Ok(Outcome::Objects(Objects {
        objects,
        remote_reads: remotes
            .trees
            .into_iter()
            .map(|(name, tree)| (name, read(tree)))
            .collect(),
        remote_files: remotes
            .files
            .into_iter()
            .map(|(url, file)| (url, Digest::of(&file)))
            .collect(),
        used_capabilities,
        ..Objects::default()
    }))
}

/// What a build asks for, or why it failed.
fn needs(error: KustomizeError, remotes: &Remotes<'_>) -> Result<Outcome, RenderError> {
    let Some(asked) = error.needs() else {
        return Err(RenderError::Kustomize(Box::new(error)));
    };
    let asked: BTreeSet<Need> = asked
        .iter()
        .map(|need| match need {
            argosy_kustomize::Remote::Chart(chart) => Need::Chart(ChartNeed::from(chart)),
            other => Need::Remote(other.clone()),
        })
        .collect();
    let known = remotes.trees.len() + remotes.files.len() + remotes.charts.len();
    if asked.len() + known > MAX_REMOTES {
        return Err(RenderError::TooManyRemotes(MAX_REMOTES));
    }
    Ok(Outcome::Needs(asked.into_iter().collect()))
}

fn edits(options: &KustomizeSource, environment: &Environment) -> Result<Edits, RenderError> {
    let unsupported = |what, field: &str| {
        Err(RenderError::Unsupported {
            what,
            place: format!("spec.source.kustomize.{field}"),
        })
    };
    if !OWN_VERSIONS.contains(&options.version.as_str()) {
        return unsupported("a kustomize version of its own", "version");
    }
    let mut replicas = Vec::new();
    for replica in &options.replicas {
        let count = match &replica.count {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let Some(count) = count else {
            return Err(RenderError::Overrides {
                file: format!("spec.source.kustomize.replicas[{}].count", replica.name),
                reason: format!("`{}` is not an integer", replica.count),
            });
        };
        replicas.push((replica.name.clone(), count));
    }
    // Labels and images are always expanded, annotations where it is asked for.
    let mut common_labels = options.common_labels.clone();
    for value in common_labels.values_mut() {
        *value = environment.expand(value);
    }
    let images = options
        .images
        .iter()
        .map(|image| environment.expand(image))
        .collect();
    let mut common_annotations = options.common_annotations.clone();
    if options.common_annotations_envsubst {
        for value in common_annotations.values_mut() {
            *value = environment.expand(value);
        }
    }
    Ok(Edits {
        name_prefix: options.name_prefix.clone(),
        name_suffix: options.name_suffix.clone(),
        namespace: options.namespace.clone(),
        images,
        replicas,
        common_labels,
        common_annotations,
        force_common_labels: options.force_common_labels,
        force_common_annotations: options.force_common_annotations,
        label_without_selector: options.label_without_selector,
        label_include_templates: options.label_include_templates,
        patches: options.patches.clone(),
        components: options.components.clone(),
        ignore_missing_components: options.ignore_missing_components,
    })
}
