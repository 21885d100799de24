//! The file `kustomization.yaml`, as it is written.

use crate::error::KustomizeError;
use crate::fields::FieldSpec;
use argosy_object::{Map, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod shape;

/// Texts by name.
pub(crate) type Texts = BTreeMap<String, String>;

/// A kustomization or a component.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
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
    pub(crate) helm_globals: Option<HelmGlobals>,
    pub(crate) helm_charts: Vec<HelmChart>,
    pub(crate) helm_chart_inflation_generator: Vec<HelmChartArgs>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    pub(crate) configurations: Vec<String>,
    pub(crate) generators: Vec<String>,
    pub(crate) transformers: Vec<String>,
    pub(crate) validators: Vec<String>,
    pub(crate) build_metadata: Vec<String>,
    /// What a person should be told of the file.
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
}

/// `metadata`, which upstream reads and ignores.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: Texts,
    pub(crate) annotations: Texts,
}

/// One entry of `labels`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
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
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct PatchEdit {
    /// A file with the patch.
    pub path: String,
    /// The patch itself.
    pub patch: String,
    /// What it is for.
    pub target: Option<TargetEdit>,
    /// Flags, such as `allowNameChange`.
    pub options: Option<BTreeMap<String, bool>>,
}

/// Selects objects; each text but the selectors is a regular expression for the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct ReplicaEdit {
    /// The workload's name.
    pub name: String,
    /// How many.
    pub count: i64,
}

/// One generated ConfigMap or Secret.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: Texts,
    pub(crate) annotations: Texts,
    pub(crate) disable_name_suffix_hash: bool,
    pub(crate) immutable: bool,
}

/// `helmGlobals`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HelmGlobals {
    pub(crate) chart_home: String,
    pub(crate) config_home: String,
}

/// One entry of `helmCharts`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HelmChart {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) repo: String,
    pub(crate) release_name: String,
    pub(crate) namespace: String,
    pub(crate) additional_values_files: Vec<String>,
    pub(crate) values_file: String,
    pub(crate) values_inline: Map<String, Value>,
    pub(crate) values_merge: String,
    #[serde(rename = "includeCRDs")]
    pub(crate) include_crds: bool,
    pub(crate) skip_hooks: bool,
    pub(crate) api_versions: Vec<String>,
    pub(crate) kube_version: String,
    pub(crate) name_template: String,
    pub(crate) skip_tests: bool,
    pub(crate) debug: bool,
    pub(crate) devel: bool,
}

/// One entry of `helmChartInflationGenerator`, the older way.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HelmChartArgs {
    pub(crate) chart_name: String,
    pub(crate) chart_version: String,
    pub(crate) chart_repo_url: String,
    pub(crate) chart_home: String,
    pub(crate) helm_home: String,
    pub(crate) values: String,
    pub(crate) values_local: Map<String, Value>,
    pub(crate) values_merge: String,
    pub(crate) release_name: String,
}

impl HelmChartArgs {
    fn modern(self) -> HelmChart {
        HelmChart {
            name: self.chart_name,
            version: self.chart_version,
            repo: self.chart_repo_url,
            values_file: self.values,
            values_inline: self.values_local,
            values_merge: self.values_merge,
            release_name: self.release_name,
            ..HelmChart::default()
        }
    }
}

