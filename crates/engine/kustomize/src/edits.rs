//! What `kustomize edit` would write into a kustomization before it is built: how Argo CD applies
//! the options of an Application's source.

use crate::edit::metadata;
use crate::error::KustomizeError;
use crate::kustomization::{
    ImageEdit, Kustomization, PatchEdit, ReplicaEdit, Texts, without_nulls,
};
use crate::load::Loader;
use argosy_object::Value;
use std::collections::BTreeMap;

/// Changes to the kustomization that is built. What is empty changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edits {
    /// `edit set nameprefix`.
    pub name_prefix: String,
    /// `edit set namesuffix`.
    pub name_suffix: String,
    /// `edit set namespace`.
    pub namespace: String,
    /// `edit set image`: `NAME=NEW:TAG`, `NAME=NEW@DIGEST`, `NAME:TAG`, `NAME@DIGEST`.
    pub images: Vec<String>,
    /// `edit set replicas`: names and counts.
    pub replicas: Vec<(String, i64)>,
    /// `edit add label`.
    pub common_labels: Texts,
    /// `edit add annotation`.
    pub common_annotations: Texts,
    /// `--force`: labels that are there already are overwritten.
    pub force_common_labels: bool,
    /// `--force`: annotations that are there already are overwritten.
    pub force_common_annotations: bool,
    /// `--without-selector`.
    pub label_without_selector: bool,
    /// `--include-templates`.
    pub label_include_templates: bool,
    /// Patches as a kustomization has them, added behind those that are there.
    pub patches: Vec<Value>,
    /// `edit add component`: paths from the folder.
    pub components: Vec<String>,
    /// Components whose folder does not exist are left out.
    pub ignore_missing_components: bool,
}

impl Edits {
    pub(crate) fn apply(
        &self,
        k: &mut Kustomization,
        loader: &Loader<'_>,
    ) -> Result<(), KustomizeError> {
        for (new, old) in [
            (&self.name_prefix, &mut k.name_prefix),
            (&self.name_suffix, &mut k.name_suffix),
            (&self.namespace, &mut k.namespace),
        ] {
            if !new.is_empty() {
                old.clone_from(new);
            }
        }
        if !self.images.is_empty() {
            set_images(&mut k.images, &self.images)?;
        }
        for (name, count) in &self.replicas {
            match k.replicas.iter_mut().find(|r| r.name == *name) {
                Some(known) => known.count = *count,
                None => k.replicas.push(ReplicaEdit {
                    name: name.clone(),
                    count: *count,
                }),
            }
        }
        self.add_labels(k)?;
        let force = self.force_common_annotations;
        metadata::write(
            &mut k.common_annotations,
            &self.common_annotations,
            force,
            "annotation",
        )?;
        for component in &self.components {
            let skipped = self.ignore_missing_components && !loader.is_dir(component)?;
            if !skipped && !k.components.contains(component) {
                k.components.push(component.clone());
            }
        }
        for patch in &self.patches {
            let patch: PatchEdit = serde_json::from_value(without_nulls(patch.clone()))
                .map_err(|error| KustomizeError::Failed(format!("invalid patch: {error}")))?;
            k.patches.push(patch);
        }
        Ok(())
    }

    fn add_labels(&self, k: &mut Kustomization) -> Result<(), KustomizeError> {
        let (new, force) = (&self.common_labels, self.force_common_labels);
        if new.is_empty() {
            Ok(())
        } else if self.label_include_templates && !self.label_without_selector {
            Err(KustomizeError::failed(
                "--without-selector flag must be specified for --include-templates to work",
            ))
        } else if self.label_without_selector {
            metadata::add_labels(k, new, force, self.label_include_templates)
        } else {
            metadata::write(&mut k.common_labels, new, force, "label")
        }
    }
}

/// What stands for the name, tag or digest that is there already.
const PRESERVE: &str = "*";

/// Compat: `kustomize edit set image`: an image of the same name is replaced, but for what is
/// given as `*`; the list is sorted by name.
pub(crate) fn set_images(
    images: &mut Vec<ImageEdit>,
    texts: &[String],
) -> Result<(), KustomizeError> {
    let mut given = BTreeMap::new();
    for text in texts {
        let image = parse_image(text)?;
        given.insert(image.name.clone(), image);
    }
    let mut all = given.clone();
    for old in images.drain(..) {
        if !given.contains_key(&old.name) {
            all.insert(old.name.clone(), old);
            continue;
        }
        let new = all.entry(old.name.clone()).or_default();
        for (kept, field) in [
            (old.new_name, &mut new.new_name),
            (old.new_tag, &mut new.new_tag),
            (old.digest, &mut new.digest),
        ] {
            if field == PRESERVE {
                *field = kept;
            }
        }
    }
    images.extend(all.into_values().map(|mut image| {
        for field in [&mut image.new_name, &mut image.new_tag, &mut image.digest] {
            if field == PRESERVE {
                field.clear();
            }
        }
        image
    }));
    Ok(())
}

fn parse_image(text: &str) -> Result<ImageEdit, KustomizeError> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, value),
        None => ("", text),
    };
    let (name, new_tag, digest) = crate::images::split(value);
    if name == text {
        return Err(KustomizeError::failed(
            "invalid format of image, use one of the following options:\n\
             - <image>=<newimage>:<newtag>\n\
             - <image>=<newimage>@<digest>\n\
             - <image>=<newimage>:<newtag>@<digest>\n\
             - <image>=<newimage>\n\
             - <image>:<newtag>\n\
             - <image>:<newtag>@<digest>\n\
             - <image>@<digest>",
        ));
    }
    let (name, new_name) = if key.is_empty() {
        (name, "")
    } else {
        (key, name)
    };
    Ok(ImageEdit {
        name: name.to_owned(),
        new_name: new_name.to_owned(),
        new_tag: new_tag.to_owned(),
        digest: digest.to_owned(),
        ..ImageEdit::default()
    })
}
