//! Chart.yaml's fields, read by the rules of sigs.k8s.io/yaml: a scalar fits a text field.

use argosy_gotmpl::{GoStr, Map as GoMap, MapRef, Value, format_float};
use argosy_object::{Map, Value as Json};

use crate::chart::{Dependency, Metadata};

/// The fields of a dependency, in the order of Go's struct.
pub(crate) const DEPENDENCY: [&str; 8] = [
    "name",
    "version",
    "repository",
    "condition",
    "tags",
    "enabled",
    "import-values",
    "alias",
];

type Result<T> = std::result::Result<T, String>;

const PREFIX: &str = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal";

fn mismatch<T>(found: &Json, field: &str, wanted: &str) -> Result<T> {
    let found = match found {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    Err(format!(
        "{PREFIX} {found} into Go struct field {field} of type {wanted}"
    ))
}

/// A field by its name, as encoding/json looks it up: exactly, else in any case.
fn get<'j>(json: &'j Json, name: &str) -> Option<&'j Json> {
    let map = json.as_object()?;
    map.get(name)
        .or_else(|| {
            map.iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, v)| v)
        })
        .filter(|value| !value.is_null())
}

/// A text field; numbers and booleans become text.
fn text_of(json: &Json, path: &str) -> Result<String> {
    match json {
        Json::String(text) => Ok(text.clone()),
        Json::Bool(flag) => Ok(flag.to_string()),
        Json::Number(number) => Ok(match number.as_f64() {
            Some(float) if number.is_f64() => format_float(float, b'g', None),
            _ => number.to_string(),
        }),
        other => mismatch(other, path, "string"),
    }
}

fn set(into: &mut String, json: &Json, name: &str) -> Result<()> {
    if let Some(found) = get(json, name) {
        *into = text_of(found, &format!("Metadata.{name}"))?;
    }
    Ok(())
}

fn texts(json: &Json, name: &str, path: &str) -> Result<Option<Vec<String>>> {
    match get(json, name) {
        None => Ok(None),
        Some(Json::Array(items)) => items
            .iter()
            .map(|item| {
                if item.is_null() {
                    Ok(String::new())
                } else {
                    text_of(item, path)
                }
            })
            .collect::<Result<_>>()
            .map(Some),
        Some(other) => mismatch(other, path, "[]string"),
    }
}

/// Takes over the fields that the document has; the others stay.
pub(crate) fn fields_of(metadata: &mut Metadata, json: &Json) -> Result<()> {
    match json {
        Json::Null => return Ok(()),
        Json::Object(_) => {}
        Json::Array(_) => {
            return Err(format!("{PREFIX} array into Go value of type v2.Metadata"));
        }
        Json::String(_) => {
            return Err(format!("{PREFIX} string into Go value of type v2.Metadata"));
        }
        _ => return Err(format!("{PREFIX} number into Go value of type v2.Metadata")),
    }
    for (field, name) in [
        (&mut metadata.name, "name"),
        (&mut metadata.home, "home"),
        (&mut metadata.version, "version"),
        (&mut metadata.description, "description"),
        (&mut metadata.icon, "icon"),
        (&mut metadata.api_version, "apiVersion"),
        (&mut metadata.condition, "condition"),
        (&mut metadata.tags, "tags"),
        (&mut metadata.app_version, "appVersion"),
        (&mut metadata.kube_version, "kubeVersion"),
        (&mut metadata.kind, "type"),
    ] {
        set(field, json, name)?;
    }
    if let Some(sources) = texts(json, "sources", "Metadata.sources")? {
        metadata.sources = sources;
    }
    if let Some(keywords) = texts(json, "keywords", "Metadata.keywords")? {
        metadata.keywords = keywords;
    }
    match get(json, "deprecated") {
        None => {}
        Some(Json::Bool(flag)) => metadata.deprecated = *flag,
        Some(other) => return mismatch(other, "Metadata.deprecated", "bool"),
    }
    if let Some(found) = get(json, "annotations") {
        let Some(map) = found.as_object() else {
            return mismatch(found, "Metadata.annotations", "map[string]string");
        };
        metadata.annotations.clear();
        for (key, value) in map {
            let text = match value {
                Json::Null => String::new(),
                value => text_of(value, "Metadata.annotations")?,
            };
            metadata.annotations.push((key.clone(), text));
        }
    }
    if let Some(found) = get(json, "maintainers") {
        let Some(items) = found.as_array() else {
            return mismatch(found, "Metadata.maintainers", "[]*v2.Maintainer");
        };
        metadata.maintainers = items.iter().map(maintainer).collect::<Result<_>>()?;
    }
    if let Some(found) = get(json, "dependencies") {
        let Some(items) = found.as_array() else {
            return mismatch(found, "Metadata.dependencies", "[]*v2.Dependency");
        };
        metadata.dependencies = Some(items.iter().map(dependency).collect::<Result<_>>()?);
    }
    Ok(())
}

