//! Flux's way with a folder: its kustomization is generated where there is none, a Flux
//! Kustomization's own fields go on top, and variables are filled into what was built.

mod envsubst;
mod scan;
mod substitute;

use crate::error::KustomizeError;
use crate::kustomization::{ImageEdit, Kustomization, PatchEdit, without_nulls};
use crate::load::{FILE_NAMES, Loader, Rules, is_remote};
use crate::remote::Remotes;
use crate::target::{BuildOptions, Built, build_parsed};
use argosy_object::Value;
use argosy_tree::{RelPath, Rooted};

pub use envsubst::SubstituteError;
pub use substitute::{Substitution, substitute};

/// The fields of a Flux Kustomization that change the kustomization it builds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FluxFields {
    /// `targetNamespace`.
    pub target_namespace: Option<String>,
    /// `namePrefix`.
    pub name_prefix: Option<String>,
    /// `nameSuffix`.
    pub name_suffix: Option<String>,
    /// `patches`: `patch` and `target`.
    pub patches: Vec<Value>,
    /// `components`: paths from the folder.
    pub components: Vec<String>,
    /// `ignoreMissingComponents`.
    pub ignore_missing_components: bool,
    /// `images`: `name`, `newName`, `newTag`, `digest`.
    pub images: Vec<Value>,
    /// `buildMetadata`.
    pub build_metadata: Vec<String>,
}

/// Writes the kustomization.yaml that Flux builds: the folder's own or a generated one, with
/// `fields` merged in.
///
/// Where the folder has none, every YAML file below it is a resource, and so is every folder with
/// a kustomization of its own, into which it is not gone further. An empty folder gives a
/// kustomization that builds to nothing.
///
/// # Errors
/// A YAML file that holds no Kubernetes objects, components that are not local, fields of the
/// wrong shape.
///
/// Compat: `github.com/fluxcd/pkg/kustomize` 1.44, which ignores fields that it does not know.
pub fn flux_kustomization(
    tree: &Rooted<'_>,
    folder: &RelPath,
    fields: &FluxFields,
) -> Result<String, KustomizeError> {
    let rules = flux_rules();
    let loader = Loader::new(tree, folder.clone(), &rules);
    Ok(argosy_yaml::to_string(
        &generate(&loader, fields)?.1.to_value(),
    ))
}

/// Builds a folder as Flux does: see [`flux_kustomization`]. Files may stand anywhere in the
/// tree, no charts are rendered, and an OpenAPI document of the kustomization's own adds to the
/// one that is built in.
///
/// # Errors
/// What [`flux_kustomization`] and [`crate::build`] refuse.
pub fn flux_build(
    tree: &Rooted<'_>,
    folder: &RelPath,
    fields: &FluxFields,
) -> Result<Built, KustomizeError> {
    flux_build_with(tree, folder, fields, &Remotes::default())
}

/// [`flux_build`] with what was fetched from elsewhere.
///
/// # Errors
/// As there; [`KustomizeError::needs`] names what must be fetched before it is called again.
pub fn flux_build_with(
    tree: &Rooted<'_>,
    folder: &RelPath,
    fields: &FluxFields,
    remotes: &Remotes<'_>,
) -> Result<Built, KustomizeError> {
    let rules = Rules {
        remotes: Some(remotes),
        ..flux_rules()
    };
    let loader = Loader::new(tree, folder.clone(), &rules);
    let (name, kustomization) = generate(&loader, fields)?;
    let text = argosy_yaml::to_string(&kustomization.to_value());
    let parsed = Kustomization::parse(&loader.full(&name), text.as_bytes())?;
    let options = BuildOptions {
        load_anywhere: true,
        openapi_adds: true,
        ..BuildOptions::default()
    };
    build_parsed(loader, parsed, &name, &options)
}

fn flux_rules() -> Rules<'static> {
    Rules {
        anywhere: true,
        ..Rules::default()
    }
}

/// The name of the file, and what is in it.
fn generate(
    loader: &Loader<'_>,
    fields: &FluxFields,
) -> Result<(String, Kustomization), KustomizeError> {
    let (name, mut k) = found_or_scanned(loader)?;
    let file = loader.full(&name);
    for (new, old) in [
        (&fields.target_namespace, &mut k.namespace),
        (&fields.name_prefix, &mut k.name_prefix),
        (&fields.name_suffix, &mut k.name_suffix),
    ] {
        if let Some(new) = new {
            old.clone_from(new);
        }
    }
    for patch in &fields.patches {
        let read: PatchEdit = decoded(patch, &file, "patches")?;
        k.patches.push(PatchEdit {
            patch: read.patch,
            target: read.target,
            ..PatchEdit::default()
        });
    }
    for component in &fields.components {
        if component.starts_with('/') || is_remote(component) {
            let text = format!("component path '{component}' must be local and relative");
            return Err(KustomizeError::invalid(file, text));
        }
        let skipped = fields.ignore_missing_components && !loader.exists(component)?;
        if !skipped {
            k.components.push(component.clone());
        }
    }
    for image in &fields.images {
        merge_image(&mut k.images, decoded(image, &file, "images")?);
    }
    if !fields.build_metadata.is_empty() {
        k.build_metadata.clone_from(&fields.build_metadata);
    }
    Ok((name, k))
}

fn decoded<T: serde::de::DeserializeOwned>(
    value: &Value,
    file: &str,
    field: &str,
) -> Result<T, KustomizeError> {
    serde_json::from_value(without_nulls(value.clone()))
        .map_err(|error| KustomizeError::invalid(file, format!("unable to get {field}: {error}")))
}

/// Compat: a new name and a new version go separately over what is there; tag and digest are one.
fn merge_image(images: &mut Vec<ImageEdit>, new: ImageEdit) {
    let Some(known) = images.iter_mut().find(|image| image.name == new.name) else {
        images.push(ImageEdit {
            tag_suffix: String::new(),
            ..new
        });
        return;
    };
    if !new.new_name.is_empty() {
        known.new_name = new.new_name;
    }
    if !(new.new_tag.is_empty() && new.digest.is_empty()) {
        known.new_tag = new.new_tag;
        known.digest = new.digest;
    }
}

fn found_or_scanned(loader: &Loader<'_>) -> Result<(String, Kustomization), KustomizeError> {
    for name in FILE_NAMES {
        if loader.is_file(name)? {
            let mut k = Kustomization::decode_lenient(&loader.full(name), &loader.read(name)?)?;
            if k.resources.is_empty() {
                // Else a file without anything would be refused as empty.
                k.build_metadata = vec!["originAnnotations".to_owned()];
            }
            return Ok((name.to_owned(), k));
        }
    }
    let mut k = Kustomization::new();
    k.resources = scan::manifests(loader)?;
    if k.resources.is_empty() {
        k.namespace = "_placeholder".to_owned();
    }
    Ok((FILE_NAMES[0].to_owned(), k))
}
