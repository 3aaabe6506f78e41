//! Rates: `20/s`, `100/10s`: so many in such a span.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use super::{InvalidDuration, format_duration, parse_duration};

/// `count` events in each `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In which span; longer than zero.
    pub per: Duration,
}

/// Why a text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRate {
    /// No slash between count and span.
    #[error("a rate is a count and a span, such as `20/s` or `100/10s`")]
    Shape,
    /// The count is not a whole number above zero.
    #[error("`{0}` is not a whole number above zero")]
    Count(String),
    /// The span is zero.
    #[error("the span of a rate cannot be zero")]
    ZeroSpan,
    /// The span is not a duration.
    #[error(transparent)]
    Span(#[from] InvalidDuration),
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (count, span) = text.split_once('/').ok_or(InvalidRate::Shape)?;
        let count = count.trim();
        let count = count.parse().map_err(|_| InvalidRate::Count(count.to_owned()))?;
        let span = span.trim();
        let bare_unit = span.starts_with(|c: char| c.is_ascii_alphabetic());
        let per = parse_duration(&if bare_unit { format!("1{span}") } else { span.to_owned() })?;
        if per.is_zero() {
            return Err(InvalidRate::ZeroSpan);
        }
        Ok(Self { count, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = format_duration(self.per);
        let unit = span.strip_prefix('1').filter(|unit| unit.chars().all(char::is_alphabetic));
        write!(f, "{}/{}", self.count, unit.unwrap_or(&span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, printed: &str) {
        assert_eq!(text.parse::<Rate>().map(|rate| rate.to_string()), Ok(printed.to_owned()));
    }

    #[test]
    fn rates_read_and_print() {
        check("20/s", "20/s");
        check("100 / 10s", "100/10s");
        check("5/1m", "5/m");
        check("5/1m30s", "5/1m30s");
        assert_eq!("0/s".parse::<Rate>(), Err(InvalidRate::Count("0".into())));
        assert_eq!("20".parse::<Rate>(), Err(InvalidRate::Shape));
        assert_eq!("20/0".parse::<Rate>(), Err(InvalidRate::ZeroSpan));
    }
}
