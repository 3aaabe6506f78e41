//! From spans to sums: one look at each span when it arrives, before anything is sampled.
//!
//! A span is counted in the period in which it ended. Its series is sure at once; whether it is a
//! side of a call between services is decided by its kind, by what it says of its parent, and by
//! the spans that come before and after it:
//!
//! ```text
//! no parent, server                          entry: user → service, at once
//! parent in the same process                 local: service → service, at once
//! parent elsewhere, or server, consumer      waits for its caller    ┐ pair: caller → callee
//! client, producer                           waits for its callee    ┘
//! a callee whose time is over                parent's service → service, if its parent came as any kind of span
//! a caller whose time is over                service → whom it says it calls; nobody if another span tells of that call
//! ```
//!
//! This is a pure machine: time is an argument, nothing is locked, read or written. Spans come in
//! the order of the log, so that the same log counts the same.

mod edges;
mod ledger;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use trunkline_otlp::StatusCode;
use trunkline_otlp::span::UNKNOWN_SERVICE;
use trunkline_otlp::view::{RequestView, ResourceSpansView, SpanView, ValueView};
use trunkline_otlp::wire::Malformed;

use super::catalog::{Catalog, Naming, SeriesId, ServiceId};
use super::cell::Cell;
use super::nodes::{NodeId, Nodes};
use super::period::{PERIOD_SECONDS, Period, Recorder, Rollup};
use super::seen::Seen;
use super::weight::Weight;
use super::{Config, PROXY_SCOPE, Wanted};
use edges::Edges;

/// Late periods that are counted at one time: spans of ten minutes ago, whatever is behind.
const LATE_PERIODS_MAX: usize = 64;

pub(super) use edges::Checkpoint;
pub use ledger::Sides;

/// What became of the spans that came in. Each is counted in a series or in one of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Spans that came in.
    pub spans: u64,
    /// Those of them that ended before what is kept.
    pub too_old: u64,
    /// Those of them that are in no series because memory is full until the next period is kept.
    pub refused: u64,
    /// Spans without ids; they are not among `spans`.
    pub invalid: u64,
    /// How they were named.
    pub naming: Naming,
    /// What became of their calls.
    pub sides: Sides,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Accumulator {
    config: Config,
    catalog: Catalog,
    nodes: Nodes,
    cells: HashMap<(Period, SeriesId), Cell>,
    edges: Edges,
    /// Periods before the current one that were counted since the last time all was taken out.
    late: HashSet<Period>,
    counts: Counts,
}

/// Counts spans of one service that one library recorded.
#[derive(Debug)]
pub struct Counting<'a> {
    of: &'a mut Accumulator,
    service: ServiceId,
    node: NodeId,
}

impl Accumulator {
    /// Nothing counted yet.
    pub fn new(config: Config) -> Self {
        let nodes = Nodes::new(config.nodes_max);
        let edges = Edges::new(&config);
        let (catalog, cells) = (Catalog::default(), HashMap::new());
        let late = HashSet::new();
        Self { config, catalog, nodes, cells, edges, late, counts: Counts::default() }
    }

    /// Counts a batch that has been [checked](trunkline_otlp::view::check).
    ///
    /// # Errors
    /// It is no `ExportTraceServiceRequest`; what stands before the place has been counted.
    pub fn batch(&mut self, request: &[u8], now: u64) -> Result<(), Malformed> {
        for resource in RequestView(request).resource_spans() {
            let resource = resource?;
            let service = service(&resource)?;
            for scope in resource.scope_spans() {
                let scope = scope?;
                let mut counting = self.scope(service, scope.name, now);
                for span in scope.spans() {
                    counting.span(&span?, now);
                }
            }
        }
        Ok(())
    }

