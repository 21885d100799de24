//! A source's kustomize options, handed to the kustomize engine.

use crate::environment::Environment;
use crate::error::RenderError;
use crate::{Objects, Outcome};
use argosy_crds::{KustomizeSource, Source};
use argosy_kustomize::{BuildOptions, Edits};
use argosy_object::Value;
use argosy_tree::{RelPath, Rooted};

pub(crate) fn render(
    reader: &Rooted<'_>,
    path: &RelPath,
    source: &Source,
    environment: &Environment,
) -> Result<Outcome, RenderError> {
    let options = source.kustomize.clone().unwrap_or_default();
    let edits = edits(&options, environment)?;
    let build = BuildOptions {
        edits,
        ..BuildOptions::default()
    };
    let objects = argosy_kustomize::build(reader, path, &build)
        .map_err(|error| RenderError::Kustomize(Box::new(error)))?
        .objects;
    if let Some((_, origin)) = objects.iter().find(|(o, _)| o.api_version().is_empty()) {
        return Err(RenderError::NotAnObject {
            place: origin.to_string(),
            reason: "`apiVersion` is missing or no text",
        });
    }
    Ok(Outcome::Objects(Objects {
        objects,
        ..Objects::default()
    }))
}

fn edits(options: &KustomizeSource, environment: &Environment) -> Result<Edits, RenderError> {
    let unsupported = |what, field: &str| {
        Err(RenderError::Unsupported {
            what,
            place: format!("spec.source.kustomize.{field}"),
        })
    };
    if !options.version.is_empty() {
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
