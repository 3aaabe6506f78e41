//! Calls of which one side has been seen: each waits for the other.
//!
//! The two sides of a call come in any order, in different batches and seconds apart. A side waits
//! for a fixed time; when there are too many, the one that has waited longest goes before its time.
//! Nobody gets lost: every side is handed over once, in a pair or alone.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::Kind;

use super::nodes::NodeId;
use super::period::EdgeKind;
use super::weight::Weight;

/// The span that calls, by which both sides name the call.
pub(super) type CallKey = (TraceId, SpanId);

/// One side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) node: NodeId,
    pub(super) kind: Kind,
    pub(super) failed: bool,
    pub(super) weight: Weight,
    pub(super) micros: u64,
    /// End of its span, nanoseconds since the Unix epoch.
    pub(super) end: u64,
    /// Whom the caller means, if it says so.
    pub(super) peer: Option<(EdgeKind, NodeId)>,
}

/// What became of sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// Caller and callee. A caller that several callees have been waiting for is in several pairs,
    /// and is new in the first.
    Pair { caller: Side, callee: Side, new: bool },
    /// Nobody came for a caller.
    Caller(CallKey, Side, Why),
    /// Nobody came for a callee.
    Callee(CallKey, Side, Why),
}

/// Why a side waits no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Its time is over.
    Over,
    /// Others need its place.
    Full,
}

#[derive(Debug)]
struct Waiting {
    /// Which entry of the order is its.
    serial: u64,
    sides: Sides,
}

#[derive(Debug)]
enum Sides {
    Caller(Side),
    /// One caller may have several callees: a message is taken by many, a call is repeated.
    Callees(Side, Vec<Side>),
}

#[derive(Debug)]
struct Place {
    until: u64,
    serial: u64,
    key: CallKey,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Pairs {
    wait_nanos: u64,
    max: usize,
    waiting: HashMap<CallKey, Waiting>,
    /// By the end of their time. Entries of calls that met stay until there are too many of them.
    order: VecDeque<Place>,
    sides: usize,
    serial: u64,
}

/// A side that waits, to be kept over a restart: see [`Pairs::sides`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) until: u64,
    pub(super) key: CallKey,
    pub(super) calls: bool,
    pub(super) side: Side,
}

impl Pairs {
    pub(super) fn new(wait_nanos: u64, max: usize) -> Self {
        Self {
            wait_nanos,
            max,
            waiting: HashMap::new(),
            order: VecDeque::new(),
            sides: 0,
            serial: 0,
        }
    }

    /// How many sides wait.
    pub(super) const fn len(&self) -> usize {
        self.sides
    }

    /// A caller has been seen.
    pub(super) fn call(&mut self, key: CallKey, side: Side, now: u64, met: &mut impl FnMut(Met)) {
        if let Entry::Occupied(entry) = self.waiting.entry(key)
            && matches!(entry.get().sides, Sides::Callees(..))
            && let Sides::Callees(first, more) = entry.remove().sides
        {
            self.sides -= 1 + more.len();
            let callees = std::iter::once(first).chain(more).enumerate();
            let pair = |(place, callee)| Met::Pair { caller: side, callee, new: place == 0 };
            callees.map(pair).for_each(met);
            return;
        }
        self.insert(now.saturating_add(self.wait_nanos), key, true, side, met);
    }

    /// A callee has been seen.
    pub(super) fn receive(
        &mut self,
        key: CallKey,
        side: Side,
        now: u64,
        met: &mut impl FnMut(Met),
    ) {
        if let Entry::Occupied(entry) = self.waiting.entry(key)
            && matches!(entry.get().sides, Sides::Caller(_))
            && let Sides::Caller(caller) = entry.remove().sides
        {
            self.sides -= 1;
            met(Met::Pair { caller, callee: side, new: true });
            return;
        }
        self.insert(now.saturating_add(self.wait_nanos), key, false, side, met);
    }

