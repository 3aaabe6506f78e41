//! Cells of a terminal: how wide text is, how wide the terminal is, and cutting one to the other.

use std::borrow::Cow;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a terminal that does not say is taken for.
const USUAL: usize = 80;
/// Narrower ones are written to as if they were so wide.
const LEAST: usize = 40;
/// Stands for what was cut.
const CUT: &str = "…";

/// How many cells the text takes; it holds no control characters.
pub(crate) fn cells(text: &str) -> usize {
    text.width()
}

/// The text in at most so many cells, ending with `…` if something was cut.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if cells(text) <= most {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < most
        })
        .collect();
    Cow::Owned(if most == 0 { kept } else { format!("{}{CUT}", kept.trim_end()) })
}

/// The text with line ends between words, so that it fits; every line after the first is indented by
/// `indent`, and the first one begins behind so many cells. A longer word stays whole.
pub(crate) fn wrap(text: &str, columns: Option<usize>, indent: usize) -> Cow<'_, str> {
    let room = columns.unwrap_or(usize::MAX).saturating_sub(indent);
    if cells(text) <= room {
        return Cow::Borrowed(text);
    }
    let mut wrapped = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let width = cells(word);
        if used > 0 && used + 1 + width > room {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            used = 0;
        } else if used > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += width;
    }
    Cow::Owned(wrapped)
}

/// Columns of the terminal behind a descriptor; `None` if it is none.
pub(crate) fn columns(of: impl AsFd) -> Option<usize> {
    let size = tcgetwinsize(of).ok()?;
    let columns = usize::from(size.ws_col);
    Some(if columns == 0 { USUAL } else { columns.max(LEAST) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_cells_and_says_so() {
        assert_eq!(cut("payments", 8), "payments");
        assert_eq!(cut("payments", 7), "paymen…");
        assert_eq!(cut("世界世界", 5), "世界…");
        assert_eq!(cut("世界世界", 4), "世…");
        assert_eq!(cut("go run .", 4), "go…");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn text_is_wrapped_between_words_only() {
        assert_eq!(wrap("one two three", Some(11), 2), "one two\n  three");
        assert_eq!(wrap("one two three", None, 2), "one two three");
        assert_eq!(wrap("averyveryverylongword x", Some(11), 2), "averyveryverylongword\n  x");
    }
}
