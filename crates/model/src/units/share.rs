//! Shares: `12.5%`, kept exactly as hundredths of a percent.

use std::fmt;
use std::str::FromStr;

/// A part of a whole in basis points: 0 to 10 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Share(u16);

/// Why a text is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShare {
    /// Not a number with a percent sign.
    #[error("a share is a percentage with at most two decimals, such as `12.5%`")]
    Shape,
    /// Above one hundred percent.
    #[error("a share is at most 100%")]
    TooLarge,
}

impl Share {
    /// Nothing of it.
    pub const NONE: Self = Self(0);
    /// All of it.
    pub const ALL: Self = Self(10_000);

    /// A share of `points` hundredths of a percent; `None` above 10 000.
    pub const fn from_basis_points(points: u16) -> Option<Self> {
        if points <= 10_000 { Some(Self(points)) } else { None }
    }

    /// Hundredths of a percent: 0 to 10 000.
    pub const fn basis_points(self) -> u16 {
        self.0
    }

    /// Between 0 and 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let number = text.trim().strip_suffix('%').ok_or(InvalidShare::Shape)?.trim_end();
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return Err(InvalidShare::Shape);
        }
        let whole: u32 = whole.parse().map_err(|_| InvalidShare::TooLarge)?;
        let cents: u32 = format!("{fraction:0<2}").parse().map_err(|_| InvalidShare::Shape)?;
        let points = whole.checked_mul(100).and_then(|p| p.checked_add(cents));
        points
            .and_then(|points| u16::try_from(points).ok())
            .and_then(Self::from_basis_points)
            .ok_or(InvalidShare::TooLarge)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, cents) if cents % 10 == 0 => write!(f, "{whole}.{}%", cents / 10),
            (whole, cents) => write!(f, "{whole}.{cents:02}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_prints_and_parses_back() {
        for points in 0..=10_000 {
            let share = Share::from_basis_points(points).unwrap();
            assert_eq!(share.to_string().parse(), Ok(share));
        }
    }

    #[test]
    fn shares_are_bounded_percentages() {
        assert_eq!("100.01%".parse::<Share>(), Err(InvalidShare::TooLarge));
        assert_eq!("99999999999%".parse::<Share>(), Err(InvalidShare::TooLarge));
        assert_eq!("50".parse::<Share>(), Err(InvalidShare::Shape));
        assert_eq!("1.234%".parse::<Share>(), Err(InvalidShare::Shape));
        assert_eq!("+5%".parse::<Share>(), Err(InvalidShare::Shape));
    }
}
