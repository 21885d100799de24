//! The forms an object may take in an answer: whole, its metadata, a table.

use crate::age;
use crate::call::Call;
use crate::catalog::Served;
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::hook::Column;
use crate::meta;
use crate::negotiate::{Reply, Shape};
use argosy_object::{Map, Value, json};
use argosy_schema::JsonPath;
use jiff::Timestamp;
use std::sync::Arc;

/// What rows carry beside their cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Include {
    None,
    Metadata,
    Object,
}

/// Brings objects into the form a caller asked for.
pub(super) struct Shaper {
    cluster: Arc<Cluster>,
    served: Served,
    shape: Shape,
    include: Include,
    columns: Vec<Column>,
    paths: Vec<Option<JsonPath>>,
}

impl Shaper {
    pub(super) fn new(call: &Call<'_>) -> Result<Self, ApiError> {
        let include = match call.query.text("includeObject") {
            None | Some("Metadata") => Include::Metadata,
            Some("None") => Include::None,
            Some("Object") => Include::Object,
            Some(other) => {
                return Err(ApiError::bad_request(format!(
                    "Unable to convert to Table as requested: includeObject: Invalid value: \
                     \"{other}\": must be 'Metadata', 'Object', 'None', or empty"
                )));
            }
        };
        let (mut columns, mut paths) = (Vec::new(), Vec::new());
        if matches!(call.format.shape, Shape::Table(_)) {
            (columns, paths) = columns_of(call);
        }
        Ok(Self {
            cluster: call.cluster.clone(),
            served: call.served.clone(),
            shape: call.format.shape,
            include,
            columns,
            paths,
        })
    }

    /// Whether objects are shown as they are.
    pub(super) fn is_whole(&self) -> bool {
        self.shape == Shape::Whole
    }

    /// One object; `headers` says whether a table names its columns.
    pub(super) fn one(&self, object: Value, headers: bool) -> Value {
        match self.shape {
            Shape::Whole => object,
            Shape::Metadata(version) => partial(&object, version),
            Shape::Table(version) => {
                let meta = json!({"resourceVersion": meta::text(&object, "resourceVersion")});
                self.table(version, meta, vec![object], headers)
            }
        }
    }

    /// A list with its metadata.
    pub(super) fn list(&self, list_meta: Value, objects: Vec<Value>) -> Value {
        match self.shape {
            Shape::Whole => whole_list(&self.served, list_meta, objects),
            Shape::Metadata(version) => {
                let items: Vec<Value> = objects
                    .iter()
                    .map(|object| partial(object, version))
                    .collect();
                json!({"kind": "PartialObjectMetadataList",
                    "apiVersion": format!("meta.k8s.io/{version}"),
                    "metadata": list_meta, "items": items})
            }
            Shape::Table(version) => self.table(version, list_meta, objects, true),
        }
    }

    fn table(&self, version: &str, meta: Value, objects: Vec<Value>, headers: bool) -> Value {
        let now = self.cluster.now();
        let rows: Vec<Value> = objects
            .into_iter()
            .map(|object| self.row(version, object, now))
            .collect();
        let columns: Vec<Value> = if headers {
            self.columns.iter().map(column_value).collect()
        } else {
            Vec::new()
        };
        json!({"kind": "Table", "apiVersion": format!("meta.k8s.io/{version}"),
            "metadata": meta, "columnDefinitions": columns, "rows": rows})
    }

    fn row(&self, version: &str, object: Value, now: Timestamp) -> Value {
        let hook = self
            .cluster
            .hooks
            .of(self.served.group(), &self.served.kind.gvk.kind);
        let stored = self.cluster.to_stored(&self.served, object.clone());
        let cells = stored.ok().and_then(|stored| hook.cells(now, &stored));
        let cells = cells.unwrap_or_else(|| self.plain_cells(&object, now));
        self.row_of(version, object, cells)
    }

    fn row_of(&self, version: &str, object: Value, cells: Vec<Value>) -> Value {
        let mut row = Map::new();
        row.insert("cells".into(), cells.into());
        match self.include {
            Include::None => {
                row.insert("object".into(), Value::Null);
            }
            Include::Metadata => {
                row.insert("object".into(), partial(&object, version));
            }
            Include::Object => {
                row.insert("object".into(), object);
            }
        }
        Value::Object(row)
    }

    /// Cells by JSON path, and those every kind has by their names.
    fn plain_cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let created = meta::field(object, "creationTimestamp");
        self.columns
            .iter()
            .zip(&self.paths)
            .map(|(column, path)| match (path, column.name.as_str()) {
                (Some(path), _) => path_cell(path, &column.kind, object, now),
                (None, "Name") => meta::text(object, "name").into(),
                (None, "Namespace") => meta::text(object, "namespace").into(),
                (None, "Age") => age::age(created, now).into(),
                (None, "Created At") => created.cloned().unwrap_or_default(),
                (None, _) => Value::Null,
            })
            .collect()
    }
}

fn column_value(column: &Column) -> Value {
    json!({"name": column.name, "type": column.kind, "format": column.format,
        "description": column.description, "priority": column.priority})
}

