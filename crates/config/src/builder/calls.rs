//! `calls`: every name is a service, and nobody calls themselves in a circle.

use std::collections::HashMap;

use trunkline_model::ServiceName;

use super::{Known, ModelBuilder, ServiceDraft};
use crate::decode::nearest;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Span;

/// How far the search for circles got with a service.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Not,
    OnPath,
    Done,
}

impl ModelBuilder<'_> {
    /// Reports services that are defined twice and drops the second.
    pub(super) fn check_services(&mut self, diagnostics: &mut Diagnostics) -> Known {
        let mut by_name: HashMap<ServiceName, usize> = HashMap::new();
        let mut kept: Vec<ServiceDraft> = Vec::new();
        for draft in std::mem::take(&mut self.services) {
            let name = draft.service.name.clone();
            if let Some(first) = by_name.get(&name).and_then(|index| kept.get(*index)) {
                diagnostics.push(
                    Diagnostic::new(
                        codes::NAME_TWICE,
                        format!("the service `{name}` is defined twice"),
                    )
                    .at(draft.name_span, "defined again here")
                    .also(first.name_span, "defined here")
                    .hint("rename one of the two, or take it out"),
                );
            } else {
                by_name.insert(name, kept.len());
                kept.push(draft);
            }
        }
        self.services = kept;
        Known { by_name }
    }

    /// What to say about a name that is no service.
    pub(super) fn near_service(&self, name: &str) -> String {
        let names = self.services.iter().map(|draft| draft.service.name.as_str());
        match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "add it to `services`; one that runs elsewhere is `{name}: {{ external: \"host:port\" }}`"
            ),
        }
    }

    /// Whether a service of this name was written and could not be read.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken_services.iter().any(|broken| broken == name)
    }

    /// Fills in the calls of every service, and reports missing callees and circles.
    pub(super) fn link_calls(&mut self, known: &Known, diagnostics: &mut Diagnostics) {
        let mut edges: Vec<Vec<(usize, Span)>> = Vec::with_capacity(self.services.len());
        for draft in &self.services {
            let mut callees = Vec::new();
            for call in &draft.calls {
                match known.by_name.get(call.value.as_str()) {
                    Some(callee) => callees.push((*callee, call.span)),
                    None if self.is_broken(&call.value) => {}
                    None => diagnostics.push(
                        Diagnostic::new(
                            codes::UNKNOWN_CALLEE,
                            format!(
                                "`{}` calls `{}`, which does not exist",
                                draft.service.name, call.value
                            ),
                        )
                        .at(call.span, "no service has this name")
                        .hint(self.near_service(&call.value)),
                    ),
                }
            }
            edges.push(callees);
        }
        self.report_circles(&edges, diagnostics);
        for (index, callees) in edges.iter().enumerate() {
            let mut names: Vec<ServiceName> = Vec::with_capacity(callees.len());
            for (callee, _) in callees {
                let Some(callee) = self.services.get(*callee) else {
                    continue;
                };
                if !names.contains(&callee.service.name) {
                    names.push(callee.service.name.clone());
                }
            }
            if let Some(draft) = self.services.get_mut(index) {
                draft.service.calls = names;
            }
        }
    }

    /// Depth-first search without recursion: a chain of calls may be as long as the file.
    fn report_circles(&self, edges: &[Vec<(usize, Span)>], diagnostics: &mut Diagnostics) {
        let mut seen = vec![Seen::Not; edges.len()];
        for start in 0..edges.len() {
            if seen.get(start) != Some(&Seen::Not) {
                continue;
            }
            // Each step is a service and the next of its calls to follow.
            let mut path: Vec<(usize, usize)> = vec![(start, 0)];
            while let Some((service, next)) = path.last_mut() {
                let service = *service;
                let call = edges.get(service).and_then(|calls| calls.get(*next));
                *next += 1;
                let Some(slot) = seen.get_mut(service) else {
                    break;
                };
                let Some((callee, span)) = call else {
                    *slot = Seen::Done;
                    path.pop();
                    continue;
                };
                *slot = Seen::OnPath;
                match seen.get(*callee) {
                    Some(Seen::OnPath) => {
                        let on_path = path.iter().map(|(index, _)| *index);
                        let members: Vec<usize> =
                            on_path.skip_while(|index| index != callee).collect();
                        diagnostics.push(self.circle(&members, *span));
                    }
                    Some(Seen::Not) => path.push((*callee, 0)),
                    _ => {}
                }
            }
        }
    }

    fn circle(&self, members: &[usize], closing: Span) -> Diagnostic {
        let names: Vec<&str> = members
            .iter()
            .chain(members.first())
            .filter_map(|index| self.services.get(*index))
            .map(|draft| draft.service.name.as_str())
            .collect();
        let message = if members.len() == 1 {
            format!("`{}` calls itself", names.first().copied().unwrap_or_default())
        } else {
            format!("services call each other in a circle: {}", names.join(" → "))
        };
        Diagnostic::new(codes::CIRCULAR_CALLS, message)
            .at(closing, "this call closes the circle")
            .hint("take one of these calls out; what is called starts first, and a circle has no first")
    }
}
