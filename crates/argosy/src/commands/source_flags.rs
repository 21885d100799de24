//! The flags that say what a source's tool is told, as `argocd app create` has them.

use crate::session::parse_pair;
use argosy_cli::Failure;
use argosy_crds::{
    DirectorySource, HelmFileParameter, HelmParameter, HelmSource, JsonnetSource, JsonnetVar,
    KustomizeReplica, KustomizeSource, Source,
};
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Options of all tools, added to those that a source has.
#[derive(Args, Default)]
pub(super) struct SourceFlags {
    #[command(flatten)]
    helm: HelmFlags,
    #[command(flatten)]
    kustomize: KustomizeFlags,
    #[command(flatten)]
    directory: DirectoryFlags,
}

#[derive(Args, Default)]
#[command(next_help_heading = "Helm")]
struct HelmFlags {
    /// Values file in the repository (repeatable)
    #[arg(long, value_name = "FILE")]
    values: Vec<String>,
    /// File whose content becomes the values
    #[arg(long, value_name = "FILE")]
    values_literal_file: Option<PathBuf>,
    /// Values files may be missing
    #[arg(long)]
    ignore_missing_value_files: bool,
    /// Parameter (repeatable)
    #[arg(short = 'p', long, visible_alias = "helm-set", value_name = "KEY=VALUE", value_parser = parse_pair)]
    parameter: Vec<(String, String)>,
    /// Parameter that stays text (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    helm_set_string: Vec<(String, String)>,
    /// Parameter whose value is a file of the repository (repeatable)
    #[arg(long, value_name = "KEY=FILE", value_parser = parse_pair)]
    helm_set_file: Vec<(String, String)>,
    /// Name of the release
    #[arg(long, value_name = "NAME")]
    release_name: Option<String>,
    /// Leave out CustomResourceDefinitions of `crds/`
    #[arg(long)]
    helm_skip_crds: bool,
    /// Leave out tests
    #[arg(long)]
    helm_skip_tests: bool,
    /// Do not hold values against the chart's schema
    #[arg(long)]
    helm_skip_schema_validation: bool,
    /// Send the repository's credential to other hosts, too
    #[arg(long)]
    helm_pass_credentials: bool,
    /// Namespace of the release, where it is not the destination's
    #[arg(long, value_name = "NAME")]
    helm_namespace: Option<String>,
    /// Version of Kubernetes, where it is not the cluster's
    #[arg(long, value_name = "VERSION")]
    helm_kube_version: Option<String>,
    /// API version, instead of the cluster's (repeatable)
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    helm_api_versions: Vec<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = "Kustomize")]
struct KustomizeFlags {
    /// Prefix of names
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    nameprefix: Option<String>,
    /// Suffix of names
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    namesuffix: Option<String>,
    /// Namespace of everything
    #[arg(long, value_name = "NAME")]
    kustomize_namespace: Option<String>,
    /// Image: NAME=NEW:TAG, NAME:TAG and the like (repeatable)
    #[arg(long, value_name = "IMAGE")]
    kustomize_image: Vec<String>,
    /// Count of replicas (repeatable)
    #[arg(long, value_name = "NAME=COUNT", value_parser = parse_pair)]
    kustomize_replica: Vec<(String, String)>,
    /// Label of everything (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    kustomize_common_label: Vec<(String, String)>,
    /// Annotation of everything (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    kustomize_common_annotation: Vec<(String, String)>,
    /// Labels go over those that are there
    #[arg(long)]
    kustomize_force_common_label: bool,
    /// Annotations go over those that are there
    #[arg(long)]
    kustomize_force_common_annotation: bool,
    /// Labels stay out of selectors
    #[arg(long)]
    kustomize_label_without_selector: bool,
    /// Labels that stay out of selectors go into templates
    #[arg(long)]
    kustomize_label_include_templates: bool,
    /// Component, a path from the folder (repeatable)
    #[arg(long, value_name = "PATH")]
    kustomize_component: Vec<String>,
    /// Components may be missing
    #[arg(long)]
    ignore_missing_components: bool,
    /// Version of Kubernetes for charts, where it is not the cluster's
    #[arg(long, value_name = "VERSION")]
    kustomize_kube_version: Option<String>,
    /// API version for charts, instead of the cluster's (repeatable)
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    kustomize_api_versions: Vec<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = "Plain manifests and Jsonnet")]
struct DirectoryFlags {
    /// Folders below, too
    #[arg(long)]
    directory_recurse: bool,
    /// Only these files
    #[arg(long, value_name = "GLOB")]
    directory_include: Option<String>,
    /// Not these files
    #[arg(long, value_name = "GLOB")]
    directory_exclude: Option<String>,
    /// External variable, a text (repeatable)
    #[arg(long, value_name = "NAME=TEXT", value_parser = parse_pair)]
    jsonnet_ext_var_str: Vec<(String, String)>,
    /// External variable, Jsonnet (repeatable)
    #[arg(long, value_name = "NAME=CODE", value_parser = parse_pair)]
    jsonnet_ext_var_code: Vec<(String, String)>,
    /// Top-level argument, a text (repeatable)
    #[arg(long, value_name = "NAME=TEXT", value_parser = parse_pair)]
    jsonnet_tla_str: Vec<(String, String)>,
    /// Top-level argument, Jsonnet (repeatable)
    #[arg(long, value_name = "NAME=CODE", value_parser = parse_pair)]
    jsonnet_tla_code: Vec<(String, String)>,
    /// Folder of the repository for imports (repeatable)
    #[arg(long, value_name = "PATH")]
    jsonnet_libs: Vec<String>,
}

