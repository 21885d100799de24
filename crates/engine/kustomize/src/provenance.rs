//! `buildMetadata`: annotations that say where an object came from and what changed it.

use crate::id::scalar_text;
use crate::resource::Resource;
use argosy_object::Value;

const ORIGIN: &str = "config.kubernetes.io/origin";
const CHANGES: &str = "alpha.config.kubernetes.io/transformations";

/// A file, or a plugin and the file that configures it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Provenance {
    File(String),
    Plugin {
        file: String,
        api_version: String,
        kind: String,
        name: String,
        namespace: String,
    },
}

impl Provenance {
    /// A transformer or generator that a field of the kustomization stands for.
    pub(crate) fn builtin(file: &str, kind: &str) -> Self {
        Self::Plugin {
            file: file.to_owned(),
            api_version: "builtin".to_owned(),
            kind: kind.to_owned(),
            name: String::new(),
            namespace: String::new(),
        }
    }

    /// A plugin that an object configures.
    pub(crate) fn plugin(resource: &Resource) -> Option<Self> {
        let Some(Self::File(file)) = &resource.source else {
            return None;
        };
        let gvk = resource.gvk();
        Some(Self::Plugin {
            file: file.clone(),
            api_version: gvk.api_version(),
            kind: gvk.kind,
            name: resource.name(),
            namespace: resource.namespace(),
        })
    }

    fn lines(&self) -> Vec<String> {
        match self {
            Self::File(path) => vec![format!("path: {path}")],
            Self::Plugin {
                file,
                api_version,
                kind,
                name,
                namespace,
            } => {
                let mut lines = vec![
                    format!("configuredIn: {file}"),
                    "configuredBy:".to_owned(),
                    format!("  apiVersion: {api_version}"),
                    format!("  kind: {kind}"),
                ];
                for (field, text) in [("name", name), ("namespace", namespace)] {
                    if !text.is_empty() {
                        lines.push(format!("  {field}: {text}"));
                    }
                }
                lines
            }
        }
    }
}

/// Writes the annotations that are asked for, and makes all annotations texts.
///
/// Compat: kustomize reads and writes the annotations of every object it builds, so that numbers
/// and booleans become texts and an empty mapping goes.
pub(crate) fn finish(resource: &mut Resource, origins: bool, changes: bool) {
    let mut texts = resource.texts("annotations");
    for text in texts.values_mut() {
        *text = Value::String(scalar_text(text));
    }
    texts.remove(ORIGIN);
    texts.remove(CHANGES);
    if let (true, Some(source)) = (origins, &resource.source) {
        texts.insert(
            ORIGIN.into(),
            format!("{}\n", source.lines().join("\n")).into(),
        );
    }
    if changes && !resource.changes.is_empty() {
        let mut text = String::new();
        for change in &resource.changes {
            for (index, line) in change.lines().iter().enumerate() {
                text.push_str(if index == 0 { "- " } else { "  " });
                text.push_str(line);
                text.push('\n');
            }
        }
        texts.insert(CHANGES.into(), text.into());
    }
    resource.set_texts("annotations", texts);
}

/// Notes on all objects that a transformer has run.
pub(crate) fn note(list: &mut [Resource], by: Option<&Provenance>) {
    let Some(by) = by else {
        return;
    };
    for resource in list {
        if resource.source.is_none() {
            resource.source = Some(by.clone());
        } else {
            resource.changes.push(by.clone());
        }
    }
}
