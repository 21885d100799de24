//! `Kustomization.spec` of Flux (kustomize.toolkit.fluxcd.io/v1): what it says of rendering.

use crate::application::{ViewError, view};
use argosy_object::{Object, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// API group of Flux's Kustomization; what it manages carries labels of this group.
pub const FLUX_KUSTOMIZE_GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// `spec` of a Kustomization of Flux, as far as it decides what is rendered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FluxKustomizationSpec {
    /// The folder, from the source's root.
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_suffix: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_missing_components: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub build_metadata: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_build: Option<PostBuild>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decryption: Option<Value>,
}

impl FluxKustomizationSpec {
    /// Reads `spec` of a Kustomization of Flux.
    ///
    /// # Errors
    /// [`ViewError`] with what is not valid.
    pub fn of(kustomization: &Object) -> Result<Self, ViewError> {
        view(kustomization.pointer("/spec"), "spec")
    }
}

/// `spec.commonMetadata`: over what each object has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommonMetadata {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// `spec.postBuild`: variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PostBuild {
    /// `WithVariables`, the default, or `Always`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub substitute_strategy: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub substitute: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub substitute_from: Vec<SubstituteReference>,
}

/// One of `postBuild.substituteFrom`: an object of the Kustomization's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct SubstituteReference {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    pub name: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}
