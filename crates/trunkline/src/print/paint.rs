//! Colour by role, never by taste: the same thing looks the same on every screen.

use std::fmt;

use super::clean;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It went well.
    Good,
    /// It failed.
    Error,
    /// It needs attention.
    Warning,
    /// A way to go on, a path, a URL.
    Hint,
    /// A heading or a name.
    Strong,
    /// Detail.
    Faint,
}

impl Role {
    const fn codes(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Error => "1;31",
            Self::Warning => "33",
            Self::Hint => "36",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

/// Colours of service names; chosen by the name, so that a service keeps its colour.
const NAME_CODES: &[&str] = &["34", "35", "36", "32", "33", "94", "95", "96"];

/// Paints text for one stream, or leaves it plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    on: bool,
    /// Columns that tables may take.
    columns: Option<usize>,
}

impl Paint {
    /// Paints if `on`.
    pub(crate) const fn new(on: bool) -> Self {
        Self { on, columns: None }
    }

    /// The same for a terminal of so many columns.
    pub(crate) const fn within(self, columns: Option<usize>) -> Self {
        Self { on: self.on, columns }
    }

    /// Columns of the terminal when the process began; `None` if it is none.
    pub(crate) const fn columns(self) -> Option<usize> {
        self.columns
    }

    /// Whether it paints.
    pub(crate) const fn is_on(self) -> bool {
        self.on
    }

    /// The text in the colour of its role.
    pub(crate) fn apply(self, role: Role, text: impl fmt::Display) -> String {
        self.wrap(role.codes(), text)
    }

    /// A service's name in its own colour. `label` is the name as shown, padding included.
    pub(crate) fn service(self, name: &str, label: impl fmt::Display) -> String {
        let sum =
            name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let codes = NAME_CODES.get(sum % NAME_CODES.len()).copied().unwrap_or("36");
        self.wrap(codes, label)
    }

    /// A text that opens `url` where the terminal can (OSC 8), else the text alone.
    pub(crate) fn link(self, url: &str, text: &str) -> String {
        if self.on {
            format!(
                "\u{1b}]8;;{}\u{1b}\\{}\u{1b}]8;;\u{1b}\\",
                clean(url),
                self.apply(Role::Hint, text)
            )
        } else {
            text.to_owned()
        }
    }

    fn wrap(self, codes: &str, text: impl fmt::Display) -> String {
        if self.on { format!("\u{1b}[{codes}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_text_stays_as_it_is() {
        let plain = Paint::new(false);
        assert_eq!(plain.apply(Role::Error, "x"), "x");
        assert_eq!(plain.link("https://a", "a"), "a");
    }

    #[test]
    fn a_link_cannot_be_broken_out_of() {
        let painted = Paint::new(true).link("https://a/\u{1b}\\\u{1b}[2J", "a");
        assert!(!painted.contains("\u{1b}[2J"));
    }
}
