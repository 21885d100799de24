//! Jsonnet files of a folder, whose imports are read from the same tree.

use crate::environment::Environment;
use crate::error::RenderError;
use argosy_crds::{JsonnetSource, JsonnetVar};
use argosy_jsonnet::{Imported, Importer, Input, JsonnetError, Options};
use argosy_object::{Object, Origin, Value};
use argosy_tree::{RelPath, Rooted, TreeError};
use argosy_yaml::{Limits, objects_of};
use std::collections::BTreeMap;

/// Evaluates files with a source's variables and library folders.
pub(crate) struct Evaluator<'r, 't> {
    reader: &'r Rooted<'t>,
    options: Options,
    /// Where imports are looked for after the importing file's own folder.
    libraries: Vec<RelPath>,
}

impl<'r, 't> Evaluator<'r, 't> {
    /// An evaluator for the folder `path`.
    ///
    /// Compat: variables' values are expanded by the build environment; libraries lie below the
    /// repository's root, the last one is asked first, and the application's folder last of all.
    pub(crate) fn new(
        reader: &'r Rooted<'t>,
        path: &RelPath,
        source: &JsonnetSource,
        environment: &Environment,
    ) -> Result<Self, RenderError> {
        let mut libraries = Vec::new();
        for library in source.libs.iter().rev() {
            let outside = |_| RenderError::PathOutside {
                path: library.clone(),
            };
            libraries.push(RelPath::new(library).map_err(outside)?);
        }
        libraries.push(path.clone());
        Ok(Self {
            reader,
            options: Options {
                ext_vars: inputs(&source.ext_vars, environment),
                top_level: inputs(&source.tlas, environment),
                ..Options::default()
            },
            libraries,
        })
    }

    /// The objects that a file evaluates to: it is one object or a list of them.
    pub(crate) fn objects(
        &self,
        file: &RelPath,
        text: &str,
    ) -> Result<Vec<(Object, Origin)>, RenderError> {
        let mut files = Files {
            reader: self.reader,
            libraries: &self.libraries,
        };
        let json = argosy_jsonnet::evaluate(file.as_str(), text, &self.options, &mut files)
            .map_err(RenderError::Jsonnet)?;
        let origin = Origin {
            file: file.as_str().into(),
            ..Origin::default()
        };
        let values = match json {
            Value::Array(values) => values,
            value => vec![value],
        };
        let mut all = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            if value.is_null() {
                continue;
            }
            if !value.is_object() {
                let text = format!("element {index} of what it evaluates to is no object");
                return Err(RenderError::Jsonnet(at(file, text)));
            }
            let origin = Origin {
                doc: index as u32,
                ..origin.clone()
            };
            let objects = objects_of(value, &origin, &Limits::default());
            all.extend(objects.map_err(|error| {
                let text = format!("element {index} of what it evaluates to: {}", error.text);
                RenderError::Jsonnet(at(file, text))
            })?);
        }
        Ok(all)
    }
}

fn at(file: &RelPath, text: String) -> JsonnetError {
    JsonnetError {
        text,
        places: vec![argosy_jsonnet::Place {
            file: file.as_str().into(),
            line: 1,
            column: 1,
        }],
        is_limit: false,
    }
}

fn inputs(variables: &[JsonnetVar], environment: &Environment) -> BTreeMap<String, Input> {
    variables
        .iter()
        .map(|variable| {
            let value = environment.expand(&variable.value);
            let input = if variable.code {
                Input::Code(value)
            } else {
                Input::Text(value)
            };
            (variable.name.clone(), input)
        })
        .collect()
}

/// Answers imports from the tree, so that each look stands in the read set.
struct Files<'a> {
    reader: &'a Rooted<'a>,
    libraries: &'a [RelPath],
}

impl Importer for Files<'_> {
    fn import(&mut self, from: &str, path: &str) -> Result<Imported, String> {
        if path.starts_with('/') {
            return Err(format!(
                "couldn't open import {path:?}: it is an absolute path"
            ));
        }
        let own = RelPath::new(from).map_or_else(|_| RelPath::root(), |file| file.parent());
        let mut left = false;
        for folder in std::iter::once(&own).chain(self.libraries) {
            let Ok(file) = folder.join(path) else {
                left = true;
                continue;
            };
            match self.reader.try_read(&file) {
                Ok(Some(content)) => {
                    return Ok(Imported {
                        path: file.as_str().into(),
                        content: content.to_vec(),
                    });
                }
                Ok(None) => {}
                Err(TreeError::NotAFile(_)) => {
                    return Err(format!(
                        "couldn't open import {path:?}: `{file}` is a folder"
                    ));
                }
                Err(error) => return Err(format!("couldn't open import {path:?}: {error}")),
            }
        }
        Err(if left {
            format!("couldn't open import {path:?}: it leads out of the repository")
        } else {
            format!(
                "couldn't open import {path:?}: no match locally or in the Jsonnet library paths"
            )
        })
    }
}
