//! The file `kustomization.yaml`, as it is written.

use crate::error::KustomizeError;
use crate::fields::FieldSpec;
use argosy_object::Value;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Texts by name.
pub(crate) type Texts = BTreeMap<String, String>;

/// A kustomization or a component.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Kustomization {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) openapi: Texts,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) namespace: String,
    pub(crate) common_labels: Texts,
    pub(crate) labels: Vec<LabelEdit>,
    pub(crate) common_annotations: Texts,
    pub(crate) patches_strategic_merge: Vec<String>,
    pub(crate) patches_json6902: Vec<PatchEdit>,
    pub(crate) patches: Vec<PatchEdit>,
    pub(crate) images: Vec<ImageEdit>,
    pub(crate) image_tags: Vec<ImageEdit>,
    pub(crate) replacements: Vec<ReplacementField>,
    pub(crate) replicas: Vec<ReplicaEdit>,
    pub(crate) vars: Vec<Var>,
    pub(crate) sort_options: Option<SortOptions>,
    pub(crate) resources: Vec<String>,
    pub(crate) components: Vec<String>,
    pub(crate) crds: Vec<String>,
    pub(crate) bases: Vec<String>,
    pub(crate) config_map_generator: Vec<GeneratorArgs>,
    pub(crate) secret_generator: Vec<GeneratorArgs>,
    pub(crate) helm_globals: Option<Value>,
    pub(crate) helm_charts: Vec<Value>,
    pub(crate) helm_chart_inflation_generator: Vec<Value>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    pub(crate) configurations: Vec<String>,
    pub(crate) generators: Vec<String>,
    pub(crate) transformers: Vec<String>,
    pub(crate) validators: Vec<String>,
    pub(crate) build_metadata: Vec<String>,
}

/// `metadata`, which upstream reads and ignores.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: Texts,
    pub(crate) annotations: Texts,
}

/// One entry of `labels`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LabelEdit {
    /// The labels.
    pub pairs: BTreeMap<String, String>,
    /// Whether selectors and templates get them too.
    pub include_selectors: bool,
    /// Whether templates get them too.
    pub include_templates: bool,
    #[serde(rename = "fields")]
    pub(crate) field_specs: Vec<FieldSpec>,
}

/// One entry of `patches`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PatchEdit {
    /// A file with the patch.
    pub path: String,
    /// The patch itself.
    pub patch: String,
    /// What it is for.
    pub target: Option<TargetEdit>,
    /// Flags, such as `allowNameChange`.
    pub options: BTreeMap<String, bool>,
}

/// Selects objects; each text but the selectors is a regular expression for the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TargetEdit {
    /// The API group.
    pub group: String,
    /// The API version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The name, now or originally.
    pub name: String,
    /// The namespace, now or originally.
    pub namespace: String,
    /// A label selector over annotations.
    pub annotation_selector: String,
    /// A label selector.
    pub label_selector: String,
}

/// One entry of `images`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImageEdit {
    /// The image to change, a regular expression.
    pub name: String,
    /// Its new name.
    pub new_name: String,
    /// What its tag gets at the end.
    pub tag_suffix: String,
    /// Its new tag.
    pub new_tag: String,
    /// Its new digest.
    pub digest: String,
}

/// One entry of `replicas`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReplicaEdit {
    /// The workload's name.
    pub name: String,
    /// How many.
    pub count: i64,
}

/// One generated ConfigMap or Secret.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GeneratorArgs {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) behavior: String,
    pub(crate) literals: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) envs: Vec<String>,
    pub(crate) env: String,
    pub(crate) options: Option<GeneratorOptions>,
    /// A Secret's type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

/// `generatorOptions` and a generator's `options`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: Texts,
    pub(crate) annotations: Texts,
    pub(crate) disable_name_suffix_hash: bool,
    pub(crate) immutable: bool,
}

