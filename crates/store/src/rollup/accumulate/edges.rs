//! Which calls between services spans tell of.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::Kind;
use trunkline_otlp::view::SpanView;

use super::ledger::{Edge, Ledger, Sides, Way};
use crate::rollup::Config;
use crate::rollup::cell::Call;
use crate::rollup::nodes::{NodeId, Nodes};
use crate::rollup::pairs::{Kept, Pairs, Side};
use crate::rollup::peer::Said;
use crate::rollup::period::{EdgeKind, Period, Recorder, Rollup};
use crate::rollup::recent::SpanKey;
use crate::rollup::seen::Seen;
use crate::rollup::weight::Weight;

#[derive(Debug)]
pub(super) struct Edges {
    pairs: Pairs,
    ledger: Ledger,
    known: HashMap<String, Arc<str>>,
    scratch: String,
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
        let ledger = Ledger::new(config);
        Self { pairs, ledger, known: HashMap::new(), scratch: String::new() }
    }

    pub(super) fn learn(&mut self, known: HashMap<String, Arc<str>>) {
        self.known = known;
    }

    pub(super) fn span(&mut self, one: &One, span: &SpanView<'_>, nodes: &mut Nodes, now: u64) {
        let ledger = &mut self.ledger;
        ledger.recent.insert(SpanKey::of(&one.trace, one.id), one.node);
        let calls = matches!(span.kind, Kind::Client | Kind::Producer);
        match span.parent {
            Some(parent) => {
                let above = SpanKey::of(&one.trace, parent);
                let by_kind =
                    matches!(span.kind, Kind::Server | Kind::Consumer | Kind::Unspecified);
                if remote(span.flags).unwrap_or(by_kind) {
                    if !calls {
                        // The two sides of a call may share one span, as Zipkin's do.
                        ledger.recent.tell(SpanKey::of(&one.trace, one.id));
                    }
                    ledger.sides.callees += 1;
                    let side = one.side(span, None, one.failed);
                    self.pairs
                        .receive((one.trace, parent), side, now, &mut |met| ledger.enter(met, now));
                } else {
                    ledger.sides.local += u64::from(!calls);
                    ledger.local(one);
                    if calls {
                        ledger.recent.tell(above);
                    }
                }
            }
            None if span.kind == Kind::Server => {
                ledger.sides.entries += 1;
                ledger.entry(one);
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
        let way = Way { caller, callee, kind: EdgeKind::Call };
        let edge = Edge { period: Period::of(now), way, recorder: Recorder::Proxy };
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
            nodes.touch(edge.way.caller, now);
            nodes.touch(edge.way.callee, now);
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
            self.pairs.restore(&kept, now, &mut |met| ledger.enter(met, now));
        }
    }
}

impl One {
    /// As a call of which at most one side is known.
    pub(super) fn call(&self, failed: bool, callee_micros: Option<u64>) -> Call {
        Call { weight: self.weight, failed, caller_micros: None, callee_micros }
    }

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
