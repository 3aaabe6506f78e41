//! What data looks like to a person: one file per screen, from the documents of the control API to
//! lines. Nothing here asks or prints; verbs do.

pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod logs;
pub(crate) mod resilience;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod traces;
pub(crate) mod up;

/// A time span as people read it: `850µs`, `3.4ms`, `1.9s`, `2m10s`. What would be rounded up to a
/// whole larger unit is written in that.
pub(crate) fn span_ms(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 0.9995 => format!("{:.0}µs", ms * 1_000.0),
        ms if ms < 9.95 => format!("{ms:.1}ms"),
        ms if ms < 999.5 => format!("{ms:.0}ms"),
        ms if ms < 59_950.0 => format!("{:.1}s", ms / 1_000.0),
        ms => age((ms / 1_000.0).round()),
    }
}

/// How long something has lasted: `12s`, `2m10s`, `3h5m`, `4d2h`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an age is a small number of seconds"
)]
pub(crate) fn age(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m{}s", seconds % 60),
        3_600..86_400 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

/// The time of day of an RFC 3339 time, with milliseconds.
pub(crate) fn time_of_day(rfc3339: &str) -> String {
    let time = rfc3339.split_once('T').map_or(rfc3339, |(_, time)| time);
    let time = time.trim_end_matches('Z');
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    format!("{whole}.{:0<3}", fraction.chars().take(3).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(
            [0.4, 3.44, 12.6, 1_900.0, 130_000.0].map(span_ms),
            ["400µs", "3.4ms", "13ms", "1.9s", "2m10s"]
        );
        assert_eq!([0.9997, 9.97, 999.7, 59_990.0].map(span_ms), ["1.0ms", "10ms", "1.0s", "1m0s"]);
        assert_eq!([12.0, 3_660.0, 180_000.0].map(age), ["12s", "1h1m", "2d2h"]);
        assert_eq!(time_of_day("2026-01-31T12:03:41.2200001Z"), "12:03:41.220");
        assert_eq!(time_of_day("2026-01-31T12:03:41Z"), "12:03:41.000");
    }
}
