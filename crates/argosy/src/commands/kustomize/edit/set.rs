//! `argosy kustomize edit set`.

use argosy_cli::Failure;
use argosy_kustomize::{Edit, GeneratorEdit, GeneratorKind, MetadataKind};
use clap::{Args, Subcommand};

/// What is set.
#[derive(Subcommand)]
pub(super) enum Set {
    /// Images: NAME=NEW:TAG, NAME=NEW@DIGEST, NAME=NEW, NAME:TAG, NAME@DIGEST; `*` keeps a part
    Image { images: Vec<String> },
    /// Counts of replicas: NAME=COUNT
    Replicas { replicas: Vec<String> },
    /// The namespace
    Namespace { namespace: Vec<String> },
    /// The prefix of names
    Nameprefix {
        #[arg(allow_hyphen_values = true)]
        prefix: Vec<String>,
    },
    /// The suffix of names
    Namesuffix {
        #[arg(allow_hyphen_values = true)]
        suffix: Vec<String>,
    },
    /// Labels of everything, selectors too: KEY:VALUE
    Label { labels: Vec<String> },
    /// Annotations of everything: KEY:VALUE
    Annotation { annotations: Vec<String> },
    /// What is recorded of the build: OPTION,OPTION
    Buildmetadata { options: Vec<String> },
    /// A value of a ConfigMap that is there
    Configmap(Values),
    /// A value of a Secret that is there
    Secret(Values),
}

#[derive(Args)]
pub(super) struct Values {
    /// Its name
    name: String,
    /// A key that is there, and its new value
    #[arg(long, value_name = "KEY=VALUE")]
    from_literal: Vec<String>,
    /// Its namespace
    #[arg(long, default_value = "")]
    namespace: String,
    /// The namespace that it gets
    #[arg(long, default_value = "")]
    new_namespace: String,
}

impl Set {
    pub(super) fn edit(self) -> Result<Edit, Failure> {
        Ok(match self {
            Self::Image { images } => Edit::SetImages(images),
            Self::Replicas { replicas } => Edit::SetReplicas(replicas),
            Self::Namespace { namespace } => Edit::SetNamespace(one(namespace, "namespace")?),
            Self::Nameprefix { prefix } => Edit::SetNamePrefix(one(prefix, "prefix")?),
            Self::Namesuffix { suffix } => Edit::SetNameSuffix(one(suffix, "suffix")?),
            Self::Label { labels } => Edit::SetMetadata(MetadataKind::Label, labels),
            Self::Annotation { annotations } => {
                Edit::SetMetadata(MetadataKind::Annotation, annotations)
            }
            Self::Buildmetadata { options } => Edit::SetBuildMetadata(options),
            Self::Configmap(values) => Edit::SetGenerator(GeneratorKind::ConfigMap, values.edit()),
            Self::Secret(values) => Edit::SetGenerator(GeneratorKind::Secret, values.edit()),
        })
    }
}

fn one(values: Vec<String>, what: &str) -> Result<String, Failure> {
    <[String; 1]>::try_from(values)
        .map(|[value]| value)
        .map_err(|_| Failure::new(format!("must specify exactly one {what} value")))
}

impl Values {
    fn edit(self) -> GeneratorEdit {
        GeneratorEdit {
            name: self.name,
            namespace: self.namespace,
            new_namespace: self.new_namespace,
            literals: self.from_literal,
            ..GeneratorEdit::default()
        }
    }
}