/// The first field that a Chart.yaml has and Helm does not know, in the order of sorted keys.
pub(crate) fn unknown_field(json: &Json) -> Option<&str> {
    const KNOWN: [&str; 17] = [
        "name",
        "home",
        "sources",
        "version",
        "description",
        "keywords",
        "maintainers",
        "icon",
        "apiVersion",
        "condition",
        "tags",
        "appVersion",
        "deprecated",
        "annotations",
        "kubeVersion",
        "dependencies",
        "type",
    ];
    let is_one_of =
        |known: &[&str], key: &str| known.iter().any(|name| name.eq_ignore_ascii_case(key));
    for (key, value) in json.as_object()? {
        if !is_one_of(&KNOWN, key) {
            return Some(key);
        }
        let known: &[&str] = if key.eq_ignore_ascii_case("maintainers") {
            &["name", "email", "url"]
        } else if key.eq_ignore_ascii_case("dependencies") {
            &DEPENDENCY
        } else {
            continue;
        };
        let items = value.as_array().into_iter().flatten();
        let mut keys = items
            .filter_map(Json::as_object)
            .flat_map(|item| item.keys());
        if let Some(key) = keys.find(|key| !is_one_of(known, key)) {
            return Some(key);
        }
    }
    None
}

fn maintainer(json: &Json) -> Result<[String; 3]> {
    if json.is_null() {
        return Err("validation: maintainers must not contain empty or null nodes".into());
    }
    let field = |name: &str| match get(json, name) {
        None => Ok(String::new()),
        Some(found) => text_of(found, &format!("Metadata.maintainers.{name}")),
    };
    if !json.is_object() {
        return mismatch(json, "Metadata.maintainers", "v2.Maintainer");
    }
    Ok([field("name")?, field("email")?, field("url")?])
}

pub(crate) fn dependency(json: &Json) -> Result<Dependency> {
    if json.is_null() {
        return Err("validation: dependencies must not contain empty or null nodes".into());
    }
    if !json.is_object() {
        return mismatch(json, "Metadata.dependencies", "v2.Dependency");
    }
    let field = |name: &str| match get(json, name) {
        None => Ok(String::new()),
        Some(found) => text_of(found, &format!("Metadata.dependencies.{name}")),
    };
    let import_values = match get(json, "import-values") {
        None => Vec::new(),
        Some(Json::Array(items)) => items.clone(),
        Some(other) => {
            return mismatch(
                other,
                "Metadata.dependencies.import-values",
                "[]interface {}",
            );
        }
    };
    Ok(Dependency {
        name: field("name")?,
        version: field("version")?,
        repository: field("repository")?,
        condition: field("condition")?,
        tags: texts(json, "tags", "Metadata.dependencies.tags")?.unwrap_or_default(),
        enabled: matches!(get(json, "enabled"), Some(Json::Bool(true))),
        import_values,
        alias: field("alias")?,
    })
}

/// A table that leaves out what Go's `omitempty` leaves out.
#[derive(Default)]
struct Fields(Map<String, Json>);

impl Fields {
    fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.0.insert(name.to_owned(), text.into());
        }
    }

    fn list(&mut self, name: &str, items: Vec<Json>) {
        if !items.is_empty() {
            self.0.insert(name.to_owned(), Json::Array(items));
        }
    }

    fn flag(&mut self, name: &str, flag: bool) {
        if flag {
            self.0.insert(name.to_owned(), true.into());
        }
    }
}

fn text_list(items: &[String]) -> Vec<Json> {
    items.iter().map(|item| item.as_str().into()).collect()
}

impl Dependency {
    /// The dependency as Chart.yaml and Chart.lock write it.
    pub(crate) fn to_json(&self) -> Json {
        let mut fields = Fields::default();
        fields.text("version", &self.version);
        fields.text("condition", &self.condition);
        fields.list("tags", text_list(&self.tags));
        fields.flag("enabled", self.enabled);
        fields.list("import-values", self.import_values.clone());
        fields.text("alias", &self.alias);
        fields.0.insert("name".into(), self.name.as_str().into());
        let repository = self.repository.as_str().into();
        fields.0.insert("repository".into(), repository);
        Json::Object(fields.0)
    }
}

