//! Tells whoever keeps rollups what the proxy carried between services since the last look.
//!
//! The counters of routes are exact and know calls that nobody records as spans: so services without
//! any instrumentation are in the graph of calls as well.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use trunkline_model::ops::Stats;
use trunkline_model::{Model, ServiceName};
use trunkline_query::red::Rollups;
use trunkline_store::rollup::Seen;

use super::book::{Key, book};
use super::tally::{Tally, Total};

/// The gateway calls as `None`.
type Pair = (Option<ServiceName>, ServiceName);

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Carried(Mutex<BTreeMap<Pair, Total>>);

impl Carried {
    /// Tells what was added. `gateway` names it in the graph.
    pub(super) fn tell(
        &self,
        rollups: &dyn Rollups,
        stats: &Stats,
        model: Option<&Model>,
        gateway: &str,
        now: u64,
    ) {
        let edges: BTreeMap<Pair, Total> = book(stats, model, BTreeMap::new())
            .into_iter()
            .filter_map(|(key, total)| match key {
                Key::Edge(from, to) => Some(((from, to), total)),
                Key::Entrance | Key::Service(_) => None,
            })
            .collect();
        let mut before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grown = edges.iter().map(|(pair, total)| {
            let before = before.get(pair);
            (pair, total.since(before), total.sum_since(before))
        });
        let grown: Vec<(&Pair, Tally, u64)> =
            grown.filter(|(_, tally, _)| tally.requests > 0).collect();
        let latency: Vec<_> = grown.iter().map(|(_, tally, _)| tally.latency().buckets).collect();
        let seen =
            grown.iter().zip(&latency).map(|(((from, to), tally, sum_micros), latency)| Seen {
                caller: from.as_ref().map_or(gateway, ServiceName::as_str),
                callee: to.as_str(),
                calls: tally.requests,
                failed: tally.failed,
                latency,
                sum_micros: *sum_micros,
            });
        let seen: Vec<Seen<'_>> = seen.collect();
        if !seen.is_empty() {
            rollups.seen(&seen, now);
        }
        drop((seen, grown));
        *before = edges;
    }
}
