//! Numbers, addresses and moments as text, for every line of a busy log.
//!
//! The same texts as `Display` gives, at a fraction of its cost: a line has some forty of them, and
//! formatting them one by one costs as much as forwarding a request.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use time::OffsetDateTime;
use trunkline_model::trace::write_hex;

/// Digits of the greatest number.
const DIGITS_MAX: usize = 20;
/// Bytes of the longest id that is written in hexadecimal digits.
const HEX_BYTES_MAX: usize = 16;

/// Appends a number.
pub(super) fn number(mut value: u64, into: &mut String) {
    let mut room = [b'0'; DIGITS_MAX];
    let mut start = DIGITS_MAX;
    loop {
        start -= 1;
        if let Some(place) = room.get_mut(start) {
            *place = digit(value);
        }
        value /= 10;
        if value == 0 {
            break;
        }
    }
    push(room.get(start..).unwrap_or_default(), into);
}

/// Appends a duration in milliseconds with three decimals.
pub(super) fn millis(duration: Duration, into: &mut String) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    number(micros / 1_000, into);
    into.push('.');
    padded::<3>(micros % 1_000, into);
}

/// Appends the last digits of a number, zeros first.
fn padded<const COUNT: usize>(mut value: u64, into: &mut String) {
    let mut room = [b'0'; COUNT];
    for place in room.iter_mut().rev() {
        *place = digit(value);
        value /= 10;
    }
    push(&room, into);
}

/// Appends an address.
pub(super) fn address(address: IpAddr, into: &mut String) {
    use std::fmt::Write as _;
    let IpAddr::V4(address) = address else {
        let _ = write!(into, "{address}");
        return;
    };
    let [first, rest @ ..] = address.octets();
    number(first.into(), into);
    for octet in rest {
        into.push('.');
        number(octet.into(), into);
    }
}

/// Appends an address with its port.
pub(super) fn socket(socket: SocketAddr, into: &mut String) {
    use std::fmt::Write as _;
    if socket.is_ipv6() {
        let _ = write!(into, "{socket}");
        return;
    }
    address(socket.ip(), into);
    into.push(':');
    number(socket.port().into(), into);
}

/// Appends an id in hexadecimal digits.
pub(super) fn hex(bytes: &[u8], into: &mut String) {
    let mut room = [0; HEX_BYTES_MAX * 2];
    write_hex(bytes, &mut room);
    push(room.get(..bytes.len() * 2).unwrap_or_default(), into);
}

/// Appends a moment in UTC: `2026-01-31T12:00:00.123456Z`.
pub(super) fn iso(unix_nanos: u64, into: &mut String) {
    let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_nanos)) else {
        return;
    };
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    // No time of 64 bits of nanoseconds is before 1970 or after 2554.
    padded::<4>(u64::try_from(year).unwrap_or_default(), into);
    for (before, value) in
        [('-', u8::from(month)), ('-', day), ('T', hour), (':', minute), (':', second)]
    {
        into.push(before);
        padded::<2>(value.into(), into);
    }
    into.push('.');
    padded::<6>(time.microsecond().into(), into);
    into.push('Z');
}

fn digit(value: u64) -> u8 {
    b'0' + u8::try_from(value % 10).unwrap_or(0)
}

/// Appends digits, which are ASCII.
fn push(digits: &[u8], into: &mut String) {
    into.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::super::{ISO, moment};
    use super::*;
    use proptest::prelude::*;

    fn text(append: impl FnOnce(&mut String)) -> String {
        let mut text = String::new();
        append(&mut text);
        text
    }

    proptest! {
        #[test]
        fn the_texts_are_those_of_display(value: u64, v4: u32, v6: u128, port: u16, micros in 0_u64..1 << 50) {
            prop_assert_eq!(text(|into| number(value, into)), value.to_string());
            let (four, six): (IpAddr, IpAddr) = (std::net::Ipv4Addr::from(v4).into(), std::net::Ipv6Addr::from(v6).into());
            for ip in [four, six] {
                prop_assert_eq!(text(|into| address(ip, into)), ip.to_string());
                let with_port = SocketAddr::new(ip, port);
                prop_assert_eq!(text(|into| socket(with_port, into)), with_port.to_string());
            }
            let expect = format!("{}.{:03}", micros / 1_000, micros % 1_000);
            prop_assert_eq!(text(|into| millis(Duration::from_micros(micros), into)), expect);
            prop_assert_eq!(text(|into| hex(&v6.to_be_bytes(), into)), format!("{v6:032x}"));
            prop_assert_eq!(text(|into| iso(value, into)), text(|into| moment(value, ISO, into)));
        }
    }
}
