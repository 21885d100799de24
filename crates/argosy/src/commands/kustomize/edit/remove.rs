//! `argosy kustomize edit remove`.

use super::add::PatchArgs;
use argosy_kustomize::{Edit, GeneratorKind, ListField, MetadataKind};
use clap::{Args, Subcommand};

/// What is removed.
#[derive(Subcommand)]
pub(super) enum Remove {
    /// Resources, by path or pattern
    Resource { patterns: Vec<String> },
    /// Transformers, by path or pattern
    Transformer { patterns: Vec<String> },
    /// Labels: KEY,KEY
    Label(Keys),
    /// Annotations: KEY,KEY
    Annotation(Keys),
    /// The patch that is exactly this
    Patch(PatchArgs),
    /// ConfigMaps: NAME,NAME
    Configmap(Names),
    /// Secrets: NAME,NAME
    Secret(Names),
    /// What is recorded of the build: OPTION,OPTION
    Buildmetadata { options: Vec<String> },
}

#[derive(Args)]
pub(super) struct Keys {
    keys: Vec<String>,
    /// Keys may be missing
    #[arg(short, long)]
    ignore_non_existence: bool,
}

#[derive(Args)]
pub(super) struct Names {
    #[arg(required = true, value_delimiter = ',')]
    names: Vec<String>,
    /// Their namespace
    #[arg(long, default_value = "")]
    namespace: String,
}

impl Remove {
    pub(super) fn edit(self) -> Edit {
        let metadata = |kind, keys: Keys| Edit::RemoveMetadata {
            kind,
            keys: keys.keys,
            ignore_missing: keys.ignore_non_existence,
        };
        let generators =
            |kind, names: Names| Edit::RemoveGenerators(kind, names.names, names.namespace);
        match self {
            Self::Resource { patterns } => Edit::RemovePaths(ListField::Resources, patterns),
            Self::Transformer { patterns } => Edit::RemovePaths(ListField::Transformers, patterns),
            Self::Label(keys) => metadata(MetadataKind::Label, keys),
            Self::Annotation(keys) => metadata(MetadataKind::Annotation, keys),
            Self::Patch(patch) => Edit::RemovePatch(patch.value()),
            Self::Configmap(names) => generators(GeneratorKind::ConfigMap, names),
            Self::Secret(names) => generators(GeneratorKind::Secret, names),
            Self::Buildmetadata { options } => Edit::RemoveBuildMetadata(options),
        }
    }
}
