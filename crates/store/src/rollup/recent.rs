//! Which service a span belongs to, for the spans that came last; and which calls another span
//! tells of as well.
//!
//! Children end before their parents, so a span that waits for its parent can look here when its
//! time is over: the parent has come by then, whatever kind it has. It is a cache of one number a
//! span: what it forgot makes a call count as unpaired, never as a wrong one.

use trunkline_model::trace::{SpanId, TraceId};

use super::nodes::NodeId;

/// Places, each of 8 bytes: 2 MiB. In memory only as far as they were used.
const PLACES: usize = 1 << 18;

const NODE_BITS: u32 = 24;
const NODE_MASK: u64 = (1 << NODE_BITS) - 1;
/// Stands in the place of a node for a call that another span tells of.
const TOLD: u64 = NODE_MASK;
/// Keeps the two kinds of entries apart.
const TOLD_SALT: u64 = 0x9e37_79b9_7f4a_7c15;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The upper 40 bits of a hash, and a node with one added. A place and its neighbour take turns.
    places: Vec<u64>,
}

impl Recent {
    /// A span belongs to a node.
    pub(super) fn insert(&mut self, span: SpanKey, node: NodeId) {
        // Nothing that is remembered is zero. Greater numbers than fit are not remembered.
        let value = u64::from(node) + 1;
        if value < TOLD {
            self.put(span.0, value);
        }
    }

    /// The call that a span makes is told of by another span: the same call, seen further inside or
    /// by its callee.
    pub(super) fn tell(&mut self, span: SpanKey) {
        self.put(span.0 ^ TOLD_SALT, TOLD);
    }

    /// The node of a span.
    pub(super) fn node(&self, span: SpanKey) -> Option<NodeId> {
        NodeId::try_from(self.get(span.0)? - 1).ok()
    }

    /// Whether another span tells of this one's call.
    pub(super) fn is_told(&self, span: SpanKey) -> bool {
        self.get(span.0 ^ TOLD_SALT).is_some()
    }

    fn put(&mut self, hash: u64, value: u64) {
        if self.places.is_empty() {
            self.places.resize(PLACES, 0);
        }
        let (first, second) = places(hash);
        let entry = hash & !NODE_MASK | value;
        if let Ok([one, two]) = self.places.get_disjoint_mut([first, second]) {
            if *one & !NODE_MASK != entry & !NODE_MASK {
                *two = *one;
            }
            *one = entry;
        }
    }

    fn get(&self, hash: u64) -> Option<u64> {
        let (first, second) = places(hash);
        let entries = [self.places.get(first)?, self.places.get(second)?];
        let entry = entries
            .into_iter()
            .find(|entry| **entry & !NODE_MASK == hash & !NODE_MASK && **entry != 0)?;
        Some(*entry & NODE_MASK)
    }
}

fn places(hash: u64) -> (usize, usize) {
    // The lower bits are no part of what is remembered.
    let place = usize::try_from(hash & (PLACES as u64 - 1)).unwrap_or(0);
    (place, place ^ 1)
}

/// A span as one number. Ids are random as a rule; two spans with one number are mistaken for each
/// other, once in 2^40.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpanKey(u64);

impl SpanKey {
    pub(super) fn of(trace: &TraceId, span: SpanId) -> Self {
        let [high, low] = trace.bytes().as_chunks::<8>().0 else { return Self(0) };
        let number = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let mut hash = number(high).wrapping_mul(0xff51_afd7_ed55_8ccd)
            ^ number(low).rotate_left(29).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
            ^ number(span.bytes()).wrapping_mul(0x9fb2_1c65_1e98_df25);
        hash ^= hash >> 32;
        hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash ^= hash >> 29;
        Self(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> SpanKey {
        let mut trace = [7_u8; 16];
        trace[8..].copy_from_slice(&(number / 10 + 1).to_be_bytes());
        SpanKey::of(&TraceId::new(trace).unwrap(), SpanId::new((number + 1).to_be_bytes()).unwrap())
    }

    #[test]
    fn what_came_last_is_found_and_nothing_else() {
        let mut recent = Recent::default();
        assert_eq!((recent.node(key(1)), recent.is_told(key(1))), (None, false));
        (0..1_000_000)
            .for_each(|number| recent.insert(key(number), u32::try_from(number % 1_000).unwrap()));
        let found = |from: u64| {
            (from..from + 1_000)
                .filter(|number| {
                    recent.node(key(*number)) == Some(u32::try_from(number % 1_000).unwrap())
                })
                .count()
        };
        assert!(found(999_000) > 990, "{}", found(999_000));
        assert!(found(0) < 100, "{}", found(0));
        let wrong = (0..1_000_000).filter(|number| {
            recent.node(key(*number)).is_some_and(|node| u64::from(node) != number % 1_000)
        });
        assert_eq!(wrong.count(), 0);
        assert_eq!(recent.node(key(5_000_000)), None);
    }

    #[test]
    fn a_call_that_is_told_of_is_no_node() {
        let mut recent = Recent::default();
        recent.insert(key(1), 0);
        recent.tell(key(2));
        assert_eq!((recent.node(key(1)), recent.is_told(key(1))), (Some(0), false));
        assert_eq!((recent.node(key(2)), recent.is_told(key(2))), (None, true));
        recent.insert(key(3), u32::MAX);
        assert_eq!(recent.node(key(3)), None);
    }
}
