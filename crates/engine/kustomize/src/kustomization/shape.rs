//! Which fields a kustomization has and of what type they are, to tell a person in kustomize's
//! own words what is wrong with a file, and to write a file as kustomize writes it.
//!
//! Compat: Go's JSON decoder: names fit in any case, the exact one first; nulls are left out; the
//! first fault in the order of sorted names is told. Go's encoder: what is empty is left out.

use argosy_object::{Map, Value};

/// What a field holds.
pub(super) enum Shape {
    Text,
    /// A text with a type of its own.
    Named(&'static str),
    Int,
    Bool,
    Texts,
    /// Anything that is a mapping, kept as it is.
    Free,
    List(&'static Shape),
    Struct(&'static Fields),
}

/// A mapping with known fields.
pub(super) struct Fields {
    name: &'static str,
    fields: &'static [Field],
}

/// One of them.
pub(super) struct Field {
    name: &'static str,
    /// The types that it is inherited from, for messages.
    from: &'static str,
    shape: Shape,
    /// Written even where it is empty.
    always: bool,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    inherited("", name, shape)
}

const fn inherited(from: &'static str, name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        from,
        shape,
        always: false,
    }
}

const fn always(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        from: "",
        shape,
        always: true,
    }
}

const TEXT_LIST: Shape = Shape::List(&Shape::Text);
const GVK: &str = "Gvk.";
const RES_ID: &str = "ResId.";
const RES_ID_GVK: &str = "ResId.Gvk.";
const ARGS: &str = "GeneratorArgs.";
const SOURCES: &str = "GeneratorArgs.KvPairSources.";

static META: Fields = Fields {
    name: "ObjectMeta",
    fields: &[
        field("name", Shape::Text),
        field("namespace", Shape::Text),
        field("labels", Shape::Texts),
        field("annotations", Shape::Texts),
    ],
};

static FIELD_SPEC: Fields = Fields {
    name: "FieldSpec",
    fields: &[
        inherited(GVK, "group", Shape::Text),
        inherited(GVK, "version", Shape::Text),
        inherited(GVK, "kind", Shape::Text),
        field("path", Shape::Text),
        field("create", Shape::Bool),
    ],
};

static LABEL: Fields = Fields {
    name: "Label",
    fields: &[
        field("pairs", Shape::Texts),
        field("includeSelectors", Shape::Bool),
        field("includeTemplates", Shape::Bool),
        field("fields", Shape::List(&Shape::Struct(&FIELD_SPEC))),
    ],
};

static SELECTOR: Fields = Fields {
    name: "Selector",
    fields: &[
        inherited(RES_ID_GVK, "group", Shape::Text),
        inherited(RES_ID_GVK, "version", Shape::Text),
        inherited(RES_ID_GVK, "kind", Shape::Text),
        inherited(RES_ID, "name", Shape::Text),
        inherited(RES_ID, "namespace", Shape::Text),
        field("annotationSelector", Shape::Text),
        field("labelSelector", Shape::Text),
    ],
};

static PATCH_ARGS: Fields = Fields {
    name: "PatchArgs",
    fields: &[
        field("allowNameChange", Shape::Bool),
        field("allowKindChange", Shape::Bool),
    ],
};

static PATCH: Fields = Fields {
    name: "Patch",
    fields: &[
        field("path", Shape::Text),
        field("patch", Shape::Text),
        field("target", Shape::Struct(&SELECTOR)),
        field("options", Shape::Struct(&PATCH_ARGS)),
    ],
};

static IMAGE: Fields = Fields {
    name: "Image",
    fields: &[
        field("name", Shape::Text),
        field("newName", Shape::Text),
        field("tagSuffix", Shape::Text),
        field("newTag", Shape::Text),
        field("digest", Shape::Text),
    ],
};

static FIELD_OPTIONS: Fields = Fields {
    name: "FieldOptions",
    fields: &[
        field("delimiter", Shape::Text),
        field("index", Shape::Int),
        field("encoding", Shape::Text),
        field("create", Shape::Bool),
    ],
};

static SOURCE: Fields = Fields {
    name: "SourceSelector",
    fields: &[
        inherited(RES_ID_GVK, "group", Shape::Text),
        inherited(RES_ID_GVK, "version", Shape::Text),
        inherited(RES_ID_GVK, "kind", Shape::Text),
        inherited(RES_ID, "name", Shape::Text),
        inherited(RES_ID, "namespace", Shape::Text),
        field("fieldPath", Shape::Text),
        field("options", Shape::Struct(&FIELD_OPTIONS)),
    ],
};

static TARGET: Fields = Fields {
    name: "TargetSelector",
    fields: &[
        always("select", Shape::Struct(&SELECTOR)),
        field("reject", Shape::List(&Shape::Struct(&SELECTOR))),
        field("fieldPaths", TEXT_LIST),
        field("options", Shape::Struct(&FIELD_OPTIONS)),
    ],
};

static REPLACEMENT: Fields = Fields {
    name: "ReplacementField",
    fields: &[
        inherited("Replacement.", "source", Shape::Struct(&SOURCE)),
        inherited(
            "Replacement.",
            "targets",
            Shape::List(&Shape::Struct(&TARGET)),
        ),
        inherited("Replacement.", "sourceValue", Shape::Text),
        field("path", Shape::Text),
    ],
};

static REPLICA: Fields = Fields {
    name: "Replica",
    fields: &[field("name", Shape::Text), always("count", Shape::Int)],
};

static VAR_TARGET: Fields = Fields {
    name: "Target",
    fields: &[
        field("apiVersion", Shape::Text),
        inherited(GVK, "group", Shape::Text),
        inherited(GVK, "version", Shape::Text),
        inherited(GVK, "kind", Shape::Text),
        always("name", Shape::Text),
        field("namespace", Shape::Text),
    ],
};

static FIELD_SELECTOR: Fields = Fields {
    name: "FieldSelector",
    fields: &[field("fieldPath", Shape::Text)],
};

static VAR: Fields = Fields {
    name: "Var",
    fields: &[
        always("name", Shape::Text),
        field("objref", Shape::Struct(&VAR_TARGET)),
        field("fieldref", Shape::Struct(&FIELD_SELECTOR)),
    ],
};

static LEGACY_SORT: Fields = Fields {
    name: "LegacySortOptions",
    fields: &[
        always("orderFirst", TEXT_LIST),
        always("orderLast", TEXT_LIST),
    ],
};

static SORT: Fields = Fields {
    name: "SortOptions",
    fields: &[
        field("order", Shape::Named("SortOrder")),
        field("legacySortOptions", Shape::Struct(&LEGACY_SORT)),
    ],
};

static GENERATOR_OPTIONS: Fields = Fields {
    name: "GeneratorOptions",
    fields: &[
        field("labels", Shape::Texts),
        field("annotations", Shape::Texts),
        field("disableNameSuffixHash", Shape::Bool),
        field("immutable", Shape::Bool),
    ],
};

static CONFIG_MAP: Fields = Fields {
    name: "ConfigMapArgs",
    fields: &[
        inherited(ARGS, "namespace", Shape::Text),
        inherited(ARGS, "name", Shape::Text),
        inherited(ARGS, "behavior", Shape::Text),
        inherited(SOURCES, "literals", TEXT_LIST),
        inherited(SOURCES, "files", TEXT_LIST),
        inherited(SOURCES, "envs", TEXT_LIST),
        inherited(SOURCES, "env", Shape::Text),
        inherited(ARGS, "options", Shape::Struct(&GENERATOR_OPTIONS)),
    ],
};

static SECRET: Fields = Fields {
    name: "SecretArgs",
    fields: &[
        inherited(ARGS, "namespace", Shape::Text),
        inherited(ARGS, "name", Shape::Text),
        inherited(ARGS, "behavior", Shape::Text),
        inherited(SOURCES, "literals", TEXT_LIST),
        inherited(SOURCES, "files", TEXT_LIST),
        inherited(SOURCES, "envs", TEXT_LIST),
        inherited(SOURCES, "env", Shape::Text),
        inherited(ARGS, "options", Shape::Struct(&GENERATOR_OPTIONS)),
        field("type", Shape::Text),
    ],
};

static HELM_GLOBALS: Fields = Fields {
    name: "HelmGlobals",
    fields: &[
        field("chartHome", Shape::Text),
        field("configHome", Shape::Text),
    ],
};

static HELM_CHART: Fields = Fields {
    name: "HelmChart",
    fields: &[
        field("name", Shape::Text),
        field("version", Shape::Text),
        field("repo", Shape::Text),
        field("releaseName", Shape::Text),
        field("namespace", Shape::Text),
        field("additionalValuesFiles", TEXT_LIST),
        field("valuesFile", Shape::Text),
        field("valuesInline", Shape::Free),
        field("valuesMerge", Shape::Text),
        field("includeCRDs", Shape::Bool),
        field("skipHooks", Shape::Bool),
        field("apiVersions", TEXT_LIST),
        field("kubeVersion", Shape::Text),
        field("nameTemplate", Shape::Text),
        field("skipTests", Shape::Bool),
        field("debug", Shape::Bool),
        field("devel", Shape::Bool),
    ],
};

static HELM_CHART_ARGS: Fields = Fields {
    name: "HelmChartArgs",
    fields: &[
        field("chartName", Shape::Text),
        field("chartVersion", Shape::Text),
        field("chartRepoUrl", Shape::Text),
        field("chartHome", Shape::Text),
        field("chartRepoName", Shape::Text),
        field("helmBin", Shape::Text),
        field("helmHome", Shape::Text),
        field("values", Shape::Text),
        field("valuesLocal", Shape::Free),
        field("valuesMerge", Shape::Text),
        field("releaseName", Shape::Text),
        field("releaseNamespace", Shape::Text),
        field("extraArgs", TEXT_LIST),
    ],
};

/// The file itself.
pub(super) static KUSTOMIZATION: Fields = Fields {
    name: "Kustomization",
    fields: &[
        inherited("TypeMeta.", "apiVersion", Shape::Text),
        inherited("TypeMeta.", "kind", Shape::Text),
        field("metadata", Shape::Struct(&META)),
        field("openapi", Shape::Texts),
        field("namePrefix", Shape::Text),
        field("nameSuffix", Shape::Text),
        field("namespace", Shape::Text),
        field("commonLabels", Shape::Texts),
        field("labels", Shape::List(&Shape::Struct(&LABEL))),
        field("commonAnnotations", Shape::Texts),
        field(
            "patchesStrategicMerge",
            Shape::List(&Shape::Named("PatchStrategicMerge")),
        ),
        field("patchesJson6902", Shape::List(&Shape::Struct(&PATCH))),
        field("patches", Shape::List(&Shape::Struct(&PATCH))),
        field("images", Shape::List(&Shape::Struct(&IMAGE))),
        field("imageTags", Shape::List(&Shape::Struct(&IMAGE))),
        field("replacements", Shape::List(&Shape::Struct(&REPLACEMENT))),
        field("replicas", Shape::List(&Shape::Struct(&REPLICA))),
        field("vars", Shape::List(&Shape::Struct(&VAR))),
        field("sortOptions", Shape::Struct(&SORT)),
        field("resources", TEXT_LIST),
        field("components", TEXT_LIST),
        field("crds", TEXT_LIST),
        field("bases", TEXT_LIST),
        field(
            "configMapGenerator",
            Shape::List(&Shape::Struct(&CONFIG_MAP)),
        ),
        field("secretGenerator", Shape::List(&Shape::Struct(&SECRET))),
        field("helmGlobals", Shape::Struct(&HELM_GLOBALS)),
        field("helmCharts", Shape::List(&Shape::Struct(&HELM_CHART))),
        field(
            "helmChartInflationGenerator",
            Shape::List(&Shape::Struct(&HELM_CHART_ARGS)),
        ),
        field("generatorOptions", Shape::Struct(&GENERATOR_OPTIONS)),
        field("configurations", TEXT_LIST),
        field("generators", TEXT_LIST),
        field("transformers", TEXT_LIST),
        field("validators", TEXT_LIST),
        field("buildMetadata", TEXT_LIST),
    ],
};

impl Fields {
    /// The names of all fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.name)
    }
}

