//! `trace`: `{ sample: 25%, propagate: [w3c, b3] }`, of the gateway and of a route.

use std::fmt;

use trunkline_config_derive::Decode;
use trunkline_model::trace::tracing::{
    Format, Parent, Propagation, RouteTracing, Sampling, Tracing,
};
use trunkline_model::units::{Rate, Share};

use crate::decode::{Context, Decode, Shape, Shapes, Spanned, wrong_type};
use crate::defaults;
use crate::diagnostic::{Diagnostic, codes};
use crate::node::{Node, Value};
use crate::unserved;

/// Traces.
#[derive(Debug, Clone, Decode)]
#[config(what = "`trace`", unserved = unserved::TRACE)]
pub struct RawTrace {
    /// Which traces are recorded: a share of those that start here such as `25%`, so many of them
    /// such as `10/s`, where a caller's decision is followed; `always` and `never` whatever it
    /// decided; or `{ share, rate, parent }`.
    #[config(default = defaults::SAMPLE)]
    pub sample: SampleForm,
    /// Formats in which traces come in, the first valid one counts, and in which services are told:
    /// a list of `w3c`, `b3`, `b3multi`, `jaeger` and `datadog`. With `auto` all are taken, in this
    /// order, and services are told in `w3c` and in those that the caller used.
    #[config(default = defaults::PROPAGATE)]
    pub propagate: PropagateForm,
}

/// Traces of one route.
#[derive(Debug, Clone, Decode)]
#[config(what = "`trace` of a route")]
pub struct RawRouteTrace {
    /// Which traces of its requests are recorded, as `sample` of `trace` says for all.
    pub sample: Option<SampleForm>,
    /// Formats of its requests and of what its service is told, as `propagate` of `trace` says for
    /// all.
    pub propagate: Option<PropagateForm>,
}

/// Which traces are recorded.
#[derive(Debug, Clone, Decode)]
#[config(what = "`sample`")]
pub struct RawSample {
    /// This share of what is decided here. Who has the same share decides alike, by the random bits
    /// of the trace id.
    #[config(default = defaults::SAMPLE_SHARE)]
    pub share: Share,
    /// Of these at most so many: `10/s`. After a rest so many come at once.
    pub rate: Option<Rate>,
    /// `follow` does what a caller has decided and decides about the other traces; `ignore` decides
    /// about every request, as is right where callers are not trusted.
    #[config(default = defaults::SAMPLE_PARENT)]
    pub parent: ParentWord,
}

/// What a caller's decision counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ParentWord {
    /// It is followed.
    Follow,
    /// Nothing.
    Ignore,
}

/// A format in which ids of traces travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum FormatWord {
    /// W3C Trace Context: `traceparent`, `tracestate`.
    W3c,
    /// Zipkin's one field, `b3`.
    B3,
    /// Zipkin's several fields, `x-b3-traceid` and its like.
    #[config(rename = "b3multi")]
    B3Multi,
    /// Jaeger's `uber-trace-id`.
    Jaeger,
    /// Datadog's `x-datadog-trace-id` and its like.
    Datadog,
}

impl From<FormatWord> for Format {
    fn from(word: FormatWord) -> Self {
        match word {
            FormatWord::W3c => Self::W3c,
            FormatWord::B3 => Self::B3,
            FormatWord::B3Multi => Self::B3Multi,
            FormatWord::Jaeger => Self::Jaeger,
            FormatWord::Datadog => Self::Datadog,
        }
    }
}

/// `sample: 25%`, `sample: 10/s`, `sample: always`, or a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleForm(pub Sampling);

impl fmt::Display for SampleForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Decode for SampleForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            let RawSample { share, rate, parent } = RawSample::decode(node, context)?;
            let parent = match parent {
                ParentWord::Follow => Parent::Follow,
                ParentWord::Ignore => Parent::Ignore,
            };
            return Some(Self(Sampling { parent, share, rate }));
        }
        let sampling = match node.as_str().map(str::trim) {
            Some("always") => Sampling::ALWAYS,
            Some("never") => Sampling::NEVER,
            Some(text) if text.ends_with('%') => Sampling::share(Share::decode(node, context)?),
            Some(text) if text.contains('/') => Sampling::rate(Rate::decode(node, context)?),
            _ => {
                context.diagnostics.push(
                    Diagnostic::new(codes::BAD_VALUE, "`sample` says which traces are recorded")
                        .at(node.span, "neither a share nor a rate")
                        .hint(
                            "write `25%`, `10/s`, `always`, `never` or `{ share, rate, parent }`",
                        ),
                );
                return None;
            }
        };
        Some(Self(sampling))
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        let word = Shape::Choice(vec![
            ("always", "every trace, whatever its caller decided"),
            ("never", "none, whatever its caller decided"),
        ]);
        let (share, rate) = (Share::shape(shapes), Rate::shape(shapes));
        Shape::OneOf(vec![share, rate, word, RawSample::shape(shapes)])
    }
}

/// `propagate: auto`, `propagate: b3`, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropagateForm(pub Propagation);

impl fmt::Display for PropagateForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Decode for PropagateForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if node.as_str() == Some("auto") {
            return Some(Self(Propagation::AsCalled));
        }
        if matches!(node.value, Value::Map(_) | Value::Null) {
            context.diagnostics.push(wrong_type(node, "`auto`, a format, or a list of formats"));
            return None;
        }
        let mut formats = Vec::new();
        for word in Vec::<Spanned<FormatWord>>::decode(node, context)? {
            let format = Format::from(word.value);
            if formats.contains(&format) {
                context.diagnostics.push(
                    Diagnostic::new(codes::BAD_VALUE, format!("`{}` is named twice", word.value))
                        .at(word.span, "named again here"),
                );
            } else {
                formats.push(format);
            }
        }
        Some(Self(Propagation::Listed(formats)))
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        let auto = Shape::Choice(vec![("auto", "`w3c`, and what the caller used")]);
        let format = FormatWord::shape(shapes);
        Shape::OneOf(vec![auto, format.clone(), Shape::List(Box::new(format))])
    }
}

/// What is wanted of the traces of the gateway.
pub(super) fn lower(raw: &RawTrace) -> Tracing {
    Tracing { sample: raw.sample.0, propagate: raw.propagate.0.clone() }
}

/// What a route wants otherwise.
pub(super) fn lower_route(raw: Option<&RawRouteTrace>) -> RouteTracing {
    RouteTracing {
        sample: raw.and_then(|raw| raw.sample).map(|sample| sample.0),
        propagate: raw.and_then(|raw| raw.propagate.clone()).map(|propagate| propagate.0),
    }
}