    fn insert(
        &mut self,
        until: u64,
        key: CallKey,
        calls: bool,
        side: Side,
        met: &mut impl FnMut(Met),
    ) {
        while self.sides >= self.max {
            let Some(place) = self.order.pop_front() else { break };
            self.end(&place, Why::Full, met);
        }
        self.serial += 1;
        let serial = self.serial;
        let alone =
            |side| if calls { Sides::Caller(side) } else { Sides::Callees(side, Vec::new()) };
        self.sides += 1;
        match self.waiting.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Waiting { serial, sides: alone(side) });
            }
            Entry::Occupied(mut entry) => match &mut entry.get_mut().sides {
                // It ends with the first of them, which is no later than its own time.
                Sides::Callees(_, more) if !calls => return more.push(side),
                // A span with the id of another, or the same one again: the former waits no longer.
                before => {
                    let before = std::mem::replace(before, alone(side));
                    entry.get_mut().serial = serial;
                    self.sides -= before.hand_over(key, Why::Over, met);
                }
            },
        }
        self.order.push_back(Place { until, serial, key });
        self.tidy();
    }

    /// Hands over everybody whose time is over.
    pub(super) fn expire(&mut self, now: u64, met: &mut impl FnMut(Met)) {
        while let Some(place) = self.order.pop_front_if(|place| place.until <= now) {
            self.end(&place, Why::Over, met);
        }
    }

    fn end(&mut self, place: &Place, why: Why, met: &mut impl FnMut(Met)) {
        if let Entry::Occupied(entry) = self.waiting.entry(place.key)
            && entry.get().serial == place.serial
        {
            self.sides -= entry.remove().sides.hand_over(place.key, why, met);
        }
    }

    /// Drops the places of those that met, when they are more than half of all: each is looked at
    /// a bounded number of times.
    fn tidy(&mut self) {
        if self.order.len() > 2 * self.waiting.len() + 1_024 {
            let waiting = &self.waiting;
            self.order.retain(|place| {
                waiting.get(&place.key).is_some_and(|found| found.serial == place.serial)
            });
        }
    }

    /// Everybody who waits, by the end of their time.
    pub(super) fn sides(&self) -> impl Iterator<Item = Kept> {
        self.order.iter().flat_map(|place| {
            let found = self.waiting.get(&place.key).filter(|found| found.serial == place.serial);
            let (calls, first, more) = match found.map(|found| &found.sides) {
                Some(Sides::Caller(side)) => (true, Some(*side), &[][..]),
                Some(Sides::Callees(side, more)) => (false, Some(*side), more.as_slice()),
                None => (false, None, &[][..]),
            };
            let all = first.into_iter().chain(more.iter().copied());
            all.map(move |side| Kept { until: place.until, key: place.key, calls, side })
        })
    }

    /// Lets somebody wait again, in the order of [`Pairs::sides`].
    pub(super) fn restore(&mut self, kept: &Kept, now: u64, met: &mut impl FnMut(Met)) {
        // The clock may have been ahead when it was kept.
        let until = kept.until.min(now.saturating_add(self.wait_nanos));
        self.insert(until, kept.key, kept.calls, kept.side, met);
    }
}

