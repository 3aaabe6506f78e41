//! Whether a trace is recorded.
//!
//! A caller's decision is followed, unless the settings say otherwise. Where the decision is ours,
//! a share decides by the trace's random bits, as OpenTelemetry's consistent probability sampling
//! does, so that everybody with the same share decides alike; then a rate, whose bucket holds what
//! one of its spans allows, takes what is left over the limit.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use trunkline_model::trace::Threshold;
use trunkline_model::trace::tracing::{Parent, Sampling};
use trunkline_model::units::Rate;
use trunkline_resilience::rate::Gcra;

use super::Asked;

/// Settings of sampling at work; one for all workers.
#[derive(Debug)]
pub struct Sampler {
    sampling: Sampling,
    /// `None` for a share of nothing.
    threshold: Option<Threshold>,
    limit: Option<Limit>,
}

/// A decision, and the threshold by which it was made, where it was made by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) sampled: bool,
    pub(super) threshold: Option<Threshold>,
    /// A person wants to see this one, and may.
    pub(super) debug: bool,
}

/// So many in each span of time, exactly over all workers.
#[derive(Debug)]
struct Limit {
    gcra: Gcra,
    /// What the times below are counted from: the first question.
    epoch: OnceLock<Instant>,
    /// When the next one is on schedule, in nanoseconds.
    scheduled: AtomicU64,
}

impl Limit {
    fn new(rate: Rate) -> Self {
        let gcra = Gcra::new(rate.count.get(), rate.per, rate.count.get());
        Self { gcra, epoch: OnceLock::new(), scheduled: AtomicU64::new(0) }
    }

