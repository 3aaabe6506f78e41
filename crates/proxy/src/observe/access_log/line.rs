//! How an exchange looks as a line: [`json`] for programs, [`plain`] for the readers that exist.
//!
//! Texts of callers are hostile: control characters (they forge lines and drive terminals) are
//! escaped, and each text has a limit, so that a line has one too.

mod digits;
mod json;
mod plain;

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use trunkline_model::LogFormat;
use trunkline_model::record::ExchangeRecord;

/// Longest line, in bytes, its end included.
pub const LINE_BYTES_MAX: usize = 16 << 10;

/// Longest escaped text of a caller's target, in bytes.
const TARGET_BYTES_MAX: usize = 2_048;

/// Longest escaped text of any other field, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// Attempts that a line tells of; `attempts_more` counts the others.
const ATTEMPTS_MAX: usize = 8;

/// `2026-01-31T12:00:00.123456Z`.
const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// `31/Jan/2026:12:00:00 +0000`.
const CLF: &[BorrowedFormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// `31/Jan/2026:12:00:00.123`.
const MILLIS: &[BorrowedFormatItem<'_>] = format_description!(
    "[day]/[month repr:short]/[year]:[hour]:[minute]:[second].[subsecond digits:3]"
);

/// Appends the line of a record, with its end.
pub(super) fn format(format: &LogFormat, record: &ExchangeRecord, into: &mut String) {
    let before = into.len();
    match format {
        LogFormat::Json => json::line(record, into),
        LogFormat::Clf => plain::clf(record, into),
        LogFormat::Combined => plain::combined(record, into),
        LogFormat::Httplog => plain::httplog(record, into),
        LogFormat::Template(template) => plain::template(template, record, into),
    }
    // Only a template can be longer: its fields are many, and each may be long.
    if into.len() - before >= LINE_BYTES_MAX {
        let mut end = before + LINE_BYTES_MAX - 1;
        while !into.is_char_boundary(end) {
            end -= 1;
        }
        into.truncate(end);
    }
    into.push('\n');
}

/// Appends a moment in UTC.
fn moment(unix_nanos: u64, format: &[BorrowedFormatItem<'_>], into: &mut String) {
    let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_nanos)) else {
        return;
    };
    if let Ok(text) = time.format(format) {
        into.push_str(&text);
    }
}

/// Milliseconds, or -1 for a step that was not come to.
fn whole_millis(duration: Option<Duration>) -> i64 {
    duration.map_or(-1, |duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// Appends `value` with `one` writing each character, and ends with `…` instead of exceeding
/// `bytes_max`.
fn escape(value: &str, bytes_max: usize, into: &mut String, one: fn(char, &mut String)) {
    // Nearly every text is plain and goes in as it is.
    if value.len() <= bytes_max - '…'.len_utf8() && is_plain(value.as_bytes()) {
        into.push_str(value);
        return;
    }
    let start = into.len();
    for c in value.chars() {
        let before = into.len();
        one(c, into);
        if into.len() - start > bytes_max - '…'.len_utf8() {
            into.truncate(before);
            into.push('…');
            return;
        }
    }
}

/// Whether there is nothing to escape. Looked at eight bytes at a time: a line has some twenty of
/// these texts, most of a few words.
fn is_plain(bytes: &[u8]) -> bool {
    let Some(&last) = bytes.last_chunk() else {
        return bytes.iter().all(|byte| matches!(byte, b' '..=b'!' | b'#'..=b'[' | b']'..=b'~'));
    };
    let (chunks, _) = bytes.as_chunks();
    chunks.iter().fold(special(last), |all, chunk| all | special(*chunk)) == 0
}

/// Not 0 if one of the bytes is a quote, a backslash, a control character, or not of ASCII. Borrows
/// and carries reach a byte only from one that is special itself.
fn special(bytes: [u8; 8]) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_le_bytes(bytes);
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    let above = word.wrapping_add(EACH) | word;
    (below(word, b' ') | is(b'"') | is(b'\\') | above) & HIGH_BITS
}

/// Control characters of both ranges, line and paragraph separators, and direction marks.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_is_what_needs_no_escaping(
            rest in "[ -~]{0,40}", byte in any::<u8>(), at in 0_usize..40
        ) {
            let mut bytes = rest.replace(['"', '\\'], "a").into_bytes();
            prop_assert!(is_plain(&bytes));
            bytes.insert(at.min(bytes.len()), byte);
            let plain = (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
            prop_assert_eq!(is_plain(&bytes), plain);
        }

        #[test]
        fn plain_is_the_same_for_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..30)) {
            let plain = |byte: &u8| matches!(byte, b' '..=b'!' | b'#'..=b'[' | b']'..=b'~');
            prop_assert_eq!(is_plain(&bytes), bytes.iter().all(plain));
        }
    }
}
