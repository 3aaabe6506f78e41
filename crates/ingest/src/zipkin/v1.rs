//! Version 1 of Zipkin's model, in which both sides of a call write into one span.
//!
//! Who called and who was called stands in annotations (`cs`, `cr`, `sr`, `ss`, `ms`, `mr`). A span
//! in which both sides wrote becomes two, one of each kind, with the same id.

use serde::Deserialize;

use super::json::{Few, Micros, RawEndpoint, Text, short};
use super::model::{self, Annotation, Endpoint, Kind, Span};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase", expecting = "a span")]
pub(super) struct RawSpan {
    trace_id: Text,
    id: Text,
    parent_id: Text,
    name: Text,
    timestamp: Option<Micros>,
    duration: Option<Micros>,
    annotations: Few<RawAnnotation>,
    binary_annotations: Few<RawBinary>,
}

#[derive(Deserialize, Default)]
#[serde(default, expecting = "an annotation")]
struct RawAnnotation {
    timestamp: Option<Micros>,
    value: Text,
    endpoint: Option<RawEndpoint>,
}

#[derive(Deserialize, Default)]
#[serde(default, expecting = "a binary annotation")]
struct RawBinary {
    key: Text,
    value: Text,
    endpoint: Option<RawEndpoint>,
}

/// One side of a call: when it began and ended, and who it is.
#[derive(Default)]
struct Side {
    start: Option<u64>,
    end: Option<u64>,
    endpoint: Option<Endpoint>,
}

impl Side {
    fn is_there(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }
}

/// Everything that a span of version 1 tells, sorted.
#[derive(Default)]
struct Sorted {
    sides: [Side; 4],
    annotations: Vec<Annotation>,
    tags: Vec<(String, String)>,
    /// Addresses of the caller, the called and the broker.
    caller: Endpoint,
    called: Endpoint,
    broker: Endpoint,
    /// Whoever is named first.
    first: Option<Endpoint>,
}

const KINDS: [Kind; 4] = [Kind::Client, Kind::Server, Kind::Producer, Kind::Consumer];

/// The spans of version 2 that it means.
pub(super) fn spans(raw: RawSpan) -> Vec<Span> {
    let mut sorted = Sorted::default();
    raw.annotations.0.into_iter().for_each(|annotation| sorted.annotation(annotation));
    raw.binary_annotations.0.into_iter().for_each(|binary| sorted.binary(binary));
    let whole = Span {
        trace: model::id(&raw.trace_id.0, 32),
        id: short(&raw.id.0),
        parent: short(&raw.parent_id.0),
        name: raw.name.0,
        start_unix_nanos: raw.timestamp.map(Micros::nanos).filter(|start| *start > 0),
        duration_nanos: raw.duration.map_or(0, Micros::nanos),
        ..Span::default()
    };
    sorted.finish(whole)
}

impl Sorted {
    fn annotation(&mut self, raw: RawAnnotation) {
        let time_unix_nanos = raw.timestamp.map_or(0, Micros::nanos);
        let endpoint = raw.endpoint.map(Endpoint::from);
        if self.first.is_none() {
            self.first.clone_from(&endpoint);
        }
        let (place, begins) = match raw.value.0.as_str() {
            "cs" => (0, true),
            "cr" => (0, false),
            "sr" => (1, true),
            "ss" => (1, false),
            "ms" => (2, true),
            "mr" => (3, true),
            _ => {
                self.annotations.push(Annotation { time_unix_nanos, value: raw.value.0 });
                return;
            }
        };
        if let Some(side) = self.sides.get_mut(place) {
            let time = if begins { &mut side.start } else { &mut side.end };
            *time = Some(time_unix_nanos);
            side.endpoint = side.endpoint.take().or(endpoint);
        }
    }

    fn binary(&mut self, raw: RawBinary) {
        let endpoint = raw.endpoint.map(Endpoint::from);
        match raw.key.0.as_str() {
            "ca" => self.caller = endpoint.unwrap_or_default(),
            "sa" => self.called = endpoint.unwrap_or_default(),
            "ma" => self.broker = endpoint.unwrap_or_default(),
            _ => {
                if self.first.is_none() {
                    self.first = endpoint;
                }
                // A local component without a name is told by its endpoint alone.
                if raw.key.0 != "lc" || !raw.value.0.is_empty() {
                    self.tags.push((raw.key.0, raw.value.0));
                }
            }
        }
    }

    fn finish(mut self, whole: Span) -> Vec<Span> {
        let sides = std::mem::take(&mut self.sides);
        let both = sides.iter().filter(|side| side.is_there()).count() > 1;
        let mut spans = Vec::new();
        for (side, kind) in sides.into_iter().zip(KINDS) {
            if !side.is_there() {
                continue;
            }
            let mut span = Span { kind, ..whole.clone() };
            // The times of the whole are the caller's; the other side has its own.
            let is_second = both && !spans.is_empty();
            if is_second || span.start_unix_nanos.is_none() {
                span.start_unix_nanos = side.start.or(span.start_unix_nanos);
            }
            if let (true, Some(start), Some(end)) =
                (is_second || span.duration_nanos == 0, side.start, side.end)
            {
                span.duration_nanos = end.saturating_sub(start);
            }
            span.local = side.endpoint.or_else(|| self.first.clone()).unwrap_or_default();
            span.remote = match kind {
                Kind::Client => self.called.clone(),
                Kind::Server => self.caller.clone(),
                _ => self.broker.clone(),
            };
            spans.push(span);
        }
        if spans.is_empty() {
            let (local, remote) = (self.first.unwrap_or_default(), self.called);
            let kind = if remote == Endpoint::default() { Kind::None } else { Kind::Client };
            spans.push(Span { kind, local, remote, ..whole });
        }
        // What was told besides belongs to the side that was told of last: the server's, if it spoke.
        if let Some(last) = spans.last_mut() {
            last.annotations = self.annotations;
            last.tags = self.tags;
        }
        spans
    }
}
