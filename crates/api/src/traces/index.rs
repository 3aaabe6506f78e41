//! Which services and operations the kept spans tell of, counted so that eviction can forget them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use trunkline_model::trace::{Span, SpanKind};

type Operations = BTreeMap<(Arc<str>, SpanKind), usize>;

/// Spans by service, operation and kind.
#[derive(Debug, Default)]
pub(super) struct Index {
    services: BTreeMap<Arc<str>, Operations>,
}

impl Index {
    /// Lets the span share the texts of earlier spans: names repeat a lot.
    pub(super) fn intern(&self, span: &mut Span) {
        let Some((service, operations)) = self.services.get_key_value(&span.service) else {
            return;
        };
        span.service = Arc::clone(service);
        let key = (Arc::clone(&span.name), span.kind);
        if let Some(((name, _), _)) = operations.get_key_value(&key) {
            span.name = Arc::clone(name);
        }
    }

    pub(super) fn add(&mut self, span: &Span) {
        let operations = self.services.entry(Arc::clone(&span.service)).or_default();
        *operations.entry((Arc::clone(&span.name), span.kind)).or_default() += 1;
    }

    pub(super) fn remove(&mut self, span: &Span) {
        let Some(operations) = self.services.get_mut(&span.service) else {
            return;
        };
        let key = (Arc::clone(&span.name), span.kind);
        if let Some(count) = operations.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                operations.remove(&key);
            }
        }
        if operations.is_empty() {
            self.services.remove(&span.service);
        }
    }

    pub(super) fn services(&self) -> BTreeSet<Arc<str>> {
        self.services.keys().cloned().collect()
    }

    pub(super) fn operations(&self, service: &str) -> BTreeSet<(Arc<str>, SpanKind)> {
        self.services.get(service).map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }
}
