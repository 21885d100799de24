//! Aligned tables, as Go's tabwriter with a padding of two spaces prints them.

use crate::terminal::{Colour, Terminal};

/// Spaces between columns.
const PADDING: usize = 2;

/// A table whose columns may belong to the wide form only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<(String, bool)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        Self {
            columns: columns.iter().map(|c| ((*c).to_owned(), false)).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds columns that only `-o wide` shows.
    #[must_use]
    pub fn wide(mut self, columns: &[&str]) -> Self {
        let wide = columns.iter().map(|c| ((*c).to_owned(), true));
        self.columns.extend(wide);
        self
    }

    /// Adds a row; what a row lacks is empty, what it has too much is left out.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut row: Vec<String> = cells.into_iter().map(|c| one_line(&c.into())).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, each line ended.
    pub fn render(&self, wide: bool, terminal: &Terminal) -> String {
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|at| wide || !self.columns[*at].1)
            .collect();
        let header: Vec<&str> = shown.iter().map(|at| &*self.columns[*at].0).collect();
        let rows = self
            .rows
            .iter()
            .map(|row| shown.iter().map(|at| &*row[*at]).collect::<Vec<_>>());
        let lines: Vec<Vec<&str>> = std::iter::once(header).chain(rows).collect();
        let widths: Vec<usize> = (0..shown.len())
            .map(|at| lines.iter().map(|line| width(line[at])).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            for (at, cell) in line.iter().enumerate() {
                let colour = Colour::of_word(cell).filter(|_| number > 0);
                match colour {
                    Some(colour) => text.push_str(&terminal.paint(colour, cell)),
                    None => text.push_str(cell),
                }
                if at + 1 < line.len() {
                    let pad = widths[at] - width(cell) + PADDING;
                    text.extend(std::iter::repeat_n(' ', pad));
                }
            }
            text.push('\n');
        }
        text
    }
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

/// Line breaks and control characters would break the table, and could deceive the reader.
fn one_line(cell: &str) -> String {
    cell.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "STATUS"]).wide(&["REPO"]);
        table.row(["a-long-name", "Synced", "https://h/x"]);
        table.row(["b", "Out\nOf\u{1b}[31mSync"]);
        table
    }

    #[test]
    fn columns_are_aligned_and_wide_ones_hidden() {
        let plain = Terminal::plain();
        expect![[r"
            NAME         STATUS
            a-long-name  Synced
            b            Out Of [31mSync
        "]]
        .assert_eq(&table().render(false, &plain));
        expect![[r"
            NAME         STATUS           REPO
            a-long-name  Synced           https://h/x
            b            Out Of [31mSync  
        "]]
        .assert_eq(&table().render(true, &plain));
    }

    #[test]
    fn colours_appear_only_on_a_terminal_and_do_not_shift_columns() {
        let terminal = Terminal {
            stdout: true,
            stderr: true,
            colour: true,
        };
        let text = table().render(true, &terminal);
        assert!(
            text.contains("\u{1b}[32mSynced\u{1b}[0m           https"),
            "{text:?}"
        );
        assert!(!table().render(true, &Terminal::plain()).contains('\u{1b}'));
    }
}