    /// For spans of a service that a library recorded, by their names.
    pub fn scope(&mut self, service: &str, scope: &str, now: u64) -> Counting<'_> {
        let service = if service.is_empty() { UNKNOWN_SERVICE } else { service };
        let recorder = if scope == PROXY_SCOPE { Recorder::Proxy } else { Recorder::Own };
        let node = self.nodes.id(service, now);
        let service = self.catalog.service(service, recorder, &self.config);
        Counting { of: self, service, node }
    }

    /// Whether a period can be counted besides the current one: each that is late is read and written
    /// anew when it is kept, so that a batch from all over the day would have the whole day written.
    fn has_room_for(&mut self, period: Period, now: u64) -> bool {
        period == Period::of(now)
            || self.late.contains(&period)
            || self.late.len() < LATE_PERIODS_MAX && self.late.insert(period)
    }

    /// Counts calls that the proxy has seen.
    pub fn seen(&mut self, seen: &Seen<'_>, now: u64) {
        self.edges.seen(seen, &mut self.nodes, now);
    }

    /// Names services by the address that others call them at, `address:port`: of this machine,
    /// `localhost:port`. For callers that know their callee by nothing else.
    pub fn learn(&mut self, addresses: HashMap<String, Arc<str>>) {
        self.edges.learn(addresses);
    }

    /// Decides about calls whose other side did not come in time.
    pub fn expire(&mut self, now: u64) {
        self.edges.expire(now);
    }

    /// What was counted since it was last taken, by period; forgets what has been idle for long.
    pub fn take(&mut self, now: u64) -> BTreeMap<Period, Rollup> {
        let mut taken = BTreeMap::<Period, Rollup>::new();
        for ((period, series), cell) in self.cells.drain() {
            if let Some(key) = self.catalog.touch(series, now) {
                taken.entry(period).or_default().series.insert(key.clone(), cell);
            }
        }
        self.late.clear();
        self.edges.take(&mut self.nodes, now, &mut taken);
        let idle = now.saturating_sub(self.config.idle_nanos());
        self.catalog.forget_before(idle);
        self.nodes.forget_before(idle);
        taken
    }

    /// What was counted and not taken, as far as it is wanted.
    pub fn peek(&self, wanted: &Wanted<'_>) -> BTreeMap<Period, Rollup> {
        let mut shown = BTreeMap::<Period, Rollup>::new();
        for ((period, series), cell) in &self.cells {
            if let Some(key) = self.catalog.key(*series).filter(|key| (wanted.series)(&key.service))
            {
                shown.entry(*period).or_default().series.insert(key.clone(), cell.clone());
            }
        }
        if wanted.edges {
            self.edges.peek(&self.nodes, &mut shown);
        }
        shown
    }

    /// What became of the spans so far.
    pub fn counts(&self) -> Counts {
        Counts { naming: self.catalog.naming, sides: self.edges.sides(), ..self.counts }
    }

    /// How many series are counted.
    pub const fn series(&self) -> usize {
        self.catalog.len()
    }

    /// Everything that is not in what was taken, so that a restart loses nothing.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        self.edges.checkpoint(&self.nodes)
    }

    /// Goes on where another process ended.
    pub(super) fn restore(&mut self, checkpoint: &Checkpoint, now: u64) {
        self.edges.restore(checkpoint, &mut self.nodes, now);
    }
}

/// `service.name` of a process; empty when it says nothing.
fn service<'a>(resource: &ResourceSpansView<'a>) -> Result<&'a str, Malformed> {
    Ok(match resource.attributes.get("service.name")? {
        Some(ValueView::Text(name)) => name,
        _ => "",
    })
}

impl Counting<'_> {
    /// Counts a span.
    #[inline]
    pub fn span(&mut self, span: &SpanView<'_>, now: u64) {
        let of = &mut *self.of;
        let (Some(trace), Some(id)) = (span.trace, span.id) else {
            of.counts.invalid += 1;
            return;
        };
        of.counts.spans += 1;
        let weight = Weight::of_trace_state(span.trace_state);
        let Some(period) =
            period_of(span.end_unix_nanos.max(span.start_unix_nanos), now, &of.config)
        else {
            of.counts.too_old += 1;
            return;
        };
        if !of.has_room_for(period, now) {
            of.counts.refused += 1;
            return;
        }
        let micros = span.duration_nanos() / 1_000;
        let series = of.catalog.series(self.service, span.name, span.kind, span.status, &of.config);
        let full = of.cells.len() >= of.config.cells_max;
        let cell = series.and_then(|series| cell(&mut of.cells, (period, series), full));
        match cell {
            Some(cell) => cell.add(micros, span.message.len() as u64, weight),
            None => of.counts.refused += 1,
        }
        let one = edges::One {
            trace,
            id,
            node: self.node,
            weight,
            micros,
            period,
            failed: span.status == StatusCode::Error,
        };
        of.edges.span(&one, span, &mut of.nodes, now);
    }
}

/// A cell, made when it is not there yet and there is room.
pub(super) fn cell<K: Eq + std::hash::Hash, C: Default>(
    cells: &mut HashMap<K, C>,
    key: K,
    full: bool,
) -> Option<&mut C> {
    if full { cells.get_mut(&key) } else { Some(cells.entry(key).or_default()) }
}

/// The period that counts what ended at a time. Clocks of others may be ahead: what has not ended
/// yet counts as ended now, and so does what has no time. `None` for what is older than what is
/// kept.
pub(super) fn period_of(end: u64, now: u64, config: &Config) -> Option<Period> {
    let this = Period::of(now);
    let period = if end == 0 { this } else { Period::of(end).min(this) };
    (period >= this.before(config.kept_periods())).then_some(period)
}

const _: () = assert!(86_400 % PERIOD_SECONDS == 0, "a day is so many whole periods");
