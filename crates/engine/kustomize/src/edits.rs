//! What `kustomize edit` would write into a kustomization before it is built: how Argo CD applies
//! the options of an Application's source.

use crate::error::KustomizeError;
use crate::kustomization::{
    ImageEdit, Kustomization, LabelEdit, PatchEdit, ReplicaEdit, Texts,
};

/// Changes to the kustomization that is built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edits {
    /// `edit set nameprefix`; empty changes nothing.
    pub name_prefix: String,
    /// `edit set namesuffix`.
    pub name_suffix: String,
    /// `edit set namespace`.
    pub namespace: String,
    /// `edit set image`: `NAME=NEW:TAG`, `NAME=NEW@DIGEST`, `NAME:TAG`, `NAME@DIGEST`.
    pub images: Vec<String>,
    /// `edit set replicas`.
    pub replicas: Vec<ReplicaEdit>,
    /// `edit add label`.
    pub labels: Texts,
    /// `--force`: labels that are there already are overwritten.
    pub force_labels: bool,
    /// `--without-selector`.
    pub labels_without_selector: bool,
    /// `--include-templates`.
    pub labels_include_templates: bool,
    /// `edit add annotation`.
    pub annotations: Texts,
    /// `--force`: annotations that are there already are overwritten.
    pub force_annotations: bool,
    /// `edit add component`: paths from the folder.
    pub components: Vec<String>,
    /// Patches, added behind those that are there.
    pub patches: Vec<PatchEdit>,
}

impl Edits {
    pub(crate) fn apply(&self, k: &mut Kustomization) -> Result<(), KustomizeError> {
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
        for replica in &self.replicas {
            match k.replicas.iter_mut().find(|r| r.name == replica.name) {
                Some(known) => known.count = replica.count,
                None => k.replicas.push(replica.clone()),
            }
        }
        self.add_labels(k)?;
        let force = self.force_annotations;
        add(&mut k.common_annotations, &self.annotations, force, "annotation")?;
        for component in &self.components {
            if !k.components.contains(component) {
                k.components.push(component.clone());
            }
        }
        k.patches.extend(self.patches.iter().cloned());
        Ok(())
    }

    fn add_labels(&self, k: &mut Kustomization) -> Result<(), KustomizeError> {
        if self.labels.is_empty() {
            return Ok(());
        }
        if !self.labels_without_selector && !self.labels_include_templates {
            return add(&mut k.common_labels, &self.labels, self.force_labels, "label");
        }
        let known = k.labels.iter_mut().find(|l| {
            !l.include_selectors && l.include_templates == self.labels_include_templates
        });
        match known {
            Some(known) => add(&mut known.pairs, &self.labels, self.force_labels, "label"),
            None => {
                k.labels.push(LabelEdit {
                    pairs: self.labels.clone(),
                    include_templates: self.labels_include_templates,
                    ..LabelEdit::default()
                });
                Ok(())
            }
        }
    }
}

fn add(known: &mut Texts, new: &Texts, force: bool, what: &str) -> Result<(), KustomizeError> {
    for (name, text) in new {
        if known.contains_key(name) && !force {
            let text = format!("{what} {name} already in kustomization file");
            return Err(KustomizeError::Failed(text));
        }
        known.insert(name.clone(), text.clone());
    }
    Ok(())
}

/// Compat: `kustomize edit set image`: an image of the same name is changed, and what the
/// argument leaves out is kept from it; the list is sorted by name.
fn set_image(images: &mut Vec<ImageEdit>, text: &str) -> Result<(), KustomizeError> {
    let new = parse_image(text).ok_or_else(|| {
        KustomizeError::Failed(format!(
            "invalid image `{text}`: the format is NAME=NEW:TAG, NAME=NEW@DIGEST, NAME:TAG or \
             NAME@DIGEST"
        ))
    })?;
    match images.iter_mut().find(|i| i.name == new.name) {
        Some(known) => {
            if !new.new_name.is_empty() {
                known.new_name.clone_from(&new.new_name);
            }
            if !new.new_tag.is_empty() || !new.digest.is_empty() {
                known.new_tag = new.new_tag;
                known.digest = new.digest;
            }
        }
        None => images.push(new),
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
        return Some(ImageEdit { name, new_name, new_tag, digest, ..ImageEdit::default() });
    }
    let (name, new_tag, digest) = split(text);
    let any = !new_tag.is_empty() || !digest.is_empty();
    (any && !name.is_empty()).then(|| ImageEdit { name, new_tag, digest, ..ImageEdit::default() })
}
