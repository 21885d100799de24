//! `argosy kustomize edit add`.

use super::files;
use crate::session::Session;
use argosy_cli::Failure;
use argosy_kustomize::{Edit, GeneratorEdit, GeneratorKind, LabelPlace, ListField, MetadataKind};
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

/// What is added.
#[derive(Subcommand)]
pub(super) enum Add {
    /// Resources: files, folders, patterns, URLs
    Resource {
        paths: Vec<String>,
        /// Take the paths as they are
        #[arg(long)]
        no_verify: bool,
    },
    /// Components: folders
    Component { paths: Vec<String> },
    /// Files that configure generators
    Generator { paths: Vec<String> },
    /// Files that configure transformers
    Transformer { paths: Vec<String> },
    /// Bases: DIR,DIR
    Base { paths: Vec<String> },
    /// Labels of everything: KEY:VALUE
    Label(Labels),
    /// Annotations of everything: KEY:VALUE
    Annotation {
        annotations: Vec<String>,
        /// Overwrite those that are there
        #[arg(short, long)]
        force: bool,
    },
    /// A patch
    Patch(PatchArgs),
    /// A ConfigMap
    Configmap(Generator),
    /// A Secret
    Secret {
        #[command(flatten)]
        generator: Generator,
        /// Its type
        #[arg(long, default_value = "Opaque")]
        r#type: String,
    },
    /// What is recorded of the build: OPTION,OPTION
    Buildmetadata { options: Vec<String> },
}

#[derive(Args)]
pub(super) struct Labels {
    labels: Vec<String>,
    /// Overwrite those that are there
    #[arg(short, long)]
    force: bool,
    /// Into `labels`: selectors don't get them
    #[arg(long)]
    without_selector: bool,
    /// Templates get them too (with --without-selector)
    #[arg(long)]
    include_templates: bool,
}

#[derive(Args)]
pub(super) struct PatchArgs {
    /// A file with the patch
    #[arg(long, default_value = "")]
    path: String,
    /// The patch itself
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    patch: String,
    /// Group of the targets
    #[arg(long, default_value = "")]
    group: String,
    /// Version of the targets
    #[arg(long, default_value = "")]
    version: String,
    /// Kind of the targets
    #[arg(long, default_value = "")]
    kind: String,
    /// Name of the targets
    #[arg(long, default_value = "")]
    name: String,
    /// Namespace of the targets
    #[arg(long, default_value = "")]
    namespace: String,
    /// Selector over annotations
    #[arg(long, default_value = "")]
    annotation_selector: String,
    /// Selector over labels
    #[arg(long, default_value = "")]
    label_selector: String,
}

#[derive(Args)]
pub(super) struct Generator {
    /// Its name
    name: String,
    /// A file, or a key and a file
    #[arg(long, value_name = "[KEY=]PATH", value_delimiter = ',')]
    from_file: Vec<String>,
    /// A key and its value
    #[arg(long, value_name = "KEY=VALUE")]
    from_literal: Vec<String>,
    /// A file of KEY=VALUE lines
    #[arg(long, value_name = "FILE", default_value = "")]
    from_env_file: String,
    /// create, merge or replace
    #[arg(long, default_value = "")]
    behavior: String,
    /// Its namespace
    #[arg(long, default_value = "")]
    namespace: String,
    /// Keep the name without a hash
    #[arg(long = "disableNameSuffixHash")]
    disable_name_suffix_hash: bool,
}

