//! Edits of generated ConfigMaps and Secrets.

use super::failed;
use crate::error::KustomizeError;
use crate::generate::merged_options;
use crate::kustomization::{GeneratorArgs, GeneratorOptions, Kustomization};
use std::collections::BTreeMap;

/// Which generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorKind {
    /// `configMapGenerator`.
    ConfigMap,
    /// `secretGenerator`.
    Secret,
}

/// What is added to a generator, or changed in it. What is empty changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeneratorEdit {
    /// The object's name.
    pub name: String,
    /// Its namespace; none stands for `default`.
    pub namespace: String,
    /// The namespace that it gets.
    pub new_namespace: String,
    /// `KEY=VALUE`.
    pub literals: Vec<String>,
    /// `PATH` or `KEY=PATH`.
    pub files: Vec<String>,
    /// A file of `KEY=VALUE` lines.
    pub env_file: String,
    /// `create`, `merge` or `replace`.
    pub behavior: String,
    /// A Secret's type.
    pub secret_type: String,
    /// The name stays as it is written.
    pub disable_name_suffix_hash: bool,
}

impl GeneratorKind {
    /// The object's kind as messages have it.
    fn word(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }

    fn of(self, k: &mut Kustomization) -> &mut Vec<GeneratorArgs> {
        match self {
            Self::ConfigMap => &mut k.config_map_generator,
            Self::Secret => &mut k.secret_generator,
        }
    }
}

fn same_namespace(left: &str, right: &str) -> bool {
    let or_default = |text: &str| if text.is_empty() { "default" } else { text }.to_owned();
    or_default(left) == or_default(right)
}

fn invalid_flags(text: &str) -> KustomizeError {
    failed(format!("failed to validate flags: {text}"))
}

pub(super) fn add(
    k: &mut Kustomization,
    kind: GeneratorKind,
    edit: &GeneratorEdit,
) -> Result<(), KustomizeError> {
    let (files, literals) = (!edit.files.is_empty(), !edit.literals.is_empty());
    let env = !edit.env_file.is_empty();
    if !(env || files || literals) {
        let text = "at least from-env-file, or from-file or from-literal must be set";
        return Err(invalid_flags(text));
    }
    if env && (files || literals) {
        let text = "from-env-file cannot be combined with from-file or from-literal";
        return Err(invalid_flags(text));
    }
    if !["", "create", "merge", "replace"].contains(&edit.behavior.as_str()) {
        let text = "invalid behavior: must be one of \"create\", \"merge\", or \"replace\"";
        return Err(invalid_flags(text));
    }
    let global = k.generator_options.clone();
    let list = kind.of(k);
    let known = list
        .iter()
        .position(|a| a.name == edit.name && same_namespace(&a.namespace, &edit.namespace));
    let at = known.unwrap_or(list.len());
    if known.is_none() {
        list.push(GeneratorArgs {
            name: edit.name.clone(),
            namespace: edit.namespace.clone(),
            kind: edit.secret_type.clone(),
            ..GeneratorArgs::default()
        });
    }
    let args = &mut list[at];
    args.literals.extend(edit.literals.iter().cloned());
    args.files.extend(edit.files.iter().cloned());
    args.envs
        .extend(Some(edit.env_file.clone()).filter(|f| !f.is_empty()));
    if edit.disable_name_suffix_hash {
        args.options = Some(GeneratorOptions {
            disable_name_suffix_hash: true,
            ..GeneratorOptions::default()
        });
    }
    if !edit.behavior.is_empty() {
        args.behavior.clone_from(&edit.behavior);
    }
    if let Some(global) = &global {
        args.options = Some(merged_options(args.options.take(), Some(global)));
    }
    Ok(())
}

pub(super) fn set(
    k: &mut Kustomization,
    kind: GeneratorKind,
    edit: &GeneratorEdit,
) -> Result<(), KustomizeError> {
    if edit.literals.is_empty() && edit.new_namespace.is_empty() {
        let text = "at least one of [--from-literal, --new-namespace] must be specified";
        return Err(invalid_flags(text));
    }
    let global = k.generator_options.clone();
    let word = kind.word();
    let title = match kind {
        GeneratorKind::ConfigMap => "ConfigMap",
        GeneratorKind::Secret => "Secret",
    };
    let Some(args) = kind
        .of(k)
        .iter_mut()
        .find(|a| a.name == edit.name && same_namespace(&a.namespace, &edit.namespace))
    else {
        return Err(failed(format!(
            "failed to create {word}: could not set new {title} value: unable to find {title} \
             with name {:?}",
            edit.name
        )));
    };
    if !edit.literals.is_empty() {
        set_literals(&mut args.literals, &edit.literals).map_err(|text| {
            failed(format!(
                "failed to create {word}: failed to update literal sources: {text}"
            ))
        })?;
    }
    if !edit.new_namespace.is_empty() {
        args.namespace.clone_from(&edit.new_namespace);
    }
    if let Some(global) = &global {
        args.options = Some(merged_options(args.options.take(), Some(global)));
    }
    Ok(())
}

/// Compat: upstream leaves the order of the literals to chance; here they are sorted by key.
fn set_literals(known: &mut Vec<String>, new: &[String]) -> Result<(), String> {
    let split = |text: &str| -> Result<(String, String), String> {
        match text.split_once('=') {
            Some((key, value)) if !value.contains('=') => Ok((key.to_owned(), value.to_owned())),
            _ => Err(
                "failed to update resource: invalid format: literal values must be \
                      specified in the key=value format"
                    .to_owned(),
            ),
        }
    };
    let mut all = BTreeMap::new();
    for text in known.iter() {
        let (key, value) = split(text)?;
        all.insert(key, value);
    }
    for text in new {
        let (key, value) = split(text)?;
        match all.get_mut(&key) {
            Some(old) => *old = value,
            None => return Err(format!("key '{key}' not found in resource")),
        }
    }
    *known = all
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    Ok(())
}

pub(super) fn remove(
    k: &mut Kustomization,
    kind: GeneratorKind,
    names: &[String],
    namespace: &str,
) -> Result<Vec<String>, KustomizeError> {
    let word = kind.word();
    let mut found = Vec::new();
    kind.of(k).retain(|args| {
        let gone = names.contains(&args.name) && same_namespace(&args.namespace, namespace);
        if gone {
            found.push(args.name.clone());
        }
        !gone
    });
    if found.is_empty() {
        let text = format!("no specified {word}(s) were found in the kustomization.yaml file");
        return Err(failed(text));
    }
    let missing = names.iter().filter(|name| !found.contains(name));
    Ok(missing
        .map(|name| format!("{word} {name} doesn't exist in kustomization file"))
        .collect())
}
