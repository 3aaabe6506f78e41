//! Ports: two processes on one, a process on the gateway's own, a service that is the gateway.

use std::collections::HashMap;

use trunkline_model::route::Authority;
use trunkline_model::service::Source;

use super::{ListenerClaim, ModelBuilder, ServiceDraft};
use crate::decode::Spanned;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};

impl ModelBuilder<'_> {
    /// Reports every port that two want.
    pub(super) fn check_ports(&self, diagnostics: &mut Diagnostics) {
        let own: HashMap<u16, &ListenerClaim> = self
            .listeners
            .iter()
            .map(|claim| (claim.listener.address.port(), claim))
            .collect();
        let mut owners: HashMap<u16, &ServiceDraft> = HashMap::new();
        for draft in &self.services {
            if let Some(port) = draft.port {
                if let Some(claim) = own.get(&port.value) {
                    diagnostics.push(taken_by_gateway(draft, port, claim));
                } else if let Some(first) = owners.get(&port.value) {
                    diagnostics.push(taken_by_service(draft, port, first));
                } else {
                    owners.insert(port.value, draft);
                }
            } else {
                check_loop(draft, &own, diagnostics);
            }
        }
    }
}

fn free_hint(draft: &ServiceDraft) -> String {
    format!(
        "leave `port` out of `{}`: Trunkline chooses one and passes it as `PORT`",
        draft.service.name
    )
}

fn taken_by_gateway(draft: &ServiceDraft, port: Spanned<u16>, claim: &ListenerClaim) -> Diagnostic {
    Diagnostic::new(
        codes::PORT_BOTH,
        format!(
            "`{}` and the gateway both listen on port {}",
            draft.service.name, port.value
        ),
    )
    .at(port.span, "this port is taken")
    .also(claim.span, "the gateway listens there")
    .hint(free_hint(draft))
}

fn taken_by_service(draft: &ServiceDraft, port: Spanned<u16>, first: &ServiceDraft) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        codes::PORT_TWICE,
        format!(
            "`{}` and `{}` both listen on port {}",
            first.service.name, draft.service.name, port.value
        ),
    )
    .at(port.span, "this port is taken");
    let diagnostic = match first.port {
        Some(port) => diagnostic.also(port.span, format!("by `{}`", first.service.name)),
        None => diagnostic,
    };
    diagnostic.hint(free_hint(draft))
}

fn check_loop(
    draft: &ServiceDraft,
    own: &HashMap<u16, &ListenerClaim>,
    diagnostics: &mut Diagnostics,
) {
    let Source::Static(endpoints) = &draft.service.source else {
        return;
    };
    for endpoint in endpoints {
        let Authority::Address(to) = &endpoint.authority else {
            continue;
        };
        let Some(claim) = own.get(&to.port()) else {
            continue;
        };
        let here = claim.listener.address.ip();
        if to.ip() == here || (here.is_unspecified() && to.ip().is_loopback()) {
            let place = draft
                .addresses
                .first()
                .map_or(draft.name_span, |first| first.text.span);
            diagnostics.push(
                Diagnostic::new(
                    codes::SELF_LOOP,
                    format!(
                        "`{}` is at {to}, where this gateway listens",
                        draft.service.name
                    ),
                )
                .at(place, "requests would go round in a circle")
                .also(claim.span, "the gateway listens there"),
            );
        }
    }
}