impl SourceFlags {
    /// Adds what is given to a source; a tool of which nothing is given stays as it is.
    ///
    /// # Errors
    /// Where the file of values cannot be read.
    pub(super) fn add_to(&self, source: &mut Source) -> Result<(), Failure> {
        with(&mut source.helm, |helm| self.helm.add_to(helm))?;
        with(&mut source.kustomize, |kustomize| {
            self.kustomize.add_to(kustomize);
            Ok(())
        })?;
        with(&mut source.directory, |directory| {
            self.directory.add_to(directory);
            Ok(())
        })
    }
}

/// Changes the options of a tool; where they come to nothing and nothing was there, nothing is.
fn with<T: Clone + Default + PartialEq>(
    options: &mut Option<T>,
    change: impl FnOnce(&mut T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut changed = options.clone().unwrap_or_default();
    change(&mut changed)?;
    if options.is_some() || changed != T::default() {
        *options = Some(changed);
    }
    Ok(())
}

impl HelmFlags {
    fn add_to(&self, helm: &mut HelmSource) -> Result<(), Failure> {
        helm.value_files.extend_from_slice(&self.values);
        if let Some(file) = &self.values_literal_file {
            helm.values = std::fs::read_to_string(file).map_err(|error| {
                Failure::from_error(&error).while_doing(format!("cannot read `{}`", file.display()))
            })?;
        }
        let plain = self.parameter.iter().map(|pair| (pair, false));
        let texts = self.helm_set_string.iter().map(|pair| (pair, true));
        for ((name, value), force_string) in plain.chain(texts) {
            helm.parameters.push(HelmParameter {
                name: name.clone(),
                value: value.clone(),
                force_string,
            });
        }
        let files = self.helm_set_file.iter();
        helm.file_parameters
            .extend(files.map(|(name, path)| HelmFileParameter {
                name: name.clone(),
                path: path.clone(),
            }));
        set(&mut helm.release_name, self.release_name.as_ref());
        set(&mut helm.namespace, self.helm_namespace.as_ref());
        set(&mut helm.kube_version, self.helm_kube_version.as_ref());
        helm.api_versions.extend_from_slice(&self.helm_api_versions);
        helm.ignore_missing_value_files |= self.ignore_missing_value_files;
        helm.skip_crds |= self.helm_skip_crds;
        helm.skip_tests |= self.helm_skip_tests;
        helm.skip_schema_validation |= self.helm_skip_schema_validation;
        helm.pass_credentials |= self.helm_pass_credentials;
        Ok(())
    }
}

impl KustomizeFlags {
    fn add_to(&self, kustomize: &mut KustomizeSource) {
        set(&mut kustomize.name_prefix, self.nameprefix.as_ref());
        set(&mut kustomize.name_suffix, self.namesuffix.as_ref());
        set(&mut kustomize.namespace, self.kustomize_namespace.as_ref());
        let version = self.kustomize_kube_version.as_ref();
        set(&mut kustomize.kube_version, version);
        let versions = &self.kustomize_api_versions;
        kustomize.api_versions.extend_from_slice(versions);
        kustomize.images.extend_from_slice(&self.kustomize_image);
        let components = &self.kustomize_component;
        kustomize.components.extend_from_slice(components);
        let replicas = self.kustomize_replica.iter();
        kustomize
            .replicas
            .extend(replicas.map(|(name, count)| KustomizeReplica {
                name: name.clone(),
                count: count.as_str().into(),
            }));
        add_pairs(&mut kustomize.common_labels, &self.kustomize_common_label);
        let annotations = &self.kustomize_common_annotation;
        add_pairs(&mut kustomize.common_annotations, annotations);
        kustomize.force_common_labels |= self.kustomize_force_common_label;
        kustomize.force_common_annotations |= self.kustomize_force_common_annotation;
        kustomize.label_without_selector |= self.kustomize_label_without_selector;
        kustomize.label_include_templates |= self.kustomize_label_include_templates;
        kustomize.ignore_missing_components |= self.ignore_missing_components;
    }
}

impl DirectoryFlags {
    fn add_to(&self, directory: &mut DirectorySource) {
        directory.recurse |= self.directory_recurse;
        set(&mut directory.include, self.directory_include.as_ref());
        set(&mut directory.exclude, self.directory_exclude.as_ref());
        let mut jsonnet = directory.jsonnet.clone().unwrap_or_default();
        let variables = |list: &mut Vec<JsonnetVar>, texts: &[(String, String)], code| {
            list.extend(texts.iter().map(|(name, value)| JsonnetVar {
                name: name.clone(),
                value: value.clone(),
                code,
            }));
        };
        variables(&mut jsonnet.ext_vars, &self.jsonnet_ext_var_str, false);
        variables(&mut jsonnet.ext_vars, &self.jsonnet_ext_var_code, true);
        variables(&mut jsonnet.tlas, &self.jsonnet_tla_str, false);
        variables(&mut jsonnet.tlas, &self.jsonnet_tla_code, true);
        jsonnet.libs.extend_from_slice(&self.jsonnet_libs);
        if directory.jsonnet.is_some() || jsonnet != JsonnetSource::default() {
            directory.jsonnet = Some(jsonnet);
        }
    }
}

fn set(field: &mut String, value: Option<&String>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

fn add_pairs(map: &mut BTreeMap<String, String>, pairs: &[(String, String)]) {
    map.extend(pairs.iter().cloned());
}
