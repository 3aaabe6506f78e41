//! What a filter chain is made of: plain settings, compiled to running filters by `filters`.
//!
//! A chain is a flat list in the order its dialect defines. Native order: authenticate, authorize,
//! limit, transform, validate.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A coding of content (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// The word in header fields.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// One filter's settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Edits of the request head before it is forwarded.
    RequestHeaders(Vec<HeaderEdit>),
    /// Edits of the response head before it is sent.
    ResponseHeaders(Vec<HeaderEdit>),
    /// The set of response headers that browsers protect their users by.
    SecureHeaders {
        /// `max-age` of Strict-Transport-Security on TLS listeners; zero sends none.
        hsts: Duration,
    },
    /// Changes the path that the service sees; the query stays.
    RewritePath(Rewrite),
    /// Answers what an ACME authority asks for while it checks that a name is ours (RFC 8555 §8.3).
    AcmeChallenge,
    /// Answers plain HTTP with a permanent redirect to HTTPS on this port.
    RedirectToHttps {
        /// The port in the target; 443 is left out of it.
        port: u16,
    },
    /// Compresses responses for callers that take them so, by the first of these codings that a
    /// caller likes best; never empty.
    Compress(Vec<Coding>),
    /// Stores responses that may be, and answers from them (RFC 9111).
    Cache,
}

/// How a path is rewritten. Each result starts with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rewrite {
    /// The whole path becomes this.
    Path(String),
    /// The first prefix is taken away where it is one, and the second put in its place.
    Prefix {
        /// What is taken away, at a segment border.
        from: String,
        /// What takes its place.
        to: String,
    },
    /// Every match of a regular expression is replaced; `$1` and `$name` refer to groups.
    Regex {
        /// Pattern in the syntax of the `regex` crate.
        pattern: String,
        /// Replacement.
        to: String,
    },
}

/// One change of a head.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HeaderEdit {
    /// Replaces all fields of the name by one.
    Set(HeaderName, HeaderText),
    /// Adds a field and leaves others of the name.
    Append(HeaderName, HeaderText),
    /// Takes away all fields of the name.
    Remove(HeaderName),
}

/// A field name: a token (RFC 9110 §5.6.2), kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderName(Arc<str>);

/// A field value: visible ASCII, space and tab, or bytes above 127 (RFC 9110 §5.5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeaderText(Arc<str>);

/// Why a text is not a field name or value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// Not a token.
    #[error("`{0}` is not a header name")]
    Name(String),
    /// A control character in a value.
    #[error("a header value cannot have control characters or outer spaces")]
    Value,
}

impl HeaderName {
    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HeaderText {
    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the byte may stand in a token (RFC 9110 §5.6.2).
pub const fn is_token_byte(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
        | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

impl FromStr for HeaderName {
    type Err = InvalidHeader;

    fn from_str(text: &str) -> Result<Self, InvalidHeader> {
        if text.is_empty() || !text.bytes().all(is_token_byte) {
            return Err(InvalidHeader::Name(text.to_owned()));
        }
        Ok(Self(Arc::from(text.to_ascii_lowercase())))
    }
}

impl FromStr for HeaderText {
    type Err = InvalidHeader;

    fn from_str(text: &str) -> Result<Self, InvalidHeader> {
        let outer = text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
        if outer || text.bytes().any(|b| (b < 0x20 && b != b'\t') || b == 0x7f) {
            return Err(InvalidHeader::Value);
        }
        Ok(Self(Arc::from(text)))
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_edits_cannot_smuggle_a_line() {
        assert!("x-a".parse::<HeaderName>().is_ok());
        assert!("x a".parse::<HeaderName>().is_err());
        assert!("x:".parse::<HeaderName>().is_err());
        assert!("fine value".parse::<HeaderText>().is_ok());
        assert!("a\r\nb: c".parse::<HeaderText>().is_err());
        assert!(" a".parse::<HeaderText>().is_err());
    }
}
