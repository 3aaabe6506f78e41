//! Time as RFC 3339 text, both ways, for the proleptic Gregorian calendar from 1970 to 9999.
//!
//! The arithmetic counts days in years that begin in March, so that the leap day is a year's last.

use std::time::{SystemTime, UNIX_EPOCH};

pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// `2024-02-29T12:34:56.789Z`.
pub fn format_ms(ms: u64) -> String {
    let (year, month, day) = date(ms / 86_400_000);
    let (second, milli) = (ms / 1000 % 86_400, ms % 1000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// A minute since 1970 as `2024-02-29T12:34:00Z`.
pub fn format_minute(minute: u64) -> String {
    format_ms(minute * 60_000).replace(".000Z", "Z")
}

/// The minute since 1970 that an RFC 3339 time lies in, if it is one and not before 1970.
pub fn parse_minute(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if bytes.len() < 20 || bytes.len() > 40 || separators.iter().any(|(at, byte)| bytes[*at] != *byte) {
        return None;
    }
    let number = |from: usize, to: usize| digits(bytes.get(from..to)?);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1;
    if !in_range || day > days_of_month(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let local = (days(year, month, day) * 1440 + hour * 60 + minute) as i64;
    let offset = offset_minutes(&bytes[19..])?;
    u64::try_from(local - offset).ok()
}

/// What follows the seconds: a fraction, perhaps, and then `Z` or the distance to UTC.
fn offset_minutes(rest: &[u8]) -> Option<i64> {
    let zone = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (length > 0).then(|| &fraction[length..])?
        }
        None => rest,
    };
    match zone {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hour, minute) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let total = (hour < 24 && minute < 60).then_some((hour * 60 + minute) as i64)?;
            Some(if *sign == b'-' { -total } else { total })
        }
        _ => None,
    }
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0'))
    })
}

fn days_of_month(year: u64, month: u64) -> u64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next_month, 1) - days(year, month, 1)
}

/// Days from 1970-01-01 to a date.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    // From 0000-03-01; 719,468 days later is 1970-01-01.
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// The date that many days after 1970-01-01.
fn date(days_since: u64) -> (u64, u64, u64) {
    let mut year = 1970 + days_since / 366;
    while days(year + 1, 1, 1) <= days_since {
        year += 1;
    }
    let month = (1..=12)
        .rev()
        .find(|month| days(year, *month, 1) <= days_since)
        .unwrap_or(1);
    (year, month, days_since - days(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_written_as_it_is_read() {
        for day in (0..60_000).step_by(7) {
            let text = format_ms(day * 86_400_000 + 45_296_789);
            assert_eq!(parse_minute(&text), Some(day * 1440 + 754), "{text}");
        }
        assert_eq!(format_ms(951_827_696_789), "2000-02-29T12:34:56.789Z");
        assert_eq!(format_minute(0), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn distances_to_utc_and_fractions_are_understood() {
        let utc = parse_minute("2024-02-29T12:34:56Z");
        assert!(utc.is_some());
        for same in [
            "2024-02-29T12:34:00.123456Z",
            "2024-02-29T14:34:56+02:00",
            "2024-02-29T00:04:56.5-12:30",
        ] {
            assert_eq!(parse_minute(same), utc, "{same}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "today",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00+2:00",
            "1970-01-01T00:00:00+01:00",
            "2024-01-0٣T00:00:00Z",
        ] {
            assert_eq!(parse_minute(text), None, "{text}");
        }
    }
}
