//! Keys of the file format that this version knows and does not act on.
//!
//! One table per map. A key that is about authentication, TLS, access or limits is an error,
//! because going on without it would fail open; any other is a warning that says what happens
//! instead. When a key is served, its row moves to the `Raw*` type.

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Span;

/// A key that is known and not served.
#[derive(Debug, PartialEq, Eq)]
pub struct Unserved {
    /// The key.
    pub key: &'static str,
    /// What it will do.
    pub purpose: &'static str,
    /// What happens instead, as a clause: `each request is tried once`.
    pub instead: &'static str,
    /// Whether it is about authentication, TLS, access or limits.
    pub security: bool,
}

const fn later(key: &'static str, purpose: &'static str, instead: &'static str) -> Unserved {
    Unserved { key, purpose, instead, security: false }
}

const fn refused(key: &'static str, purpose: &'static str, instead: &'static str) -> Unserved {
    Unserved { key, purpose, instead, security: true }
}

/// At the top of the file.
pub const FILE: &[Unserved] = &[
    refused(
        "mesh",
        "mTLS and access between services",
        "calls between services would be neither encrypted nor checked",
    ),
    refused("consumers", "callers and their credentials", "every caller would be let in"),
    // A plugin may authenticate, limit or check: which one it is cannot be told yet.
    refused(
        "plugins",
        "further filters, those that authenticate and limit among them",
        "none of them would run",
    ),
    later("alerts", "rules that raise alerts", "no alert is raised"),
];

/// In `gateway`.
pub const GATEWAY: &[Unserved] = &[
    refused("rate_limit", "limits per caller", "requests would not be limited"),
    refused("auth", "authentication of callers", "every caller would be let in"),
    refused("access", "who may call", "every caller would be let in"),
    later("http3", "HTTP/3", "callers use HTTP/2"),
];

/// In one of `routes`.
pub const ROUTE: &[Unserved] = &[
    refused("auth", "authentication of callers", "every caller would be let in"),
    refused("access", "who may call", "every caller would be let in"),
    refused("rate_limit", "limits per caller", "requests would not be limited"),
    refused("body_max", "limit of request bodies", "bodies would not be limited"),
    refused("cors", "which pages may call", "browsers would decide by the service's own answers"),
    refused("validate", "requests checked against a schema", "requests would not be checked"),
    later("mirror", "copies of requests to another service", "nothing is copied"),
    later("affinity", "a caller stays with its endpoint", "each request is balanced anew"),
];

/// In one of `services`.
pub const SERVICE: &[Unserved] = &[
    later("hedge", "a second attempt before the first ends", "each request is tried once"),
    later(
        "canary",
        "a share of traffic to a new version",
        "all traffic goes to the service itself",
    ),
    later("slo", "objectives and their error budget", "nothing is measured against an objective"),
    later("replicas", "how many copies run", "one process is started"),
    later("scale_at", "when more copies are started", "one process is started"),
    later("image", "a container to run", "nothing is started"),
    refused("rate_limit", "limits per caller", "requests would not be limited"),
    refused("access", "which services may call", "every service could call"),
    refused("auth", "authentication of callers", "every caller would be let in"),
];

/// In `tls` of the gateway.
pub const TLS: &[Unserved] =
    &[refused("ciphers", "the cipher suites", "the built-in suites would be used")];

/// In `trace`.
pub const TRACE: &[Unserved] = &[
    later("tail", "traces kept by their outcome", "`sample` alone decides"),
    later("export", "spans sent on", "spans stay in the trace buffer"),
    later("keep", "how long traces are kept", "the newest stay in a bounded buffer"),
];

/// In `management`.
pub const MANAGEMENT: &[Unserved] = &[
    refused("users", "people and their rights", "whoever has the token could do everything"),
    refused("audit", "a record of who did what", "nothing would be recorded"),
    refused("tls", "TLS of the management surfaces", "they would speak plain HTTP"),
];

/// Where nothing is unserved.
pub const NONE: &[Unserved] = &[];

/// Reports the use of a key.
pub(crate) fn report(row: &Unserved, span: Span, diagnostics: &mut Diagnostics) {
    let (code, message) = if row.security {
        let message = format!(
            "`{}` ({}) is not served yet, and without it {}",
            row.key, row.purpose, row.instead
        );
        (codes::NOT_SERVED_SECURITY, message)
    } else {
        let message = format!("`{}` ({}) is not served yet: {}", row.key, row.purpose, row.instead);
        (codes::NOT_SERVED, message)
    };
    let diagnostic = Diagnostic::new(code, message).at(span, "this key has no effect yet");
    diagnostics.push(if row.security {
        diagnostic.hint("take the key out, and enforce it elsewhere")
    } else {
        diagnostic
    });
}
