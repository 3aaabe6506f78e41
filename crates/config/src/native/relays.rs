//! `tcp` and `udp`: listeners that pass on what comes as it is. And `proxy_protocol` of every kind of
//! listener.

pub mod raw;

use std::net::IpAddr;

use trunkline_model::listener::{Listener, ListenerTimeouts};
use trunkline_model::relay::{Datagrams, NamedTargets, Relay};
use trunkline_model::route::HostPattern;
use trunkline_model::{ListenerId, Network};

use self::raw::{RawProxyProtocol, RawTcp, RawUdp};
use super::{Lowering, forms, gateway, matching};
use crate::builder::{ListenerClaim, ModelBuilder, RelayDraft};
use crate::decode::Spanned;
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::load::Profile;

/// Lowers the TCP listeners of one file.
pub(super) fn lower(
    raw: &Lowering<'_>,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) {
    for tcp in &raw.raw.tcp {
        if let Some(claim) = claim(raw, tcp, into, diagnostics) {
            into.listeners.push(claim);
        }
    }
    for udp in &raw.raw.udp {
        into.listeners.extend(datagrams(raw, udp, into, diagnostics));
    }
}

fn claim(
    raw: &Lowering<'_>,
    tcp: &Spanned<RawTcp>,
    into: &ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<ListenerClaim> {
    let written = &tcp.value;
    let address = written.listen.value.at(ip(into))?;
    if written.to.is_none() && written.sni.all.is_empty() {
        diagnostics.push(
            Diagnostic::new(codes::MISSING_KEY, "an entry of `tcp` needs `to` or `sni`")
                .at(tcp.span, "nothing says where these connections go")
                .hint("add `to:` with the name of a service"),
        );
    }
    let name = written.name.as_ref().map(|name| name.value.clone());
    let name = name.unwrap_or_else(|| format!("tcp-{}", address.port()));
    let (names, drafts) = names(written, diagnostics);
    let relay = Relay {
        names,
        targets: Vec::new(),
        greeting: written.greeting.0,
        idle: written.idle.0,
        datagrams: None,
    };
    Some(ListenerClaim {
        listener: Listener {
            id: ListenerId::new(name),
            address,
            caller: None,
            tls: None,
            relay: Some(relay),
            proxy_protocol: senders(written.proxy_protocol.as_ref(), diagnostics),
            filters: Vec::new(),
            timeouts: ListenerTimeouts {
                handshake: defaults::HANDSHAKE_TIMEOUT,
                head: defaults::HEAD_TIMEOUT,
                idle: written.idle.0,
            },
            drain: gateway::drain(written.drain.as_ref()),
            origin: into.sources.origin(tcp.span),
        },
        file: raw.file.id,
        span: written.listen.span,
        files: Vec::new(),
        relay: Some(RelayDraft {
            named: drafts,
            others: written.to.as_ref().map(|to| forms::written(&to.value)).unwrap_or_default(),
        }),
    })
}

/// The address family and reach of a listener of which only the port is written.
fn ip(into: &ModelBuilder<'_>) -> IpAddr {
    match into.options.profile {
        Profile::Laptop => defaults::GATEWAY_IP_LAPTOP,
        Profile::Production => defaults::GATEWAY_IP_PRODUCTION,
    }
}

fn datagrams(
    raw: &Lowering<'_>,
    udp: &Spanned<RawUdp>,
    into: &ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<ListenerClaim> {
    let written = &udp.value;
    let address = written.listen.value.at(ip(into))?;
    if let Some(responses) = written.responses.as_ref().filter(|responses| responses.value == 0) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`responses` is at least 1")
                .at(responses.span, "no session could have an answer")
                .hint("leave it out where time alone ends a session"),
        );
    }
    let name = written.name.as_ref().map(|name| name.value.clone());
    let name = name.unwrap_or_else(|| format!("udp-{}", address.port()));
    let responses = written.responses.as_ref().map(|responses| responses.value);
    let idle = written.idle.0;
    Some(ListenerClaim {
        listener: Listener {
            id: ListenerId::new(name),
            address,
            caller: None,
            tls: None,
            relay: Some(Relay {
                names: Vec::new(),
                targets: Vec::new(),
                greeting: idle,
                idle,
                datagrams: Some(Datagrams { responses }),
            }),
            proxy_protocol: Vec::new(),
            filters: Vec::new(),
            timeouts: ListenerTimeouts { handshake: idle, head: idle, idle },
            drain: gateway::drain(written.drain.as_ref()),
            origin: into.sources.origin(udp.span),
        },
        file: raw.file.id,
        span: written.listen.span,
        files: Vec::new(),
        relay: Some(RelayDraft { named: Vec::new(), others: forms::written(&written.to.value) }),
    })
}

type Named = (Vec<NamedTargets>, Vec<Vec<(Spanned<String>, u32)>>);

/// The names, and for each of them what was written of its targets.
fn names(written: &RawTcp, diagnostics: &mut Diagnostics) -> Named {
    let mut named = Named::default();
    for (name, targets) in &written.sni.all {
        match matching::host(name) {
            Ok(host) => {
                let name = match host {
                    HostPattern::Exact(name) => name,
                    HostPattern::Wildcard(below) => format!("*.{below}"),
                };
                named.0.push(NamedTargets { name, targets: Vec::new() });
                named.1.push(forms::written(&targets.value));
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    named
}

/// The networks whose connections begin with a header.
pub(super) fn senders(
    written: Option<&Spanned<RawProxyProtocol>>,
    diagnostics: &mut Diagnostics,
) -> Vec<Network> {
    let Some(written) = written else {
        return Vec::new();
    };
    if written.value.from.is_empty() {
        diagnostics.push(
            Diagnostic::new(codes::MISSING_KEY, "`proxy_protocol` needs `from`")
                .at(written.span, "nobody is said to send headers")
                .hint("name the networks of the load balancers: `{ from: [10.0.0.0/8] }`"),
        );
    }
    written.value.from.clone()
}
