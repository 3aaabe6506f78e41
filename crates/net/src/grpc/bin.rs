//! Base64 for the binary values of metadata, and the small protobuf of a detailed status.
//!
//! A key that ends in `-bin` carries base64, padded or not. Its value in `grpc-status-details-bin`
//! is a `google.rpc.Status`; the only detail we speak of is `google.rpc.RetryInfo`: when to come
//! again. That is few enough fields to read and write them by hand.

use std::time::Duration;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
/// Larger details are not looked at.
const DETAILS_BYTES_MAX: usize = 8 << 10;

/// Unpadded, as the protocol asks senders.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0_u8; 4];
        for (place, byte) in group.iter_mut().skip(1).zip(chunk) {
            *place = *byte;
        }
        let number = u32::from_be_bytes(group);
        for index in 0..=chunk.len() {
            let six = (number >> (18 - 6 * index)) & 0x3f;
            text.push(char::from(ALPHABET.get(six as usize).copied().unwrap_or_default()));
        }
    }
    text
}

pub(super) fn unbase64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii_end();
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let text = text.get(..end)?;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.chunks(4) {
        let mut number = 0_u32;
        for (index, byte) in chunk.iter().enumerate() {
            let six = ALPHABET.iter().position(|known| known == byte)?;
            number |= u32::try_from(six).ok()? << (18 - 6 * index);
        }
        let [_, group @ ..] = number.to_be_bytes();
        bytes.extend_from_slice(group.get(..chunk.len().checked_sub(1).filter(|n| *n > 0)?)?);
    }
    Some(bytes)
}

/// A `google.rpc.Status` that tells when to come again.
pub(super) fn retry_details(code: u32, message: &str, after: Duration) -> Vec<u8> {
    let mut duration = Vec::new();
    put_number(&mut duration, 1, after.as_secs());
    put_number(&mut duration, 2, after.subsec_nanos().into());
    let mut retry = Vec::new();
    put_bytes(&mut retry, 1, &duration);
    let mut any = Vec::new();
    put_bytes(&mut any, 1, RETRY_INFO.as_bytes());
    put_bytes(&mut any, 2, &retry);
    let mut status = Vec::new();
    put_number(&mut status, 1, code.into());
    put_bytes(&mut status, 2, message.as_bytes());
    put_bytes(&mut status, 3, &any);
    status
}

/// When to come again, if a `google.rpc.Status` tells it.
pub(super) fn retry_after(status: &[u8]) -> Option<Duration> {
    if status.len() > DETAILS_BYTES_MAX {
        return None;
    }
    let detail = Fields(status).filter(|(number, _)| *number == 3).find_map(|(_, any)| {
        let Part::Bytes(any) = any else { return None };
        let is_retry = Fields(any)
            .any(|(number, part)| number == 1 && part == Part::Bytes(RETRY_INFO.as_bytes()));
        if !is_retry {
            return None;
        }
        Fields(any).find_map(|(number, part)| match part {
            Part::Bytes(bytes) if number == 2 => Some(bytes),
            _ => None,
        })
    })?;
    let delay = Fields(detail).find_map(|(number, part)| match part {
        Part::Bytes(bytes) if number == 1 => Some(bytes),
        _ => None,
    });
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields(delay.unwrap_or_default()) {
        match field {
            (1, Part::Number(number)) => seconds = number,
            (2, Part::Number(number)) => nanos = number,
            _ => {}
        }
    }
    // A negative delay arrives as a number beyond all that is sensible.
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    i64::try_from(seconds).ok().map(|_| Duration::new(seconds, nanos))
}

fn put_varint(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}

fn put_number(into: &mut Vec<u8>, field: u8, number: u64) {
    if number != 0 {
        into.push(field << 3);
        put_varint(into, number);
    }
}

fn put_bytes(into: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    into.push(field << 3 | 2);
    put_varint(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

#[derive(PartialEq)]
enum Part<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message; it ends where it cannot be read on.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Part<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let tag = take_varint(&mut self.0)?;
            match tag & 7 {
                0 => return Some((tag >> 3, Part::Number(take_varint(&mut self.0)?))),
                1 => self.0 = self.0.get(8..)?,
                2 => {
                    let length = usize::try_from(take_varint(&mut self.0)?).ok()?;
                    let (bytes, rest) = self.0.split_at_checked(length)?;
                    self.0 = rest;
                    return Some((tag >> 3, Part::Bytes(bytes)));
                }
                5 => self.0 = self.0.get(4..)?,
                _ => return None,
            }
        }
    }
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..70).step_by(7) {
        let (byte, more) = rest.split_first()?;
        *rest = more;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_is_that_of_rfc_4648_without_padding() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(unbase64(text.as_bytes()).unwrap(), bytes.as_bytes());
        }
        assert_eq!(unbase64(b"Zg==").unwrap(), b"f");
        assert_eq!(unbase64(b"Z"), None);
        assert_eq!(unbase64(b"Z!=="), None);
    }

    #[test]
    fn when_to_come_again_is_told_and_read() {
        let details = retry_details(8, "full", Duration::from_millis(2_500));
        assert_eq!(retry_after(&details), Some(Duration::from_millis(2_500)));
        assert_eq!(retry_after(&[]), None);
        assert_eq!(retry_after(&retry_details(8, "", Duration::ZERO)), Some(Duration::ZERO));
    }

    proptest! {
        #[test]
        fn any_bytes_come_back_and_no_details_panic(bytes: Vec<u8>) {
            prop_assert_eq!(unbase64(base64(&bytes).as_bytes()).unwrap(), bytes.clone());
            let _ = retry_after(&bytes);
            let _ = unbase64(&bytes);
        }
    }
}
