//! What is counted of one series or one edge within one period: sums that add up in any order.

use trunkline_rt::metrics::Sparse;

use super::weight::Weight;

/// Of one series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// Spans that were recorded.
    pub spans: u64,
    /// Their messages, in bytes of protobuf.
    pub bytes: u64,
    /// Durations in microseconds times weight, summed.
    pub sum_micros: u64,
    /// Weights by duration, fixed-point: its total is the number of calls, see
    /// [`calls`](super::calls).
    pub latency: Sparse,
}

impl Cell {
    /// Counts one span.
    #[inline]
    pub(super) fn add(&mut self, micros: u64, bytes: u64, weight: Weight) {
        self.spans += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.sum_micros = self.sum_micros.saturating_add(weight.times(micros));
        self.latency.add(micros, weight.fixed());
    }

    /// Adds what was counted elsewhere or at another time.
    pub fn merge(&mut self, other: &Self) {
        self.spans = self.spans.saturating_add(other.spans);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.sum_micros = self.sum_micros.saturating_add(other.sum_micros);
        self.latency.merge(&other.latency);
    }

    /// Calls, fixed-point.
    pub fn calls(&self) -> u64 {
        self.latency.total()
    }
}

/// Of one edge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EdgeCell {
    /// Calls that were seen; those that only sampling hides are not among them.
    pub seen: u64,
    /// Calls, fixed-point.
    pub calls: u64,
    /// Those of them that failed, fixed-point.
    pub failed: u64,
    /// How long the caller waited, where it recorded that: microseconds times weight, summed.
    pub caller_micros: u64,
    /// By duration, weights as fixed-point numbers.
    pub caller: Sparse,
    /// How long the callee worked, where it recorded that: microseconds times weight, summed.
    pub callee_micros: u64,
    /// By duration, weights as fixed-point numbers.
    pub callee: Sparse,
}

/// One call between services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) weight: Weight,
    pub(super) failed: bool,
    pub(super) caller_micros: Option<u64>,
    pub(super) callee_micros: Option<u64>,
}

impl EdgeCell {
    pub(super) fn add(&mut self, call: &Call) {
        let weight = call.weight;
        self.seen += 1;
        self.calls = self.calls.saturating_add(weight.fixed());
        if call.failed {
            self.failed = self.failed.saturating_add(weight.fixed());
        }
        if let Some(micros) = call.caller_micros {
            self.caller_micros = self.caller_micros.saturating_add(weight.times(micros));
            self.caller.add(micros, weight.fixed());
        }
        if let Some(micros) = call.callee_micros {
            self.callee_micros = self.callee_micros.saturating_add(weight.times(micros));
            self.callee.add(micros, weight.fixed());
        }
    }

    /// Adds what was counted elsewhere or at another time.
    pub fn merge(&mut self, other: &Self) {
        self.seen = self.seen.saturating_add(other.seen);
        self.calls = self.calls.saturating_add(other.calls);
        self.failed = self.failed.saturating_add(other.failed);
        self.caller_micros = self.caller_micros.saturating_add(other.caller_micros);
        self.caller.merge(&other.caller);
        self.callee_micros = self.callee_micros.saturating_add(other.callee_micros);
        self.callee.merge(&other.callee);
    }

    /// How long calls took: as the caller saw it, and where no caller recorded that, as the callee
    /// did.
    pub const fn latency(&self) -> &Sparse {
        if self.caller.is_empty() { &self.callee } else { &self.caller }
    }
}
