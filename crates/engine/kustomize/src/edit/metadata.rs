//! Edits of labels and annotations.

use super::failed;
use crate::error::KustomizeError;
use crate::kustomization::{Kustomization, LabelEdit, Texts};

/// Labels or annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataKind {
    /// `commonLabels` or `labels`.
    Label,
    /// `commonAnnotations`.
    Annotation,
}

/// Where labels go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelPlace {
    /// Into `commonLabels`: selectors get them too.
    #[default]
    Common,
    /// `--without-selector`: into `labels`.
    WithoutSelector,
    /// `--without-selector --include-templates`: into `labels`, and templates get them too.
    Templates,
}

impl MetadataKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Annotation => "annotation",
        }
    }

    fn of(self, k: &mut Kustomization) -> &mut Texts {
        match self {
            Self::Label => &mut k.common_labels,
            Self::Annotation => &mut k.common_annotations,
        }
    }

    fn pairs(self, texts: &[String]) -> Result<Texts, KustomizeError> {
        let word = self.word();
        if texts.is_empty() {
            return Err(failed(format!("must specify {word}")));
        }
        let mut pairs = Texts::new();
        for text in texts {
            let (key, value) = text.split_once(':').unwrap_or((text, ""));
            if key.is_empty() && text.starts_with(':') {
                return Err(failed(format!(
                    "invalid {word}: '{text}' (need k:v pair where v may be quoted)"
                )));
            }
            let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            pairs.insert(key.to_owned(), inner.unwrap_or(value).to_owned());
        }
        Ok(pairs)
    }
}

pub(super) fn set(
    k: &mut Kustomization,
    kind: MetadataKind,
    texts: &[String],
) -> Result<(), KustomizeError> {
    let pairs = kind.pairs(texts)?;
    if kind == MetadataKind::Annotation && !pairs.keys().all(|key| is_annotation_key(key)) {
        return Err(failed(
            "invalid annotation key: see the syntax and character set rules at https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/",
        ));
    }
    kind.of(k).extend(pairs);
    Ok(())
}

pub(super) fn add(
    k: &mut Kustomization,
    kind: MetadataKind,
    texts: &[String],
    force: bool,
    place: LabelPlace,
) -> Result<(), KustomizeError> {
    let pairs = kind.pairs(texts)?;
    if kind == MetadataKind::Label && place != LabelPlace::Common {
        return add_labels(k, &pairs, force, place == LabelPlace::Templates);
    }
    write(kind.of(k), &pairs, force, kind.word())
}

/// Into the first entry of `labels` with the same settings, or a new one.
pub(crate) fn add_labels(
    k: &mut Kustomization,
    pairs: &Texts,
    force: bool,
    templates: bool,
) -> Result<(), KustomizeError> {
    let known = k
        .labels
        .iter_mut()
        .find(|entry| !entry.include_selectors && entry.include_templates == templates);
    if let Some(known) = known {
        return write(&mut known.pairs, pairs, force, "label");
    }
    k.labels.push(LabelEdit {
        pairs: pairs.clone(),
        include_templates: templates,
        ..LabelEdit::default()
    });
    Ok(())
}

/// Adds pairs; those that are there already are overwritten only with force.
pub(crate) fn write(
    known: &mut Texts,
    new: &Texts,
    force: bool,
    word: &str,
) -> Result<(), KustomizeError> {
    for (key, text) in new {
        if known.contains_key(key) && !force {
            return Err(failed(format!(
                "{word} {key} already in kustomization file. Use --force to override."
            )));
        }
        known.insert(key.clone(), text.clone());
    }
    Ok(())
}

pub(super) fn remove(
    k: &mut Kustomization,
    kind: MetadataKind,
    keys: &[String],
    ignore_missing: bool,
) -> Result<(), KustomizeError> {
    let [keys] = keys else {
        // Compat: upstream says `label` of annotations, too.
        return Err(failed(if keys.is_empty() {
            "must specify label"
        } else {
            "labels must be comma-separated, with no spaces"
        }));
    };
    let keys: Vec<&str> = keys.split(',').collect();
    if keys.contains(&"") {
        return Err(failed("invalid label: '' (name is empty)"));
    }
    let (field, word) = match kind {
        MetadataKind::Label => ("commonLabels", "label"),
        MetadataKind::Annotation => ("commonAnnotations", "annotation"),
    };
    let known = kind.of(k);
    if known.is_empty() && !ignore_missing {
        return Err(failed(format!(
            "{field} is not defined in kustomization file"
        )));
    }
    for key in keys {
        if known.remove(key).is_none() && !ignore_missing {
            let text = format!("{word} {key} is not defined in kustomization file");
            return Err(failed(text));
        }
    }
    Ok(())
}

/// `commonLabels` as an entry of `labels`.
pub(super) fn labels_of_common(k: &mut Kustomization) -> Result<(), KustomizeError> {
    if k.common_labels.is_empty() {
        return Ok(());
    }
    let common = std::mem::take(&mut k.common_labels);
    let twice = k
        .labels
        .iter()
        .flat_map(|entry| entry.pairs.keys())
        .find(|key| common.contains_key(*key));
    if let Some(key) = twice {
        let text = format!("label name '{key}' exists in both commonLabels and labels");
        return Err(failed(text));
    }
    k.labels.push(LabelEdit {
        pairs: common,
        include_selectors: true,
        ..LabelEdit::default()
    });
    Ok(())
}

fn is_annotation_key(key: &str) -> bool {
    let word = |text: &str, max: usize, first: fn(&char) -> bool, inner: &str| {
        let ends = |c: Option<char>, fits: fn(&char) -> bool| c.is_some_and(|c| fits(&c));
        text.chars().count() <= max
            && ends(text.chars().next(), first)
            && ends(text.chars().last(), char::is_ascii_alphanumeric)
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || inner.contains(c))
    };
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    prefix.is_none_or(|p| word(p, 253, char::is_ascii_alphabetic, "-."))
        && word(name, 63, char::is_ascii_alphanumeric, "-_.")
}
