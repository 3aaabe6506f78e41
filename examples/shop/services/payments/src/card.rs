//! What can be said of a card number without asking a bank: its form, its check digit and its brand.

/// Why a card was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not 12 to 19 digits, or the check digit is wrong.
    Invalid,
    /// A well-formed number that the (pretended) issuer always declines.
    Declined,
}

/// A number that passed every check. It keeps the last four digits only: the rest is never stored or logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub brand: &'static str,
    pub last4: String,
}

/// The test number that payment providers have made a custom: well formed, always declined.
const ALWAYS_DECLINED: &str = "4000000000000002";

/// Checks a number as a person types it: spaces and dashes between digits are ignored.
pub fn check(number: &str) -> Result<Card, Refusal> {
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let well_formed = (12..=19).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !well_formed || !luhn(digits.as_bytes()) {
        return Err(Refusal::Invalid);
    }
    if digits == ALWAYS_DECLINED {
        return Err(Refusal::Declined);
    }
    Ok(Card {
        brand: brand(&digits),
        last4: digits[digits.len() - 4..].to_owned(),
    })
}

/// The check digit of ISO/IEC 7812-1: from the right, every second digit is doubled and its digits are added.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match place % 2 {
                0 => digit,
                _ => digit * 2 / 10 + digit * 2 % 10,
            }
        })
        .sum();
    sum % 10 == 0
}

fn brand(digits: &str) -> &'static str {
    match digits.as_bytes() {
        [b'4', ..] => "visa",
        [b'5', b'1'..=b'5', ..] => "mastercard",
        [b'3', b'4' | b'7', ..] => "amex",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_number_keeps_its_brand_and_last_four_digits() {
        let expected = Card {
            brand: "visa",
            last4: "4242".into(),
        };
        assert_eq!(check("4242 4242-4242 4242"), Ok(expected));
        assert_eq!(check("378282246310005").map(|card| card.brand), Ok("amex"));
    }

    #[test]
    fn changing_any_one_digit_makes_a_number_invalid() {
        let good = "4242424242424242";
        for place in 0..good.len() {
            let mut bad = good.as_bytes().to_vec();
            bad[place] = b'0' + (bad[place] - b'0' + 1) % 10;
            assert_eq!(check(std::str::from_utf8(&bad).unwrap()), Err(Refusal::Invalid));
        }
    }

    #[test]
    fn what_is_not_a_number_is_invalid() {
        for text in [
            "",
            "4",
            "abcd efgh ijkl mnop",
            "４２４２４２４２４２４２４２４２",
            "00000000000000000000",
        ] {
            assert_eq!(check(text), Err(Refusal::Invalid), "{text}");
        }
    }

    #[test]
    fn the_test_number_for_declines_is_declined() {
        assert_eq!(check(ALWAYS_DECLINED), Err(Refusal::Declined));
    }
}
