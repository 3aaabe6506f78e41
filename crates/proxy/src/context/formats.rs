//! Which formats a request is told its trace in.

use trunkline_model::trace::tracing::{Format, Propagation};
use trunkline_net::http::Head;

use super::{b3, datadog, jaeger};

/// A set of formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Formats(u8);

impl Formats {
    pub(super) const fn has(self, format: Format) -> bool {
        self.0 & bit(format) != 0
    }

    fn with(self, format: Format) -> Self {
        Self(self.0 | bit(format))
    }

    /// Those that the service of this request is told its trace in.
    pub(super) fn of(request: &Head, propagation: &Propagation) -> Self {
        match propagation {
            Propagation::Listed(formats) => {
                formats.iter().fold(Self::default(), |set, format| set.with(*format))
            }
            Propagation::AsCalled => Format::ALL
                .into_iter()
                .filter(|format| is_used(request, *format))
                .fold(Self::default(), Self::with),
        }
    }
}

const fn bit(format: Format) -> u8 {
    match format {
        Format::W3c => 1,
        Format::B3 => 1 << 1,
        Format::B3Multi => 1 << 2,
        Format::Jaeger => 1 << 3,
        Format::Datadog => 1 << 4,
    }
}

/// Whether the caller speaks a format, rightly or not. W3C's everybody is spoken to in.
fn is_used(request: &Head, format: Format) -> bool {
    match format {
        Format::W3c => true,
        Format::B3 => request.has(b3::SINGLE),
        Format::B3Multi => b3::MULTI.iter().any(|name| request.has(name)),
        Format::Jaeger => request.has(jaeger::TRACE_ID) || request.has(jaeger::DEBUG_ID),
        Format::Datadog => request.has(datadog::TRACE_ID),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::head;

    #[test]
    fn services_are_told_in_the_formats_that_are_listed_or_that_callers_use() {
        let head = head(&[("X-B3-Sampled", "0"), ("Jaeger-Debug-Id", "bug-1")]);
        let called = Formats::of(&head, &Propagation::AsCalled);
        let of = |formats: Formats| Format::ALL.map(|format| formats.has(format));
        assert_eq!(of(called), [true, false, true, true, false]);
        let listed = Propagation::Listed(vec![Format::Datadog, Format::B3]);
        assert_eq!(of(Formats::of(&head, &listed)), [false, true, false, false, true]);
    }
}
