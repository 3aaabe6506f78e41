//! Taking an endpoint out of balancing for a while because real requests to it fail (passive
//! health).
//!
//! ```text
//!   in ──failures in a row──► ejected until t ──t passes──► in
//! ```
//! Each ejection of the same endpoint lasts longer than the one before, by the back-off; a time as
//! long as the longest ejection without another forgets the past. The caller says how many of the
//! set are out already: a share of the set is never exceeded, and the last endpoint is never
//! ejected, because a wrong answer beats none. It is not an active check, and not a breaker: it
//! judges one endpoint, not the whole service.

mod strangers;

use std::time::Instant;

use crate::backoff;

pub use strangers::{Compared, Seen, Strange};

/// When to eject, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Failures in a row that eject an endpoint; 0 turns ejection off.
    pub failures: u32,
    /// Length of the first ejection, and its growth with each further one.
    pub ejection: backoff::Config,
    /// At most this share of a set is out at once, in percent; one endpoint may always be out, the
    /// last one never.
    pub ejected_percent_max: u8,
}

/// How one request to the endpoint went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer that is no fault of the endpoint.
    Success,
    /// Connection refused or lost, time-out, or a status that counts as failure.
    Failure,
}

/// The set the endpoint belongs to, at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peers {
    /// Endpoints in the set, this one included.
    pub total: usize,
    /// How many of them are out.
    pub ejected: usize,
}

/// The record of one endpoint.
#[derive(Clone, Debug, Default)]
pub struct Outlier {
    failures_in_row: u32,
    ejections: u32,
    ejected_until: Option<Instant>,
}

impl Outlier {
    /// Whether the endpoint is out at `now`.
    pub fn is_ejected(&self, now: Instant) -> bool {
        self.ejected_until.is_some_and(|until| now < until)
    }

    /// Notes how a request went. Returns the end of the ejection when this outcome caused one.
    /// `random` feeds the jitter of the ejection time.
    pub fn record(
        &mut self,
        outcome: Outcome,
        config: &Config,
        peers: Peers,
        now: Instant,
        random: u64,
    ) -> Option<Instant> {
        if outcome == Outcome::Success {
            self.failures_in_row = 0;
            return None;
        }
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        let due = config.failures > 0 && self.failures_in_row >= config.failures;
        if due { self.eject(config, peers, now, random) } else { None }
    }

    /// Ejects it, whatever the reason. Returns the end of the ejection, or `None` where it is out
    /// already or too many of the set are.
    pub fn eject(
        &mut self,
        config: &Config,
        peers: Peers,
        now: Instant,
        random: u64,
    ) -> Option<Instant> {
        if self.is_ejected(now) || !config.may_eject(peers) {
            return None;
        }
        let forgotten = self.ejected_until.is_some_and(|until| now >= until + config.ejection.max);
        if forgotten {
            self.ejections = 0;
        }
        let until = now + config.ejection.delay(self.ejections, random);
        self.ejections = self.ejections.saturating_add(1);
        self.failures_in_row = 0;
        self.ejected_until = Some(until);
        Some(until)
    }
}

impl Config {
    fn may_eject(&self, peers: Peers) -> bool {
        let share =
            peers.total.saturating_mul(usize::from(self.ejected_percent_max.min(100))) / 100;
        let after = peers.ejected.saturating_add(1);
        after <= share.max(1) && after < peers.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const CONFIG: Config = Config {
        failures: 3,
        ejection: backoff::Config {
            first: Duration::from_secs(10),
            max: Duration::from_secs(40),
            jitter_percent: 0,
        },
        ejected_percent_max: 50,
    };
    const PEERS: Peers = Peers { total: 4, ejected: 0 };

    /// Fails until ejected, at most ten times, and returns the length of the ejection in seconds.
    fn eject(outlier: &mut Outlier, peers: Peers, now: Instant) -> Option<u64> {
        (0..10)
            .find_map(|_| outlier.record(Outcome::Failure, &CONFIG, peers, now, 0))
            .map(|until| (until - now).as_secs())
    }

    #[test]
    fn only_failures_in_a_row_eject() {
        let (mut outlier, now) = (Outlier::default(), Instant::now());
        for outcome in [Outcome::Failure, Outcome::Failure, Outcome::Success].repeat(5) {
            assert_eq!(outlier.record(outcome, &CONFIG, PEERS, now, 0), None);
        }
        assert!(!outlier.is_ejected(now));
        assert_eq!(eject(&mut outlier, PEERS, now), Some(10));
        assert!(outlier.is_ejected(now) && !outlier.is_ejected(now + Duration::from_secs(10)));
    }

    #[test]
    fn each_ejection_lasts_longer_until_a_quiet_time_forgets() {
        let (mut outlier, mut now) = (Outlier::default(), Instant::now());
        let mut lengths = vec![];
        for _ in 0..4 {
            let seconds = eject(&mut outlier, PEERS, now).unwrap();
            lengths.push(seconds);
            now += Duration::from_secs(seconds);
        }
        assert_eq!(lengths, [10, 20, 40, 40]);
        assert_eq!(eject(&mut outlier, PEERS, now + CONFIG.ejection.max), Some(10));
    }

    #[test]
    fn a_share_of_the_set_stays_in() {
        let now = Instant::now();
        assert_eq!(eject(&mut Outlier::default(), Peers { total: 4, ejected: 1 }, now), Some(10));
        assert_eq!(eject(&mut Outlier::default(), Peers { total: 4, ejected: 2 }, now), None);
    }

    #[test]
    fn the_last_endpoint_is_never_ejected() {
        let now = Instant::now();
        assert_eq!(eject(&mut Outlier::default(), Peers { total: 1, ejected: 0 }, now), None);
        assert_eq!(eject(&mut Outlier::default(), Peers { total: 2, ejected: 0 }, now), Some(10));
        assert_eq!(eject(&mut Outlier::default(), Peers { total: 2, ejected: 1 }, now), None);
    }
}
