//! Objects as tables, as kubectl prints what a server answers.

use argosy_object::Value as Json;

/// Spaces between columns.
const PADDING: usize = 3;
/// Narrowest column.
const MIN_WIDTH: usize = 6;

/// Objects of one kind: one head, then a row for each; tables of other columns get their own head.
///
/// Compat: kubectl's human-readable printer, which pads each table by itself.
pub(super) fn object_table(tables: &[Json]) -> String {
    let mut out = String::new();
    let mut last: Option<Vec<String>> = None;
    for table in tables {
        let columns = columns(table);
        let head: Vec<String> = columns.iter().map(|(_, name)| name.clone()).collect();
        let mut lines = Vec::new();
        if last.as_ref() != Some(&head) {
            lines.push(head.clone());
        }
        let rows = table["rows"].as_array().into_iter().flatten();
        for row in rows {
            let cells = columns.iter().map(|(at, _)| cell(&row["cells"][*at]));
            lines.push(cells.collect());
        }
        last = Some(head);
        out.push_str(&aligned(&lines));
    }
    out
}

/// The columns that are shown without `-o wide`: their places and names.
fn columns(table: &Json) -> Vec<(usize, String)> {
    let definitions = table["columnDefinitions"].as_array().into_iter().flatten();
    definitions
        .enumerate()
        .filter(|(_, column)| column["priority"].as_i64().unwrap_or(0) == 0)
        .map(|(at, column)| {
            let name = column["name"].as_str().unwrap_or_default();
            (at, name.to_uppercase())
        })
        .collect()
}

/// A cell; text of a server must not break the line.
fn cell(value: &Json) -> String {
    let text = match value {
        Json::Null => "<unknown>".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.find(['\n', '\r', '\u{c}', '\u{b}']) {
        Some(at) => format!("{}...", &text[..at]),
        None => text,
    }
}

fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            (widest + PADDING).max(MIN_WIDTH)
        })
        .collect();
    let mut out = String::new();
    for line in lines {
        for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
            out.push_str(cell);
            if at + 1 < line.len() {
                out.push_str(&" ".repeat(width.saturating_sub(cell.chars().count())));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn each_table_is_padded_by_itself_under_one_head() {
        let table = |name: &str| {
            json!({"columnDefinitions": [{"name": "Name"}, {"name": "Data"}, {"name": "Wide", "priority": 1}, {"name": "Age"}],
                "rows": [{"cells": [name, 1, "w", "1s"]}]})
        };
        assert_eq!(
            object_table(&[table("web-part"), table("web-config")]),
            "NAME       DATA   AGE\nweb-part   1      1s\nweb-config   1     1s\n"
        );
    }
}