impl Add {
    /// The edit.
    pub(super) fn edit(self, session: &Session) -> Result<Edit, Failure> {
        let given = |paths: &[String], what: &str| match paths {
            [] => Err(Failure::new(format!("must specify a {what}"))),
            _ => Ok(()),
        };
        let plugins = |paths: &[String]| -> Result<Vec<String>, Failure> {
            let mut found = Vec::new();
            for pattern in paths {
                let files = files::glob(pattern)?;
                if files.is_empty() {
                    session.tell(&format!("{pattern} has no match"));
                }
                found.extend(files);
            }
            Ok(found)
        };
        Ok(match self {
            Self::Resource { paths, no_verify } => {
                given(&paths, "resource file")?;
                paths_edit(ListField::Resources, files::expand(&paths, !no_verify)?)?
            }
            Self::Component { paths } => {
                given(&paths, "component file")?;
                paths_edit(ListField::Components, files::expand(&paths, true)?)?
            }
            Self::Generator { paths } => {
                given(
                    &paths,
                    "yaml file which contains a generator plugin resource",
                )?;
                Edit::AddPaths(ListField::Generators, plugins(&paths)?)
            }
            Self::Transformer { paths } => {
                given(
                    &paths,
                    "yaml file which contains a transformer plugin resource",
                )?;
                Edit::AddPaths(ListField::Transformers, plugins(&paths)?)
            }
            Self::Base { paths } => bases(&paths)?,
            Self::Label(labels) => labels.edit()?,
            Self::Annotation { annotations, force } => Edit::AddMetadata {
                kind: MetadataKind::Annotation,
                pairs: annotations,
                force,
                place: LabelPlace::Common,
            },
            Self::Patch(patch) => Edit::AddPatch(patch.value()),
            Self::Configmap(generator) => {
                Edit::AddGenerator(GeneratorKind::ConfigMap, generator.edit(String::new())?)
            }
            Self::Secret { generator, r#type } => {
                Edit::AddGenerator(GeneratorKind::Secret, generator.edit(r#type)?)
            }
            Self::Buildmetadata { options } => Edit::AddBuildMetadata(options),
        })
    }
}

/// Adds paths, but for the kustomization itself.
fn paths_edit(field: ListField, mut paths: Vec<String>) -> Result<Edit, Failure> {
    let own = files::kustomization()?;
    paths.retain(|path| path != own);
    Ok(Edit::AddPaths(field, paths))
}

fn bases(paths: &[String]) -> Result<Edit, Failure> {
    let [paths] = paths else {
        return Err(Failure::new("must specify a base directory"));
    };
    let paths: Vec<String> = paths.split(',').map(str::to_owned).collect();
    match paths
        .iter()
        .find(|path| !std::path::Path::new(path).exists())
    {
        Some(missing) => Err(Failure::new(format!("{missing} does not exist"))),
        None => Ok(Edit::AddBases(paths)),
    }
}

impl Labels {
    fn edit(self) -> Result<Edit, Failure> {
        let place = match (self.without_selector, self.include_templates) {
            (false, false) => LabelPlace::Common,
            (true, false) => LabelPlace::WithoutSelector,
            (true, true) => LabelPlace::Templates,
            (false, true) => {
                return Err(Failure::new(
                    "--without-selector flag must be specified for --include-templates to work",
                ));
            }
        };
        Ok(Edit::AddMetadata {
            kind: MetadataKind::Label,
            pairs: self.labels,
            force: self.force,
            place,
        })
    }
}

impl PatchArgs {
    /// The patch as a kustomization has it.
    pub(super) fn value(self) -> Value {
        let filled = |fields: Vec<(&str, String)>| -> Map<String, Value> {
            let filled = fields.into_iter().filter(|(_, text)| !text.is_empty());
            filled
                .map(|(name, text)| (name.to_owned(), text.into()))
                .collect()
        };
        let target = filled(vec![
            ("group", self.group),
            ("version", self.version),
            ("kind", self.kind),
            ("name", self.name),
            ("namespace", self.namespace),
            ("annotationSelector", self.annotation_selector),
            ("labelSelector", self.label_selector),
        ]);
        let mut patch = filled(vec![("path", self.path), ("patch", self.patch)]);
        if !target.is_empty() {
            patch.insert("target".to_owned(), target.into());
        }
        Value::Object(patch)
    }
}

impl Generator {
    fn edit(self, secret_type: String) -> Result<GeneratorEdit, Failure> {
        if !self.from_env_file.is_empty() {
            files::readable(&self.from_env_file)?;
        }
        Ok(GeneratorEdit {
            name: self.name,
            namespace: self.namespace,
            new_namespace: String::new(),
            literals: self.from_literal,
            files: files::file_sources(&self.from_file)?,
            env_file: self.from_env_file,
            behavior: self.behavior,
            secret_type,
            disable_name_suffix_hash: self.disable_name_suffix_hash,
        })
    }
}
