//! Values: merging them as Helm does, from defaults of charts, files and flags.

use argosy_gotmpl::{Value, gofmt};
use argosy_object::{Map, Value as Json};

use crate::chart::Chart;
use crate::error::HelmError;
use crate::load::load_values;
use crate::strvals;

/// A table of values.
pub type Table = Map<String, Json>;

/// One source of values. Later ones win over earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// A values file: its name for errors, and its content.
    File {
        /// As errors name it.
        name: String,
        /// YAML.
        data: Vec<u8>,
    },
    /// A table given as it is; its numbers become floats.
    Table(Table),
    /// `--set-json`: `a=JSON,b=JSON` or an object.
    SetJson(String),
    /// `--set`: `a.b=1,c[0]=x`.
    Set(String),
    /// `--set-string`: the same, where every value stays text.
    SetString(String),
    /// `--set-file`: the same, where every value is a path to read.
    SetFile(String),
    /// `--set-literal`: one key, and the rest is its text.
    SetLiteral(String),
}

/// Reads a file for `--set-file`; an error is what the reader says.
pub type ReadFile<'a> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'a;

/// Merges layers into the values that a user gives.
///
/// Compat: Helm takes files first, then `--set-json`, `--set`, `--set-string`, `--set-file` and
/// `--set-literal`, each kind in the order given; callers that mirror its flags order their
/// layers so.
///
/// # Errors
/// In Helm's words.
pub fn merge_layers(layers: &[Layer], read_file: &ReadFile<'_>) -> Result<Table, HelmError> {
    let mut base = Table::new();
    for layer in layers {
        base = merge_layer(base, layer, read_file).map_err(HelmError::Values)?;
    }
    Ok(base)
}

fn merge_layer(mut base: Table, layer: &Layer, read: &ReadFile<'_>) -> Result<Table, String> {
    match layer {
        Layer::File { name, data } => {
            let values =
                load_values(data).map_err(|text| format!("failed to parse {name}: {text}"))?;
            return Ok(merge_maps(base, values));
        }
        Layer::Table(table) => {
            let mut table = table.clone();
            table.values_mut().for_each(floats);
            return Ok(merge_maps(base, table));
        }
        Layer::SetJson(text) => {
            let trimmed = text.trim();
            if trimmed.starts_with('{') {
                let failed = || format!("failed parsing --set-json data JSON: {text}");
                let Ok(Json::Object(mut table)) = trimmed.parse() else {
                    return Err(failed());
                };
                table.values_mut().for_each(floats);
                return Ok(merge_maps(base, table));
            }
            strvals::parse_json(text, &mut base)
                .map_err(|_| format!("failed parsing --set-json data {text}"))?;
        }
        Layer::Set(text) => strvals::parse(text, &mut base)
            .map_err(|error| format!("failed parsing --set data: {error}"))?,
        Layer::SetString(text) => strvals::parse_strings(text, &mut base)
            .map_err(|error| format!("failed parsing --set-string data: {error}"))?,
        Layer::SetFile(text) => strvals::parse_files(text, &mut base, read)
            .map_err(|error| format!("failed parsing --set-file data: {error}"))?,
        Layer::SetLiteral(text) => strvals::parse_literal(text, &mut base)
            .map_err(|error| format!("failed parsing --set-literal data: {error}"))?,
    }
    Ok(base)
}