/// What becomes of a field that does not exist.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Refused,
    Ignored,
}

/// A file's content with its names spelt right and its nulls left out.
///
/// # Errors
/// What Go's decoder would say.
pub(super) fn decode(value: Value, unknown: Unknown) -> Result<Value, String> {
    let root = Place {
        owner: "",
        path: String::new(),
        unknown,
    };
    structure(value, &KUSTOMIZATION, &root)
}

/// Where a value stands, for messages.
struct Place {
    owner: &'static str,
    path: String,
    unknown: Unknown,
}

impl Place {
    fn misfit(&self, found: &str, wanted: &str) -> String {
        if self.owner.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {wanted}");
        }
        let (owner, path) = (self.owner, &self.path);
        format!(
            "json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {wanted}"
        )
    }
}

fn structure(value: Value, fields: &'static Fields, place: &Place) -> Result<Value, String> {
    let Value::Object(map) = value else {
        return Err(place.misfit(word(&value), &format!("types.{}", fields.name)));
    };
    let mut entries: Vec<(String, Value)> = map.into_iter().collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = Map::new();
    for (name, value) in entries {
        let exact = fields.fields.iter().find(|f| f.name == name);
        let Some(field) = exact.or_else(|| {
            fields
                .fields
                .iter()
                .find(|f| f.name.eq_ignore_ascii_case(&name))
        }) else {
            if place.unknown == Unknown::Ignored {
                continue;
            }
            return Err(format!("json: unknown field {name:?}"));
        };
        if value.is_null() {
            continue;
        }
        let dot = if place.path.is_empty() { "" } else { "." };
        let place = Place {
            owner: fields.name,
            path: format!("{}{dot}{}{}", place.path, field.from, field.name),
            unknown: place.unknown,
        };
        out.insert(field.name.to_owned(), fitted(value, &field.shape, &place)?);
    }
    Ok(Value::Object(out))
}

