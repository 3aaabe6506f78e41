//! Lines of a screen that says of each thing where it is written: a label, a value, a place.
//!
//! Places stand in one column at the right, so that the eye finds them; a value that reaches into
//! that column has its place on a line of its own.

use serde::{Deserialize, Serialize};
use trunkline_model::Origin;

use crate::print::{Paint, Role, cells, clean};

/// Columns of the screen.
const COLUMNS: usize = 80;
/// Width of labels.
const LABEL: usize = 9;
/// Where the column of places begins at the earliest, so that values have room.
const PLACE_MIN: usize = 50;

/// A place in a file; line 0 for what nobody wrote.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Place {
    file: String,
    line: u32,
    column: u32,
}

impl Place {
    /// The place of an origin.
    pub(crate) fn of(origin: &Origin) -> Self {
        Self { file: origin.file.to_string(), line: origin.line, column: origin.column }
    }

    /// `trunkline.yaml:12`.
    pub(crate) fn text(&self) -> String {
        let file = clean(&self.file);
        if self.line == 0 { file.into_owned() } else { format!("{file}:{}", self.line) }
    }
}

/// Lines on their way.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Width of the labels' column with the blank behind it; 0 without labels.
    label: usize,
    all: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    label: String,
    /// As it is shown, and how wide that is.
    value: String,
    width: usize,
    place: Option<(String, Role)>,
}

impl Lines {
    /// Lines with labels.
    pub(crate) const fn labelled() -> Self {
        Self { label: LABEL + 1, all: Vec::new() }
    }

    /// Lines without labels.
    pub(crate) const fn plain() -> Self {
        Self { label: 0, all: Vec::new() }
    }

    /// A line; `label` is empty where it goes on from the one above.
    pub(crate) fn add(&mut self, label: &str, value: &str, place: Option<&Place>) {
        self.painted(label, value, str::to_owned, place);
    }

    /// A line whose value is painted.
    pub(crate) fn painted(
        &mut self,
        label: &str,
        value: &str,
        paint: impl FnOnce(&str) -> String,
        place: Option<&Place>,
    ) {
        let value = clean(value);
        let place = place.map(|place| (place.text(), Role::Hint));
        let width = cells(&value);
        self.all.push(Line { label: label.to_owned(), value: paint(&value), width, place });
    }

    /// A word in the column of places.
    pub(crate) fn word(&mut self, label: &str, value: &str, word: &str) {
        let value = clean(value).into_owned();
        let width = cells(&value);
        let place = Some((clean(word).into_owned(), Role::Faint));
        self.all.push(Line { label: label.to_owned(), value, width, place });
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.all.push(Line { label: String::new(), value: String::new(), width: 0, place: None });
    }

    /// The text.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let widest = self.all.iter().filter_map(|line| Some(cells(&line.place.as_ref()?.0))).max();
        let column = COLUMNS.saturating_sub(widest.unwrap_or(0)).max(PLACE_MIN);
        self.all.iter().map(|line| line.render(self.label, column, paint)).collect()
    }
}

impl Line {
    fn render(&self, indent: usize, column: usize, paint: Paint) -> String {
        let label = if self.label.is_empty() {
            " ".repeat(indent)
        } else {
            paint.apply(Role::Faint, format_args!("{:<indent$}", self.label))
        };
        let start = format!("  {label}{}", self.value);
        let Some((place, role)) = &self.place else {
            return format!("{}\n", start.trim_end());
        };
        let place = paint.apply(*role, place);
        let used = 2 + indent + self.width;
        if used + 2 <= column {
            format!("{start}{}{place}\n", " ".repeat(column - used))
        } else {
            format!("{start}\n{}{place}\n", " ".repeat(column))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stand_in_one_column_and_never_over_a_value() {
        let place = Place { file: "a.yaml".into(), line: 7, column: 3 };
        let mut lines = Lines::labelled();
        lines.add("route", "/api/**", Some(&place));
        lines.add("", &"x".repeat(70), Some(&place));
        let text = lines.render(Paint::new(false));
        let at = |line: &str| line.find("a.yaml:7");
        let found: Vec<_> = text.lines().filter_map(at).collect();
        assert_eq!((found.as_slice(), text.lines().count()), ([72, 72].as_slice(), 3), "{text}");
    }
}
