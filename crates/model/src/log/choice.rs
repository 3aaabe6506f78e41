//! Exchanges that have a line in any case: `status >= 500 or duration > 1s`.
//!
//! Conditions joined by `or`, each a field, a comparison and a value; or the word `failed`, for
//! whatever did not end as it should. More is the business of whoever reads the log.

use std::str::FromStr;
use std::time::Duration;

use crate::record::{End, ExchangeRecord};
use crate::units::parse_duration;

/// Most conditions of a choice.
const CONDITIONS_MAX: usize = 16;

/// Those that fulfil one of these; none if it is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Always(Vec<Condition>);

/// One condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The status sent is in this range.
    Status(u16, u16),
    /// It took at least so long, in microseconds.
    LongerThan(u128),
    /// It was not answered to the end.
    Failed,
}

/// Why a text is no choice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` is not a condition")]
pub struct InvalidAlways {
    /// The part that is not understood.
    pub part: String,
}

impl Always {
    /// Whether this one has a line in any case.
    pub fn takes(&self, record: &ExchangeRecord) -> bool {
        self.0.iter().any(|condition| match *condition {
            Condition::Status(from, to) => (from..=to).contains(&record.status),
            Condition::LongerThan(micros) => record.duration.as_micros() >= micros,
            Condition::Failed => record.end != End::Complete,
        })
    }
}

impl FromStr for Always {
    type Err = InvalidAlways;

    fn from_str(text: &str) -> Result<Self, InvalidAlways> {
        let parts: Vec<_> = text.split(" or ").collect();
        if parts.len() > CONDITIONS_MAX {
            return Err(InvalidAlways { part: text.chars().take(60).collect() });
        }
        let one =
            |part: &str| condition(part).ok_or_else(|| InvalidAlways { part: part.trim().into() });
        parts.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }
}

fn condition(part: &str) -> Option<Condition> {
    let mut words = part.split_whitespace();
    let (field, rest) = (words.next()?, [words.next(), words.next(), words.next()]);
    match (field, rest) {
        ("failed", [None, ..]) => Some(Condition::Failed),
        ("status", [Some(comparison), Some(number), None]) => {
            let number: u16 = number.parse().ok()?;
            match comparison {
                ">=" => Some(Condition::Status(number, u16::MAX)),
                ">" => Some(Condition::Status(number.checked_add(1)?, u16::MAX)),
                "<=" => Some(Condition::Status(0, number)),
                "<" => Some(Condition::Status(0, number.checked_sub(1)?)),
                "==" | "=" => Some(Condition::Status(number, number)),
                _ => None,
            }
        }
        ("duration", [Some(comparison), Some(limit), None]) => {
            let limit: Duration = parse_duration(limit).ok()?;
            match comparison {
                ">=" => Some(Condition::LongerThan(limit.as_micros())),
                ">" => Some(Condition::LongerThan(limit.as_micros() + 1)),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_mistakes_are_named() {
        let always: Always = "status >= 500 or duration > 1s or failed".parse().unwrap();
        let expect =
            [Condition::Status(500, u16::MAX), Condition::LongerThan(1_000_001), Condition::Failed];
        assert_eq!(always.0, expect);
        for (text, part) in [
            ("status >= 500 or path = /a", "path = /a"),
            ("duration < 1s", "duration < 1s"),
            ("status", "status"),
            ("", ""),
            ("failed now", "failed now"),
        ] {
            let error = text.parse::<Always>().unwrap_err();
            assert_eq!(error.part, part);
        }
    }
}
