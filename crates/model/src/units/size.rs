//! Sizes in bytes: `512`, `64KiB`, `16MiB`, `1GB`.

use std::fmt;
use std::str::FromStr;

use super::split_unit;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Units and their bytes, from large to small. Binary and decimal units both mean what they say.
const UNITS: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("kB", 1_000),
    ("B", 1),
    ("", 1),
];

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSize {
    /// Not a whole number with a unit.
    #[error("a size is a whole number of B, KiB, MiB or GiB (KB, MB, GB), such as `64KiB`")]
    Shape,
    /// More than 64 bits hold.
    #[error("a size of that many bytes cannot be")]
    TooLarge,
}

impl FromStr for ByteSize {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let (number, unit) = split_unit(text);
        if number.is_empty() || number.contains('.') {
            return Err(InvalidSize::Shape);
        }
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(InvalidSize::Shape)?;
        let number: u64 = number.parse().map_err(|_| InvalidSize::TooLarge)?;
        number.checked_mul(*scale).map(Self).ok_or(InvalidSize::TooLarge)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match binary.iter().find(|(_, scale)| self.0 > 0 && self.0.is_multiple_of(*scale)) {
            Some((unit, scale)) => write!(f, "{}{unit}", self.0 / scale),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(bytes: u64) {
            proptest::prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }
    }

    #[test]
    fn units_mean_what_they_say() {
        assert_eq!("64KiB".parse(), Ok(ByteSize(65_536)));
        assert_eq!("64KB".parse(), Ok(ByteSize(64_000)));
        assert_eq!("1.5MiB".parse::<ByteSize>(), Err(InvalidSize::Shape));
        assert_eq!("99999999999GiB".parse::<ByteSize>(), Err(InvalidSize::TooLarge));
    }
}
