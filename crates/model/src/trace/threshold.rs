//! The rejection threshold of OpenTelemetry's consistent probability sampling.
//!
//! A trace has 56 random bits; who samples a share keeps the traces whose bits are not below its
//! threshold. So everybody who keeps a greater share keeps these traces too, and whoever reads the
//! threshold of a span knows how many spans it stands for. It travels as `ot=th:…` in `tracestate`.

use std::fmt;

use super::{TraceId, hex_digit};
use crate::units::Share;

/// Bits of a threshold.
const BITS: u32 = 56;
/// One more than the greatest threshold.
const WHOLE: u64 = 1 << BITS;
/// Digits of a threshold that is not cut.
const DIGITS: usize = 14;
/// Digits that are written beyond those that are `f`: what the specification recommends.
const PRECISION: u32 = 4;
/// Shares are counted in so many parts.
const PARTS: u128 = Share::ALL.basis_points() as u128;

/// How many of 2^56 traces are left out. Never all of them: that is no probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Threshold(u64);

/// A threshold as it is written; at most 14 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Digits {
    bytes: [u8; DIGITS],
    length: usize,
}

impl Threshold {
    /// Nothing is left out.
    pub const NONE: Self = Self(0);

    /// The threshold of a share, as exact as four digits beyond the leading `f` are; `None` for a
    /// share of nothing.
    pub fn of(share: Share) -> Option<Self> {
        if share == Share::NONE {
            return None;
        }
        let rejected = u128::from(Share::ALL.basis_points() - share.basis_points());
        let exact = ((rejected << BITS) + PARTS / 2) / PARTS;
        let exact = u64::try_from(exact).ok().filter(|exact| *exact < WHOLE)?;
        // The first 8 of 64 bits are not the threshold's.
        let leading = (exact << 8).leading_ones() / 4;
        let cut = BITS.saturating_sub(4 * (leading + PRECISION));
        let half = (1_u64 << cut) >> 1;
        Some(Self(((exact + half) >> cut << cut).min(WHOLE - 1)))
    }

    /// Reads 1 to 14 lower-case hex digits; those that are not there are zeros.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() > DIGITS {
            return None;
        }
        let digits = text
            .iter()
            .try_fold(0, |number, byte| Some((number << 4) | u64::from(hex_digit(*byte)?)))?;
        Some(Self(digits << (4 * (DIGITS - text.len()))))
    }

    /// Whether a trace with these 56 random bits is kept.
    pub const fn keeps(self, randomness: u64) -> bool {
        randomness >= self.0
    }

    /// How many traces one that was kept stands for; at least 1.
    #[expect(clippy::cast_precision_loss, reason = "a count of traces needs no 56 bits")]
    pub fn adjusted_count(self) -> f64 {
        WHOLE as f64 / (WHOLE - self.0) as f64
    }

    /// As it is written: without the zeros at its end.
    pub fn digits(self) -> Digits {
        let mut bytes = [0; 2 * 7];
        let [_, number @ ..] = self.0.to_be_bytes();
        super::write_hex(&number, &mut bytes);
        let zeros = bytes.iter().rev().take_while(|digit| **digit == b'0').count();
        Digits { bytes, length: (DIGITS - zeros).max(1) }
    }
}

impl Digits {
    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(self.digits().as_bytes()).unwrap_or_default())
    }
}

impl TraceId {
    /// Its 56 random bits: the last seven bytes (W3C Trace Context level 2, §3.2.2.3). Whoever made
    /// an id without randomness samples what it likes.
    pub fn randomness(&self) -> u64 {
        let [_, _, _, _, _, _, _, _, tail @ ..] = *self.bytes();
        u64::from_be_bytes(tail) & (WHOLE - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(share: &str) -> String {
        Threshold::of(share.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn thresholds_are_those_of_the_specification() {
        for (share, digits) in [
            ("100%", "0"),
            ("50%", "8"),
            ("33.33%", "aaad"),
            ("25%", "c"),
            ("20%", "cccd"),
            ("12.5%", "e"),
            ("10%", "e666"),
            ("6.25%", "f"),
            ("1%", "fd70a"),
            ("0.1%", "ffbe77"),
            ("0.01%", "fff9724"),
        ] {
            assert_eq!(written(share), digits, "{share}");
        }
        assert_eq!(Threshold::of(Share::NONE), None);
    }

    #[test]
    fn only_lower_case_hex_of_at_most_14_digits_is_a_threshold() {
        assert_eq!(Threshold::parse(b"0"), Some(Threshold::NONE));
        assert_eq!(Threshold::parse(b"c"), Threshold::of("25%".parse().unwrap()));
        assert_eq!(Threshold::parse(b"c0000000000000"), Threshold::parse(b"c"));
        for wrong in [&b""[..], b"g", b"C", b"c00000000000000", b" c", b"-1"] {
            assert_eq!(Threshold::parse(wrong), None);
        }
    }

    #[test]
    fn a_trace_that_was_kept_stands_for_those_that_were_not() {
        let count = |text: &str| Threshold::of(text.parse().unwrap()).unwrap().adjusted_count();
        assert!((count("100%") - 1.0).abs() < 1e-9 && (count("25%") - 4.0).abs() < 1e-9);
        assert!((count("0.01%") - 10_000.0).abs() < 1.0);
    }

    #[test]
    fn the_last_seven_bytes_are_random() {
        let id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        assert_eq!(id.randomness(), 0x00ce_929d_0e0e_4736);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 0..WHOLE) {
            let threshold = Threshold(number);
            prop_assert_eq!(Threshold::parse(threshold.to_string().as_bytes()), Some(threshold));
        }

        #[test]
        fn a_greater_share_keeps_what_a_smaller_one_kept(
            a in 1_u16..=10_000, b in 1_u16..=10_000, randomness in 0..WHOLE,
        ) {
            let of = |points| Threshold::of(Share::from_basis_points(points).unwrap()).unwrap();
            let (low, high) = (of(a.min(b)), of(a.max(b)));
            prop_assert!(!low.keeps(randomness) || high.keeps(randomness));
            // Four digits are exact to a part in 2^12 of what is left.
            let (wanted, had) = (f64::from(a) / 10_000.0, 1.0 / of(a).adjusted_count());
            prop_assert!((had - wanted).abs() <= wanted / 4_096.0, "{had} {wanted}");
        }
    }
}
