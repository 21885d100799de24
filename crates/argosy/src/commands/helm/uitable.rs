//! Tables of helm's lists: columns padded to one width, a tab between them.

/// Rows of cells; the first is the head, where there is one.
#[derive(Default)]
pub(super) struct UiTable(Vec<Vec<String>>);

impl UiTable {
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.0.push(cells.into_iter().map(Into::into).collect());
    }

    /// The text, its last line ended.
    ///
    /// Compat: gosuri/uitable. A cell of several lines is as wide as its longest one and is cut
    /// to that.
    pub fn render(&self) -> String {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.0.iter().filter_map(|row| row.get(column));
                cells.map(|cell| widest(cell)).max().unwrap_or(0)
            })
            .collect();
        let lines: Vec<String> = self
            .0
            .iter()
            .map(|row| {
                let cells = row.iter().zip(&widths);
                let cells: Vec<String> = cells.map(|(cell, width)| fit(cell, *width)).collect();
                cells.join("\t")
            })
            .collect();
        lines.join("\n") + "\n"
    }
}

fn widest(cell: &str) -> usize {
    let lines = cell.split('\n');
    lines.map(|line| line.chars().count()).max().unwrap_or(0)
}

fn fit(cell: &str, width: usize) -> String {
    let length = cell.chars().filter(|unit| *unit != '\n').count();
    if length <= width {
        return format!("{cell}{}", " ".repeat(width - length));
    }
    let mut out = String::new();
    let mut taken = 0;
    for unit in cell.chars() {
        out.push(unit);
        let own = usize::from(unit != '\n');
        if taken + own >= width.saturating_sub(3) {
            break;
        }
        taken += own;
    }
    out.push_str("...");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_one_width_and_a_tab_between_them() {
        let mut table = UiTable::default();
        table.row(["NAME", "STATUS"]);
        table.row(["web", "pending-install"]);
        assert_eq!(
            table.render(),
            "NAME\tSTATUS         \nweb \tpending-install\n"
        );
        assert_eq!(UiTable::default().render(), "\n");
    }

    #[test]
    fn a_cell_of_two_lines_is_cut() {
        let mut table = UiTable::default();
        table.row(["abc\ndefgh"]);
        assert_eq!(table.render(), "ab...\n");
    }
}
