//! Relays lead to services.

use trunkline_model::ServiceName;
use trunkline_model::relay::Carrier;

use super::{Known, ModelBuilder};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};

impl ModelBuilder<'_> {
    /// Fills in the targets of relays; reports those that lead to nothing.
    pub(super) fn link_relays(&mut self, known: &Known, diagnostics: &mut Diagnostics) {
        let mut claims = std::mem::take(&mut self.listeners);
        for claim in &mut claims {
            let (Some(relay), Some(draft)) = (&mut claim.listener.relay, &claim.relay) else {
                continue;
            };
            for (named, written) in relay.names.iter_mut().zip(&draft.named) {
                let place = (written.as_slice(), claim.span);
                named.targets = self.targets("listener", place, known, diagnostics);
            }
            if !draft.others.is_empty() {
                let place = (draft.others.as_slice(), claim.span);
                relay.targets = self.targets("listener", place, known, diagnostics);
            }
        }
        self.listeners = claims;
        self.check_datagrams(diagnostics);
    }

    /// Datagrams to a service that wants TLS would go out in the clear.
    fn check_datagrams(&self, diagnostics: &mut Diagnostics) {
        let secured = |name: &ServiceName| {
            let mut services = self.services.iter();
            services.any(|draft| draft.service.name == *name && draft.service.tls.is_some())
        };
        for claim in self.listeners.iter().filter(|c| c.listener.carrier() == Carrier::Udp) {
            let targets = claim.listener.relay.iter().flat_map(|relay| &relay.targets);
            for target in targets.filter(|target| secured(&target.service)) {
                let name = &target.service;
                diagnostics.push(
                    Diagnostic::new(
                        codes::CONFLICT,
                        format!("datagrams cannot be secured by TLS, which `{name}` wants"),
                    )
                    .at(claim.span, "they would be sent as they are")
                    .hint("name a service without `tls`"),
                );
            }
        }
    }
}
