//! Quantities as people write them: `250ms`, `20/s`, `16MiB`, `12.5%`.
//!
//! Every unit parses from and prints to one text, and the two are inverse: `parse(print(x)) == x`.
//! Raw numbers never cross a crate border for these.

mod duration;
mod rate;
mod share;
mod size;

pub use duration::{InvalidDuration, format_duration, parse_duration};
pub use rate::{InvalidRate, Rate};
pub use share::{InvalidShare, Share};
pub use size::{ByteSize, InvalidSize};

/// Splits `12.5ms` into its number and its unit; the unit is empty for a bare number.
fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}
