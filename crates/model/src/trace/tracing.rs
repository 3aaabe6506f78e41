//! What is wanted of traces: which are recorded, and in which formats their ids travel.

use std::fmt;

use crate::units::{Rate, Share};

/// What is wanted of the traces of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tracing {
    /// Which are recorded.
    pub sample: Sampling,
    /// How they come in and go out.
    pub propagate: Propagation,
}

impl Tracing {
    /// This share of the traces that start here is recorded, and callers' formats are kept.
    pub const fn share(share: Share) -> Self {
        Self { sample: Sampling::share(share), propagate: Propagation::AsCalled }
    }
}

/// What a route wants otherwise than its gateway.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RouteTracing {
    /// Which traces of its requests are recorded; `None` leaves it to the gateway.
    pub sample: Option<Sampling>,
    /// How they come in and go out; `None` leaves it to the gateway.
    pub propagate: Option<Propagation>,
}

/// Which traces are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sampling {
    /// What a caller's decision counts for.
    pub parent: Parent,
    /// This share of those that are decided about here.
    pub share: Share,
    /// And of these at most so many.
    pub rate: Option<Rate>,
}

/// What a caller's decision counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parent {
    /// It is followed; what is decided here are traces that start here, and those that their
    /// caller left undecided.
    Follow,
    /// Nothing: every request is decided about here.
    Ignore,
}

impl Parent {
    /// The word in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::Ignore => "ignore",
        }
    }
}

impl Sampling {
    /// Every trace, whatever its caller decided.
    pub const ALWAYS: Self = Self { parent: Parent::Ignore, share: Share::ALL, rate: None };
    /// No trace, whatever its caller decided.
    pub const NEVER: Self = Self { parent: Parent::Ignore, share: Share::NONE, rate: None };

    /// This share of the traces that start here; callers' decisions are followed.
    pub const fn share(share: Share) -> Self {
        Self { parent: Parent::Follow, share, rate: None }
    }

    /// So many of the traces that start here; callers' decisions are followed.
    pub const fn rate(rate: Rate) -> Self {
        Self { parent: Parent::Follow, share: Share::ALL, rate: Some(rate) }
    }
}

/// As the file writes it.
impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parent, share, rate } = self;
        match (parent, *share, rate) {
            (Parent::Ignore, Share::ALL, None) => f.write_str("always"),
            (Parent::Ignore, Share::NONE, None) => f.write_str("never"),
            (Parent::Follow, share, None) => share.fmt(f),
            (Parent::Follow, Share::ALL, Some(rate)) => rate.fmt(f),
            _ => {
                write!(f, "{{ share: {share}")?;
                if let Some(rate) = rate {
                    write!(f, ", rate: {rate}")?;
                }
                write!(f, ", parent: {} }}", parent.as_str())
            }
        }
    }
}

/// A form in which the ids of a trace travel from caller to service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// W3C Trace Context: `traceparent`, `tracestate`.
    W3c,
    /// Zipkin's single field: `b3`.
    B3,
    /// Zipkin's several fields: `x-b3-traceid` and its like.
    B3Multi,
    /// Jaeger: `uber-trace-id`.
    Jaeger,
    /// Datadog: `x-datadog-trace-id` and its like.
    Datadog,
}

impl Format {
    /// Every format, in the order in which they are tried where nobody says one.
    pub const ALL: [Self; 5] = [Self::W3c, Self::B3, Self::B3Multi, Self::Jaeger, Self::Datadog];

    /// The word in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::W3c => "w3c",
            Self::B3 => "b3",
            Self::B3Multi => "b3multi",
            Self::Jaeger => "jaeger",
            Self::Datadog => "datadog",
        }
    }
}

/// How traces come in and go out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Propagation {
    /// All formats are tried; services are told in W3C's and in each that the caller used.
    AsCalled,
    /// These are tried in this order, and services are told in each of them. Fields of other
    /// formats pass as any field does. Without any, traces neither come in nor go out.
    Listed(Vec<Format>),
}

impl Propagation {
    /// The formats that are tried, in order.
    pub fn tried(&self) -> &[Format] {
        match self {
            Self::AsCalled => &Format::ALL,
            Self::Listed(formats) => formats,
        }
    }
}

/// As the file writes it.
impl fmt::Display for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Listed(formats) = self else {
            return f.write_str("auto");
        };
        let words: Vec<_> = formats.iter().map(|format| format.as_str()).collect();
        write!(f, "[{}]", words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_print_as_files_write_them() {
        let share: Share = "25%".parse().unwrap();
        let rate: Rate = "10/s".parse().unwrap();
        let both = Sampling { parent: Parent::Ignore, share, rate: Some(rate) };
        for (sampling, text) in [
            (Sampling::ALWAYS, "always"),
            (Sampling::NEVER, "never"),
            (Sampling::share(share), "25%"),
            (Sampling::share(Share::ALL), "100%"),
            (Sampling::rate(rate), "10/s"),
            (both, "{ share: 25%, rate: 10/s, parent: ignore }"),
        ] {
            assert_eq!(sampling.to_string(), text);
        }
        let listed = Propagation::Listed(vec![Format::B3Multi, Format::W3c]);
        assert_eq!(listed.to_string(), "[b3multi, w3c]");
        assert_eq!(Propagation::AsCalled.to_string(), "auto");
    }
}
