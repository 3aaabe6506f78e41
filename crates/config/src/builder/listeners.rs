//! Each address has one owner.

use std::collections::{HashMap, HashSet};

use trunkline_model::ListenerId;
use trunkline_model::listener::Listener;

use super::ports::meet;
use super::{ListenerClaim, ModelBuilder};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::FileId;

/// Whether both want the same socket. TCP and UDP have ports of their own.
fn collide(one: &Listener, other: &Listener) -> bool {
    one.carrier() == other.carrier() && meet(one.address, other.address)
}

impl ModelBuilder<'_> {
    /// Keeps one owner of each address, and tells which listeners the routes of a file are served
    /// on: its own, or all when it has none or all are its own.
    pub(super) fn settle_listeners(
        &mut self,
        diagnostics: &mut Diagnostics,
    ) -> HashMap<FileId, Vec<ListenerId>> {
        let edge = self.chain.first().copied();
        let mut kept: Vec<ListenerClaim> = Vec::new();
        let mut reported = HashSet::new();
        let mut served: HashMap<FileId, Vec<ListenerId>> = HashMap::new();
        for claim in std::mem::take(&mut self.listeners) {
            let Some(first) =
                kept.iter_mut().find(|other| collide(&other.listener, &claim.listener))
            else {
                // Routes are for requests.
                if claim.relay.is_none() {
                    served.entry(claim.file).or_default().push(claim.listener.id.clone());
                }
                kept.push(claim);
                continue;
            };
            if first.file == claim.file || first.relay.is_some() || claim.relay.is_some() {
                diagnostics.push(
                    Diagnostic::new(
                        codes::PORT_BOTH,
                        format!("two listeners want {}", claim.listener.address),
                    )
                    .at(claim.span, "this address is taken")
                    .also(first.span, "by this listener")
                    .hint("give one of them another port"),
                );
            } else if edge == Some(first.file) {
                served.entry(claim.file).or_default().push(first.listener.id.clone());
            } else if edge == Some(claim.file) {
                // The routes of the former owner are served by the new one.
                let former = std::mem::replace(first, claim).listener.id;
                for id in served.values_mut().flatten().filter(|id| **id == former) {
                    *id = first.listener.id.clone();
                }
                served.entry(first.file).or_default().push(first.listener.id.clone());
            } else if reported.insert((first.file, claim.file)) {
                diagnostics.push(self.rivals(first, &claim));
            }
        }
        let entrances = kept.iter().filter(|claim| claim.relay.is_none()).count();
        served.retain(|_, listeners| listeners.len() < entrances);
        self.listeners = kept;
        served
    }

    fn rivals(&self, first: &ListenerClaim, second: &ListenerClaim) -> Diagnostic {
        let name =
            |file| self.sources.get(file).map(|f| f.path.display().to_string()).unwrap_or_default();
        let (one, two) = (name(first.file), name(second.file));
        Diagnostic::new(
            codes::LISTENER_TWICE,
            format!("`{one}` and `{two}` both claim the listener {}", second.listener.address),
        )
        .at(second.span, "claimed again here")
        .also(first.span, "claimed here")
        .hint(format!(
            "say who owns it with `edge: {one}`, put one behind the other with `chain: [{one}, {two}]`, \
             or give one of them another `port:`"
        ))
    }
}
