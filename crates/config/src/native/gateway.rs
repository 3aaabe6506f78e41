//! `gateway`: listeners with their certificates, filters and limits.

use std::net::SocketAddr;

use trunkline_model::ListenerId;
use trunkline_model::filter::Filter;
use trunkline_model::listener::{Drain, Listener, ListenerTimeouts};
use trunkline_model::ports::Surface;
use trunkline_model::tls::{Certificates, Challenge};

use super::Lowering;
use super::forms::Address;
use super::globals::port;
use super::raw::{HeadersWord, RawDrain, RawGateway};
use super::{relays, tls};
use crate::builder::{ListenerClaim, ModelBuilder};
use crate::decode::Spanned;
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::load::Profile;
use crate::source::Span;

/// An address with the place where it is written.
type Place = Option<(SocketAddr, Span)>;

/// Lowers the gateway of one file; the listeners of the first file have short names.
pub(super) fn lower(
    raw: &Lowering<'_>,
    is_first: bool,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) {
    let span = raw.raw.gateway.as_ref().map_or(raw.file.first_line(), |gateway| gateway.span);
    let gateway = raw.raw.gateway.as_ref().map(|gateway| &gateway.value);
    let (http, https) = addresses(raw, gateway, span, into);
    let redirects = gateway.is_some_and(|gateway| gateway.redirect_https);
    if redirects && (http.is_none() || https.is_none()) {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "`redirect_https` needs both `http` and `https`")
                .at(span, "one of the two listeners is missing")
                .hint("give both a port, or take `redirect_https` out"),
        );
    }
    let secure = https.map(|_| tls::lower(raw, gateway, into, diagnostics));
    let ordered = secure.as_ref().and_then(|(tls, _)| match &tls.certificates {
        Certificates::Acme(acme) => Some(acme.challenge),
        _ => None,
    });
    if ordered == Some(Challenge::Http01) && http.is_none() {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "the challenge `http-01` needs `http`")
                .at(span, "there is no plain listener to answer on")
                .hint("give `http` a port, or write `challenge: tls-alpn-01`"),
        );
    }
    let senders = gateway.and_then(|gateway| gateway.proxy_protocol.as_ref());
    let proxy_protocol = relays::senders(senders, diagnostics);
    for (id, place) in [("http", http), ("https", https)] {
        let Some((address, span)) = place else {
            continue;
        };
        let (tls, files) = secure.clone().filter(|_| id == "https").unzip();
        let mut filters = Vec::new();
        if tls.is_none() && ordered == Some(Challenge::Http01) {
            filters.push(Filter::AcmeChallenge);
        }
        if let Some((https, _)) = https.filter(|_| redirects && tls.is_none()) {
            filters.push(Filter::RedirectToHttps { port: https.port() });
        }
        if gateway.map_or(defaults::HEADERS, |gateway| gateway.headers) == HeadersWord::Secure {
            filters.push(Filter::SecureHeaders {
                hsts: match into.options.profile {
                    Profile::Laptop => defaults::HSTS_LAPTOP,
                    Profile::Production => defaults::HSTS,
                },
            });
        }
        filters.extend(gateway.and_then(|gateway| gateway.compress.as_ref()?.filter()));
        let suffix = if is_first { String::new() } else { format!("@{}", raw.file.path.display()) };
        into.listeners.push(ListenerClaim {
            files: files.unwrap_or_default(),
            listener: Listener {
                id: ListenerId::new(format!("{id}{suffix}")),
                address,
                caller: None,
                tls,
                relay: None,
                proxy_protocol: proxy_protocol.clone(),
                filters,
                timeouts: timeouts(gateway),
                drain: drain(gateway.and_then(|gateway| gateway.drain.as_ref())),
                origin: into.sources.origin(span),
            },
            file: raw.file.id,
            span,
            relay: None,
        });
    }
}

/// HTTP and HTTPS. Both are opened, unless the file names only one; `tls` asks for HTTPS as well.
fn addresses(
    raw: &Lowering<'_>,
    gateway: Option<&RawGateway>,
    span: Span,
    into: &ModelBuilder<'_>,
) -> (Place, Place) {
    let ip = match into.options.profile {
        Profile::Laptop => defaults::GATEWAY_IP_LAPTOP,
        Profile::Production => defaults::GATEWAY_IP_PRODUCTION,
    };
    let ports = raw.raw.ports.as_ref().map(|ports| &ports.value);
    let http = gateway.and_then(|gateway| {
        let port = gateway.port.map(|p| Spanned { value: Address::Port(p.value), span: p.span });
        gateway.http.or(port)
    });
    let https = gateway.and_then(|gateway| gateway.https);
    let wants_tls = gateway.is_some_and(|gateway| gateway.tls.is_some());
    let is_named =
        |address: Option<Spanned<Address>>| address.is_some_and(|a| a.value != Address::Off);
    let resolve = |written: Option<Spanned<Address>>, surface, by_default: bool| match written {
        Some(address) => address.value.at(ip).map(|at| (at, address.span)),
        None if by_default => {
            Some((SocketAddr::new(ip, port(surface, ports, into.options, true)), span))
        }
        None => None,
    };
    (
        resolve(http, Surface::GatewayHttp, !is_named(https)),
        resolve(https, Surface::GatewayHttps, wants_tls || !is_named(http)),
    )
}

fn timeouts(gateway: Option<&RawGateway>) -> ListenerTimeouts {
    let written = gateway.and_then(|gateway| gateway.timeouts.as_ref());
    ListenerTimeouts {
        handshake: written.map_or(defaults::HANDSHAKE_TIMEOUT, |t| t.handshake.0),
        head: written.map_or(defaults::HEAD_TIMEOUT, |t| t.head.0),
        idle: written.map_or(defaults::IDLE_TIMEOUT, |t| t.idle.0),
    }
}

/// How connections end, as written or as usual.
pub(super) fn drain(written: Option<&RawDrain>) -> Drain {
    let min = written.map_or(defaults::DRAIN_MIN, |drain| drain.min.0);
    let max = written.map_or(defaults::DRAIN_MAX, |drain| drain.max.0);
    Drain { min, max: max.max(min) }
}
