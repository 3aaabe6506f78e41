//! A line of plain text. Its level is guessed from words that loggers write in capitals near the
//! beginning, and from how runtimes begin their last words.

use std::borrow::Cow;

use super::{Level, Record};

/// A level is looked for among so many words: behind a time, a thread, a process.
const WORDS: usize = 6;

/// How lines begin that tell of an error.
const ERRORS: &[&str] = &[
    "error:",
    "error[",
    "Error:",
    "panic:",
    "fatal:",
    "fatal error:",
    "Traceback (most recent call last)",
    "Exception in thread",
    "Uncaught ",
    "npm error",
    "npm ERR!",
];
/// How lines begin that tell of something to look at.
const WARNINGS: &[&str] = &["warning:", "warning[", "Warning:", "npm warn", "npm WARN"];

/// The record of any line.
pub(super) fn read(text: &str) -> Record {
    let text = uncoloured(text);
    let level = level(&text);
    Record { level, message: text.into_owned(), ..Record::default() }
}

fn level(text: &str) -> Option<Level> {
    let begins = |table: &[&str]| table.iter().any(|begin| text.starts_with(begin));
    if begins(ERRORS) || text.contains(" panicked at ") || is_exception(text) {
        return Some(Level::Error);
    }
    if begins(WARNINGS) {
        return Some(Level::Warn);
    }
    let words = text.split(|c: char| c.is_whitespace() || "[]():|".contains(c));
    words.filter(|word| !word.is_empty()).take(WORDS).find_map(|word| {
        let is_loud = word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase());
        is_loud.then(|| Level::parse(word)).flatten()
    })
}

/// `ValueError: …`, `java.lang.IllegalStateException: …`: a name that ends so, then a colon.
fn is_exception(text: &str) -> bool {
    let name = text.split_once(": ").map_or(text, |(name, _)| name);
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || "._$".contains(c));
    is_name && text.contains(": ") && (name.ends_with("Error") || name.ends_with("Exception"))
}

/// The text without sequences that only colour it (ECMA-48 SGR); others are left for whoever
/// escapes them.
pub(crate) fn uncoloured(text: &str) -> Cow<'_, str> {
    const BEGIN: &str = "\u{1b}[";
    if !text.contains(BEGIN) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        plain.push_str(before);
        let end = after.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':'));
        let behind = end.and_then(|end| after.get(end..)?.strip_prefix('m'));
        if behind.is_none() {
            plain.push_str(BEGIN);
        }
        rest = behind.unwrap_or(after);
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}