/// The columns of a kind, each with its JSON path where it has one.
fn columns_of(call: &Call<'_>) -> (Vec<Column>, Vec<Option<JsonPath>>) {
    if let Some(columns) = call.hook().columns() {
        let paths = columns.iter().map(|_| None).collect();
        return (columns, paths);
    }
    let own = &call.served.kind.columns;
    if own.is_empty() {
        return default_columns();
    }
    let column = |column: &argosy_schema::Column| Column {
        name: column.name.to_string(),
        kind: column.ty.to_string(),
        format: column.format.to_string(),
        description: match (&*column.description, &*column.json_path) {
            ("", "") if column.name == "Name" => NAME_DESCRIPTION.into(),
            ("", path) if !path.is_empty() => {
                format!("Custom resource definition column (in JSONPath format): {path}")
            }
            (description, _) => description.to_owned(),
        },
        priority: i64::from(column.priority),
    };
    let path = |column: &argosy_schema::Column| {
        Some(&column.json_path)
            .filter(|path| !path.is_empty())
            .and_then(|path| JsonPath::column(path).ok())
    };
    let mut columns: Vec<Column> = own.iter().map(column).collect();
    let mut paths: Vec<_> = own.iter().map(path).collect();
    if columns.first().is_none_or(|first| first.name != "Name") {
        columns.insert(0, name_column());
        paths.insert(0, None);
    }
    if let (Some(first), Some(path)) = (columns.first(), paths.first_mut())
        && first.name == "Name"
    {
        *path = None;
    }
    (columns, paths)
}

/// What upstream says of every name.
const NAME_DESCRIPTION: &str = "Name must be unique within a namespace. Is required when creating \
    resources, although some resources may allow a client to request the generation of an \
    appropriate name automatically. Name is primarily intended for creation idempotence and \
    configuration definition. Cannot be updated. More info: \
    https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

fn name_column() -> Column {
    Column {
        name: "Name".into(),
        kind: "string".into(),
        format: "name".into(),
        description: NAME_DESCRIPTION.into(),
        priority: 0,
    }
}

fn default_columns() -> (Vec<Column>, Vec<Option<JsonPath>>) {
    let created = Column {
        name: "Created At".into(),
        kind: "date".into(),
        description: "CreationTimestamp is the server time when this object was created.".into(),
        ..Column::default()
    };
    (vec![name_column(), created], vec![None, None])
}

fn path_cell(path: &JsonPath, kind: &str, object: &Value, now: Timestamp) -> Value {
    let found = path.find(object).unwrap_or_default();
    let Some(first) = found.first() else {
        return Value::Null;
    };
    match kind {
        "date" => match first {
            Value::String(text) if text.parse::<Timestamp>().is_err() => "<invalid>".into(),
            Value::String(_) => age::age(Some(first), now).into(),
            _ => Value::Null,
        },
        "integer" => match first {
            Value::Number(number) => {
                let whole = number
                    .as_i64()
                    .or_else(|| number.as_f64().map(|f| f as i64));
                whole.map_or(Value::Null, Into::into)
            }
            _ => Value::Null,
        },
        "number" => {
            if first.is_number() {
                (*first).clone()
            } else {
                Value::Null
            }
        }
        "boolean" => {
            if first.is_boolean() {
                (*first).clone()
            } else {
                Value::Null
            }
        }
        // Of several values upstream shows the first.
        _ => match first {
            Value::String(text) => text.clone().into(),
            other => other.to_string().into(),
        },
    }
}

/// `PartialObjectMetadata`.
fn partial(object: &Value, version: &str) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": object.get("metadata").cloned().unwrap_or_else(|| json!({}))})
}

/// The list of a kind. Items of built-in kinds name no kind, as typed lists don't.
pub(super) fn whole_list(served: &Served, list_meta: Value, mut objects: Vec<Value>) -> Value {
    let gvk = &served.kind.gvk;
    for object in objects.iter_mut().filter_map(Value::as_object_mut) {
        if served.kind.is_custom() {
            object.insert("apiVersion".into(), gvk.api_version().into());
            object.insert("kind".into(), gvk.kind.to_string().into());
        } else {
            object.remove("apiVersion");
            object.remove("kind");
        }
    }
    json!({"kind": &*served.kind.list_kind, "apiVersion": gvk.api_version(),
        "metadata": list_meta, "items": objects})
}

/// One object as an answer.
/// A `Scale`, which has columns of its own.
pub(super) fn shape_scale(call: &Call<'_>, scale: Value) -> Reply {
    let shaper = match Shaper::new(call) {
        Ok(shaper) => shaper,
        Err(error) => return Reply::with_code(error.code, error.status()),
    };
    let Shape::Table(version) = shaper.shape else {
        return Reply::ok(shaper.one(scale, true));
    };
    let number = |pointer: &str| scale.pointer(pointer).cloned().unwrap_or_else(|| 0.into());
    let created = meta::field(&scale, "creationTimestamp");
    let cells = vec![
        meta::text(&scale, "name").into(),
        number("/spec/replicas"),
        number("/status/replicas"),
        age::age(created, shaper.cluster.now()).into(),
    ];
    let columns: Vec<Value> = [
        ("Name", "string", NAME_DESCRIPTION),
        (
            "Desired",
            "integer",
            "The number of instances that is wished for.",
        ),
        (
            "Available",
            "integer",
            "The number of instances that there are.",
        ),
        ("Age", "string", "The time since the object was made."),
    ]
    .into_iter()
    .map(|(name, kind, description)| {
        column_value(&Column {
            name: name.into(),
            kind: kind.into(),
            description: description.into(),
            ..Column::default()
        })
    })
    .collect();
    let version_of_scale = meta::text(&scale, "resourceVersion").to_owned();
    Reply::ok(
        json!({"kind": "Table", "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": {"resourceVersion": version_of_scale}, "columnDefinitions": columns,
        "rows": [shaper.row_of(version, scale, cells)]}),
    )
}

pub(super) fn shape_one(call: &Call<'_>, object: Value) -> Reply {
    match Shaper::new(call) {
        Ok(shaper) => Reply::ok(shaper.one(object, true)),
        Err(error) => Reply::with_code(error.code, error.status()),
    }
}
