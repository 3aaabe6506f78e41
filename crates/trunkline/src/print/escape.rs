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

#[cfg(test)]
mod tests {
    use super::*;

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