impl Metadata {
    /// The metadata as `helm show chart` and packages have it: YAML with sorted keys.
    pub fn to_yaml(&self) -> String {
        argosy_yaml::to_string(&self.to_json())
    }

    /// The metadata as an index and a registry hold it.
    pub fn to_json(&self) -> Json {
        let mut fields = Fields::default();
        for (name, text) in [
            ("name", &self.name),
            ("home", &self.home),
            ("version", &self.version),
            ("description", &self.description),
            ("icon", &self.icon),
            ("apiVersion", &self.api_version),
            ("condition", &self.condition),
            ("tags", &self.tags),
            ("appVersion", &self.app_version),
            ("kubeVersion", &self.kube_version),
            ("type", &self.kind),
        ] {
            fields.text(name, text);
        }
        fields.list("sources", text_list(&self.sources));
        fields.list("keywords", text_list(&self.keywords));
        let maintainers = self.maintainers.iter().map(|[name, email, url]| {
            let mut fields = Fields::default();
            fields.text("name", name);
            fields.text("email", email);
            fields.text("url", url);
            Json::Object(fields.0)
        });
        fields.list("maintainers", maintainers.collect());
        fields.flag("deprecated", self.deprecated);
        let annotations = self.annotations.iter();
        let annotations: Map<String, Json> = annotations
            .map(|(key, text)| (key.clone(), text.as_str().into()))
            .collect();
        if !annotations.is_empty() {
            let annotations = Json::Object(annotations);
            fields.0.insert("annotations".into(), annotations);
        }
        let dependencies = self.dependencies.iter().flatten();
        let dependencies = dependencies.map(Dependency::to_json).collect();
        fields.list("dependencies", dependencies);
        Json::Object(fields.0)
    }

    /// The metadata as `.Chart` shows it: the names are those of Go's fields.
    pub(crate) fn to_value(&self, is_root: bool) -> MapRef {
        let list = |items: &[String]| {
            Value::list(items.iter().map(|item| Value::str(item.as_str())).collect())
        };
        let maintainers = self.maintainers.iter().map(|[name, email, url]| {
            fields([
                ("Name", name.as_str().into()),
                ("Email", email.as_str().into()),
                ("URL", url.as_str().into()),
            ])
        });
        let dependencies = self.dependencies.iter().flatten().map(|dependency| {
            fields([
                ("Name", dependency.name.as_str().into()),
                ("Version", dependency.version.as_str().into()),
                ("Repository", dependency.repository.as_str().into()),
                ("Condition", dependency.condition.as_str().into()),
                ("Tags", list(&dependency.tags)),
                ("Enabled", dependency.enabled.into()),
                (
                    "ImportValues",
                    Value::list(
                        dependency
                            .import_values
                            .iter()
                            .map(Value::from_json)
                            .collect(),
                    ),
                ),
                ("Alias", dependency.alias.as_str().into()),
            ])
        });
        let annotations = self.annotations.iter();
        let annotations: GoMap = annotations
            .map(|(key, text)| (GoStr::from(key.as_str()), Value::str(text.as_str())))
            .collect();
        let map = fields_map([
            ("Name", self.name.as_str().into()),
            ("Home", self.home.as_str().into()),
            ("Sources", list(&self.sources)),
            ("Version", self.version.as_str().into()),
            ("Description", self.description.as_str().into()),
            ("Keywords", list(&self.keywords)),
            ("Maintainers", Value::list(maintainers.collect())),
            ("Icon", self.icon.as_str().into()),
            ("APIVersion", self.api_version.as_str().into()),
            ("Condition", self.condition.as_str().into()),
            ("Tags", self.tags.as_str().into()),
            ("AppVersion", self.app_version.as_str().into()),
            ("Deprecated", self.deprecated.into()),
            ("Annotations", Value::Map(MapRef::strings(annotations))),
            ("KubeVersion", self.kube_version.as_str().into()),
            ("Dependencies", Value::list(dependencies.collect())),
            ("Type", self.kind.as_str().into()),
            ("IsRoot", is_root.into()),
        ]);
        MapRef::new(map)
    }
}

pub(crate) fn fields_map<const N: usize>(entries: [(&str, Value); N]) -> GoMap {
    entries
        .into_iter()
        .map(|(name, value)| (GoStr::from(name), value))
        .collect()
}

fn fields<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::map(fields_map(entries))
}
