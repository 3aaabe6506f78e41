//! A trace: its stored spans, and what was found wrong with them.

use trunkline_model::trace::TraceId;
use trunkline_otlp::{Span, StatusCode};

use crate::adjust;

/// One trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// Its spans, by start; at least one.
    pub spans: Vec<Span>,
    /// What was found wrong with each span, in the same order; mostly nothing.
    pub warnings: Vec<Vec<String>>,
}

impl Trace {
    /// The trace as it was stored; `None` when there are no spans.
    pub fn stored(spans: Vec<Span>) -> Option<Self> {
        let id = spans.first()?.trace;
        let warnings = vec![Vec::new(); spans.len()];
        let mut trace = Self { id, spans, warnings };
        trace.sort_by_start();
        Some(trace)
    }

    /// The trace as people want to see it: see [`adjust`].
    pub fn adjusted(spans: Vec<Span>, config: &adjust::Config) -> Option<Self> {
        let mut trace = Self::stored(spans)?;
        adjust::adjust(&mut trace, config);
        Some(trace)
    }

    /// Puts the spans in order of their start, those of the same start as they came.
    pub(crate) fn sort_by_start(&mut self) {
        if !self.spans.is_sorted_by_key(|span| span.start_unix_nanos) {
            let mut order: Vec<usize> = (0..self.spans.len()).collect();
            order.sort_by_key(|at| self.spans.get(*at).map(|span| span.start_unix_nanos));
            self.reorder(&order);
        }
    }

    /// Puts the spans in another order; `order` names each once.
    pub(crate) fn reorder(&mut self, order: &[usize]) {
        let mut spans: Vec<_> = std::mem::take(&mut self.spans).into_iter().map(Some).collect();
        let mut warnings = std::mem::take(&mut self.warnings);
        for at in order {
            self.spans.extend(spans.get_mut(*at).and_then(Option::take));
            self.warnings.push(warnings.get_mut(*at).map(std::mem::take).unwrap_or_default());
        }
    }

    /// Notes something about a span.
    pub(crate) fn warn(&mut self, at: usize, warning: String) {
        if let Some(warnings) = self.warnings.get_mut(at) {
            warnings.push(warning);
        }
    }
}

/// The word for a status, as Jaeger's filters write it.
pub const fn status_word(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Unset => "unset",
        StatusCode::Ok => "ok",
        StatusCode::Error => "error",
    }
}
