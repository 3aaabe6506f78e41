//! Names of operations that explode: what differs in every call is replaced by what it is.
//!
//! A name with an id in it makes a series for each id. Such names are grouped by their words, in the
//! manner of Drain (He et al., ICWS 2017), without its tree: a word that holds a number, a UUID, hex
//! digits or a token becomes a placeholder, everything else stays. One pass, no regular expression,
//! no memory of what came before. Names that are groups already stay as they are.
//!
//! What words of letters alone differ by (user names, towns) is not seen; limits of series are for
//! that.

use super::NAME_BYTES_MAX;

/// Stands for a number.
const NUMBER: &str = "{n}";
/// Stands for anything else that names one thing.
const ID: &str = "{id}";
/// Stands for a literal, within its quotes.
const LITERAL: &str = "'{s}'";

/// A word from this length on that has a digit is a token.
const TOKEN_BYTES_MIN: usize = 16;
/// Hex digits from this length on, letters and digits mixed, are an id.
const HEX_BYTES_MIN: usize = 8;
/// So many digits make a word an id: `pay123`, but not `oauth2` nor `v10`.
const DIGITS_MIN: usize = 3;
/// So many changes between letters and digits make a word an id: `a1b2`, but not `k8s`.
const CHANGES_MIN: usize = 3;
/// Bytes of a UUID, with its hyphens.
const UUID_BYTES: usize = 36;

