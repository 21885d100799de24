//! Why a kustomization cannot be built.

use crate::remote::Remote;
use argosy_object::{Class, Classified};
use argosy_schema::PatchError;
use argosy_tree::TreeError;
use argosy_yaml::YamlError;

/// Why a kustomization cannot be built.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum KustomizeError {
    /// A file or folder cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file is no YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A field of a kustomization names what is wrong.
    #[error("`{file}`: {field}: {source}")]
    At {
        /// The kustomization.
        file: String,
        /// Its field, such as `resources[2]`.
        field: String,
        /// What is wrong with it.
        source: Box<KustomizeError>,
    },
    /// There is nothing at a path.
    #[error("`{0}` does not exist: no such file or directory")]
    NotFound(String),
    /// Something in a kustomization is wrong; the text says what.
    #[error("`{file}`: {text}")]
    Invalid {
        /// The file that says so.
        file: String,
        /// What is wrong.
        text: String,
    },
    /// A step on the resources failed.
    #[error("{0}")]
    Failed(String),
    /// The kustomization asks for what is not done here.
    #[error("`{file}`: {what} is not supported")]
    Unsupported {
        /// The file that asks.
        file: String,
        /// What it asks for.
        what: String,
    },
    /// Bases and files elsewhere are needed first.
    #[error("{} is elsewhere and must be fetched first", shown(.0))]
    Needs(Vec<Remote>),
    /// A folder has no kustomization.
    #[error(
        "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{0}'"
    )]
    Missing(String),
    /// A folder has more than one kustomization.
    #[error("Found multiple kustomization files under: {0}")]
    Ambiguous(String),
    /// A base contains what is being built.
    #[error("`{file}`: cycle: `{base}` contains or is what is being built")]
    Cycle {
        /// The file that names the base.
        file: String,
        /// The base.
        base: String,
    },
    /// Bases are nested too deep.
    #[error("`{0}`: bases are nested deeper than {max}", max = crate::target::MAX_LAYERS)]
    TooDeep(String),
    /// A file outside the folder of its kustomization.
    #[error("security; file '{path}' is not in or below '{root}'")]
    Outside {
        /// The file.
        path: String,
        /// The folder.
        root: String,
    },
}

impl KustomizeError {
    pub(crate) fn invalid(file: impl ToString, text: impl Into<String>) -> Self {
        Self::Invalid {
            file: file.to_string(),
            text: text.into(),
        }
    }

    /// Says which field of which file is at fault, where nobody has yet.
    pub(crate) fn at(self, file: &str, field: &str) -> Self {
        let source = match self {
            Self::At { .. } | Self::Yaml(_) => return self,
            Self::Invalid { file: known, text } if known == file => Self::Failed(text),
            Self::Unsupported { file: known, what } if known == file => {
                Self::Failed(format!("{what} is not supported"))
            }
            other => other,
        };
        Self::At {
            file: file.to_owned(),
            field: field.to_owned(),
            source: Box::new(source),
        }
    }

    /// What must be fetched before the build can go on.
    pub fn needs(&self) -> Option<&[Remote]> {
        match self {
            Self::Needs(needs) => Some(needs),
            Self::At { source, .. } => source.needs(),
            _ => None,
        }
    }

    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }
}

fn shown(needs: &[Remote]) -> String {
    let names = needs.iter().map(|need| match need {
        Remote::Tree(tree) => format!("`{}`", tree.repo),
        Remote::File(file) => format!("`{}`", file.0),
        Remote::Chart(chart) => format!("the chart `{}` of `{}`", chart.name, chart.repo),
    });
    names.collect::<Vec<_>>().join(", ")
}

impl From<PatchError> for KustomizeError {
    fn from(error: PatchError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Classified for KustomizeError {
    fn class(&self) -> Class {
        match self {
            Self::Tree(error) => error.class(),
            Self::At { source, .. } => source.class(),
            Self::Outside { .. } => Class::Denied,
            _ => Class::Stalled,
        }
    }
}
