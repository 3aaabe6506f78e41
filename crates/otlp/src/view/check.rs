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
    /// Memory that its parts need besides their bytes, about: an empty part has two bytes on the
    /// wire, and a place in several columns.
    pub memory: usize,
}

/// Memory of a part, in bytes.
const SPAN_BYTES: usize = 98;
const EVENT_BYTES: usize = 24;
const LINK_BYTES: usize = 44;
const PAIR_BYTES: usize = 13;

/// Reads everything. What passes can be read again without an error.
///
/// # Errors
/// It is not an `ExportTraceServiceRequest`.
pub fn check(request: &[u8]) -> Result<Counts, Malformed> {
    let mut counts = Counts::default();
    for resource in RequestView(request).resource_spans() {
        let resource = resource?;
        counts.memory += attributes(resource.attributes)?;
        for scope in resource.scope_spans() {
            let scope = scope?;
            counts.memory += attributes(scope.attributes)?;
            for read in scope.spans() {
                let read = read?;
                counts.memory += span(&read)?;
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

/// The memory of its parts.
fn span(span: &SpanView<'_>) -> Result<usize, Malformed> {
    let mut memory = SPAN_BYTES + attributes(span.attributes())?;
    for event in span.events() {
        memory += EVENT_BYTES + attributes(event?.attributes)?;
    }
    for link in span.links() {
        memory += LINK_BYTES + attributes(link?.attributes)?;
    }
    Ok(memory)
}

fn attributes(pairs: AttributesView<'_>) -> Result<usize, Malformed> {
    let mut memory = 0;
    for pair in pairs.iter() {
        pair?.1.check(0)?;
        memory += PAIR_BYTES;
    }
    Ok(memory)
}
