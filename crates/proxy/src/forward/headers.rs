//! What a proxy changes in heads: fields of one connection are taken away, the caller's address is
//! added.
//!
//! Connection-specific fields, and those that `Connection` names, are not forwarded (RFC 9110
//! §7.6.1); an upgrade is, because the tunnel that follows joins both connections. What a caller's
//! `Connection` names is taken away before the first filter runs: afterwards it would name away
//! what a filter has put there. `TE` keeps `trailers`, which gRPC needs. The `Host` stays what the
//! caller sent.

use std::time::Duration;

use http::header::{self, HeaderMap};
use trunkline_net::http::{Exchange, Head};

use crate::caller;

/// Prepares a request for any service.
pub(crate) fn prepare_request(exchange: &mut Exchange, upgrade: bool) {
    let upgrade_to = upgrade.then(|| exchange.request.get("upgrade").map(<[u8]>::to_vec)).flatten();
    let trailers = exchange.request.has_element("te", "trailers");
    let trusted = exchange.peer.trusted;
    exchange.request.retain(|name| !is_own(name) && !is_ours_to_say(name, trusted));
    if let Some(protocol) = upgrade_to {
        exchange.request.append("connection", b"upgrade");
        exchange.request.append("upgrade", &protocol);
    }
    if trailers {
        exchange.request.append("te", b"trailers");
    }
    caller::tell(exchange);
}

/// Prepares a service's response for any caller.
pub(crate) fn prepare_response(head: &mut Head) {
    if head.status() == 101 {
        let protocol = head.get("upgrade").map(<[u8]>::to_vec);
        strip(head);
        head.append("connection", b"upgrade");
        if let Some(protocol) = protocol {
            head.append("upgrade", &protocol);
        }
        return;
    }
    strip(head);
}

/// Takes away what `Connection` names, of a message as it was received. The fields that every
/// connection has of its own stay until it is forwarded: routes may ask for them.
pub(crate) fn strip_named(head: &mut Head) {
    let named: Vec<String> = head
        .get_all("connection")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .filter_map(|name| std::str::from_utf8(name.trim_ascii()).ok())
        .filter(|name| !name.is_empty() && !is_own(name.as_bytes()) && !is_end_to_end(name))
        .map(str::to_owned)
        .collect();
    for name in &named {
        head.remove(name);
    }
}

/// Whether a field belongs to one connection. Asked of every field: its length tells nearly always.
fn is_own(name: &[u8]) -> bool {
    let is = |own: &[u8]| name.eq_ignore_ascii_case(own);
    match name.len() {
        2 => is(b"te"),
        7 => is(b"upgrade"),
        10 => is(b"connection") || is(b"keep-alive"),
        16 => is(b"proxy-connection"),
        17 => is(b"transfer-encoding"),
        18 => is(b"proxy-authenticate"),
        _ => false,
    }
}

/// Whether a request's field is not the caller's to send on: credentials for this proxy (RFC 9110
/// §11.7.2), and what only a trusted peer may say.
fn is_ours_to_say(name: &[u8], trusted: bool) -> bool {
    name.len() == 19 && name.eq_ignore_ascii_case(b"proxy-authorization")
        || caller::is_untrue(name, trusted)
}

/// Takes away what belongs to the service's connection. A length beside a coding is not the
/// body's (RFC 9112 §6.3), and whoever believed it would read another message than we did.
fn strip(head: &mut Head) {
    if head.has("transfer-encoding") {
        head.remove("content-length");
    }
    strip_named(head);
    head.retain(|name| !is_own(name));
}

/// Fields that `Connection` must not name away: a caller could hide them from the service (RFC
/// 9110 §7.6.1 forbids it for fields meant for all recipients).
fn is_end_to_end(name: &str) -> bool {
    const KEPT: [&str; 8] = [
        "host",
        "content-length",
        "cache-control",
        "authorization",
        "cookie",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
    ];
    KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(name))
}

/// Whether the request is a gRPC call.
pub(crate) fn is_grpc(head: &Head) -> bool {
    head.get("content-type").is_some_and(|value| value.starts_with(b"application/grpc"))
}

/// After how long the service closes an idle connection, where it says so: `Keep-Alive: timeout=5`
/// (RFC 2068 §19.7.1.1; Node and Apache send it).
pub(super) fn keep_alive(head: &Head) -> Option<Duration> {
    let value = head.get_text("keep-alive")?;
    let seconds = value.split(',').find_map(|part| {
        let (name, seconds) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("timeout").then_some(seconds)
    })?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// HTTP/2 has no connection-specific fields, and no `Expect` that we would wait for.
pub(super) fn frame_http2(fields: &mut HeaderMap) {
    for name in [header::CONNECTION, header::UPGRADE, header::TRANSFER_ENCODING, header::EXPECT] {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    #[test]
    fn fields_of_one_connection_are_known_in_any_case() {
        for name in ["Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding"] {
            assert!(is_own(name.as_bytes()), "{name}");
        }
        for name in ["UPGRADE", "te", "proxy-authenticate"] {
            assert!(is_own(name.as_bytes()), "{name}");
        }
        assert!(!is_own(b"content-length") && !is_own(b"host"));
        assert!(is_ours_to_say(b"Proxy-Authorization", true));
    }

    #[test]
    fn fields_of_the_connection_and_those_it_names_are_taken_away() {
        let mut head = Head::request("GET", "/", Version::Http11);
        for (name, value) in [
            ("Host", "a"),
            ("Connection", "close, X-Secret, Host"),
            ("X-Secret", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Accept", "*/*"),
        ] {
            head.append(name, value.as_bytes());
        }
        strip(&mut head);
        let names: Vec<_> = head.fields().map(|(name, _)| name).collect();
        assert_eq!(names, ["Host", "Accept"]);
    }

    #[test]
    fn a_length_beside_a_coding_is_not_passed_on() {
        let mut head = Head::response(200, Version::Http11);
        head.append("Content-Length", b"3");
        head.append("Transfer-Encoding", b"chunked");
        prepare_response(&mut head);
        assert_eq!(head.field_count(), 0);
    }

    #[test]
    fn a_service_may_say_how_long_it_waits() {
        let said = |value: &[u8]| {
            let mut head = Head::response(200, Version::Http11);
            head.append("Keep-Alive", value);
            keep_alive(&head)
        };
        assert_eq!(keep_alive(&Head::response(200, Version::Http11)), None);
        assert_eq!(said(b"max=100, timeout=5"), Some(Duration::from_secs(5)));
        assert_eq!(said(b"Timeout = 7, max=9"), Some(Duration::from_secs(7)));
        assert_eq!(said(b"timeout=soon"), None);
    }

    #[test]
    fn a_switch_keeps_what_names_the_protocol() {
        let mut head = Head::response(101, Version::Http11);
        head.append("Connection", b"Upgrade, X-Hop");
        head.append("Upgrade", b"websocket");
        head.append("X-Hop", b"1");
        prepare_response(&mut head);
        assert_eq!(head.get("upgrade"), Some(b"websocket".as_slice()));
        assert_eq!(head.get("connection"), Some(b"upgrade".as_slice()));
        assert!(!head.has("x-hop"));
    }
}
