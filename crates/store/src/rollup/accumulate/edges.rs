//! Which calls between services spans tell of.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::Kind;
use trunkline_otlp::view::SpanView;

use super::{cell, period_of};
use crate::rollup::Config;
use crate::rollup::cell::{Call, EdgeCell};
use crate::rollup::nodes::{NodeId, Nodes, USER_NODE};
use crate::rollup::pairs::{Kept, Met, Pairs, Side, Why};
use crate::rollup::peer::Said;
use crate::rollup::period::{EdgeKey, EdgeKind, Period, Recorder, Rollup};
use crate::rollup::recent::{Recent, SpanKey};
use crate::rollup::seen::Seen;
use crate::rollup::weight::Weight;

/// What became of the sides of calls that spans tell of. A span that is called and calls itself has
/// two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sides {
    /// Spans that are no side: their parent is in their process.
    pub local: u64,
    /// Callees that are called from outside.
    pub entries: u64,
    /// Spans without parent that are not called either.
    pub roots: u64,
    /// Callers that waited or met a callee.
    pub callers: u64,
    /// Callees that waited or met a caller.
    pub callees: u64,
    /// Callers that met a callee.
    pub callers_met: u64,
    /// Callees that met a caller.
    pub callees_met: u64,
    /// Callees that met no caller, but whose parent came.
    pub by_parent: u64,
    /// Callers whose call another span tells of.
    pub told: u64,
    /// Callers that nobody came for, who said whom they call.
    pub named: u64,
    /// Sides that nobody came for.
    pub unpaired: u64,
    /// Sides that nobody came for in the shorter time that there was, because too many waited.
    pub dropped: u64,
    /// Sides that wait.
    pub waiting: u64,
    /// Calls that are in no edge: they ended before what is kept, or memory is full.
    pub lost: u64,
}

/// What is counted by. Numbers instead of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Edge {
    period: Period,
    caller: NodeId,
    callee: NodeId,
    kind: EdgeKind,
    recorder: Recorder,
}

#[derive(Debug)]
pub(super) struct Edges {
    pairs: Pairs,
    ledger: Ledger,
    known: HashMap<String, Arc<str>>,
    scratch: String,
}

/// Where calls are entered.
#[derive(Debug)]
struct Ledger {
    config: Config,
    cells: HashMap<Edge, EdgeCell>,
    recent: Recent,
    sides: Sides,
}

/// What is known of a span.
#[derive(Debug, Clone, Copy)]
pub(super) struct One {
    pub(super) trace: TraceId,
    pub(super) id: SpanId,
    pub(super) node: NodeId,
    pub(super) weight: Weight,
    pub(super) micros: u64,
    pub(super) period: Period,
    pub(super) failed: bool,
}

/// Sides that wait, with the names of their nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::rollup) struct Checkpoint {
    pub(in crate::rollup) names: BTreeMap<NodeId, Arc<str>>,
    pub(in crate::rollup) sides: Vec<Kept>,
}

/// Whether the parent of a span is in another process: OTLP's flags tell since 1.3.
fn remote(flags: u32) -> Option<bool> {
    const KNOWN: u32 = 0x100;
    const REMOTE: u32 = 0x200;
    (flags & KNOWN != 0).then_some(flags & REMOTE != 0)
}

impl Edges {
    pub(super) fn new(config: &Config) -> Self {
        let pairs = Pairs::new(config.wait_nanos(), config.waiting_max);
        let (recent, sides) = (Recent::default(), Sides::default());
        let ledger = Ledger { config: config.clone(), cells: HashMap::new(), recent, sides };
        Self { pairs, ledger, known: HashMap::new(), scratch: String::new() }
    }

    pub(super) fn learn(&mut self, known: HashMap<String, Arc<str>>) {
        self.known = known;
    }

