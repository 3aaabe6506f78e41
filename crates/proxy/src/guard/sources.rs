//! What each source did: one table for all workers, in parts with a short lock each.
//!
//! A source is an IPv4 address, or a network of 64 bits of IPv6: who has one has all of it. The
//! table is bounded: a full part forgets who did nothing for longest, and where everybody is busy,
//! newcomers share one entry, so that a flood of addresses is limited rather than let in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use trunkline_model::guard::{Allowance, PerSource};
use trunkline_resilience::rate::Gcra;

use super::{Guard, Limit};
use crate::limits;

/// Parts of the table: workers seldom meet in one.
const PARTS: usize = 64;

/// Every source that is known.
#[derive(Debug)]
pub(super) struct Sources([Mutex<Part>; PARTS]);

#[derive(Debug, Default)]
struct Part {
    known: HashMap<u128, Source>,
    /// All that have no place of their own.
    others: Source,
}

/// What one source did. Times are nanoseconds of the guard's clock.
#[derive(Debug, Clone, Copy, Default)]
struct Source {
    /// Connections open now.
    open: u32,
    connections: u64,
    requests: u64,
    seen: u64,
}

/// Too much came from a source; it would be in time after so long, if waiting helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) limit: Limit,
    pub(super) wait: Option<Duration>,
}