fn fitted(value: Value, shape: &'static Shape, place: &Place) -> Result<Value, String> {
    let fits = match (shape, &value) {
        (Shape::Struct(fields), _) => return structure(value, fields, place),
        (Shape::List(item), Value::Array(_)) => {
            let Value::Array(items) = value else {
                return Ok(value);
            };
            let items = items.into_iter().map(|entry| match (entry, item) {
                // A null is an empty element.
                (Value::Null, Shape::Struct(_)) => Ok(Value::Object(Map::new())),
                (Value::Null, _) => Ok(Value::String(String::new())),
                (entry, item) => fitted(entry, item, place),
            });
            return Ok(Value::Array(items.collect::<Result<_, _>>()?));
        }
        (Shape::Texts, Value::Object(_)) => {
            let Value::Object(map) = value else {
                return Ok(value);
            };
            let texts = map.into_iter().map(|(name, text)| match text {
                Value::Null => Ok((name, Value::String(String::new()))),
                Value::String(_) => Ok((name, text)),
                other => Err(place.misfit(word(&other), "string")),
            });
            return Ok(Value::Object(texts.collect::<Result<_, _>>()?));
        }
        (Shape::Text | Shape::Named(_), Value::String(_))
        | (Shape::Bool, Value::Bool(_))
        | (Shape::Free, Value::Object(_)) => true,
        (Shape::Int, Value::Number(number)) => number.as_i64().is_some(),
        _ => false,
    };
    if fits {
        return Ok(value);
    }
    let found = match (&value, shape) {
        (Value::Number(number), Shape::Int) => format!("number {number}"),
        _ => word(&value).to_owned(),
    };
    Err(place.misfit(&found, &type_of(shape)))
}

