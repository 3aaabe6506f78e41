//! `host:port`: a service of the Model first, then an address, then DNS.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use trunkline_model::ServiceName;
use trunkline_model::route::Authority;
use trunkline_model::service::{Source, StaticEndpoint, UpstreamTls};

use super::{Known, ModelBuilder};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};

/// An address with what its spelling says about TLS.
struct Written {
    host: String,
    port: u16,
    tls: bool,
}

impl ModelBuilder<'_> {
    /// Fills in the endpoints of static services. A host that is a service's name means that
    /// service; anything else is an address or a name for DNS.
    pub(super) fn link_addresses(&mut self, known: &Known, diagnostics: &mut Diagnostics) {
        for draft in &mut self.services {
            let Source::Static(endpoints) = &mut draft.service.source else {
                continue;
            };
            for address in &draft.addresses {
                if let Some(name) = address.text.value.strip_prefix("srv:") {
                    let name = name.trim().to_lowercase();
                    if !is_host(name.trim_end_matches('.')) {
                        diagnostics.push(
                            Diagnostic::new(codes::BAD_VALUE, format!("`{name}` is not a name"))
                                .at(address.text.span, "not a name for DNS")
                                .hint("write it like `srv:_http._tcp.orders.example`"),
                        );
                        continue;
                    }
                    let authority = Authority::Srv(name);
                    endpoints.push(StaticEndpoint {
                        authority,
                        weight: address.weight,
                        place: address.place.clone(),
                        limit: address.limit,
                    });
                    continue;
                }
                let written = match parse(&address.text.value) {
                    Ok(written) => written,
                    Err(message) => {
                        diagnostics.push(
                            Diagnostic::new(codes::BAD_VALUE, message)
                                .at(address.text.span, "not an address")
                                .hint("write it like `10.0.0.7:8080` or `db.example.com:5432`"),
                        );
                        continue;
                    }
                };
                let authority = resolve(&written, known, &draft.service.name);
                if written.tls && draft.service.tls.is_none() {
                    let verify = crate::defaults::VERIFY;
                    draft.service.tls = Some(UpstreamTls {
                        server_name: None,
                        ca: None,
                        verify,
                        certificate: None,
                    });
                }
                endpoints.push(StaticEndpoint {
                    authority,
                    weight: address.weight,
                    place: address.place.clone(),
                    limit: address.limit,
                });
            }
        }
    }
}

fn resolve(written: &Written, known: &Known, own: &ServiceName) -> Authority {
    // A service that has its own name as host means the name in DNS.
    if let Some((service, _)) = known.by_name.get_key_value(written.host.as_str())
        && service != own
    {
        return Authority::Service(service.clone());
    }
    let host = written.host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse() {
        return Authority::Address(SocketAddr::new(ip, written.port));
    }
    if host == "localhost" {
        return Authority::Address(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), written.port));
    }
    Authority::Dns { host: host.to_owned(), port: written.port }
}

/// `host:port`, `http://host[:port]`, `https://host[:port]`.
fn parse(text: &str) -> Result<Written, String> {
    let (tls, rest, default_port) = if let Some(rest) = text.strip_prefix("https://") {
        (true, rest, Some(443))
    } else if let Some(rest) = text.strip_prefix("http://") {
        (false, rest, Some(80))
    } else {
        (false, text, None)
    };
    let rest = if default_port.is_some() { rest.strip_suffix('/').unwrap_or(rest) } else { rest };
    if rest.contains('/') {
        return Err(format!("the address `{text}` cannot have a path"));
    }
    let (host, port) = split_port(rest);
    let port = match (port, default_port) {
        (Some(port), _) => {
            let number = port.parse::<u16>().ok().filter(|port| *port > 0);
            number.ok_or_else(|| format!("`{port}` is not a port in `{text}`"))?
        }
        (None, Some(port)) => port,
        (None, None) => return Err(format!("the address `{text}` has no port")),
    };
    if !is_host(host) {
        return Err(format!("`{host}` is not a host in `{text}`"));
    }
    Ok(Written { host: host.to_lowercase(), port, tls })
}

/// Host and port; colons inside of brackets belong to an IPv6 address.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let after_bracket = text.rfind(']').map_or(0, |at| at + 1);
    match text.rfind(':').filter(|at| *at >= after_bracket) {
        Some(at) => (text.get(..at).unwrap_or(""), text.get(at + 1..)),
        None => (text, None),
    }
}

/// An IPv4 or bracketed IPv6 address, or a DNS name (RFC 1123 §2.1, and `_` as people use it).
pub(crate) fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, u16, bool), &str>) {
        let parsed = parse(text);
        let parsed = parsed.as_ref().map(|w| (w.host.as_str(), w.port, w.tls));
        assert_eq!(parsed.map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn addresses_have_a_host_and_a_port() {
        check("db.example.com:5432", Ok(("db.example.com", 5432, false)));
        check("[::1]:80", Ok(("[::1]", 80, false)));
        check("https://API.example.com", Ok(("api.example.com", 443, true)));
        check("http://a:8080/", Ok(("a", 8080, false)));
        check("db", Err("the address `db` has no port"));
        check("db:0", Err("`0` is not a port in `db:0`"));
        check("a b:1", Err("`a b` is not a host in `a b:1`"));
        check("http://a/b", Err("the address `http://a/b` cannot have a path"));
    }
}