    pub(super) fn span(&mut self, one: &One, span: &SpanView<'_>, nodes: &mut Nodes, now: u64) {
        let ledger = &mut self.ledger;
        ledger.recent.insert(SpanKey::of(&one.trace, &one.id), one.node);
        let calls = matches!(span.kind, Kind::Client | Kind::Producer);
        match span.parent {
            Some(parent) => {
                let above = SpanKey::of(&one.trace, &parent);
                let by_kind =
                    matches!(span.kind, Kind::Server | Kind::Consumer | Kind::Unspecified);
                if remote(span.flags).unwrap_or(by_kind) {
                    // The two sides of a call may share one span, as Zipkin's do.
                    ledger.recent.tell(SpanKey::of(&one.trace, &one.id));
                    ledger.sides.callees += 1;
                    let side = one.side(span, None, one.failed);
                    self.pairs
                        .receive((one.trace, parent), side, now, &mut |met| ledger.enter(met, now));
                } else {
                    ledger.local(one, !calls);
                    if calls {
                        ledger.recent.tell(above);
                    }
                }
            }
            None if span.kind == Kind::Server => {
                ledger.sides.entries += 1;
                let edge = Edge {
                    period: one.period,
                    caller: USER_NODE,
                    callee: one.node,
                    kind: EdgeKind::Entry,
                    recorder: Recorder::Own,
                };
                ledger.count(
                    edge,
                    &Call {
                        weight: one.weight,
                        failed: one.failed,
                        caller_micros: None,
                        callee_micros: Some(one.micros),
                    },
                );
            }
            None => ledger.sides.roots += u64::from(!calls),
        }
        if calls {
            self.call(one, span, nodes, now);
        }
    }

    fn call(&mut self, one: &One, span: &SpanView<'_>, nodes: &mut Nodes, now: u64) {
        let said = Said::by(span);
        let peer = said.callee(span.kind, &self.known, &mut self.scratch);
        let peer = peer.map(|kind| (kind, nodes.id(&self.scratch, now)));
        let side = one.side(span, peer, one.failed && !said.is_refused());
        let ledger = &mut self.ledger;
        ledger.sides.callers += 1;
        self.pairs.call((one.trace, one.id), side, now, &mut |met| ledger.enter(met, now));
    }

    pub(super) fn seen(&mut self, seen: &Seen<'_>, nodes: &mut Nodes, now: u64) {
        let (caller, callee) = (nodes.id(seen.caller, now), nodes.id(seen.callee, now));
        let edge = Edge {
            period: Period::of(now),
            caller,
            callee,
            kind: EdgeKind::Call,
            recorder: Recorder::Proxy,
        };
        let Some(cell) = self.ledger.cell(edge) else { return };
        cell.seen = cell.seen.saturating_add(seen.calls);
        cell.calls = cell.calls.saturating_add(Weight::calls(seen.calls).fixed());
        cell.failed =
            cell.failed.saturating_add(Weight::calls(seen.failed.min(seen.calls)).fixed());
        cell.caller_micros = cell.caller_micros.saturating_add(seen.sum_micros);
        for (micros, calls) in seen.latency {
            cell.caller.add(*micros, Weight::calls(*calls).fixed());
        }
    }

    pub(super) fn expire(&mut self, now: u64) {
        let ledger = &mut self.ledger;
        self.pairs.expire(now, &mut |met| ledger.enter(met, now));
    }

    pub(super) fn sides(&self) -> Sides {
        Sides { waiting: self.pairs.len() as u64, ..self.ledger.sides }
    }

    pub(super) fn take(
        &mut self,
        nodes: &mut Nodes,
        now: u64,
        into: &mut BTreeMap<Period, Rollup>,
    ) {
        for (edge, cell) in self.ledger.cells.drain() {
            nodes.touch(edge.caller, now);
            nodes.touch(edge.callee, now);
            if let Some(key) = edge.key(nodes) {
                into.entry(edge.period).or_default().edges.insert(key, cell);
            }
        }
        // Those that wait are in use as well.
        for kept in self.pairs.sides() {
            nodes.touch(kept.side.node, now);
            if let Some((_, peer)) = kept.side.peer {
                nodes.touch(peer, now);
            }
        }
    }

    pub(super) fn peek(&self, nodes: &Nodes, into: &mut BTreeMap<Period, Rollup>) {
        for (edge, cell) in &self.ledger.cells {
            if let Some(key) = edge.key(nodes) {
                into.entry(edge.period).or_default().edges.insert(key, cell.clone());
            }
        }
    }

    pub(super) fn checkpoint(&self, nodes: &Nodes) -> Checkpoint {
        let sides: Vec<Kept> = self.pairs.sides().collect();
        let used = sides
            .iter()
            .flat_map(|kept| [Some(kept.side.node), kept.side.peer.map(|(_, node)| node)]);
        let names = used.flatten().filter_map(|id| Some((id, Arc::clone(nodes.name(id)?))));
        Checkpoint { names: names.collect(), sides }
    }

    pub(super) fn restore(&mut self, checkpoint: &Checkpoint, nodes: &mut Nodes, now: u64) {
        let names: HashMap<NodeId, NodeId> =
            checkpoint.names.iter().map(|(id, name)| (*id, nodes.id(name, now))).collect();
        let here = |id: NodeId| names.get(&id).copied();
        let ledger = &mut self.ledger;
        for kept in &checkpoint.sides {
            let Some(node) = here(kept.side.node) else { continue };
            let peer = kept.side.peer.and_then(|(kind, node)| Some((kind, here(node)?)));
            ledger.sides.callers += u64::from(kept.calls);
            ledger.sides.callees += u64::from(!kept.calls);
            let kept = Kept { side: Side { node, peer, ..kept.side }, ..*kept };
            self.pairs.restore(&kept, &mut |met| ledger.enter(met, now));
        }
    }
}