    fn take(&self, now: Instant) -> bool {
        let since = now.saturating_duration_since(*self.epoch.get_or_init(|| now));
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let next = |scheduled| self.gcra.take(scheduled, now).ok();
        self.scheduled.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

impl Sampler {
    /// Ready to decide by these settings.
    pub fn new(sampling: Sampling) -> Self {
        let threshold = Threshold::of(sampling.share);
        Self { sampling, threshold, limit: sampling.rate.map(Limit::new) }
    }

    /// Its settings.
    pub fn sampling(&self) -> &Sampling {
        &self.sampling
    }

    /// Decides about a trace. `inner`: of a service behind this gateway. `randomness` are its 56
    /// bits, `said` is the threshold that its caller named, if that one's word counts.
    pub(super) fn decide(
        &self,
        asked: Asked,
        inner: bool,
        (randomness, said): (u64, Option<Threshold>),
        now: Instant,
    ) -> Decision {
        // A rate decides each time anew: what the first hop decided must hold for the whole trace.
        let follows = self.sampling.parent == Parent::Follow || inner && self.limit.is_some();
        if follows && let Some(sampled) = asked.sampled {
            // A threshold that does not explain the decision is not the one it was made by.
            let explains = |threshold: &Threshold| threshold.keeps(randomness) == sampled;
            return Decision { sampled, threshold: said.filter(explains), debug: asked.debug };
        }
        let by_share = self.threshold.filter(|threshold| threshold.keeps(randomness));
        let sampled = by_share.is_some() && self.limit.as_ref().is_none_or(|l| l.take(now));
        // Of what a rate lets pass, nobody knows how many it stands for.
        let threshold = by_share.filter(|_| sampled && self.limit.is_none());
        Decision { sampled, threshold, debug: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use trunkline_rt::{Clock, Random};

    const OURS: Asked = Asked { format: None, sampled: None, debug: false };

    fn sampler(sampling: Sampling) -> impl Fn(Asked, u64) -> Decision {
        let (sampler, now) = (Sampler::new(sampling), Clock::system().now());
        move |asked, randomness| sampler.decide(asked, false, (randomness, None), now)
    }

    fn share(text: &str) -> Sampling {
        Sampling::share(text.parse().unwrap())
    }

    #[test]
    fn the_share_of_sampled_traces_is_the_one_asked_for() {
        let mut random = Random::from_seed(3);
        let decide = sampler(share("25%"));
        let hits = (0..10_000).filter(|_| decide(OURS, random.number() >> 8).sampled).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        assert!(!sampler(share("0%"))(OURS, (1 << 56) - 1).sampled);
        assert!(sampler(share("100%"))(OURS, 0).sampled);
    }

    #[test]
    fn a_callers_decision_is_followed_or_not() {
        for sampled in [true, false] {
            let asked = Asked { sampled: Some(sampled), ..OURS };
            assert_eq!(sampler(share("100%"))(asked, 0).sampled, sampled);
            assert_eq!(sampler(share("0%"))(asked, 0).sampled, sampled);
            assert!(sampler(Sampling::ALWAYS)(asked, 0).sampled);
            assert!(!sampler(Sampling::NEVER)(asked, u64::MAX).sampled);
        }
        let debug = Asked { sampled: Some(true), debug: true, ..OURS };
        assert!(sampler(share("0%"))(debug, 0).debug);
        assert!(!sampler(Sampling::ALWAYS)(debug, 0).debug);
    }

    #[test]
    fn a_threshold_is_told_where_it_decided() {
        let half = Threshold::parse(b"8");
        let low = 0x10_0000_0000_0000;
        let high = 0x90_0000_0000_0000;
        let decide = sampler(share("50%"));
        assert_eq!(decide(OURS, high).threshold, half);
        assert_eq!(decide(OURS, low).threshold, None);
        // A caller's threshold counts where it explains its decision.
        let one = Sampler::new(share("50%"));
        let said = |sampled, randomness| {
            let asked = Asked { sampled: Some(sampled), ..OURS };
            one.decide(asked, false, (randomness, half), Clock::system().now()).threshold
        };
        assert_eq!(said(true, high), half);
        assert_eq!(said(true, low), None);
        assert_eq!(said(false, low), half);
        assert_eq!(said(false, high), None);
        let rate = Sampling { rate: "5/s".parse().ok(), ..share("50%") };
        assert_eq!(
            sampler(rate)(OURS, high),
            Decision { sampled: true, threshold: None, debug: false }
        );
    }

    #[test]
    fn a_rate_lets_so_many_pass() {
        let sampler = Sampler::new(Sampling::rate("10/s".parse().unwrap()));
        let start = Clock::system().now();
        let passed = |after: Duration| {
            let decide = |_: &i32| sampler.decide(OURS, false, (0, None), start + after).sampled;
            (0..100).filter(decide).count()
        };
        assert_eq!(passed(Duration::ZERO), 10);
        assert_eq!(passed(Duration::from_millis(300)), 3);
        assert_eq!(passed(Duration::from_secs(60)), 10);
        // Time that goes back lets nothing pass, and breaks nothing.
        assert_eq!(passed(Duration::ZERO), 0);
        // A caller's decision costs nothing.
        let asked = Asked { sampled: Some(true), ..OURS };
        assert!(sampler.decide(asked, false, (0, None), start).sampled);
    }

    #[test]
    fn between_services_a_rate_follows_the_first_decision() {
        let now = Clock::system().now();
        let rate = Sampling::rate("1/h".parse().unwrap());
        let ignores = Sampler::new(Sampling { parent: Parent::Ignore, ..rate });
        let decide = |sampled, inner| {
            let asked = Asked { sampled: Some(sampled), ..OURS };
            ignores.decide(asked, inner, (0, None), now).sampled
        };
        assert!(decide(true, true) && decide(true, true) && !decide(false, true));
        assert!(decide(false, false) && !decide(true, false));
        let never = Sampler::new(Sampling::NEVER);
        let asked = Asked { sampled: Some(true), ..OURS };
        assert!(!never.decide(asked, true, (0, None), now).sampled);
    }
}
