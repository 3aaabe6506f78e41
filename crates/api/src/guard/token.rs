//! The token that callers from beyond loopback send: `Authorization: Bearer …` (RFC 6750 §2.1).

use std::fmt;
use std::hint::black_box;
use std::path::Path;

use http::{HeaderMap, StatusCode, header};

use crate::problem::Problem;

/// Shortest token, in bytes: 16 random characters cannot be guessed over a network.
const BYTES_MIN: usize = 16;

/// Longest token, in bytes.
const BYTES_MAX: usize = 4096;

/// A shared secret. It is never printed.
#[derive(Clone)]
pub struct Token(Box<[u8]>);

/// Why there is no usable token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The reference is neither `env:NAME` nor `file:path`.
    #[error("`{0}` does not say where the token is: write `env:NAME` or `file:path`")]
    Reference(String),
    /// The environment has no such variable, or it is not UTF-8.
    #[error("the environment variable `{0}` with the token is not set")]
    NotSet(String),
    /// The file cannot be read.
    #[error("the token file `{path}` cannot be read")]
    File {
        /// As it was named.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It has a length or characters that a token cannot have.
    #[error(
        "the token of `{0}` needs {BYTES_MIN} to {BYTES_MAX} printable ASCII characters without spaces"
    )]
    Shape(String),
}

impl Token {
    /// Reads the token that a reference (`env:NAME`, `file:path`) points to. Space around it, such
    /// as the end of the file's line, is not part of it.
    pub fn resolve(reference: &str) -> Result<Self, TokenError> {
        let text = match reference.split_once(':') {
            Some(("env", name)) => from_environment(name)?,
            Some(("file", path)) => read(Path::new(path))
                .map_err(|source| TokenError::File { path: path.to_owned(), source })?,
            _ => return Err(TokenError::Reference(reference.to_owned())),
        };
        Self::new(text.trim()).ok_or_else(|| TokenError::Shape(reference.to_owned()))
    }

    /// The token of this text; `None` if a token cannot look so.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (BYTES_MIN..=BYTES_MAX).contains(&text.len());
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (fits && printable).then(|| Self(text.as_bytes().into()))
    }

    /// The text itself, for another surface that asks for it.
    pub fn secret(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Compares in a time that depends on the given text's length only.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        let mut different = u8::from(self.0.len() != given.len());
        for (index, byte) in given.iter().enumerate() {
            let own = self.0.get(index).copied().unwrap_or_default();
            different = black_box(different | (own ^ byte));
        }
        different == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[expect(clippy::disallowed_methods, reason = "the place where the management token is resolved")]
fn from_environment(name: &str) -> Result<String, TokenError> {
    std::env::var(name).map_err(|_| TokenError::NotSet(name.to_owned()))
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    // A little more than the longest token, for the space around it; what is longer has no shape.
    std::fs::File::open(path)?.take(2 * BYTES_MAX as u64).read_to_string(&mut text)?;
    Ok(text)
}

/// Refuses a request without the token. Without a token of ours, nobody comes in.
pub(super) fn check(token: Option<&Token>, headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::AUTHORIZATION).map(http::HeaderValue::as_bytes);
    let bearer = given.and_then(|given| {
        let (scheme, rest) = given.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(rest.trim_ascii())
    });
    match (token, bearer) {
        (Some(token), Some(bearer)) if token.is(bearer) => Ok(()),
        (None, _) => {
            Err(unauthorized("this surface has no token, so nobody may use it from outside"))
        }
        (_, None) => Err(unauthorized("the request has no bearer token")),
        _ => Err(unauthorized("the bearer token is not the right one")),
    }
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "token", "this surface asks for a token")
        .detail(detail)
        .hint("send `Authorization: Bearer …` with the token that the management section refers to")
}
