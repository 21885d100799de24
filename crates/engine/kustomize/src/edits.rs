//! What `kustomize edit` would write into a kustomization before it is built: how Argo CD applies
//! the options of an Application's source.

use crate::error::KustomizeError;
use crate::kustomization::{
    ImageEdit, Kustomization, LabelEdit, PatchEdit, ReplicaEdit, Texts, without_nulls,
};
use crate::load::Loader;
use argosy_object::Value;

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
        for image in &self.images {
            set_image(&mut k.images, image)?;
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
        add(
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
            return Ok(());
        }
        if !self.label_without_selector {
            return add(&mut k.common_labels, new, force, "label");
        }
        let templates = self.label_include_templates;
        let known = k
            .labels
            .iter_mut()
            .find(|l| !l.include_selectors && l.include_templates == templates);
        if let Some(known) = known {
            return add(&mut known.pairs, new, force, "label");
        }
        k.labels.push(LabelEdit {
            pairs: new.clone(),
            include_templates: templates,
            ..LabelEdit::default()
        });
        Ok(())
    }
}

fn add(known: &mut Texts, new: &Texts, force: bool, what: &str) -> Result<(), KustomizeError> {
    for (name, text) in new {
        if known.contains_key(name) && !force {
            let text =
                format!("{what} {name} already in kustomization file. Use --force to override.");
            return Err(KustomizeError::Failed(text));
        }
        known.insert(name.clone(), text.clone());
    }
    Ok(())
}

/// What stands for the name, tag or digest that is there already.
const PRESERVE: &str = "*";

/// Compat: `kustomize edit set image`: an image of the same name is replaced, but for what is
/// given as `*`; the list is sorted by name.
fn set_image(images: &mut Vec<ImageEdit>, text: &str) -> Result<(), KustomizeError> {
    let new = parse_image(text).ok_or_else(|| {
        KustomizeError::Failed(format!(
            "invalid image `{text}`: the format is NAME=NEW:TAG, NAME=NEW@DIGEST, NAME:TAG or \
             NAME@DIGEST"
        ))
    })?;
    match images.iter_mut().find(|i| i.name == new.name) {
        Some(known) => {
            let old = std::mem::replace(known, new);
            for (kept, field) in [
                (old.new_name, &mut known.new_name),
                (old.new_tag, &mut known.new_tag),
                (old.digest, &mut known.digest),
            ] {
                if field == PRESERVE {
                    *field = kept;
                }
            }
        }
        None => images.push(new),
    }
    for image in images.iter_mut() {
        for field in [&mut image.new_name, &mut image.new_tag, &mut image.digest] {
            if field == PRESERVE {
                field.clear();
            }
        }
    }
    images.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

fn parse_image(text: &str) -> Option<ImageEdit> {
    let split = |text: &str| -> (String, String, String) {
        let (name, tag, digest) = crate::images::split(text);
        (name.to_owned(), tag.to_owned(), digest.to_owned())
    };
    if let Some((name, new)) = text.split_once('=') {
        if name.is_empty() || new.is_empty() {
            return None;
        }
        let (new_name, new_tag, digest) = split(new);
        let name = name.to_owned();
        return Some(ImageEdit {
            name,
            new_name,
            new_tag,
            digest,
            ..ImageEdit::default()
        });
    }
    let (name, new_tag, digest) = split(text);
    let any = !new_tag.is_empty() || !digest.is_empty();
    (any && !name.is_empty()).then(|| ImageEdit {
        name,
        new_tag,
        digest,
        ..ImageEdit::default()
    })
}
