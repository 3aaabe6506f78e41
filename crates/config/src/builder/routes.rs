//! Routes lead to services, differ in their match, and get their ids.

use std::collections::HashMap;

use trunkline_model::route::{Action, Target};
use trunkline_model::{ListenerId, RouteId};

use super::{Known, ModelBuilder, RouteDraft};
use crate::decode::Spanned;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, Span};

impl ModelBuilder<'_> {
    /// Fills in listeners, ids and targets of routes; reports routes to nothing and equal matches.
    pub(super) fn link_routes(
        &mut self,
        known: &Known,
        served: &HashMap<FileId, Vec<ListenerId>>,
        diagnostics: &mut Diagnostics,
    ) {
        let mut routes = std::mem::take(&mut self.routes);
        let mut taken: HashMap<(Vec<ListenerId>, String), Span> = HashMap::new();
        routes.retain_mut(|draft| {
            draft.route.listeners = served.get(&draft.file).cloned().unwrap_or_default();
            let key = (draft.route.listeners.clone(), draft.canonical.clone());
            if let Some(first) = taken.get(&key) {
                if !draft.inferred {
                    diagnostics.push(same_match(draft.span, *first));
                }
                return false;
            }
            taken.insert(key, draft.span);
            draft.route.id = id_of(draft);
            self.link_targets(draft, known, diagnostics);
            true
        });
        self.routes = routes;
    }

    fn link_targets(&self, draft: &mut RouteDraft, known: &Known, diagnostics: &mut Diagnostics) {
        let Action::Forward(targets) = &mut draft.route.action else {
            return;
        };
        *targets = self.targets("route", (&draft.targets, draft.span), known, diagnostics);
    }

    /// The targets that were written at a place; `what` names what leads there.
    pub(super) fn targets(
        &self,
        what: &str,
        (written, span): (&[(Spanned<String>, u32)], Span),
        known: &Known,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Target> {
        let mut targets = Vec::new();
        for (target, weight) in written {
            match known.by_name.get_key_value(target.value.as_str()) {
                Some((service, _)) => {
                    targets.push(Target { service: service.clone(), weight: *weight });
                }
                None if self.is_broken(&target.value) => {}
                None => diagnostics.push(
                    Diagnostic::new(
                        codes::ROUTE_TO_NOTHING,
                        format!("this {what} leads to `{}`, which does not exist", target.value),
                    )
                    .at(target.span, "no service has this name")
                    .hint(self.near_service(&target.value)),
                ),
            }
        }
        if written.iter().all(|(_, weight)| *weight == 0) {
            let message = format!("no target of this {what} has a weight above zero");
            diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, message)
                    .at(span, format!("this {what} leads nowhere")),
            );
        }
        targets
    }
}

fn same_match(second: Span, first: Span) -> Diagnostic {
    Diagnostic::new(codes::SAME_MATCH, "two routes take exactly the same requests")
        .at(second, "this route is never reached")
        .also(first, "this route takes them")
        .hint("take one of the two out, or let them differ in their match")
}

/// From file, listeners and match, so that moving a route within its file changes nothing.
fn id_of(draft: &RouteDraft) -> RouteId {
    let readable = match (&draft.route.action, draft.targets.first()) {
        (Action::Forward(_), Some((target, _))) => target.value.as_str(),
        (Action::Redirect(_), _) => "redirect",
        _ => "respond",
    };
    let listeners: Vec<&str> = draft.route.listeners.iter().map(ListenerId::as_str).collect();
    let file = draft.route.origin.file.as_ref();
    RouteId::derive(readable, &[file, &listeners.join(","), &draft.canonical])
}