impl Sides {
    /// Gives everybody away, and says how many they were.
    fn hand_over(self, key: CallKey, why: Why, met: &mut impl FnMut(Met)) -> usize {
        match self {
            Self::Caller(side) => {
                met(Met::Caller(key, side, why));
                1
            }
            Self::Callees(first, more) => {
                let count = 1 + more.len();
                std::iter::once(first)
                    .chain(more)
                    .for_each(|side| met(Met::Callee(key, side, why)));
                count
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: u8) -> CallKey {
        (TraceId::new([1; 16]).unwrap(), SpanId::new([number + 1; 8]).unwrap())
    }

    fn side(node: NodeId) -> Side {
        Side {
            node,
            kind: Kind::Client,
            failed: false,
            weight: Weight::ONE,
            micros: 1,
            end: 2,
            peer: None,
        }
    }

    fn pairs() -> Pairs {
        Pairs::new(10, 100)
    }

    #[test]
    fn sides_meet_in_either_order() {
        let (mut pairs, mut seen) = (pairs(), Vec::new());
        pairs.call(key(1), side(1), 0, &mut |met| seen.push(met));
        pairs.receive(key(1), side(2), 1, &mut |met| seen.push(met));
        pairs.receive(key(2), side(4), 2, &mut |met| seen.push(met));
        pairs.receive(key(2), side(5), 3, &mut |met| seen.push(met));
        pairs.call(key(2), side(3), 4, &mut |met| seen.push(met));
        let pair =
            |caller, callee, new| Met::Pair { caller: side(caller), callee: side(callee), new };
        assert_eq!(seen, [pair(1, 2, true), pair(3, 4, true), pair(3, 5, false)]);
        assert_eq!(pairs.len(), 0);
        pairs.expire(100, &mut |met| panic!("{met:?}"));
    }

    #[test]
    fn nobody_waits_longer_than_the_time() {
        let (mut pairs, mut seen) = (pairs(), Vec::new());
        pairs.call(key(1), side(1), 0, &mut |met| seen.push(met));
        pairs.receive(key(2), side(2), 5, &mut |met| seen.push(met));
        pairs.expire(9, &mut |met| seen.push(met));
        assert_eq!(seen, []);
        pairs.expire(10, &mut |met| seen.push(met));
        pairs.expire(15, &mut |met| seen.push(met));
        assert_eq!(
            seen,
            [Met::Caller(key(1), side(1), Why::Over), Met::Callee(key(2), side(2), Why::Over)]
        );
    }

    #[test]
    fn the_one_that_waited_longest_makes_room() {
        let (mut pairs, mut seen) = (Pairs::new(10, 2), Vec::new());
        for number in 0..4 {
            pairs.call(key(number), side(number.into()), number.into(), &mut |met| seen.push(met));
        }
        assert_eq!(
            seen,
            [Met::Caller(key(0), side(0), Why::Full), Met::Caller(key(1), side(1), Why::Full)]
        );
        assert_eq!(pairs.len(), 2);
    }

    #[test]
    fn a_span_that_comes_again_replaces_itself() {
        let (mut pairs, mut seen) = (pairs(), Vec::new());
        pairs.call(key(1), side(1), 0, &mut |met| seen.push(met));
        pairs.call(key(1), side(1), 5, &mut |met| seen.push(met));
        assert_eq!(
            (seen.as_slice(), pairs.len()),
            (&[Met::Caller(key(1), side(1), Why::Over)][..], 1)
        );
        pairs.expire(10, &mut |met| panic!("{met:?}"));
        pairs.expire(15, &mut |met| seen.push(met));
        assert_eq!((seen.len(), pairs.len()), (2, 0));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Call(u8),
        Receive(u8),
        Expire,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0_u8..12).prop_map(Step::Call),
            4 => (0_u8..12).prop_map(Step::Receive),
            1 => Just(Step::Expire),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn every_side_is_handed_over_once(steps in steps(), max in 1_usize..20, restart in 0_usize..200) {
            let mut pairs = Pairs::new(10, max);
            let mut out = Vec::new();
            for (now, step) in steps.iter().enumerate() {
                let node = u32::try_from(now).unwrap();
                let met = &mut |met| out.push(met);
                match step {
                    Step::Call(number) => pairs.call(key(*number), side(node), node.into(), met),
                    Step::Receive(number) => pairs.receive(key(*number), side(node), node.into(), met),
                    Step::Expire => pairs.expire(node.into(), met),
                }
                if now == restart {
                    let kept: Vec<Kept> = pairs.sides().collect();
                    prop_assert_eq!(kept.len(), pairs.len());
                    pairs = Pairs::new(10, max);
                    for kept in &kept {
                        pairs.restore(kept, u64::MAX, met);
                    }
                    prop_assert_eq!(&pairs.sides().collect::<Vec<_>>(), &kept);
                }
                prop_assert!(pairs.len() <= max);
            }
            pairs.expire(u64::MAX, &mut |met| out.push(met));
            prop_assert_eq!(pairs.len(), 0);
            prop_assert!(pairs.waiting.is_empty() && pairs.order.is_empty());
            let callers = |met: &Met| match met {
                Met::Pair { caller, new: true, .. } | Met::Caller(_, caller, _) => Some(caller.node),
                _ => None,
            };
            let callees = |met: &Met| match met {
                Met::Pair { callee, .. } | Met::Callee(_, callee, _) => Some(callee.node),
                Met::Caller(..) => None,
            };
            let mut called: Vec<u32> = out.iter().filter_map(callers).collect();
            called.sort_unstable();
            let mut received: Vec<u32> = out.iter().filter_map(callees).collect();
            received.sort_unstable();
            let sent = |calls: bool| -> Vec<u32> { steps.iter().enumerate().filter(|(_, step)| match step { Step::Call(_) => calls, Step::Receive(_) => !calls, Step::Expire => false }).map(|(now, _)| u32::try_from(now).unwrap()).collect() };
            prop_assert_eq!(called, sent(true));
            prop_assert_eq!(received, sent(false));
        }
    }
}
