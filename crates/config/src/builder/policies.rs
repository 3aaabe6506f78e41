//! What policies name: the services that answer instead, and the store that they share.

use trunkline_model::service::policies::{Fallback, Instead, Policies};

use super::ModelBuilder;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::native::cluster::{is_shared, shares};
use crate::source::Span;

impl ModelBuilder<'_> {
    /// Reports fallbacks to nobody, and shares of nothing.
    pub(super) fn check_policies(&self, diagnostics: &mut Diagnostics) {
        for draft in &self.services {
            let place = (draft.service.name.as_str(), draft.name_span);
            self.check_fallback(&draft.service.policies, place, diagnostics);
            for call in &draft.service.call_policies {
                self.check_fallback(&call.policies, place, diagnostics);
            }
        }
        for draft in &self.routes {
            let place = (draft.canonical.as_str(), draft.span);
            self.check_fallback(&draft.route.policies, place, diagnostics);
        }
        if self.cluster.get().is_some() {
            return;
        }
        let service = self.services.iter().find(|draft| shares(&draft.service));
        let route = self.routes.iter().find(|draft| is_shared(&draft.route.policies));
        let span = service.map(|draft| draft.name_span).or(route.map(|draft| draft.span));
        if let Some(span) = span {
            diagnostics.push(
                Diagnostic::new(codes::CONFLICT, "`share: cluster` needs a `cluster`")
                    .at(span, "has a policy that is to be shared")
                    .hint("add `cluster: redis://host:6379` at the top of the file"),
            );
        }
    }

    fn check_fallback(
        &self,
        policies: &Policies,
        (whose, span): (&str, Span),
        diagnostics: &mut Diagnostics,
    ) {
        let Some(Fallback { instead: Some(Instead::Service(to)), .. }) = &policies.fallback else {
            return;
        };
        let known = self.services.iter().any(|draft| draft.service.name == *to);
        if known || self.is_broken(to.as_str()) {
            return;
        }
        diagnostics.push(
            Diagnostic::new(
                codes::ROUTE_TO_NOTHING,
                format!("the fallback of `{whose}` is `{to}`, which does not exist"),
            )
            .at(span, "has this fallback")
            .hint(self.near_service(to.as_str())),
        );
    }
}
