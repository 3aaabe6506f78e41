//! Durations: `100ms`, `2s`, `1m30s`, `24h`. Nanosecond resolution, at most [`DAYS_MAX`] days.

use std::fmt::Write as _;
use std::time::Duration;

/// Longest duration that a configuration can name: ten years. Longer ones are typing errors.
const DAYS_MAX: u64 = 3_650;

/// Units from long to short, in nanoseconds; printing uses the same table.
const UNITS: &[(&str, u64)] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// A number without unit.
    #[error("a duration needs a unit: `{0}ms`, `{0}s`, `{0}m`, `{0}h` or `{0}d`")]
    NoUnit(String),
    /// A unit that does not exist.
    #[error("`{0}` is not a unit of time: use ns, us, ms, s, m, h or d")]
    Unit(String),
    /// Not a number at all.
    #[error("`{0}` is not a duration such as `250ms` or `1m30s`")]
    Number(String),
    /// Longer than ten years.
    #[error("a duration is at most {DAYS_MAX} days")]
    TooLong,
}

/// Parses `250ms`, `1.5s` or `1m30s`. `0` needs no unit.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(InvalidDuration::Number(text.to_owned()));
    }
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let (part, after) = take_part(rest, text)?;
        nanos += part;
        rest = after;
    }
    let limit = u128::from(DAYS_MAX) * 86_400_000_000_000;
    if nanos > limit {
        return Err(InvalidDuration::TooLong);
    }
    let nanos = u64::try_from(nanos).map_err(|_| InvalidDuration::TooLong)?;
    Ok(Duration::from_nanos(nanos))
}

/// Reads one `<number><unit>` and returns its nanoseconds and what follows.
fn take_part<'a>(rest: &'a str, whole: &str) -> Result<(u128, &'a str), InvalidDuration> {
    let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    let (number, after) = rest.split_at(digits);
    if number.is_empty() {
        return Err(InvalidDuration::Number(whole.to_owned()));
    }
    let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
    let (unit, after) = after.split_at(letters);
    if unit.is_empty() {
        return Err(InvalidDuration::NoUnit(number.to_owned()));
    }
    let scale = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, nanos)| *nanos)
        .ok_or_else(|| InvalidDuration::Unit(unit.to_owned()))?;
    let nanos = scaled(number, scale).ok_or_else(|| InvalidDuration::Number(whole.to_owned()))?;
    Ok((nanos, after))
}

/// `number × scale` in exact integer arithmetic; digits below one nanosecond are dropped.
fn scaled(number: &str, scale: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() > 18 || fraction.len() > 18 || fraction.contains('.') {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let tens = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    Some(whole * u128::from(scale) + part * u128::from(scale) / tens)
}

/// Prints a duration so that [`parse_duration`] reads the same one: `1m30s`, `250ms`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let mut nanos = duration.as_nanos();
    let mut text = String::new();
    for (unit, scale) in UNITS {
        let count = nanos / u128::from(*scale);
        if count > 0 {
            let _ = write!(text, "{count}{unit}"); // writing to a String cannot fail
            nanos -= count * u128::from(*scale);
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums_of_numbers_with_units() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("5"), Err(InvalidDuration::NoUnit("5".into())));
        assert_eq!(parse_duration("5 parsecs"), Err(InvalidDuration::NoUnit("5".into())));
        assert_eq!(parse_duration("5min"), Err(InvalidDuration::Unit("min".into())));
        assert_eq!(parse_duration("9999999d"), Err(InvalidDuration::TooLong));
    }

    proptest::proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(nanos in 0_u64..315_360_000_000_000_000) {
            let duration = Duration::from_nanos(nanos);
            proptest::prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse_duration(&text);
        }
    }
}
