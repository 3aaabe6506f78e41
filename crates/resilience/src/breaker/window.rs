//! The calls that count: a ring of the last N calls, or of the last N seconds.
//!
//! Totals are kept beside the ring, so that a record costs one bucket, whatever the size. Allocates
//! when it is made, and never again. Reading moves a window of time as well (Resilience4j's
//! `FixedSizeSlidingWindowMetrics`, `SlidingTimeWindowMetrics`).

use std::time::Duration;

use super::config;

/// How many calls, and of what kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) calls: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
    pub(super) slow_failed: u32,
}

impl Counts {
    fn one(failed: bool, slow: bool) -> Self {
        Self {
            calls: 1,
            failed: u32::from(failed),
            slow: u32::from(slow),
            slow_failed: u32::from(failed && slow),
        }
    }

    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
        self.slow_failed += other.slow_failed;
    }

    fn remove(&mut self, other: Self) {
        debug_assert!(self.calls >= other.calls && self.failed >= other.failed);
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.slow -= other.slow;
        self.slow_failed -= other.slow_failed;
    }

    /// The part of all calls, in percent, in the arithmetic of Resilience4j.
    #[expect(clippy::cast_precision_loss, reason = "as there; counts are far below 2^24")]
    pub(super) fn percent(&self, part: u32) -> f32 {
        part as f32 * 100.0 / self.calls as f32
    }
}

/// A window of calls or of seconds.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    total: Counts,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Two bits for a call: failed, slow. `next` is the oldest once the ring is full.
    Calls { outcomes: Box<[u8]>, next: usize },
    /// `head` is the bucket of the second `second`.
    Seconds { buckets: Box<[Counts]>, head: usize, second: u64 },
}

const SEEN: u8 = 4;

impl Ring {
    pub(super) fn new(window: config::Window, now: Duration) -> Self {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let kind = match window {
            config::Window::Calls(calls) => {
                Kind::Calls { outcomes: vec![0; size(calls)].into(), next: 0 }
            }
            config::Window::Seconds(seconds) => Kind::Seconds {
                buckets: vec![Counts::default(); size(seconds)].into(),
                head: 0,
                second: now.as_secs(),
            },
        };
        Self { total: Counts::default(), kind }
    }

    /// Counts a call, and returns what is in the window then.
    pub(super) fn record(&mut self, failed: bool, slow: bool, now: Duration) -> Counts {
        self.advance(now);
        let one = Counts::one(failed, slow);
        match &mut self.kind {
            Kind::Calls { outcomes, next } => {
                let bits = SEEN | u8::from(failed) | u8::from(slow) << 1;
                if let Some(place) = outcomes.get_mut(*next) {
                    let oldest = std::mem::replace(place, bits);
                    if oldest != 0 {
                        self.total.remove(Counts::one(oldest & 1 != 0, oldest & 2 != 0));
                    }
                }
                *next = (*next + 1) % outcomes.len().max(1);
            }
            Kind::Seconds { buckets, head, .. } => {
                if let Some(bucket) = buckets.get_mut(*head) {
                    bucket.add(one);
                }
            }
        }
        self.total.add(one);
        self.total
    }

    /// What is in the window at `now`.
    pub(super) fn counts(&mut self, now: Duration) -> Counts {
        self.advance(now);
        self.total
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self, now: Duration) {
        self.total = Counts::default();
        match &mut self.kind {
            Kind::Calls { outcomes, next } => {
                outcomes.fill(0);
                *next = 0;
            }
            Kind::Seconds { buckets, head, second } => {
                buckets.fill(Counts::default());
                (*head, *second) = (0, now.as_secs());
            }
        }
    }

    /// Lets go of the seconds that are over.
    fn advance(&mut self, now: Duration) {
        let Kind::Seconds { buckets, head, second } = &mut self.kind else {
            return;
        };
        let passed = now.as_secs().saturating_sub(*second);
        if passed == 0 {
            return;
        }
        let gone = usize::try_from(passed).unwrap_or(usize::MAX).min(buckets.len());
        for _ in 0..gone {
            *head = (*head + 1) % buckets.len();
            if let Some(bucket) = buckets.get_mut(*head) {
                self.total.remove(std::mem::take(bucket));
            }
        }
        *second = now.as_secs();
    }
}
