//! Generators and transformers that a kustomization names by an object: upstream's built-in ones.
//! Those that are programs or containers are refused.

use crate::config::Config;
use crate::error::KustomizeError;
use crate::fields::{self, Create, FieldSpec};
use crate::kustomization::{
    GeneratorArgs, HelmChart, HelmGlobals, ImageEdit, PatchEdit, ReplacementField, ReplicaEdit,
    TargetEdit, Texts, without_nulls,
};
use crate::load::Loader;
use crate::merge::MergeSchema;
use crate::namespace::{Namespace, Subjects};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::{generate, images, labels, names, patch, replace};
use argosy_object::{Value, json};
use serde::Deserialize;

/// All fields that a built-in plugin may be given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Settings {
    field_specs: Vec<FieldSpec>,
    labels: Texts,
    annotations: Texts,
    prefix: String,
    suffix: String,
    unset_only: bool,
    set_role_binding_subjects: String,
    path: String,
    patch: String,
    json_op: String,
    target: Option<TargetEdit>,
    options: Value,
    paths: Vec<String>,
    patches: String,
    image_tag: ImageEdit,
    replica: ReplicaEdit,
    replacements: Vec<ReplacementField>,
    value: Value,
    targets: Vec<ValueTarget>,
    // Of the generators:
    behavior: String,
    literals: Vec<String>,
    files: Vec<String>,
    envs: Vec<String>,
    env: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    namespace: String,
    cloud: String,
    kubernetes_service: Account,
    service_account: Account,
}

/// One side of an IAMPolicyGenerator.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Account {
    name: String,
    namespace: String,
    project_id: String,
}

/// Where a ValueAddTransformer writes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ValueTarget {
    selector: TargetEdit,
    field_path: String,
    file_path_position: i64,
}

fn settings(plugin: &Resource) -> Result<Settings, KustomizeError> {
    let file = plugin.origin.to_string();
    check_builtin(plugin)?;
    let mut value = without_nulls(plugin.value.clone());
    if let Value::Object(map) = &mut value {
        map.remove("kind");
    }
    serde_json::from_value(value).map_err(|error| KustomizeError::invalid(file, error.to_string()))
}

fn check_builtin(plugin: &Resource) -> Result<(), KustomizeError> {
    let file = plugin.origin.to_string();
    let annotations = plugin.texts("annotations");
    let function = ["config.kubernetes.io/function", "config.k8s.io/function"];
    let kind = &plugin.gvk().kind;
    let what = if function.iter().any(|f| annotations.contains_key(*f)) {
        "a container or a program"
    } else if crate::id::text(&plugin.value, "apiVersion") != "builtin" {
        "a program of its own"
    } else {
        return Ok(());
    };
    let text = format!(
        "external plugins disabled; unable to load external plugin '{kind}', which is {what}"
    );
    Err(KustomizeError::invalid(file, text))
}

/// What a generator named by an object makes.
pub(crate) fn generate(plugin: &Resource, loader: &Loader<'_>) -> Result<Resource, KustomizeError> {
    let gvk = plugin.gvk();
    let settings = settings(plugin)?;
    let kind = match gvk.kind.as_str() {
        "ConfigMapGenerator" => "ConfigMap",
        "SecretGenerator" => "Secret",
        "IAMPolicyGenerator" => return iam_policy(plugin, &settings),
        _ => return Err(unknown(plugin)),
    };
    let own = |text: String, other: String| if text.is_empty() { other } else { text };
    let mut envs = settings.envs;
    if !settings.env.is_empty() {
        envs.push(settings.env);
    }
    let file = plugin.origin.to_string();
    let options = match settings.options {
        Value::Null => None,
        options => Some(
            serde_json::from_value(options)
                .map_err(|error| KustomizeError::invalid(&file, error.to_string()))?,
        ),
    };
    let args = GeneratorArgs {
        namespace: own(settings.namespace, plugin.namespace()),
        name: own(settings.name, plugin.name()),
        behavior: settings.behavior,
        literals: settings.literals,
        files: settings.files,
        envs,
        env: String::new(),
        options,
        kind: settings.kind,
    };
    generate::generate(kind, &args, None, loader, &file)
}

/// The chart that a generator named by an object renders.
pub(crate) fn chart_of(
    plugin: &Resource,
) -> Result<Option<(HelmChart, HelmGlobals)>, KustomizeError> {
    if plugin.gvk().kind != "HelmChartInflationGenerator" {
        return Ok(None);
    }
    check_builtin(plugin)?;
    let read = serde_json::from_value(plugin.value.clone())
        .and_then(|chart| Ok((chart, serde_json::from_value(plugin.value.clone())?)));
    read.map(Some)
        .map_err(|error| KustomizeError::invalid(&plugin.origin, error.to_string()))
}

/// A service account that is bound to one of Google's.
fn iam_policy(plugin: &Resource, settings: &Settings) -> Result<Resource, KustomizeError> {
    if settings.cloud != "gke" {
        let text = format!("cloud provider {} not supported yet", settings.cloud);
        return Err(KustomizeError::invalid(&plugin.origin, text));
    }
    let Account {
        name, project_id, ..
    } = &settings.service_account;
    let account = format!("{name}@{project_id}.iam.gserviceaccount.com");
    let service = &settings.kubernetes_service;
    let mut value = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
        "name": service.name, "annotations": {"iam.gke.io/gcp-service-account": account}}});
    if !service.namespace.is_empty() {
        value["metadata"]["namespace"] = service.namespace.clone().into();
    }
    Ok(Resource::new(value, plugin.origin.clone()))
}

