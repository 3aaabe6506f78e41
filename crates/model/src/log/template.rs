//! A text with fields: `{peer} "{request}" {status}`, or `%ci "%r" %ST` for who comes from HAProxy.
//!
//! `{{` and `%%` stand for the characters themselves. Letters in braces behind a percent sign
//! (`%{+Q}r`) are not understood and are an error, as is every name that is not known.

use std::fmt;
use std::sync::Arc;

use super::Field;

/// Longest text of a template, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;
/// Most fields of a template: a line has a bound, and each field has its part of it.
const FIELDS_MAX: usize = 48;

/// A parsed format; equal to another one if its text is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Template {
    parts: Arc<[Part]>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Written as it is.
    Text(Box<str>),
    /// What the record tells.
    Field(Field),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct InvalidTemplate {
    /// What is wrong.
    pub what: String,
    /// Where in the text, in bytes.
    pub offset: usize,
}

impl Template {
    /// Its pieces, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts.iter()).finish()
    }
}

impl std::str::FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let fail = |offset, what: String| InvalidTemplate { what, offset };
        if text.len() > TEXT_BYTES_MAX {
            return Err(fail(0, format!("a format has at most {TEXT_BYTES_MAX} bytes")));
        }
        if let Some(offset) = text.find(char::is_control) {
            return Err(fail(offset, "a format is one line without control characters".into()));
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut left = text;
        while let Some(first) = left.chars().next() {
            let offset = text.len() - left.len();
            let (part, length) = match first {
                '{' | '%' => special(left).map_err(|what| fail(offset, what))?,
                other => (Piece::Char(other), other.len_utf8()),
            };
            match part {
                Piece::Char(c) => plain.push(c),
                Piece::Field(field) => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain).into()));
                    }
                    parts.push(Part::Field(field));
                }
            }
            left = left.get(length..).unwrap_or_default();
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        let fields = parts.iter().filter(|part| matches!(part, Part::Field(_))).count();
        if fields > FIELDS_MAX {
            return Err(fail(0, format!("a format has at most {FIELDS_MAX} fields")));
        }
        Ok(Self { parts: parts.into() })
    }
}

enum Piece {
    Char(char),
    Field(Field),
}

/// What begins with `{` or `%`, and how many bytes it is long.
fn special(text: &str) -> Result<(Piece, usize), String> {
    for (twice, one) in [("{{", '{'), ("%%", '%')] {
        if text.starts_with(twice) {
            return Ok((Piece::Char(one), 2));
        }
    }
    if let Some(rest) = text.strip_prefix('{') {
        let (name, _) =
            rest.split_once('}').ok_or("`{` has no `}`; write `{{` for the character")?;
        let field = Field::named(name).ok_or_else(|| format!("no field `{{{name}}}` is known"))?;
        return Ok((Piece::Field(field), name.len() + 2));
    }
    let rest = text.get(1..).unwrap_or_default();
    let known = Field::ALIASES.iter().filter(|(alias, _)| rest.starts_with(alias));
    // The longest wins: `%tsc` is not `%ts` with a `c` behind it.
    let Some((alias, field)) = known.max_by_key(|(alias, _)| alias.len()) else {
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).take(8).collect();
        return Err(format!("no field `%{name}` is known; write `%%` for the character"));
    };
    Ok((Piece::Field(*field), alias.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_both_names_and_the_longest_alias_wins() {
        let ours: Template = "{peer}:{peer_port} {termination} {{x}} 5%%".parse().unwrap();
        let theirs: Template = "%ci:%cp %tsc {{x}} 5%%".parse().unwrap();
        assert_eq!(ours, theirs);
        assert_eq!(ours.parts().last(), Some(&Part::Text(" {x}} 5%".into())));
    }

    #[test]
    fn what_is_not_known_is_told_with_its_place() {
        let check = |text: &str, offset: usize, what: &str| {
            let error = text.parse::<Template>().unwrap_err();
            assert_eq!((error.offset, error.what.as_str()), (offset, what));
        };
        check("{peer} {pear}", 7, "no field `{pear}` is known");
        check("ab %zz", 3, "no field `%zz` is known; write `%%` for the character");
        check("{peer", 0, "`{` has no `}`; write `{{` for the character");
        check("%{+Q}r", 0, "no field `%` is known; write `%%` for the character");
        check("a\nb", 1, "a format is one line without control characters");
    }
}
