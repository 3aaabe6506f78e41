//! Relays lead to services.

use super::{Known, ModelBuilder};
use crate::diagnostic::Diagnostics;

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
    }
}