/// Go's word for what a value is.
fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Go's name of a type.
fn type_of(shape: &Shape) -> String {
    match shape {
        Shape::Text => "string".to_owned(),
        Shape::Named(name) => format!("types.{name}"),
        Shape::Int => "int64".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Texts => "map[string]string".to_owned(),
        Shape::Free => "map[string]interface {}".to_owned(),
        Shape::List(item) => format!("[]{}", type_of(item)),
        Shape::Struct(fields) => format!("types.{}", fields.name),
    }
}

/// One field of the file as Go writes it: what is empty in it is left out.
pub(super) fn encode(name: &str, value: Value) -> Option<Value> {
    let field = KUSTOMIZATION.fields.iter().find(|f| f.name == name)?;
    written(value, field)
}

fn written(value: Value, field: &'static Field) -> Option<Value> {
    let empty = match &value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty() && !matches!(field.shape, Shape::Struct(_)),
    };
    // A fixed value of a replacement is given by a pointer.
    let pointer = field.name == "sourceValue" && !value.is_null();
    match (&field.shape, empty && !pointer) {
        (_, true) if !field.always => None,
        (Shape::List(_), true) => Some(Value::Null),
        (shape, _) => Some(within(value, shape)),
    }
}

fn within(value: Value, shape: &'static Shape) -> Value {
    match (value, shape) {
        (Value::Object(mut map), Shape::Struct(fields)) => {
            let fields = fields.fields.iter().filter_map(|field| {
                let value = written(map.remove(field.name).unwrap_or(Value::Null), field)?;
                Some((field.name.to_owned(), value))
            });
            Value::Object(fields.collect())
        }
        (Value::Array(items), Shape::List(item)) => {
            Value::Array(items.into_iter().map(|entry| within(entry, item)).collect())
        }
        (value, _) => value,
    }
}