fn unknown(plugin: &Resource) -> KustomizeError {
    let text = format!("unable to load builtin {}", plugin.gvk());
    KustomizeError::invalid(&plugin.origin, text)
}

/// Runs a transformer named by an object.
pub(crate) fn transform(
    map: &mut ResMap,
    plugin: &Resource,
    loader: &Loader<'_>,
    schema: &MergeSchema,
) -> Result<(), KustomizeError> {
    let settings = settings(plugin)?;
    let specs = settings.field_specs.as_slice();
    let flags = || match &settings.options {
        Value::Object(map) => map
            .iter()
            .map(|(k, v)| (k.clone(), v.as_bool().unwrap_or(false)))
            .collect::<std::collections::BTreeMap<_, _>>(),
        _ => std::collections::BTreeMap::new(),
    };
    let edit = |patch: &str| PatchEdit {
        path: settings.path.clone(),
        patch: patch.to_owned(),
        target: settings.target.clone(),
        options: Some(flags()),
    };
    match plugin.gvk().kind.as_str() {
        "AnnotationsTransformer" => labels::write(map, &settings.annotations, specs),
        "LabelTransformer" => labels::write(map, &settings.labels, specs),
        "PrefixTransformer" => names::affix(map, &settings.prefix, "", specs),
        "SuffixTransformer" => names::affix(map, "", &settings.suffix, specs),
        "PrefixSuffixTransformer" => names::affix(map, &settings.prefix, &settings.suffix, specs),
        "NamespaceTransformer" => {
            let subjects = match settings.set_role_binding_subjects.as_str() {
                "" | "defaultOnly" => Subjects::Default,
                "allServiceAccounts" => Subjects::Accounts,
                "none" => Subjects::No,
                other => {
                    let text = format!(
                        "invalid value {other:?} for setRoleBindingSubjects: must be one of \
                         \"defaultOnly\", \"none\" or \"allServiceAccounts\""
                    );
                    return Err(KustomizeError::invalid(&plugin.origin, text));
                }
            };
            let name = plugin.namespace();
            Namespace {
                name: &name,
                specs,
                unset_only: settings.unset_only,
                subjects,
            }
            .apply(map)
        }
        "PatchTransformer" => patch::apply_patch(map, loader, schema, &edit(&settings.patch)),
        "PatchJson6902Transformer" => patch::apply_json(map, loader, &edit(&settings.json_op)),
        "PatchStrategicMergeTransformer" => {
            let mut paths = settings.paths.clone();
            paths.extend(Some(settings.patches.clone()).filter(|p| !p.is_empty()));
            patch::apply_strategic(map, loader, schema, &paths)
        }
        "ImageTagTransformer" => images::set_image(map, &settings.image_tag, specs),
        "ReplicaCountTransformer" => images::set_replicas(map, &settings.replica, specs),
        "ReplacementTransformer" => replace::apply(map, loader, &settings.replacements),
        "HashTransformer" => {
            names::add_hashes(map);
            Ok(())
        }
        "ValueAddTransformer" => add_value(map, &settings),
        _ => Err(unknown(plugin)),
    }
}

/// Writes one value into a field of the selected objects, or into one part of a path.
fn add_value(map: &mut ResMap, settings: &Settings) -> Result<(), KustomizeError> {
    let value = crate::id::scalar_text(&settings.value);
    for target in &settings.targets {
        let selector = crate::selector::Selector::new(&target.selector)?;
        let spec = FieldSpec {
            path: target.field_path.clone(),
            create: true,
            ..FieldSpec::default()
        };
        for resource in map.list.iter_mut().filter(|r| selector.selects(r)) {
            if resource.gvk().is_cluster_scoped() && target.field_path == "metadata/namespace" {
                continue;
            }
            if target.field_path == "metadata/name" {
                resource.remember_id();
            }
            fields::each(&mut resource.value, &spec, Create::Text, &mut |field| {
                *field = Value::String(placed(field, &value, target.file_path_position));
                Ok(())
            })?;
        }
    }
    Ok(())
}

fn placed(field: &Value, value: &str, position: i64) -> String {
    let Ok(position @ 1..) = usize::try_from(position) else {
        return value.to_owned();
    };
    let old = crate::id::scalar_text(field);
    let mut parts: Vec<&str> = old.split('/').collect();
    let at = (position - 1).min(parts.len());
    parts.insert(at, value);
    parts.join("/")
}

/// One file of `configurations`.
pub(crate) fn config_of(loader: &Loader<'_>, path: &str) -> Result<Config, KustomizeError> {
    let file = loader.full(path);
    let limits = argosy_yaml::Limits::default();
    let dialect = argosy_yaml::Dialect::V2;
    let value = argosy_yaml::from_slice_with(&file, &loader.read(path)?, &limits, dialect)?;
    if value.is_null() {
        return Ok(Config::default());
    }
    Config::parse(&file, value)
}
