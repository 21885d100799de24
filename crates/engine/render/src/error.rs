//! Why a source does not render.

use argosy_object::{Class, Classified};
use argosy_tree::TreeError;

/// A source that does not render.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// `spec.source.path` climbs out of the repository.
    #[error("app path `{path}` leads out of the repository")]
    PathOutside {
        /// The path.
        path: String,
    },
    /// There is nothing at `spec.source.path`.
    #[error("app path `{path}` does not exist")]
    PathMissing {
        /// The path.
        path: String,
    },
    /// There is a file at `spec.source.path`.
    #[error("app path `{path}` is not a directory")]
    PathNotDirectory {
        /// The path.
        path: String,
    },
    /// A file could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file of the folder is broken YAML, or YAML that is no Kubernetes object.
    #[error(transparent)]
    Manifest(argosy_yaml::YamlError),
    /// Broken YAML, or YAML that is no Kubernetes object.
    #[error(transparent)]
    Yaml(#[from] argosy_yaml::YamlError),
    /// The chart does not render.
    #[error("helm: {0}")]
    Helm(Box<argosy_helm::HelmError>),
    /// The kustomization does not build.
    #[error("kustomize: {0}")]
    Kustomize(Box<argosy_kustomize::KustomizeError>),
    /// A Jsonnet file does not evaluate.
    #[error("jsonnet: {0}")]
    Jsonnet(argosy_jsonnet::JsonnetError),
    /// A kustomization uses too much from elsewhere.
    #[error("kustomize: more than {0} remote bases and files are used")]
    TooManyRemotes(usize),
    /// A value file that the source names is not there.
    #[error("value file `{file}` does not exist")]
    ValueFileMissing {
        /// The path from the repository's root, or `$ref/path`.
        file: String,
    },
    /// `$name/…` where no sibling source has `ref: name`.
    #[error("`{file}`: no source of this application has `ref: {name}`")]
    NoReference {
        /// The entry.
        file: String,
        /// The reference.
        name: String,
    },
    /// A file of options in the repository has the wrong shape.
    #[error("`{file}` is not valid: {reason}")]
    Overrides {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Something that was rendered is no Kubernetes object.
    #[error("{place}: not a Kubernetes object: {reason}")]
    NotAnObject {
        /// File and line.
        place: String,
        /// What it lacks.
        reason: &'static str,
    },
    /// The source has options for more than one tool.
    #[error("multiple application sources defined: {0}")]
    SeveralTools(String),
    /// `kustomize.buildOptions` of the fleet's settings are none.
    #[error("`kustomize.buildOptions`: {0}")]
    BuildOptions(String),
    /// `postBuild.substituteFrom` names an object that is not there.
    #[error("`spec.postBuild.substituteFrom`: {kind} `{name}` does not exist")]
    VariablesMissing {
        /// `ConfigMap` or `Secret`.
        kind: String,
        /// The object's name.
        name: String,
    },
    /// Variables cannot be filled into an object.
    #[error("{object}: {source}")]
    Substitute {
        /// Kind, namespace and name.
        object: String,
        /// What is wrong.
        source: argosy_kustomize::SubstituteError,
    },
    /// The source asks for something that is not supported yet.
    #[error("{what} is not supported yet (`{place}`)")]
    Unsupported {
        /// What it asks for.
        what: &'static str,
        /// The field or the file.
        place: String,
    },
}

impl Classified for RenderError {
    fn class(&self) -> Class {
        match self {
            Self::Tree(error) => error.class(),
            _ => Class::Stalled,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::PathMissing { .. } | Self::PathNotDirectory { .. } | Self::PathOutside { .. } => {
                "set `spec.source.path` (of Flux, `spec.path`) to a folder of the repository at that \
                 revision".into()
            }
            Self::ValueFileMissing { .. } => {
                "add the file, or set `helm.ignoreMissingValueFiles: true`".into()
            }
            Self::Jsonnet(error) if error.is_limit => {
                "the file asks for more than an evaluation may take: make less of it, or in \
                 several files"
                    .into()
            }
            Self::Manifest(_) => {
                "leave out a file that is no manifest by `directory.exclude`, or by the text \
                 `+argocd:skip-file-rendering` in it"
                    .into()
            }
            Self::VariablesMissing { .. } => {
                "make the object, or set `optional: true` where the variables have defaults".into()
            }
            _ => return None,
        })
    }
}
