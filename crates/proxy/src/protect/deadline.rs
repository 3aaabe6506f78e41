//! How long the caller still waits, as it says: `grpc-timeout`, and `x-request-deadline` with the
//! time in milliseconds since 1970.
//!
//! A deadline only ever shortens a limit. The service is told what is left, so that it can stop in
//! time, and what it passes on stops too.

use std::time::Duration;

use trunkline_net::http::Head;

const GRPC: &str = "grpc-timeout";
const ABSOLUTE: &str = "x-request-deadline";

/// What is left of the caller's patience at `now`, in nanoseconds since 1970; `None` if it says
/// nothing that can be read.
pub(super) fn left(head: &Head, now: impl Fn() -> u64) -> Option<Duration> {
    let grpc = head.get_text(GRPC).and_then(parse_grpc);
    let absolute = head.get_text(ABSOLUTE).and_then(|text| text.trim().parse().ok());
    let absolute = absolute.map(|at| Duration::from_millis(at).saturating_sub(nanos(now())));
    match (grpc, absolute) {
        (Some(grpc), Some(absolute)) => Some(grpc.min(absolute)),
        (one, other) => one.or(other),
    }
}

/// Tells the service what is left, where the caller told us.
pub(super) fn pass_on(head: &mut Head, left: Duration, now: impl Fn() -> u64) {
    if head.has(GRPC) {
        // At most eight digits (gRPC over HTTP/2, "Requests"): milliseconds for up to a day.
        let millis = left.as_millis().clamp(1, 99_999_999);
        head.set(GRPC, format!("{millis}m").as_bytes());
    }
    if head.has(ABSOLUTE) {
        let at = nanos(now()) + left;
        head.set(ABSOLUTE, at.as_millis().to_string().as_bytes());
    }
}

const fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// One to eight digits and a unit.
fn parse_grpc(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let digits = (1..=8).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| digits)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_of_grpc_are_read() {
        let check = |text, expect: Option<u64>| {
            assert_eq!(parse_grpc(text).map(|time| time.as_millis()), expect.map(u128::from));
        };
        check("250m", Some(250));
        check("2S", Some(2_000));
        check("1H", Some(3_600_000));
        check("5000u", Some(5));
        for wrong in ["", "m", "5", "-1m", "123456789m", "1 m", "5x"] {
            check(wrong, None);
        }
    }
}
