//! Printer columns, read from the declarations in the server's `printers.go`.

use anyhow::Result;
use std::collections::BTreeMap;
use std::path::Path;

/// One column: name, type, format, priority.
pub type Column = (String, String, String, String);

/// The columns of each kind that has its own.
pub fn read(source: &Path) -> Result<BTreeMap<String, Vec<Column>>> {
    let text = std::fs::read_to_string(source)?;
    let kinds = printed_kinds(&text);
    let mut definitions: BTreeMap<&str, Vec<Column>> = BTreeMap::new();
    let mut columns = BTreeMap::new();
    let mut current = "";
    for line in text.lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" := []metav1.TableColumnDefinition{") {
            current = name;
        } else if line.starts_with("{Name: ") {
            let column = (
                attribute(line, "Name: \""),
                attribute(line, "Type: \""),
                attribute(line, "Format: \""),
                number(line, "Priority: "),
            );
            definitions.entry(current).or_default().push(column);
        } else if let Some((_, call)) = line.split_once("h.TableHandler(")
            && let Some((definition, printer)) = call.trim_end_matches(')').split_once(", ")
            && let Some(kind) = kinds.get(printer)
            && let Some(found) = definitions.get(definition)
        {
            columns.entry(kind.clone()).or_insert_with(|| found.clone());
        }
    }
    columns.insert("APIService".to_owned(), api_service());
    Ok(columns)
}

/// The aggregator prints its own kind.
fn api_service() -> Vec<Column> {
    ["Name", "Service", "Available", "Age"]
        .iter()
        .map(|name| {
            let format = if *name == "Name" { "name" } else { "" };
            (
                (*name).to_owned(),
                "string".to_owned(),
                format.to_owned(),
                "0".to_owned(),
            )
        })
        .collect()
}

fn printed_kinds(text: &str) -> BTreeMap<&str, String> {
    text.lines()
        .filter_map(|line| {
            let (printer, rest) = line.strip_prefix("func ")?.split_once('(')?;
            let ty = rest.strip_prefix("obj *")?.split_once(',')?.0;
            Some((printer, ty.rsplit('.').next()?.to_owned()))
        })
        .collect()
}

fn attribute(line: &str, key: &str) -> String {
    line.split_once(key)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(value, _)| value.to_owned())
        .unwrap_or_default()
}

fn number(line: &str, key: &str) -> String {
    line.split_once(key).map_or_else(
        || "0".to_owned(),
        |(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect(),
    )
}
