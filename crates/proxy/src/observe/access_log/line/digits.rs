//! Numbers, addresses and moments as text, for every line of a busy log.
//!
//! The same texts as `Display` gives, at a fraction of its cost: a line has some forty of them, and
//! formatting them one by one costs as much as forwarding a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use time::OffsetDateTime;
use trunkline_model::trace::write_hex;

/// Room for the longest of these texts: an id of 16 bytes.
const ROOM_BYTES: usize = 32;

/// A text under construction; always ASCII, and never longer than its room.
struct Ascii {
    room: [u8; ROOM_BYTES],
    end: usize,
}

impl Ascii {
    fn new() -> Self {
        Self { room: [0; ROOM_BYTES], end: 0 }
    }

    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.room.get_mut(self.end) {
            *place = byte;
            self.end += 1;
        }
    }

    fn number(&mut self, value: u64) {
        let digits = value.checked_ilog10().unwrap_or(0) as usize + 1;
        self.padded(value, digits);
    }

    /// The last digits of a number, zeros first.
    fn padded(&mut self, mut value: u64, digits: usize) {
        let end = ROOM_BYTES.min(self.end + digits);
        for place in self.room.get_mut(self.end..end).unwrap_or_default().iter_mut().rev() {
            *place = b'0' + u8::try_from(value % 10).unwrap_or(0);
            value /= 10;
        }
        self.end = end;
    }

    fn push_to(&self, into: &mut String) {
        let text = self.room.get(..self.end).unwrap_or_default();
        into.push_str(std::str::from_utf8(text).unwrap_or_default());
    }
}

/// Appends a number.
pub(super) fn number(value: u64, into: &mut String) {
    let mut text = Ascii::new();
    text.number(value);
    text.push_to(into);
}

/// Appends a duration in milliseconds with three decimals.
pub(super) fn millis(duration: Duration, into: &mut String) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let mut text = Ascii::new();
    text.number(micros / 1_000);
    text.byte(b'.');
    text.padded(micros % 1_000, 3);
    text.push_to(into);
}

/// Appends an address.
pub(super) fn address(address: IpAddr, into: &mut String) {
    use std::fmt::Write as _;
    match address {
        IpAddr::V4(address) => v4(address).push_to(into),
        // Writing to a `String` cannot fail.
        IpAddr::V6(address) => drop(write!(into, "{address}")),
    }
}

fn v4(address: Ipv4Addr) -> Ascii {
    let mut text = Ascii::new();
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            text.byte(b'.');
        }
        text.number(octet.into());
    }
    text
}

/// Appends an address with its port.
pub(super) fn socket(socket: SocketAddr, into: &mut String) {
    use std::fmt::Write as _;
    match socket {
        SocketAddr::V4(socket) => {
            let mut text = v4(*socket.ip());
            text.byte(b':');
            text.number(socket.port().into());
            text.push_to(into);
        }
        SocketAddr::V6(socket) => drop(write!(into, "{socket}")),
    }
}

/// Appends an id of at most 16 bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8], into: &mut String) {
    let mut text = Ascii::new();
    write_hex(bytes, &mut text.room);
    text.end = ROOM_BYTES.min(bytes.len() * 2);
    text.push_to(into);
}

/// Appends a moment in UTC: `2026-01-31T12:00:00.123456Z`.
pub(super) fn iso(unix_nanos: u64, into: &mut String) {
    let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_nanos)) else {
        return;
    };
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let mut text = Ascii::new();
    // No time of 64 bits of nanoseconds is before 1970 or after 2554.
    text.padded(u64::try_from(year).unwrap_or_default(), 4);
    for (before, value) in
        [(b'-', u8::from(month)), (b'-', day), (b'T', hour), (b':', minute), (b':', second)]
    {
        text.byte(before);
        text.padded(value.into(), 2);
    }
    text.byte(b'.');
    text.padded(time.microsecond().into(), 6);
    text.byte(b'Z');
    text.push_to(into);
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
