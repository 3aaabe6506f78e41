//! What a route asks of a request beyond host and path: method, header fields, query parameters.

use std::borrow::Cow;
use std::fmt;

use trunkline_model::route::Match;
use trunkline_net::http::Head;

use super::pattern::{InvalidPattern, Value};

/// A request, as routing sees it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Host in normal form ([`super::host`]).
    pub host: &'a str,
    /// Method, in upper case.
    pub method: &'a str,
    /// Path as received.
    pub path: &'a str,
    /// Query as received, without `?`.
    pub query: Option<&'a str>,
    /// Header fields.
    pub fields: Fields<'a>,
}

/// Where header fields come from: a received head, or a question about one.
#[derive(Debug, Clone, Copy)]
pub enum Fields<'a> {
    /// A head.
    Head(&'a Head),
    /// Names and values.
    Pairs(&'a [(String, String)]),
}

impl<'a> Fields<'a> {
    /// Values of all fields of a name.
    fn get_all(self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let (head, pairs) = match self {
            Self::Head(head) => (Some(head.get_all(name)), None),
            Self::Pairs(pairs) => (None, Some(pairs)),
        };
        let pairs = pairs.into_iter().flatten();
        let named = pairs.filter(move |(given, _)| given.eq_ignore_ascii_case(name));
        head.into_iter().flatten().chain(named.map(|(_, value)| value.as_bytes()))
    }
}

/// Conditions of one route; all of them must hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions {
    methods: Box<[Box<str>]>,
    headers: Box<[(Box<str>, Value)]>,
    query: Box<[(Box<str>, Value)]>,
}

/// The condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unmet<'a> {
    Method,
    Header(&'a str),
    Query(&'a str),
}

impl fmt::Display for Unmet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("another method"),
            Self::Header(name) => write!(f, "header `{name}` does not fit"),
            Self::Query(name) => write!(f, "query parameter `{name}` does not fit"),
        }
    }
}

impl Conditions {
    pub(super) fn compile(matching: &Match) -> Result<Self, InvalidPattern> {
        let methods = matching.methods.iter().map(|m| m.as_str().into());
        let headers = matching
            .headers
            .iter()
            .map(|(name, pattern)| Ok((name.as_str().into(), Value::compile(pattern)?)));
        let query = matching
            .query
            .iter()
            .map(|(name, pattern)| Ok((name.as_str().into(), Value::compile(pattern)?)));
        Ok(Self {
            methods: methods.collect(),
            headers: headers.collect::<Result<_, _>>()?,
            query: query.collect::<Result<_, _>>()?,
        })
    }
    /// Whether nothing is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.methods.is_empty() && self.headers.is_empty() && self.query.is_empty()
    }

    /// The first condition that does not hold.
    pub(super) fn unmet(&self, asked: &Asked<'_>) -> Option<Unmet<'_>> {
        let mut methods = self.methods.iter();
        if !self.methods.is_empty() && !methods.any(|method| **method == *asked.method) {
            return Some(Unmet::Method);
        }
        for (name, pattern) in &self.headers {
            if !pattern.fits(asked.fields.get_all(name)) {
                return Some(Unmet::Header(name));
            }
        }
        for (name, pattern) in &self.query {
            if !pattern.fits(parameter(asked.query, name).into_iter()) {
                return Some(Unmet::Query(name));
            }
        }
        None
    }
}

/// The decoded value of the first parameter of a name. A parameter without `=` is empty.
pub(super) fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<Cow<'a, [u8]>> {
    query?
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(given, _)| *decoded(given) == *name.as_bytes())
        .map(|(_, value)| decoded(value))
}

/// Decodes escapes, and `+` to a space, as forms send them. A broken escape stays as it is.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, escape(behind)) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    Cow::Owned(out)
}

/// The byte that two hex digits stand for.
fn escape(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| digits.get(at).and_then(|d| char::from(*d).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_the_first_counts() {
        let of = |query, name| parameter(Some(query), name).map(Cow::into_owned);
        assert_eq!(of("a=1&a=2", "a"), Some(b"1".to_vec()));
        assert_eq!(of("x&%61=b%20c+d%zz", "a"), Some(b"b c d%zz".to_vec()));
        assert_eq!(of("x&a", "x"), Some(vec![]));
        assert_eq!(of("ab=1", "a"), None);
        assert_eq!(parameter(None, "a"), None);
    }
}
