//! Measures what counting a span costs: `cargo run --release -p trunkline-store --example rollup_bars`.
//!
//! Traces of ten spans: five services call each other and a database, every span has eleven attributes, batches of 512
//! spans as exporters send them, so that the two sides of a call come in different batches. Reading the batches is
//! measured apart: whoever stores them reads them anyway. The figure is the median of many rounds, so that a moment of
//! noise does not count; allocations are those of batches whose series are known.
#![allow(
    clippy::cast_precision_loss,
    clippy::needless_for_each,
    dropping_copy_types,
    reason = "it prints figures for people"
)]
#![expect(clippy::print_stdout, reason = "it is a program that prints figures")]
#![expect(clippy::disallowed_methods, reason = "measuring time is what it is for")]

use std::alloc::System;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::view::RequestView;
use trunkline_otlp::{Attributes, Kind, Resource, Scope, Span, Status, Value, write};
use trunkline_store::rollup::{Accumulator, Config};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 101;
const BATCHES: usize = 50;
const BATCH_SPANS: usize = 512;
const SERVICES: u64 = 5;
const START: u64 = 1_790_000_000_000_000_000;
/// Nanoseconds of a span, and allocations of a thousand spans.
const NANOS_MAX: f64 = 1_000.0;
const ALLOCATIONS_MAX: f64 = 10.0;

fn main() -> ExitCode {
    let mut accumulator = Accumulator::new(Config::default());
    let (mut read, mut counted) = (Vec::new(), Vec::new());
    let mut allocations = 0;
    for round in 0..ROUNDS as u64 {
        // Two seconds a round: cells of a period are made once, and taken when it is over.
        let now = START + round * 2_000_000_000;
        let batches = batches(round, now);
        let spans = (BATCHES * BATCH_SPANS) as f64;
        let begin = Instant::now();
        batches.iter().for_each(|batch| drop(black_box(walk(batch))));
        read.push(begin.elapsed().as_nanos() as f64 / spans);
        let region = Region::new(ALLOCATOR);
        let begin = Instant::now();
        for batch in &batches {
            accumulator.batch(batch, now).expect("it is a batch");
        }
        counted.push(begin.elapsed().as_nanos() as f64 / spans);
        // The first round of a period makes its cells; the others count in them.
        if round > 10 && round % 5 != 0 {
            allocations += region.change().allocations;
        }
        accumulator.expire(now);
        if round % 5 == 4 {
            black_box(accumulator.take(now));
        }
    }
    let (read, counted) = (median(&mut read), median(&mut counted));
    let rounds = (11..ROUNDS).filter(|round| round % 5 != 0).count();
    let allocations = allocations as f64 * 1_000.0 / (rounds * BATCHES * BATCH_SPANS) as f64;
    println!("reading a span    {read:8.0} ns");
    println!("counting it       {:8.0} ns   (bar {NANOS_MAX:.0})", counted - read);
    println!("allocations       {allocations:8.2} of a thousand spans (bar {ALLOCATIONS_MAX:.0})");
    println!("{:?}", accumulator.counts().sides);
    if counted - read <= NANOS_MAX && allocations <= ALLOCATIONS_MAX {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// Reads every span, as counting does, and counts nothing.
fn walk(batch: &[u8]) -> usize {
    let resources = RequestView(batch).resource_spans().map_while(Result::ok);
    let scopes = resources.flat_map(|resource| resource.scope_spans().map_while(Result::ok));
    scopes.map(|scope| scope.spans().map_while(Result::ok).map(black_box).count()).sum()
}

/// Batches of one service each, taken in turns: a caller's and its callee's spans come apart.
fn batches(round: u64, now: u64) -> Vec<Vec<u8>> {
    let mut waiting: Vec<Vec<Span>> = (0..SERVICES).map(|_| Vec::new()).collect();
    let mut batches = Vec::new();
    for trace in 0.. {
        for (service, spans) in waiting.iter_mut().enumerate() {
            spans.extend(pair(round * 1_000_000 + trace, service as u64, now));
            if spans.len() >= BATCH_SPANS {
                batches.push(write::request(&spans.drain(..BATCH_SPANS).collect::<Vec<_>>()));
            }
        }
        if batches.len() >= BATCHES {
            batches.truncate(BATCHES);
            break;
        }
    }
    batches
}

/// What one service records of a trace: that it is called, and that it calls the next one, or a database.
fn pair(trace: u64, service: u64, now: u64) -> [Span; 2] {
    let id =
        |place: u64| SpanId::new((trace * 100 + place + 1).to_be_bytes()).expect("it is not zero");
    let scramble = (trace + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let trace_id = TraceId::new((u128::from(scramble) << 64 | u128::from(trace)).to_be_bytes())
        .expect("it is not zero");
    let resource = Arc::new(Resource {
        attributes: vec![("service.name".into(), Value::Text(format!("service-{service}").into()))],
        ..Resource::default()
    });
    let span = |place: u64, parent: Option<SpanId>, kind: Kind| Span {
        trace: trace_id,
        id: id(place),
        parent,
        trace_state: "".into(),
        flags: 0,
        name: format!("GET /things/{}", trace % 20).into(),
        kind,
        start_unix_nanos: now - 1_000 * (1 + trace % 5_000),
        end_unix_nanos: now,
        attributes: attributes(kind, service),
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: Status::default(),
        resource: Arc::clone(&resource),
        scope: Arc::new(Scope::default()),
    };
    let above = service.checked_sub(1).map(|above| id(above * 2 + 1));
    [
        span(service * 2, above, Kind::Server),
        span(service * 2 + 1, Some(id(service * 2)), Kind::Client),
    ]
}

fn attributes(kind: Kind, service: u64) -> Attributes {
    let text = |key: &str, value: &str| (Arc::from(key), Value::Text(Arc::from(value)));
    let mut all: Attributes =
        (0..7).map(|key| text(&format!("attribute.key_{key}"), "some value")).collect();
    all.push(text("server.address", "10.1.2.3"));
    all.push((Arc::from("server.port"), Value::Int(8080)));
    all.push(text("http.request.method", "GET"));
    let database = kind == Kind::Client && service + 1 == SERVICES;
    all.push(if database { text("db.system", "postgresql") } else { text("url.path", "/things") });
    all
}
