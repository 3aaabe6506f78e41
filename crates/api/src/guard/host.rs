//! Whether a request was meant for us: its `Host` is one of our names.
//!
//! After DNS rebinding the browser believes that `evil.example` is 127.0.0.1 and sends that name.
//! An address cannot be rebound, so literals are safe where they are really ours.

use std::net::{IpAddr, SocketAddr};

use http::request::Parts;
use http::{StatusCode, header};

use super::Config;
use crate::problem::Problem;

pub(super) fn check(config: &Config, parts: &Parts, local: SocketAddr) -> Result<(), Problem> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let (Some(host), None) = (host, hosts.next()) else {
        return Err(Problem::bad_request("exactly one `Host` is needed"));
    };
    // An absolute target takes precedence over `Host` (RFC 9112 §3.2.2): both must be ours.
    let target = parts.uri.authority().map(http::uri::Authority::as_str);
    match [Some(host), target].into_iter().flatten().find(|name| !is_ours(config, name, local)) {
        None => Ok(()),
        Some(foreign) => Err(refused(foreign)),
    }
}

fn refused(foreign: &str) -> Problem {
    let foreign: String = foreign.chars().take(100).collect();
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "foreign_host",
        "this host name does not belong to this surface",
    )
    .detail(format!("`{}` is not a name of this Trunkline", foreign.escape_debug()))
    .hint("use localhost, 127.0.0.1 or a name of the project")
}

fn is_ours(config: &Config, authority: &str, local: SocketAddr) -> bool {
    let Some(host) = host_of(authority) else {
        return false;
    };
    if let Some(ip) = literal(host) {
        return ip.is_loopback() || ip == local.ip().to_canonical();
    }
    let host = host.to_ascii_lowercase();
    host == "localhost" || config.names.iter().any(|name| matches(name, &host))
}

fn matches(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(suffix) => {
            host.strip_suffix(suffix).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        }
        None => name == host,
    }
}

/// The host of `host[:port]`; `None` where the port is not one.
pub(super) fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => authority.split_at(colon),
        _ => (authority, ":0"),
    };
    port.strip_prefix(':')?.parse::<u16>().ok()?;
    (!host.is_empty()).then_some(host)
}

fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match inner {
        Some(six) => six.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4),
    }
    .map(|ip| ip.to_canonical())
}
