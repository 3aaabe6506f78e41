//! Short texts that are put together without an allocation.

use trunkline_model::trace::write_hex;

/// Text of at most `N` bytes.
pub(super) struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(super) const fn len(&self) -> usize {
        self.length
    }

    /// Adds all of it or, if there is no room, nothing.
    pub(super) fn push(&mut self, part: &[u8]) -> bool {
        let Some(place) = self.bytes.get_mut(self.length..self.length + part.len()) else {
            return false;
        };
        place.copy_from_slice(part);
        self.length += part.len();
        true
    }

    /// Adds the lower-case hex digits of these bytes.
    pub(super) fn push_hex(&mut self, bytes: &[u8]) -> bool {
        let end = self.length + 2 * bytes.len();
        let Some(place) = self.bytes.get_mut(self.length..end) else { return false };
        write_hex(bytes, place);
        self.length = end;
        true
    }

    /// Adds a number in decimal digits.
    pub(super) fn push_decimal(&mut self, mut number: u64) -> bool {
        /// Digits of the greatest number.
        const MOST: usize = 20;
        let mut digits = [b'0'; MOST];
        let mut count = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            count += 1;
            if number == 0 {
                break;
            }
        }
        self.push(digits.get(MOST - count..).unwrap_or_default())
    }
}

/// A number of 1 to `most` hex digits, upper or lower case.
pub(super) fn hex_number(text: &[u8], most: usize) -> Option<u128> {
    if text.is_empty() || text.len() > most.min(32) {
        return None;
    }
    text.iter().try_fold(0_u128, |number, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some((number << 4) | u128::from(digit))
    })
}

/// A number of decimal digits alone.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_what_fits_and_nothing_else() {
        let mut text = Text::<8>::new();
        assert!(text.push(b"a=") && text.push_hex(&[0x0f, 0xf0]));
        assert!(!text.push(b"xyz") && !text.push_hex(&[1, 2]) && !text.push_decimal(100));
        assert!(text.push_decimal(42));
        assert_eq!((text.as_bytes(), text.len()), (&b"a=0ff042"[..], 8));
    }

    #[test]
    fn numbers_of_every_size_are_written_and_read() {
        for number in [0, 7, 10, 99, 1_000, u64::MAX] {
            let mut text = Text::<20>::new();
            assert!(text.push_decimal(number));
            assert_eq!(decimal(text.as_bytes()), Some(number));
        }
        for wrong in [&b""[..], b"-1", b"+1", b" 1", b"18446744073709551616", b"1a"] {
            assert_eq!(decimal(wrong), None);
        }
        assert_eq!(hex_number(b"fF", 16), Some(255));
        for wrong in [&b""[..], b"0x1", b"g", b"12345678901234567"] {
            assert_eq!(hex_number(wrong, 16), None);
        }
        assert_eq!(hex_number(&[b'f'; 33], 99), None);
    }
}