/// A connection that counts for its source, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    guard: Arc<Guard>,
    source: u128,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.guard.sources.part(self.source).leave(self.source);
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Sources {
    #[expect(clippy::cast_possible_truncation, reason = "halves of a number, and a small rest")]
    fn part(&self, source: u128) -> MutexGuard<'_, Part> {
        // Networks of one provider differ in their upper half, addresses in their lower.
        let [high, low] = [source >> 64, source].map(|half| half as u64);
        let mixed = (high ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let [first, rest @ ..] = &self.0;
        let part = rest.get((mixed % PARTS as u64) as usize).unwrap_or(first);
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sources that are remembered.
    pub(super) fn count(&self) -> usize {
        let known =
            |part: &Mutex<Part>| part.lock().unwrap_or_else(PoisonError::into_inner).known.len();
        self.0.iter().map(known).sum()
    }

    /// A connection begins.
    pub(super) fn connect(
        guard: &Arc<Guard>,
        address: IpAddr,
        settings: &PerSource,
    ) -> Result<Seat, Over> {
        let (source, now) = (number(address), guard.nanos());
        let mut part = guard.sources.part(source);
        let known = part.of(source, now);
        if settings.connections.is_some_and(|most| known.open >= most) {
            return Err(Over { limit: Limit::Connections, wait: None });
        }
        if let Some(allowance) = settings.connection_rate {
            let next = gcra(allowance).take(known.connections, now);
            known.connections =
                next.map_err(|wait| Over { limit: Limit::ConnectionRate, wait: Some(wait) })?;
        }
        known.open += 1;
        drop(part);
        Ok(Seat { guard: Arc::clone(guard), source })
    }

    /// A request begins.
    pub(super) fn request(
        guard: &Guard,
        address: IpAddr,
        settings: &PerSource,
    ) -> Result<(), Over> {
        let Some(allowance) = settings.request_rate else {
            return Ok(());
        };
        let (source, now) = (number(address), guard.nanos());
        let mut part = guard.sources.part(source);
        let known = part.of(source, now);
        let next = gcra(allowance).take(known.requests, now);
        known.requests =
            next.map_err(|wait| Over { limit: Limit::RequestRate, wait: Some(wait) })?;
        Ok(())
    }
}

impl Part {
    fn of(&mut self, source: u128, now: u64) -> &mut Source {
        if !self.known.contains_key(&source) && !self.make_room() {
            return &mut self.others;
        }
        let known = self.known.entry(source).or_default();
        known.seen = now;
        known
    }

    /// Whether there is a place for one more; who did nothing for longest loses its.
    fn make_room(&mut self) -> bool {
        if self.known.len() < limits::SOURCES_MAX / PARTS {
            return true;
        }
        let idle = self.known.iter().filter(|(_, source)| source.open == 0);
        let oldest = idle.min_by_key(|(_, source)| source.seen).map(|(number, _)| *number);
        oldest.is_some_and(|oldest| self.known.remove(&oldest).is_some())
    }

    fn leave(&mut self, source: u128) {
        // One that has no entry was counted with the others.
        let known = self.known.get_mut(&source).filter(|known| known.open > 0);
        let known = known.unwrap_or(&mut self.others);
        known.open = known.open.saturating_sub(1);
    }
}

fn gcra(allowance: Allowance) -> Gcra {
    Gcra::new(allowance.rate.count.get(), allowance.rate.per, allowance.burst)
}

/// The number of a source.
fn number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_ipv6_mapped().into(),
        IpAddr::V6(six) => u128::from(six) >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_model::guard::Action;
    use trunkline_rt::{Clock, ManualClock};

    fn settings(connections: u32, rate: &str, burst: u32) -> PerSource {
        let allowance = Allowance { rate: rate.parse().unwrap(), burst };
        PerSource {
            connections: Some(connections),
            connection_rate: Some(allowance),
            request_rate: Some(allowance),
            action: Action::Refuse,
            delay_max: Duration::ZERO,
            except: Vec::new(),
        }
    }

    #[test]
    fn each_source_has_its_own_limits_and_ipv6_goes_by_network() {
        let clock = ManualClock::new();
        let guard = Guard::new(Clock::from(&clock));
        let settings = settings(2, "1/s", 10);
        let connect = |text: &str| Sources::connect(&guard, text.parse().unwrap(), &settings);
        let (one, _two) = (connect("192.0.2.1").unwrap(), connect("192.0.2.1").unwrap());
        assert_eq!(connect("192.0.2.1").unwrap_err().limit, Limit::Connections);
        assert_eq!(connect("::ffff:192.0.2.1").unwrap_err().limit, Limit::Connections);
        assert!(connect("192.0.2.2").is_ok());
        let _six = [connect("2001:db8::1").unwrap(), connect("2001:db8::2").unwrap()];
        assert_eq!(connect("2001:db8::3").unwrap_err().limit, Limit::Connections);
        assert!(connect("2001:db8:0:1::1").is_ok());
        drop(one);
        assert!(connect("192.0.2.1").is_ok());
    }

    #[test]
    fn a_rate_says_how_long_to_wait() {
        let clock = ManualClock::new();
        let guard = Guard::new(Clock::from(&clock));
        let settings = settings(9, "2/s", 1);
        let ask = || Sources::request(&guard, "192.0.2.1".parse().unwrap(), &settings);
        assert_eq!(ask(), Ok(()));
        let wait = Some(Duration::from_millis(500));
        assert_eq!(ask(), Err(Over { limit: Limit::RequestRate, wait }));
        clock.advance(Duration::from_millis(500));
        assert_eq!(ask(), Ok(()));
    }

    #[test]
    fn a_flood_of_sources_is_bounded_and_limited() {
        let clock = ManualClock::new();
        let guard = Guard::new(Clock::from(&clock));
        let settings = settings(1, "1000000/s", 1_000_000);
        let address = |n: u32| IpAddr::from(std::net::Ipv4Addr::from(n));
        let mut seats = Vec::new();
        let mut refused = 0;
        for n in 0..200_000 {
            match Sources::connect(&guard, address(n), &settings) {
                Ok(seat) => seats.push(seat),
                Err(_) => refused += 1,
            }
        }
        assert!(guard.sources.count() <= limits::SOURCES_MAX);
        assert!(refused > 100_000, "those without a place share one: {refused}");
        seats.clear();
        for n in 200_000..400_000 {
            assert!(Sources::connect(&guard, address(n), &settings).is_ok(), "{n}");
        }
        assert!(guard.sources.count() <= limits::SOURCES_MAX);
    }
}