impl One {
    fn side(&self, span: &SpanView<'_>, peer: Option<(EdgeKind, NodeId)>, failed: bool) -> Side {
        let end = span.end_unix_nanos.max(span.start_unix_nanos);
        Side {
            node: self.node,
            kind: span.kind,
            failed,
            weight: self.weight,
            micros: self.micros,
            end,
            peer,
        }
    }
}

impl Edge {
    fn key(&self, nodes: &Nodes) -> Option<EdgeKey> {
        let name = |id| nodes.name(id).map(Arc::clone);
        Some(EdgeKey {
            caller: name(self.caller)?,
            callee: name(self.callee)?,
            kind: self.kind,
            recorder: self.recorder,
        })
    }
}

impl Ledger {
    fn cell(&mut self, edge: Edge) -> Option<&mut EdgeCell> {
        let full = self.cells.len() >= self.config.cells_max;
        let cell = cell(&mut self.cells, edge, full);
        if cell.is_none() {
            self.sides.lost += 1;
        }
        cell
    }

    fn count(&mut self, edge: Edge, call: &Call) {
        if let Some(cell) = self.cell(edge) {
            cell.add(call);
        }
    }

    /// A span whose parent is in the same process.
    fn local(&mut self, one: &One, no_side: bool) {
        self.sides.local += u64::from(no_side);
        let edge = Edge {
            period: one.period,
            caller: one.node,
            callee: one.node,
            kind: EdgeKind::Local,
            recorder: Recorder::Own,
        };
        self.count(
            edge,
            &Call { weight: one.weight, failed: false, caller_micros: None, callee_micros: None },
        );
    }

    fn enter(&mut self, met: Met, now: u64) {
        match met {
            Met::Pair { caller, callee, new } => {
                self.sides.callers_met += u64::from(new);
                self.sides.callees_met += 1;
                let message = caller.kind == Kind::Producer || callee.kind == Kind::Consumer;
                let kind = if message { EdgeKind::Message } else { EdgeKind::Call };
                self.call(caller.node, callee.node, kind, Some(&caller), Some(&callee), now);
            }
            Met::Caller((trace, span), caller, why) => match caller.peer {
                _ if self.recent.is_told(SpanKey::of(&trace, &span)) => self.sides.told += 1,
                Some((kind, peer)) => {
                    self.sides.named += 1;
                    self.call(caller.node, peer, kind, Some(&caller), None, now);
                }
                None => self.alone(why),
            },
            Met::Callee((trace, span), callee, why) => {
                match self.recent.node(SpanKey::of(&trace, &span)) {
                    Some(parent) => {
                        self.sides.by_parent += 1;
                        // The same service twice is one call seen twice: by its proxy and by itself.
                        let kind = match callee.kind {
                            _ if parent == callee.node => EdgeKind::Local,
                            Kind::Consumer => EdgeKind::Message,
                            _ => EdgeKind::Call,
                        };
                        self.call(parent, callee.node, kind, None, Some(&callee), now);
                    }
                    None => self.alone(why),
                }
            }
        }
    }

    fn alone(&mut self, why: Why) {
        match why {
            Why::Over => self.sides.unpaired += 1,
            Why::Full => self.sides.dropped += 1,
        }
    }

    fn call(
        &mut self,
        from: NodeId,
        to: NodeId,
        kind: EdgeKind,
        caller: Option<&Side>,
        callee: Option<&Side>,
        now: u64,
    ) {
        let sides = || [caller, callee].into_iter().flatten();
        let end = caller.or(callee).map_or(now, |side| side.end);
        let Some(period) = period_of(end, now, &self.config) else {
            self.sides.lost += 1;
            return;
        };
        let local = kind == EdgeKind::Local;
        let call = Call {
            // Where both are recorded, the rarer one decides how often that happens.
            weight: sides().map(|side| side.weight).max().unwrap_or(Weight::ONE),
            failed: !local && sides().any(|side| side.failed),
            caller_micros: caller.map(|side| side.micros),
            callee_micros: callee.filter(|_| !local).map(|side| side.micros),
        };
        self.count(Edge { period, caller: from, callee: to, kind, recorder: Recorder::Own }, &call);
    }
}
