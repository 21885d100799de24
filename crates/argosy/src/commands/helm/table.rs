//! Helm's tables: columns as wide as their widest cell, apart by tabs.

/// A table; cells beyond `max` characters are cut, and 0 cuts none.
pub(super) fn table(rows: &[Vec<String>], max: usize) -> String {
    let cut = |cell: &String| -> String {
        if max == 0 || cell.chars().count() <= max {
            return cell.clone();
        }
        let kept: String = cell.chars().take(max.saturating_sub(3)).collect();
        format!("{kept}...")
    };
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(cut).collect())
        .collect();
    let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let widths = cells
            .iter()
            .filter_map(|row| Some(row.get(column)?.chars().count()));
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    cells
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&widths);
            let cells: Vec<String> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            format!("{}\n", cells.join("\t"))
        })
        .collect()
}
