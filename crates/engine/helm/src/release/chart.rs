//! Charts as records keep them: metadata, lock, templates, values, schema and files, without
//! subcharts (Helm keeps none either: their templates are rendered, their values merged).

use crate::chart::{Chart, File};
use crate::error::HelmError;
use crate::values::{Table, coalesce, coalesce_tables};
use argosy_object::{Map, Value as Json, json};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The chart in the shape of Go's `chart.Chart`. It is the chart as it was rendered: with
/// aliases, conditions and imported values applied.
///
/// Compat: times of files are left out; Helm writes those of the disk and reads none of them.
pub fn chart_value(chart: &Chart) -> Json {
    let files = |files: &[File]| -> Json {
        let entries = files
            .iter()
            .map(|file| json!({"name": file.name, "data": STANDARD.encode(&file.data)}));
        entries.collect()
    };
    let lock = chart.lock.as_ref().map_or(Json::Null, |lock| {
        let dependencies = lock.dependencies.iter().map(|found| found.to_json());
        json!({
            "generated": lock.generated,
            "digest": lock.digest,
            "dependencies": dependencies.collect::<Json>(),
        })
    });
    json!({
        "metadata": chart.metadata.to_json(),
        "lock": lock,
        "templates": files(&chart.templates),
        "values": chart.values,
        "schema": chart.schema.as_ref().map(|schema| STANDARD.encode(schema)),
        "schemamodtime": "0001-01-01T00:00:00Z",
        "files": files(&chart.files),
    })
}

/// The values that a record's chart and config come to: what `get values --all` shows.
///
/// # Errors
/// In Helm's words.
pub fn chart_values(chart: &Json, config: &Table) -> Result<Table, HelmError> {
    let bare = Chart {
        metadata: crate::chart::Metadata {
            name: chart["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            ..Default::default()
        },
        values: chart["values"].as_object().cloned().unwrap_or_default(),
        values_file: None,
        lock: None,
        schema: None,
        templates: Vec::new(),
        files: Vec::new(),
        dependencies: Vec::new(),
    };
    coalesce(&bare, config)
}

/// Fills `into` with what `from` has and it lacks; nulls delete.
pub(super) fn coalesce_onto(mut into: Table, from: &Map<String, Json>) -> Table {
    coalesce_tables(&mut into, from.clone(), false);
    into
}
