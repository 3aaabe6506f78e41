//! Who may send spans: callers with the token where one is asked for, pages of configured origins.
//!
//! A page of any site can make the browser on this machine send requests to loopback. Ingest serves
//! no page itself, so every request of a page has an `Origin`, and what is not configured is refused
//! before it is read. Services send none.

use aws_lc_rs::constant_time;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use trunkline_net::grpc::{Code, Status};

use super::{Answer, Refusal};

/// How long a browser may remember what it may send.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("7200");

/// Who may send spans.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Origins of pages that may: `https://shop.example.com`, `https://*.example.com`, `*`.
    pub origins: Vec<String>,
    /// What every caller must send as `Authorization: Bearer …`, if anything. It does not concern
    /// datagrams, which can carry none.
    pub token: Option<Token>,
}

/// A secret that callers send.
#[derive(Clone)]
pub struct Token(Box<[u8]>);

impl Token {
    /// This secret.
    pub fn new(secret: &str) -> Self {
        Self(secret.as_bytes().into())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Guard {
    /// Refuses pages of foreign origins.
    pub(super) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match headers.get(header::ORIGIN) {
            Some(origin) if !self.allows(origin) => Err(Refusal::Origin),
            _ => Ok(()),
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        self.origins.iter().any(|allowed| fits(allowed, origin))
    }

    /// Refuses callers without the token.
    pub(super) fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.knows(headers) { Ok(()) } else { Err(Refusal::Token) }
    }

    /// The same for gRPC.
    pub(crate) fn check_call(&self, metadata: &HeaderMap) -> Result<(), Status> {
        if self.knows(metadata) {
            return Ok(());
        }
        Err(Status::new(Code::Unauthenticated, "a valid token is needed"))
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(Token(secret)) = &self.token else { return true };
        let told = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let told = told.and_then(|told| told.split_at_checked(7));
        told.is_some_and(|(scheme, told)| {
            scheme.eq_ignore_ascii_case(b"bearer ")
                && constant_time::verify_slices_are_equal(told.trim_ascii(), secret).is_ok()
        })
    }

    /// Lets a page of a configured origin read the answer.
    pub(super) fn allow_reading(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = request.get(header::ORIGIN)
            && self.allows(origin)
        {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let readable = HeaderValue::from_static("retry-after");
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
        }
    }

    /// Answers a browser that asks what a page may send. Whether its origin may has been checked.
    pub(super) fn preflight(request: &HeaderMap, method: &Method) -> Answer {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let fields = answer.headers_mut();
        let allowed = format!("{method}, OPTIONS");
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            fields.insert(header::ALLOW, allowed.clone());
            if request.contains_key(header::ORIGIN) {
                fields.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allowed);
                fields.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
            }
        }
        if let Some(wanted) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            fields.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        answer
    }
}

/// Whether an origin is one that a pattern with at most one `*` stands for. The star is at least one
/// character and no part of the scheme or port.
fn fits(pattern: &str, origin: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern.eq_ignore_ascii_case(origin);
    };
    let inner = origin.len().checked_sub(before.len() + after.len()).filter(|length| *length > 0);
    let Some(inner) = inner else { return false };
    let bytes = origin.as_bytes();
    let (Some(head), Some(middle), Some(tail)) = (
        bytes.get(..before.len()),
        bytes.get(before.len()..before.len() + inner),
        bytes.get(before.len() + inner..),
    ) else {
        return false;
    };
    head.eq_ignore_ascii_case(before.as_bytes())
        && tail.eq_ignore_ascii_case(after.as_bytes())
        && middle.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_labels_of_a_host_and_nothing_else() {
        for (pattern, origin, expected) in [
            ("*", "https://any.example", true),
            ("https://a.example", "https://A.example", true),
            ("https://a.example", "https://a.example.evil", false),
            ("https://*.example.com", "https://shop.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*.example.com", "https://evil.com/.example.com", false),
            ("https://*.example.com", "http://shop.example.com", false),
            ("http://localhost:*", "http://localhost:3000", true),
            ("http://localhost:*", "http://localhost:", false),
        ] {
            assert_eq!(fits(pattern, origin), expected, "{pattern} {origin}");
        }
    }

    #[test]
    fn without_the_token_nobody_comes_in() {
        let guard = Guard { token: Some(Token::new("secret")), ..Guard::default() };
        for (told, expected) in [
            (None, false),
            (Some("Bearer secret"), true),
            (Some("bearer  secret "), true),
            (Some("Bearer secre"), false),
            (Some("Basic secret"), false),
            (Some("Bearer"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(told) = told {
                headers.insert(header::AUTHORIZATION, told.parse().unwrap());
            }
            assert_eq!(guard.knows(&headers), expected, "{told:?}");
        }
        assert!(Guard::default().knows(&HeaderMap::new()));
    }
}
