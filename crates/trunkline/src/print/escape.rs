//! Text from elsewhere, made harmless for a terminal.

use std::borrow::Cow;

use trunkline_config::diagnostic::escape;

/// Replaces what could move the cursor, change the terminal or reorder text by a visible escape.
/// Tabs, which log lines are full of, become spaces.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\t') {
        return Cow::Owned(escape(&text.replace('\t', "    ")).into_owned());
    }
    escape(text)
}

/// The same for a text of several lines, whose ends stay: a message may quote paths, names and the
/// words of other programs.
pub(crate) fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines() {
        assert_eq!(clean_lines("a\u{1b}[2J\n  b\r\n"), "a\\u{1b}[2J\n  b\\u{d}\n");
    }

    #[test]
    fn nothing_that_moves_a_cursor_survives() {
        assert_eq!(
            clean("a\u{1b}[2Jb\r\n\u{9b}c\u{202e}").chars().filter(|c| c.is_control()).count(),
            0
        );
        assert_eq!(clean("tab\tbed"), "tab    bed");
        assert!(matches!(clean("grüße, 世界"), Cow::Borrowed(_)));
    }
}
