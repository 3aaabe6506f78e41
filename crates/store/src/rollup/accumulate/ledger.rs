//! Where calls are entered, and what became of those that spans tell of.

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_otlp::Kind;

use super::edges::One;
use super::{cell, period_of};
use crate::rollup::Config;
use crate::rollup::cell::{Call, EdgeCell};
use crate::rollup::nodes::{NodeId, Nodes, USER_NODE};
use crate::rollup::pairs::{Met, Side, Why};
use crate::rollup::period::{EdgeKey, EdgeKind, Period, Recorder};
use crate::rollup::recent::{Recent, SpanKey};
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
pub(super) struct Edge {
    pub(super) period: Period,
    pub(super) way: Way,
    pub(super) recorder: Recorder,
}

/// From whom to whom, and what that stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) caller: NodeId,
    pub(super) callee: NodeId,
    pub(super) kind: EdgeKind,
}

impl Edge {
    pub(super) fn key(&self, nodes: &Nodes) -> Option<EdgeKey> {
        let name = |id| nodes.name(id).map(Arc::clone);
        let Way { caller, callee, kind } = self.way;
        Some(EdgeKey {
            caller: name(caller)?,
            callee: name(callee)?,
            kind,
            recorder: self.recorder,
        })
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Ledger {
    config: Config,
    pub(super) cells: HashMap<Edge, EdgeCell>,
    pub(super) recent: Recent,
    pub(super) sides: Sides,
}

impl Ledger {
    pub(super) fn new(config: &Config) -> Self {
        let (recent, sides) = (Recent::default(), Sides::default());
        Self { config: config.clone(), cells: HashMap::new(), recent, sides }
    }

    pub(super) fn cell(&mut self, edge: Edge) -> Option<&mut EdgeCell> {
        let full = self.cells.len() >= self.config.cells_max;
        let cell = cell(&mut self.cells, edge, full);
        if cell.is_none() {
            self.sides.lost += 1;
        }
        cell
    }

    fn count(&mut self, period: Period, way: Way, call: &Call) {
        if let Some(cell) = self.cell(Edge { period, way, recorder: Recorder::Own }) {
            cell.add(call);
        }
    }

    /// A span whose parent is in the same process.
    pub(super) fn local(&mut self, one: &One) {
        let way = Way { caller: one.node, callee: one.node, kind: EdgeKind::Local };
        self.count(one.period, way, &one.call(false, None));
    }

    /// A span that is called from outside.
    pub(super) fn entry(&mut self, one: &One) {
        let way = Way { caller: USER_NODE, callee: one.node, kind: EdgeKind::Entry };
        self.count(one.period, way, &one.call(one.failed, Some(one.micros)));
    }

    /// Decides about sides that wait no longer.
    pub(super) fn enter(&mut self, met: Met, now: u64) {
        match met {
            Met::Pair { caller, callee, new } => {
                self.sides.callers_met += u64::from(new);
                self.sides.callees_met += 1;
                let message = caller.kind == Kind::Producer || callee.kind == Kind::Consumer;
                let kind = if message { EdgeKind::Message } else { EdgeKind::Call };
                let way = Way { caller: caller.node, callee: callee.node, kind };
                self.call(way, Some(&caller), Some(&callee), now);
            }
            Met::Caller((trace, span), caller, why) => {
                let told = self.recent.is_told(SpanKey::of(&trace, span));
                match caller.peer {
                    _ if told => self.sides.told += 1,
                    Some((kind, peer)) => {
                        self.sides.named += 1;
                        let way = Way { caller: caller.node, callee: peer, kind };
                        self.call(way, Some(&caller), None, now);
                    }
                    None => self.alone(why),
                }
            }
            Met::Callee((trace, span), callee, why) => {
                let Some(parent) = self.recent.node(SpanKey::of(&trace, span)) else {
                    return self.alone(why);
                };
                self.sides.by_parent += 1;
                // The same service twice is one call seen twice: by its proxy and by itself.
                let kind = match callee.kind {
                    _ if parent == callee.node => EdgeKind::Local,
                    Kind::Consumer => EdgeKind::Message,
                    _ => EdgeKind::Call,
                };
                self.call(
                    Way { caller: parent, callee: callee.node, kind },
                    None,
                    Some(&callee),
                    now,
                );
            }
        }
    }

    fn alone(&mut self, why: Why) {
        match why {
            Why::Over => self.sides.unpaired += 1,
            Why::Full => self.sides.dropped += 1,
        }
    }

    fn call(&mut self, way: Way, caller: Option<&Side>, callee: Option<&Side>, now: u64) {
        let sides = || [caller, callee].into_iter().flatten();
        let end = caller.or(callee).map_or(now, |side| side.end);
        let Some(period) = period_of(end, now, &self.config) else {
            self.sides.lost += 1;
            return;
        };
        let local = way.kind == EdgeKind::Local;
        let call = Call {
            // Where both are recorded, the rarer one decides how often that happens.
            weight: sides().map(|side| side.weight).max().unwrap_or(Weight::ONE),
            failed: !local && sides().any(|side| side.failed),
            caller_micros: caller.map(|side| side.micros),
            callee_micros: callee.filter(|_| !local).map(|side| side.micros),
        };
        self.count(period, way, &call);
    }
}
