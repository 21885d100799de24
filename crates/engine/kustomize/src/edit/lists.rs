//! Edits of lists of paths and of build metadata.

use super::failed;
use crate::error::KustomizeError;
use crate::glob::Pattern;
use crate::kustomization::{BUILD_METADATA, Kustomization};

/// A list of paths that can be edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListField {
    /// `resources`.
    Resources,
    /// `components`.
    Components,
    /// `generators`.
    Generators,
    /// `transformers`.
    Transformers,
}

impl ListField {
    /// One entry's name in a message.
    pub fn word(self) -> &'static str {
        match self {
            Self::Resources => "resource",
            Self::Components => "component",
            Self::Generators => "generator",
            Self::Transformers => "transformer",
        }
    }

    fn of(self, k: &mut Kustomization) -> &mut Vec<String> {
        match self {
            Self::Resources => &mut k.resources,
            Self::Components => &mut k.components,
            Self::Generators => &mut k.generators,
            Self::Transformers => &mut k.transformers,
        }
    }
}

pub(super) fn add(k: &mut Kustomization, field: ListField, paths: &[String]) -> Vec<String> {
    let list = field.of(k);
    let mut told = Vec::new();
    for path in paths {
        if list.contains(path) {
            told.push(format!(
                "{} {path} already in kustomization file",
                field.word()
            ));
        } else {
            list.push(path.clone());
        }
    }
    told
}

pub(super) fn add_bases(k: &mut Kustomization, paths: &[String]) -> Result<(), KustomizeError> {
    for path in paths {
        if k.resources.contains(path) {
            return Err(failed(format!("base {path} already in kustomization file")));
        }
        k.resources.push(path.clone());
    }
    Ok(())
}

/// Drops what any pattern fits; whether there was such.
pub(super) fn remove(
    k: &mut Kustomization,
    field: ListField,
    patterns: &[String],
) -> Result<bool, KustomizeError> {
    if patterns.is_empty() {
        return Err(failed(format!("must specify a {} file", field.word())));
    }
    let patterns: Option<Vec<Pattern>> = patterns.iter().map(|p| Pattern::parse(p)).collect();
    let patterns = patterns.ok_or_else(|| failed("syntax error in pattern"))?;
    let list = field.of(k);
    let before = list.len();
    list.retain(|path| !patterns.iter().any(|pattern| pattern.fits(path, false)));
    Ok(list.len() < before)
}

/// The options of one argument, with commas between them.
pub(super) fn build_metadata(names: &[String]) -> Result<Vec<String>, KustomizeError> {
    let [names] = names else {
        return Err(failed(if names.is_empty() {
            "must specify a buildMetadata option".to_owned()
        } else {
            format!(
                "too many arguments: [{}]; to provide multiple buildMetadata options, please \
                 separate options by comma",
                names.join(" ")
            )
        }));
    };
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    match names
        .iter()
        .find(|name| !BUILD_METADATA.contains(&name.as_str()))
    {
        Some(unknown) => Err(failed(format!("invalid buildMetadata option: {unknown}"))),
        None => Ok(names),
    }
}

pub(super) fn add_build_metadata(
    k: &mut Kustomization,
    names: &[String],
) -> Result<(), KustomizeError> {
    for name in build_metadata(names)? {
        if k.build_metadata.contains(&name) {
            let text = format!("buildMetadata option {name} already in kustomization file");
            return Err(failed(text));
        }
        k.build_metadata.push(name);
    }
    Ok(())
}
