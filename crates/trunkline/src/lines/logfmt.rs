//! A line of `key=value` pairs, as Go's `slog` and many others write: `level=INFO msg="hello you"`.

use super::Record;

/// The record of such a line; `None` unless it consists of pairs and names a level or a message.
pub(super) fn read(text: &str) -> Option<Record> {
    let mut record = Record { structured: true, ..Record::default() };
    let mut rest = text.trim();
    let mut pairs = 0;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        let (value, after) = value(after)?;
        record.take(name, value);
        rest = after.trim_start();
        pairs += 1;
    }
    (pairs > 1 && (record.level.is_some() || !record.message.is_empty())).then_some(record)
}

/// A value, quoted or not, and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(' ').unwrap_or(text.len());
        return Some((text.get(..end)?.to_owned(), text.get(end..)?));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}
