//! Tables without frames, as wide as what is in them.

use comfy_table::{CellAlignment, presets};
use console::truncate_str;

use crate::{printable, report::Reporter};

/// Columns of a cell; of what is longer the start is shown.
const CELL: usize = 28;

/// Which side of a column the cells are at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of `N` cells, and under each of them lines that have no room in it.
pub(crate) struct Table<const N: usize> {
    rows: comfy_table::Table,
    below: Vec<Vec<String>>,
    is_cut: bool,
}

impl<const N: usize> Table<N> {
    /// The names of the columns.
    pub(crate) fn new(columns: [(&str, Align); N]) -> Self {
        let mut rows = comfy_table::Table::new();
        rows.load_preset(presets::NOTHING);
        rows.set_header(columns.map(|(name, _)| name));
        for (column, (_, align)) in rows.column_iter_mut().zip(columns) {
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        Self {
            rows,
            below: Vec::new(),
            is_cut: false,
        }
    }

    /// A row, and what is shown under it.
    pub(crate) fn row(&mut self, cells: [String; N], below: impl Into<Vec<String>>) {
        let cells = cells.each_ref().map(|cell| printable::line(cell));
        let short = cells.each_ref().map(|cell| truncate_str(cell, CELL, "…"));
        self.is_cut |= cells != short;
        self.rows.add_row(short);
        self.below.push(below.into());
    }

    /// Whether the end of a cell is not shown.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Columns of a terminal that the rows take.
    pub(crate) fn width(&self) -> usize {
        let lines = self.lines();
        lines
            .iter()
            .map(|line| console::measure_text_width(line))
            .max()
            .unwrap_or(0)
    }

    /// Prints the table.
    pub(crate) fn print(&self, reporter: &Reporter) {
        for line in self.all_lines() {
            reporter.line(line);
        }
    }

    /// All that is printed.
    pub(crate) fn all_lines(&self) -> Vec<String> {
        let mut rows = self.lines().into_iter();
        let mut all: Vec<_> = rows.next().into_iter().collect();
        for (row, below) in rows.zip(&self.below) {
            all.push(row);
            all.extend(below.iter().map(|line| format!("    {line}")));
        }
        all
    }

    /// The names and the rows, a line each, indented like fields.
    fn lines(&self) -> Vec<String> {
        let lines = self.rows.lines();
        lines.map(|line| format!(" {}", line.trim_end())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line_whatever_is_in_it() {
        let mut table = Table::new([("name", Align::Left), ("shards", Align::Right)]);
        table.row(["two\nlines".to_owned(), "7".to_owned()], []);
        table.row(["写真".to_owned(), "1000".to_owned()], ["0x1".to_owned()]);
        table.row(["x".repeat(100), "1".to_owned()], []);
        let long = format!("{}…", "x".repeat(27));
        assert_eq!(
            table.lines(),
            [
                format!("  {:28}  shards", "name"),
                format!("  {:28}       7", r"two\nlines"),
                // Each of them takes two columns.
                format!("  {:26}    1000", "写真"),
                format!("  {long}       1"),
            ]
        );
        assert_eq!(table.width(), 38);
        assert!(table.is_cut());
    }
}