/// Writes the group of a name to `into`, which is cleared before; at most [`NAME_BYTES_MAX`] bytes.
pub fn group(name: &str, into: &mut String) {
    into.clear();
    let mut rest = name;
    while let Some(first) = rest.bytes().next() {
        let (piece, length) = if first == b'\'' {
            literal(rest)
        } else if is_word(first) {
            word(rest)
        } else {
            // Everything up to the next word or quote; never within a character: those are words.
            let length = rest.bytes().take_while(|byte| !is_word(*byte) && *byte != b'\'').count();
            (Piece::Text(rest.get(..length).unwrap_or(rest)), length)
        };
        if !piece.write(into) {
            return;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}

#[derive(Debug, Clone, Copy)]
enum Piece<'a> {
    /// Stays; may be cut anywhere.
    Text(&'a str),
    /// Stays as a whole or not at all: a part of it might be taken for an id.
    Whole(&'a str),
    /// Stands for what was there; as a whole or not at all.
    Placeholder(&'static str),
}

impl Piece<'_> {
    /// Whether there is room for more.
    fn write(self, into: &mut String) -> bool {
        let room = NAME_BYTES_MAX.saturating_sub(into.len());
        match self {
            Self::Text(text) => {
                let length = text.floor_char_boundary(room);
                into.push_str(text.get(..length).unwrap_or_default());
                length == text.len()
            }
            Self::Placeholder(text) => {
                if continues_list(into, text) {
                    // Of `1, 2, 3` one is enough: lists differ in their length as well.
                    let length = into.trim_end_matches(' ').len() - 1;
                    into.truncate(length);
                    return true;
                }
                whole(text, room, into)
            }
            Self::Whole(text) => whole(text, room, into),
        }
    }
}

fn whole(text: &str, room: usize, into: &mut String) -> bool {
    let fits = text.len() <= room;
    if fits {
        into.push_str(text);
    }
    fits
}

fn continues_list(written: &str, placeholder: &str) -> bool {
    let before = written.strip_suffix(' ').unwrap_or(written).strip_suffix(',');
    before.is_some_and(|before| before.ends_with(placeholder))
}

/// Bytes of words: characters beyond ASCII count as letters.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// A quoted literal, if it ends; the text begins with its quote.
fn literal(text: &str) -> (Piece<'_>, usize) {
    match text.get(1..).and_then(|rest| rest.find('\'')) {
        Some(length) => (Piece::Placeholder(LITERAL), length + 2),
        // There is no further quote: nobody looks for one again.
        None => (Piece::Text(text.get(..1).unwrap_or_default()), 1),
    }
}

/// The word that the text begins with.
fn word(text: &str) -> (Piece<'_>, usize) {
    if is_uuid(text.as_bytes()) {
        return (Piece::Placeholder(ID), UUID_BYTES);
    }
    let mut seen = Seen::default();
    let length =
        text.bytes().take_while(|byte| is_word(*byte)).inspect(|byte| seen.take(*byte)).count();
    let same = text.get(..length).unwrap_or(text);
    let piece = match seen.placeholder(length) {
        Some(placeholder) => Piece::Placeholder(placeholder),
        None if seen.digits > 0 => Piece::Whole(same),
        None => Piece::Text(same),
    };
    (piece, length)
}

/// What a word is made of.
#[derive(Debug, Default)]
struct Seen {
    digits: usize,
    changes: usize,
    not_hex: bool,
    last_digit: Option<bool>,
}

impl Seen {
    fn take(&mut self, byte: u8) {
        let digit = byte.is_ascii_digit();
        self.digits += usize::from(digit);
        self.not_hex |= !byte.is_ascii_hexdigit();
        self.changes += usize::from(self.last_digit.is_some_and(|last| last != digit));
        self.last_digit = Some(digit);
    }

    fn placeholder(&self, length: usize) -> Option<&'static str> {
        if self.digits == 0 {
            return None;
        }
        if self.digits == length {
            return Some(NUMBER);
        }
        let id = self.digits >= DIGITS_MIN
            || self.changes >= CHANGES_MIN
            || length >= TOKEN_BYTES_MIN
            || (length >= HEX_BYTES_MIN && !self.not_hex);
        id.then_some(ID)
    }
}

/// Whether a text begins with a UUID that is no part of a longer word.
fn is_uuid(text: &[u8]) -> bool {
    let Some((uuid, rest)) = text.split_at_checked(UUID_BYTES) else { return false };
    let fits = |(place, byte): (usize, &u8)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    uuid.iter().enumerate().all(fits) && !rest.first().is_some_and(|byte| is_word(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grouped(name: &str) -> String {
        let mut into = String::from("of before");
        group(name, &mut into);
        into
    }

    #[test]
    fn what_names_one_thing_becomes_a_placeholder() {
        let check = |name: &str, expected: &str| assert_eq!(grouped(name), expected);
        check("GET /orders/8812", "GET /orders/{n}");
        check("GET /orders/8812/lines/3", "GET /orders/{n}/lines/{n}");
        check("user 550e8400-e29b-41d4-a716-446655440000 left", "user {id} left");
        check("GET /pay/pay_8f3a1c22", "GET /pay/pay_{id}");
        check("blob 9f86d081884c7d65", "blob {id}");
        check("GET /u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "GET /u/{id}");
        check("GET /s/V1StGXR8_Z5jdHi6B-myT", "GET /s/{id}_{id}-myT");
        check("call 10.0.3.17:8080", "call {n}.{n}.{n}.{n}:{n}");
        check(
            "SELECT * FROM t WHERE id IN (1, 2,3, 44) AND n = 'bob'",
            "SELECT * FROM t WHERE id IN ({n}) AND n = '{s}'",
        );
        check("bob's 1 order", "bob's {n} order");
    }

    #[test]
    fn words_stay() {
        for name in [
            "",
            "GET /v1/orders",
            "k8s.list",
            "oauth2/token",
            "i18n",
            "HTTP2",
            "s3.PutObject",
            "größe messen",
            "{n}",
            "/a/{id}",
            "don't",
            "deadbeef",
        ] {
            assert_eq!(grouped(name), name);
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = "ä".repeat(NAME_BYTES_MAX);
        assert_eq!(grouped(&long).len(), NAME_BYTES_MAX);
        let numbers = "1/".repeat(NAME_BYTES_MAX);
        let told = grouped(&numbers);
        assert!(told.len() <= NAME_BYTES_MAX && told.starts_with("{n}/{n}/"));
    }

    fn names() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[a-zA-Z]{0,9}",
            "[0-9]{0,9}",
            "[0-9a-f]{0,20}",
            "[ /,'{}n:.-]{0,4}",
            "\\PC{0,3}",
            Just("550e8400-e29b-41d4-a716-446655440000".to_owned()),
            Just("{n}".to_owned()),
            Just("{id}".to_owned()),
            Just("'{s}'".to_owned())
        ];
        prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn grouping_is_idempotent_and_bounded(name in names()) {
            let once = grouped(&name);
            prop_assert!(once.len() <= NAME_BYTES_MAX);
            prop_assert_eq!(grouped(&once), once);
        }

        #[test]
        fn names_that_differ_by_numbers_are_one_group(a in 0_u64.., b in 0_u64.., word in "[a-z]{1,12}") {
            prop_assert_eq!(grouped(&format!("{word}/{a}/end")), grouped(&format!("{word}/{b}/end")));
        }
    }

    /// Every byte is looked at a bounded number of times, so ten times the length takes about ten
    /// times as long, whatever the bytes are. Only the time of this thread counts.
    #[test]
    fn grouping_is_linear() {
        use rustix::time::{ClockId, Timespec, clock_gettime};
        let nanos = |time: Timespec| time.tv_sec * 1_000_000_000 + time.tv_nsec;
        let cpu = || nanos(clock_gettime(ClockId::ThreadCPUTime));
        for bytes in
            ["'", "a", "1", "a1", "0-", "1,", "550e8400-e29b-41d4-a716-44665544000", "' '", "ä"]
        {
            let time = |length: usize| {
                let name = bytes.repeat(length / bytes.len());
                let (mut into, start) = (String::new(), cpu());
                group(std::hint::black_box(&name), &mut into);
                cpu() - start
            };
            time(20_000);
            let (short, long) = (time(20_000), time(200_000));
            // A quadratic one takes a hundred times as long.
            assert!(long < short * 40 + 10_000_000, "{bytes:?}: {short}, {long}");
        }
    }
}
