//! Columns for people: aligned by what is seen, not by bytes or colour codes.

use super::{Paint, Role, cells, cut};

/// How a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table: a heading and rows of cells. A cell is what is seen and how it is painted.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<(String, Option<Role>)>>,
}

/// Between two columns.
const GAP: &str = "  ";

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; cells beyond the columns are not shown.
    pub(crate) fn row(&mut self, cells: Vec<(String, Option<Role>)>) {
        self.rows.push(cells);
    }

    /// Cuts cells so that lines fit into `columns`: the given ones in their order, each at most down
    /// to its least width.
    pub(crate) fn fit(&mut self, columns: usize, shrink: &[(usize, usize)]) {
        for (at, least) in shrink {
            let Some(excess) = self.total().checked_sub(columns).filter(|excess| *excess > 0)
            else {
                return;
            };
            let most = self.width(*at, "").saturating_sub(excess).max(*least);
            for (cell, _) in self.rows.iter_mut().filter_map(|row| row.get_mut(*at)) {
                *cell = cut(cell, most).into_owned();
            }
        }
    }

    /// Leaves out the columns with these headings, one after the other, until lines fit.
    pub(crate) fn narrow(&mut self, columns: usize, headings: &[&str]) {
        for heading in headings {
            if self.total() <= columns {
                return;
            }
            let Some(at) = self.columns.iter().position(|(name, _)| name == heading) else {
                continue;
            };
            self.columns.remove(at);
            for row in self.rows.iter_mut().filter(|row| at < row.len()) {
                row.remove(at);
            }
        }
    }

    /// Cells that a line takes.
    fn total(&self) -> usize {
        let widths = self.columns.iter().enumerate().map(|(at, column)| self.width(at, column.0));
        widths.map(|width| width + GAP.len()).sum()
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, indented by two, without spaces at their ends.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(at, column)| self.width(at, column.0)).collect();
        let heading: Vec<_> =
            self.columns.iter().map(|(name, _)| ((*name).to_owned(), Some(Role::Faint))).collect();
        let mut text = String::new();
        let rows =
            std::iter::once(&heading).filter(|row| row.iter().any(|(name, _)| !name.is_empty()));
        for row in rows.chain(&self.rows) {
            let line = self.line(row, &widths, paint);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn line(&self, row: &[(String, Option<Role>)], widths: &[usize], paint: Paint) -> String {
        let mut line = String::new();
        let last = row.iter().rposition(|(cell, _)| !cell.is_empty()).unwrap_or(0);
        for (at, (((cell, role), width), (_, align))) in
            row.iter().zip(widths).zip(&self.columns).enumerate()
        {
            if at > last {
                break;
            }
            let pad = " ".repeat(width.saturating_sub(cells(cell)));
            let shown = role.map_or_else(|| cell.clone(), |role| paint.apply(role, cell));
            line.push_str(GAP);
            match align {
                Align::Left if at == last => line.push_str(&shown),
                Align::Left => line.extend([shown.as_str(), &pad]),
                Align::Right => line.extend([pad.as_str(), &shown]),
            }
        }
        line
    }

    fn width(&self, at: usize, heading: &str) -> usize {
        let widths = self.rows.iter().filter_map(|row| row.get(at)).map(|(cell, _)| cells(cell));
        widths.chain([cells(heading)]).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_cut_to_its_terminal() {
        let mut table = Table::new(&[("", Align::Left); 3]);
        table.row(vec![
            ("web".into(), None),
            ("npm run dev".into(), None),
            ("→ orders".into(), None),
        ]);
        table.fit(22, &[(1, 6), (2, 4)]);
        assert_eq!(table.render(Paint::new(false)), "  web  npm r…  → orde…\n");
    }

    #[test]
    fn columns_are_left_out_until_lines_fit() {
        let mut table =
            Table::new(&[("service", Align::Left), ("rate", Align::Right), ("pid", Align::Right)]);
        table.row(vec![("web".into(), None), ("2.5/s".into(), None), ("41".into(), None)]);
        table.narrow(16, &["pid", "rate"]);
        assert_eq!(table.render(Paint::new(false)), "  service   rate\n  web      2.5/s\n");
    }

    #[test]
    fn columns_line_up_and_lines_end_with_text() {
        let mut table =
            Table::new(&[("service", Align::Left), ("rate", Align::Right), ("note", Align::Left)]);
        table.row(vec![("web".into(), None), ("2.5/s".into(), None), (String::new(), None)]);
        table.row(vec![("payments".into(), None), ("100/s".into(), None), ("slow".into(), None)]);
        let expected = "  service    rate  note\n  web       2.5/s\n  payments  100/s  slow\n";
        assert_eq!(table.render(Paint::new(false)), expected);
    }
}