/// Makes every whole number a float: what `encoding/json` reads into an `interface {}`.
pub(crate) fn floats(json: &mut Json) {
    match json {
        Json::Number(number) => {
            if let (false, Some(float)) = (number.is_f64(), number.as_f64()) {
                *json = Json::from(float);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(floats),
        Json::Object(map) => map.values_mut().for_each(floats),
        _ => {}
    }
}

/// Lays `over` on `base`, table by table.
pub(crate) fn merge_maps(mut base: Table, over: Table) -> Table {
    for (key, value) in over {
        let merged = match (value, base.remove(&key)) {
            (Json::Object(over), Some(Json::Object(base))) => Json::Object(merge_maps(base, over)),
            (value, _) => value,
        };
        base.insert(key, merged);
    }
    base
}

/// The values of a chart and of its subcharts below what is given. A null deletes a default.
pub(crate) fn coalesce(chart: &Chart, given: &Table) -> Result<Table, HelmError> {
    let mut values = given.clone();
    coalesce_chart(chart, &mut values, false)?;
    Ok(values)
}

/// As [`coalesce`], but that nulls stay.
pub(crate) fn merge(chart: &Chart, given: &Table) -> Result<Table, HelmError> {
    let mut values = given.clone();
    coalesce_chart(chart, &mut values, true)?;
    Ok(values)
}

fn coalesce_chart(chart: &Chart, into: &mut Table, keep_nulls: bool) -> Result<(), HelmError> {
    coalesce_defaults(chart, into, keep_nulls);
    for sub in &chart.dependencies {
        let name = sub.name();
        let mut inner = match into.remove(name) {
            None => Table::new(),
            Some(Json::Object(inner)) => inner,
            Some(other) => {
                let value = gofmt::sprintf("%t", &[Value::from_json(&other)]);
                return Err(HelmError::Values(format!(
                    "type mismatch on {name}: {value}"
                )));
            }
        };
        coalesce_globals(&mut inner, into);
        coalesce_chart(sub, &mut inner, keep_nulls)?;
        into.insert(name.to_owned(), Json::Object(inner));
    }
    Ok(())
}

fn coalesce_defaults(chart: &Chart, into: &mut Table, keep_nulls: bool) {
    for (key, default) in &chart.values {
        match into.get_mut(key) {
            None => {
                into.insert(key.clone(), default.clone());
            }
            Some(Json::Null) if !keep_nulls => {
                into.remove(key);
            }
            Some(Json::Object(table)) => {
                if let Json::Object(default) = default {
                    let is_subchart = chart.dependencies.iter().any(|sub| sub.name() == key);
                    coalesce_tables(table, default.clone(), keep_nulls || is_subchart);
                }
            }
            Some(_) => {}
        }
    }
}

/// Fills `into` with what `from` has and it lacks.
pub(crate) fn coalesce_tables(into: &mut Table, mut from: Table, keep_nulls: bool) {
    let non_null: Vec<String> = from
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, _)| key.clone())
        .collect();
    for (key, value) in into.iter() {
        if value.is_null() {
            from.insert(key.clone(), Json::Null);
        }
    }
    for (key, value) in from {
        match into.get_mut(&key) {
            Some(Json::Null) if !keep_nulls && non_null.binary_search(&key).is_ok() => {
                into.remove(&key);
            }
            None => {
                into.insert(key, value);
            }
            Some(Json::Object(table)) => {
                if let Json::Object(value) = value {
                    coalesce_tables(table, value, keep_nulls);
                }
            }
            Some(_) => {}
        }
    }
}

/// Hands `global` down to a subchart.
fn coalesce_globals(into: &mut Table, from: &Table) {
    let empty = Table::new();
    let mut globals = match into.get("global") {
        None => Table::new(),
        Some(Json::Object(globals)) => globals.clone(),
        Some(_) => return,
    };
    let source = match from.get("global") {
        None => &empty,
        Some(Json::Object(source)) => source,
        Some(_) => return,
    };
    for (key, value) in source {
        match (value, globals.get(key)) {
            (Json::Object(table), Some(Json::Object(existing))) => {
                let mut merged = table.clone();
                coalesce_tables(&mut merged, existing.clone(), true);
                globals.insert(key.clone(), Json::Object(merged));
            }
            (Json::Object(_), Some(_)) | (_, Some(Json::Object(_))) => {}
            _ => {
                globals.insert(key.clone(), value.clone());
            }
        }
    }
    into.insert("global".into(), Json::Object(globals));
}

/// The table at a path with dots.
pub(crate) fn table<'v>(values: &'v Table, path: &str) -> Option<&'v Table> {
    path.split('.')
        .try_fold(values, |table, key| table.get(key)?.as_object())
}

/// The value at a path with dots, where it is no table.
pub(crate) fn plain<'v>(values: &'v Table, path: &str) -> Option<&'v Json> {
    let (tables, key) = match path.rsplit_once('.') {
        Some((tables, key)) => (table(values, tables)?, key),
        None => (values, path),
    };
    tables.get(key).filter(|value| !value.is_object())
}
