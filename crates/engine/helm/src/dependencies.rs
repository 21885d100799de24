//! Which subcharts take part, under which names, and what they lend to their parents' values.

use argosy_gotmpl::{Value, gofmt};
use argosy_object::{Value as Json, json};

use crate::chart::{Chart, Dependency, is_compatible};
use crate::error::HelmError;
use crate::values::{Table, coalesce, coalesce_tables, merge, plain, table};

/// Applies aliases, conditions, tags and import-values to a chart with these user values.
pub(crate) fn process(chart: &mut Chart, values: &Table) -> Result<(), HelmError> {
    enable(chart, values, "")?;
    import_all(chart)
}

fn enable(chart: &mut Chart, values: &Table, path: &str) -> Result<(), HelmError> {
    let Some(mut wanted) = chart.metadata.dependencies.take() else {
        return Ok(());
    };
    let found = std::mem::take(&mut chart.dependencies);
    let asked_for = |sub: &Chart| {
        wanted.iter().any(|dependency| {
            sub.name() == dependency.name
                && is_compatible(&dependency.version, &sub.metadata.version)
        })
    };
    let mut subcharts: Vec<Chart> = found
        .iter()
        .filter(|sub| !asked_for(sub))
        .cloned()
        .collect();
    for dependency in &mut wanted {
        subcharts.extend(aliased(&found, dependency));
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
        dependency.enabled = true;
    }
    chart.dependencies = subcharts;
    let all = coalesce(chart, values)?;
    apply_tags(&mut wanted, &all);
    apply_conditions(&mut wanted, &all, path);
    let off: Vec<String> = wanted
        .iter()
        .filter(|dependency| !dependency.enabled)
        .map(|dependency| dependency.name.clone())
        .collect();
    chart
        .dependencies
        .retain(|sub| !off.iter().any(|name| name == sub.name()));
    wanted.retain(|dependency| !off.contains(&dependency.name));
    for sub in &mut chart.dependencies {
        let below = format!("{path}{}.", sub.name());
        enable(sub, &all, &below)?;
    }
    chart.metadata.dependencies = (!wanted.is_empty()).then_some(wanted);
    Ok(())
}

fn aliased(found: &[Chart], dependency: &Dependency) -> Option<Chart> {
    let mut chart = found
        .iter()
        .find(|sub| {
            sub.name() == dependency.name
                && is_compatible(&dependency.version, &sub.metadata.version)
        })?
        .clone();
    if !dependency.alias.is_empty() {
        chart.metadata.name.clone_from(&dependency.alias);
    }
    Some(chart)
}

fn apply_tags(wanted: &mut [Dependency], values: &Table) {
    let Some(tags) = table(values, "tags") else {
        return;
    };
    for dependency in wanted {
        let has = |flag: bool| {
            dependency
                .tags
                .iter()
                .any(|tag| tags.get(tag) == Some(&flag.into()))
        };
        dependency.enabled = has(true) || !has(false);
    }
}

fn apply_conditions(wanted: &mut [Dependency], values: &Table, path: &str) {
    for dependency in wanted {
        let conditions = dependency
            .condition
            .trim()
            .split(',')
            .filter(|text| !text.is_empty());
        let flag = conditions
            .filter_map(|condition| plain(values, &format!("{path}{condition}")))
            .find_map(Json::as_bool);
        dependency.enabled = flag.unwrap_or(dependency.enabled);
    }
}

fn import_all(chart: &mut Chart) -> Result<(), HelmError> {
    for sub in &mut chart.dependencies {
        import_all(sub)?;
    }
    import(chart)
}

fn import(chart: &mut Chart) -> Result<(), HelmError> {
    if chart.metadata.dependencies.is_none() {
        return Ok(());
    }
    let mut values = merge(chart, &Table::new())?;
    let mut imported = Table::new();
    for dependency in chart.metadata.dependencies.iter_mut().flatten() {
        let mut pairs = Vec::new();
        for entry in &dependency.import_values {
            let (child, parent) = match entry {
                Json::String(name) => (format!("exports.{name}"), ".".to_owned()),
                Json::Object(pair) => (printed(pair.get("child")), printed(pair.get("parent"))),
                _ => continue,
            };
            pairs.push(json!({"child": child, "parent": parent}));
            let Some(found) = table(&values, &format!("{}.{child}", dependency.name)) else {
                continue;
            };
            let found = if parent == "." {
                found.clone()
            } else {
                parent.rsplit('.').fold(found.clone(), |inner, key| {
                    [(key.to_owned(), Json::Object(inner))]
                        .into_iter()
                        .collect()
                })
            };
            coalesce_tables(&mut imported, found, true);
        }
        dependency.import_values = pairs;
    }
    // What is imported lies below the parent's own values.
    coalesce_tables(&mut values, imported, true);
    chart.values = values;
    Ok(())
}

/// `%v` of a value that may be missing.
fn printed(value: Option<&Json>) -> String {
    let value = value.map_or(Value::Nil, Value::from_json);
    gofmt::sprintf("%v", &[value]).to_string()
}