/// One entry of `vars`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Var {
    pub(crate) name: String,
    pub(crate) objref: ObjectRef,
    pub(crate) fieldref: FieldRef,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ObjectRef {
    pub(crate) api_version: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FieldRef {
    #[serde(alias = "fieldpath", rename = "fieldPath")]
    pub(crate) field_path: String,
}

/// One entry of `replacements`: a file, or the replacement itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReplacementField {
    pub(crate) path: String,
    pub(crate) source: Option<SourceSelector>,
    pub(crate) targets: Option<Vec<TargetSelector>>,
    pub(crate) source_value: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SourceSelector {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) field_path: String,
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TargetSelector {
    pub(crate) select: Option<TargetEdit>,
    pub(crate) reject: Vec<TargetEdit>,
    pub(crate) field_paths: Vec<String>,
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FieldOptions {
    pub(crate) delimiter: String,
    pub(crate) index: i64,
    pub(crate) encoding: String,
    pub(crate) create: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SortOptions {
    pub(crate) order: String,
    pub(crate) legacy_sort_options: Option<LegacySortOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LegacySortOptions {
    pub(crate) order_first: Vec<String>,
    pub(crate) order_last: Vec<String>,
}

/// The kind of a file that adds to what it is included in.
pub(crate) const COMPONENT: &str = "Component";
const KUSTOMIZATION: &str = "Kustomization";

impl Kustomization {
    /// Reads a file, moves what is deprecated to where it belongs now, and checks it.
    ///
    /// # Errors
    /// Broken YAML, a field that does not exist, the wrong kind or version, an empty file.
    pub(crate) fn parse(file: &str, bytes: &[u8]) -> Result<Self, KustomizeError> {
        let limits = argosy_yaml::Limits::default();
        let value = argosy_yaml::from_slice_with(file, bytes, &limits, argosy_yaml::Dialect::V2)?;
        let value = match without_nulls(value) {
            Value::Null => Value::Object(argosy_object::Map::new()),
            value => value,
        };
        let mut parsed: Self = serde_json::from_value(spelled(value)).map_err(|error| {
            let error = error.to_string();
            let unknown = error
                .strip_prefix("unknown field `")
                .and_then(|e| e.split_once('`'));
            let error = unknown
                .map(|(f, _)| format!("json: unknown field {f:?}"))
                .unwrap_or(error);
            KustomizeError::invalid(file, format!("invalid Kustomization: {error}"))
        })?;
        parsed.fix();
        parsed.check(file)?;
        Ok(parsed)
    }

    fn fix(&mut self) {
        let component = self.kind == COMPONENT;
        if self.kind.is_empty() {
            KUSTOMIZATION.clone_into(&mut self.kind);
        }
        if self.api_version.is_empty() {
            version_of(component).clone_into(&mut self.api_version);
        }
        self.resources.append(&mut self.bases);
        self.images.append(&mut self.image_tags);
        for args in self
            .config_map_generator
            .iter_mut()
            .chain(&mut self.secret_generator)
        {
            if !args.env.is_empty() {
                args.envs.push(std::mem::take(&mut args.env));
            }
        }
        self.helm_charts
            .append(&mut self.helm_chart_inflation_generator);
    }

    fn check(&self, file: &str) -> Result<(), KustomizeError> {
        let empty = Self {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            ..Self::default()
        };
        if *self == empty {
            return Err(KustomizeError::invalid(file, "kustomization.yaml is empty"));
        }
        if self.kind != KUSTOMIZATION && self.kind != COMPONENT {
            return Err(KustomizeError::invalid(
                file,
                "kind should be Kustomization or Component",
            ));
        }
        let wanted = version_of(self.kind == COMPONENT);
        if self.api_version != wanted {
            let text = format!("apiVersion for {} should be {wanted}", self.kind);
            return Err(KustomizeError::invalid(file, text));
        }
        Ok(())
    }
}

fn version_of(component: bool) -> &'static str {
    if component {
        "kustomize.config.k8s.io/v1alpha1"
    } else {
        "kustomize.config.k8s.io/v1beta1"
    }
}

/// Fields of the file, to find those that are spelt in other cases, as Go's decoder does.
const FIELDS: [&str; 29] = [
    "apiVersion",
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "configMapGenerator",
    "configurations",
    "crds",
    "generatorOptions",
    "generators",
    "helmCharts",
    "helmGlobals",
    "imageTags",
    "images",
    "kind",
    "labels",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "replicas",
    "resources",
    "secretGenerator",
    "sortOptions",
    "transformers",
];

fn spelled(value: Value) -> Value {
    let Value::Object(map) = value else {
        return value;
    };
    let name = |key: String| {
        let known = FIELDS.iter().find(|f| f.eq_ignore_ascii_case(&key));
        known.map_or(key, |f| (*f).to_owned())
    };
    Value::Object(
        map.into_iter()
            .map(|(key, value)| (name(key), value))
            .collect(),
    )
}

/// Drops nulls from mappings: Go's decoder takes them for what is not there.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k, without_nulls(v)))
                .collect(),
        ),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
