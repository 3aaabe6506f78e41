//! Response headers by which browsers protect their users (OWASP secure headers project).
//!
//! What the service set itself stays: it knows its pages. HSTS is sent over TLS only, because
//! browsers ignore it elsewhere (RFC 6797 §7.2) and a laptop's plain port must not claim it, and for
//! this host alone: hosts below it may not be ours. No Content-Security-Policy: no policy fits pages
//! that Trunkline does not know.

use std::time::Duration;

use trunkline_net::http::{Exchange, Scheme};

use crate::{Hooks, Verdict};

/// Names and values that do not depend on settings.
const FIXED: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// The set of headers.
#[derive(Debug, Clone)]
pub struct SecureHeaders {
    /// Value of Strict-Transport-Security; `None` sends none.
    hsts: Option<String>,
}

impl SecureHeaders {
    /// With this `max-age` for HSTS; zero sends none.
    pub fn new(hsts: Duration) -> Self {
        let seconds = hsts.as_secs();
        Self { hsts: (seconds > 0).then(|| format!("max-age={seconds}")) }
    }
}

impl Hooks for SecureHeaders {
    fn on_response<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        let Some(response) = &mut exchange.response else {
            return Verdict::Continue;
        };
        let hsts = self
            .hsts
            .as_deref()
            .filter(|_| exchange.scheme == Scheme::Https)
            .map(|value| ("strict-transport-security", value));
        for (name, value) in FIXED.into_iter().chain(hsts) {
            if !response.has(name) {
                response.append(name, value.as_bytes());
            }
        }
        Verdict::Continue
    }
}
