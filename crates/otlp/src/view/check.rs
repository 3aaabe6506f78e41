//! Reads a batch to its last byte before anybody keeps it.

use super::{AttributesView, RequestView, SpanView};
use crate::wire::Malformed;

/// What is in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Spans that can be kept.
    pub spans: usize,
    /// Spans without a valid id of their own or of a trace: to be rejected.
    pub invalid: usize,
}

/// Reads everything. What passes can be read again without an error.
///
/// # Errors
/// It is not an `ExportTraceServiceRequest`.
pub fn check(request: &[u8]) -> Result<Counts, Malformed> {
    let mut counts = Counts::default();
    for resource in RequestView(request).resource_spans() {
        let resource = resource?;
        attributes(resource.attributes)?;
        for scope in resource.scope_spans() {
            let scope = scope?;
            attributes(scope.attributes)?;
            for read in scope.spans() {
                let read = read?;
                span(&read)?;
                if read.trace.is_some() && read.id.is_some() {
                    counts.spans += 1;
                } else {
                    counts.invalid += 1;
                }
            }
        }
    }
    Ok(counts)
}

fn span(span: &SpanView<'_>) -> Result<(), Malformed> {
    attributes(span.attributes())?;
    span.events().try_for_each(|event| attributes(event?.attributes))?;
    span.links().try_for_each(|link| attributes(link?.attributes))
}

fn attributes(pairs: AttributesView<'_>) -> Result<(), Malformed> {
    pairs.iter().try_for_each(|pair| pair?.1.check(0))
}