/// One entry of `vars`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Var {
    pub(crate) name: String,
    pub(crate) objref: ObjectRef,
    pub(crate) fieldref: FieldRef,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ObjectRef {
    pub(crate) api_version: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct FieldRef {
    #[serde(rename = "fieldPath")]
    pub(crate) field_path: String,
}

/// One entry of `replacements`: a file, or the replacement itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ReplacementField {
    pub(crate) path: String,
    pub(crate) source: Option<SourceSelector>,
    pub(crate) targets: Option<Vec<TargetSelector>>,
    pub(crate) source_value: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SourceSelector {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) field_path: String,
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TargetSelector {
    pub(crate) select: Option<TargetEdit>,
    pub(crate) reject: Vec<TargetEdit>,
    pub(crate) field_paths: Vec<String>,
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct FieldOptions {
    pub(crate) delimiter: String,
    pub(crate) index: i64,
    pub(crate) encoding: String,
    pub(crate) create: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SortOptions {
    pub(crate) order: String,
    pub(crate) legacy_sort_options: Option<LegacySortOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LegacySortOptions {
    pub(crate) order_first: Vec<String>,
    pub(crate) order_last: Vec<String>,
}

/// What `buildMetadata` may ask for.
pub(crate) const BUILD_METADATA: [&str; 3] = [
    "originAnnotations",
    "transformerAnnotations",
    "managedByLabel",
];

/// The kind of a file that adds to what it is included in.
pub(crate) const COMPONENT: &str = "Component";
const KUSTOMIZATION: &str = "Kustomization";

impl Kustomization {
    /// Reads a file that is to be built.
    ///
    /// # Errors
    /// What [`Self::read`] refuses, the wrong kind or version, an empty file.
    pub(crate) fn parse(file: &str, bytes: &[u8]) -> Result<Self, KustomizeError> {
        let parsed = Self::read(file, bytes)?;
        parsed.check(file)?;
        Ok(parsed)
    }

    /// Reads a file and moves what is deprecated to where it belongs now.
    ///
    /// # Errors
    /// Broken YAML, a field that does not exist or is of the wrong type.
    pub(crate) fn read(file: &str, bytes: &[u8]) -> Result<Self, KustomizeError> {
        let mut parsed = Self::decode(file, bytes, shape::Unknown::Refused)?;
        parsed.note_deprecated();
        parsed.fix();
        Ok(parsed)
    }

    /// Reads a file as it is; fields that do not exist are left out.
    ///
    /// # Errors
    /// Broken YAML, a field of the wrong type.
    pub(crate) fn decode_lenient(file: &str, bytes: &[u8]) -> Result<Self, KustomizeError> {
        let mut parsed = Self::decode(file, bytes, shape::Unknown::Ignored)?;
        if parsed.kind.is_empty() {
            KUSTOMIZATION.clone_into(&mut parsed.kind);
        }
        if parsed.api_version.is_empty() {
            version_of(false).clone_into(&mut parsed.api_version);
        }
        Ok(parsed)
    }

    fn decode(file: &str, bytes: &[u8], unknown: shape::Unknown) -> Result<Self, KustomizeError> {
        let limits = argosy_yaml::Limits::default();
        let value = argosy_yaml::from_slice_with(file, bytes, &limits, argosy_yaml::Dialect::V2)?;
        let value = match value {
            Value::Null => Value::Object(Map::new()),
            value => value,
        };
        let fault = |error: String| {
            KustomizeError::invalid(file, format!("invalid Kustomization: {error}"))
        };
        let value = shape::decode(value, unknown).map_err(fault)?;
        serde_json::from_value(value).map_err(|error| fault(error.to_string()))
    }

    /// An empty kustomization.
    pub(crate) fn new() -> Self {
        Self {
            kind: KUSTOMIZATION.to_owned(),
            api_version: version_of(false).to_owned(),
            ..Self::default()
        }
    }

    /// The whole file as kustomize writes it.
    pub(crate) fn to_value(&self) -> Value {
        let fields = shape::KUSTOMIZATION.names();
        let written = fields.filter_map(|name| Some((name.to_owned(), self.written(name)?)));
        Value::Object(written.collect())
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
        for old in std::mem::take(&mut self.helm_chart_inflation_generator) {
            if self.helm_globals.is_none()
                && !(old.chart_home.is_empty() && old.helm_home.is_empty())
            {
                self.helm_globals = Some(HelmGlobals {
                    chart_home: old.chart_home.clone(),
                    config_home: old.helm_home.clone(),
                });
            }
            self.helm_charts.push(old.modern());
        }
    }

    /// One field as kustomize writes it; nothing where it is empty.
    pub(crate) fn written(&self, field: &str) -> Option<Value> {
        let Ok(Value::Object(mut map)) = serde_json::to_value(self) else {
            return None;
        };
        shape::encode(field, map.remove(field)?)
    }

    /// Warns of fields that kustomize gave up, in its words.
    fn note_deprecated(&mut self) {
        const FIX: &str = "Run 'kustomize edit fix' to update your Kustomization automatically.";
        let experimental = format!("[EXPERIMENTAL] {FIX}");
        let all = [
            (!self.bases.is_empty(), "bases", "resources", FIX),
            (
                !self.common_labels.is_empty(),
                "commonLabels",
                "labels",
                FIX,
            ),
            (!self.image_tags.is_empty(), "imageTags", "images", FIX),
            (
                !self.patches_json6902.is_empty(),
                "patchesJson6902",
                "patches",
                FIX,
            ),
            (
                !self.patches_strategic_merge.is_empty(),
                "patchesStrategicMerge",
                "patches",
                FIX,
            ),
            (!self.vars.is_empty(), "vars", "replacements", &experimental),
        ];
        self.warnings = all
            .iter()
            .filter(|(used, ..)| *used)
            .map(|(_, old, new, fix)| {
                format!("# Warning: '{old}' is deprecated. Please use '{new}' instead. {fix}")
            })
            .collect();
    }

    fn check(&self, file: &str) -> Result<(), KustomizeError> {
        let empty = Self {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            warnings: self.warnings.clone(),
            ..Self::default()
        };
        if *self == empty {
            return Err(KustomizeError::invalid(file, "kustomization.yaml is empty"));
        }
        let mut faults = Vec::new();
        if self.kind != KUSTOMIZATION && self.kind != COMPONENT {
            faults.push("kind should be Kustomization or Component".to_owned());
        }
        let wanted = version_of(self.kind == COMPONENT);
        if self.api_version != wanted {
            faults.push(format!("apiVersion for {} should be {wanted}", self.kind));
        }
        if faults.is_empty() {
            return Ok(());
        }
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let text = format!(
            "Failed to read kustomization file under {folder}:\n{}",
            faults.join("\n")
        );
        Err(KustomizeError::invalid(file, text))
    }
}

fn version_of(component: bool) -> &'static str {
    if component {
        "kustomize.config.k8s.io/v1alpha1"
    } else {
        "kustomize.config.k8s.io/v1beta1"
    }
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
