//! A link to Redis: what a worker asks, each question one round trip.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use redis::Value;
use trunkline_resilience::breaker::{Outcome, State};
use trunkline_resilience::budget;
use trunkline_rt::{Clock, Random};

use crate::answer;
use crate::away::{Away, OrderError};
use crate::dial::Dial;
use crate::line::Line;
use crate::orphans::{Orphan, Orphans};
use crate::policies::{Policies, index, micros};
use crate::script::{SCRIPTS, Script, budget_key, policy_keys};
use crate::settings::{BadSettings, Settings};
use crate::verdict::{Admission, Change, Lease, Permit, Standing, Verdict};

/// A connection to Redis that makes itself, and makes itself again.
///
/// It belongs to the tokio runtime that uses it first: a worker has its own. At most 4096 questions
/// are open on it at one time, then it answers [`Away::Busy`].
///
/// A question whose future is dropped may have been carried out. What it took is given back with the
/// next question or by [`Link::tend`], and at the latest when its lease is over.
pub struct Link {
    line: Line,
    prefix: String,
    /// Random, so that no other link names its leases as this one does.
    number: u64,
    leases: AtomicU64,
    orphans: Orphans,
    /// The time that scripts are told, in microseconds; [`TIME_OF_REDIS`] but for tests.
    now: AtomicU64,
}

const TIME_OF_REDIS: u64 = u64::MAX;

/// Parts that the time of a budget is divided into; `SLICES` in `budget.lua`.
const BUDGET_SLICES: u64 = 10;

/// Orphans that are given back at one time.
const RELEASED_TOGETHER: usize = 32;

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub struct End {
    /// What [`Link::admit`] gave for it.
    pub permit: Permit,
    /// As the caller's predicates judge it; [`Outcome::Ignored`] where the call was not made.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// What a person tells a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// To be in a state, with a window that begins anew. An order holds for 30 days after the last
    /// call.
    Enter(State),
    /// To close and to forget what it counted, and how often in a row it opened.
    Reset,
}

impl Link {
    /// A link that is not connected yet. It asks nothing and starts nothing.
    ///
    /// # Errors
    /// Settings of which no link can be made.
    pub fn new(settings: &Settings) -> Result<Self, BadSettings> {
        settings.check()?;
        Ok(Self {
            line: Line::new(Dial::new(settings)?, settings.timeout, Clock::system()),
            prefix: settings.prefix.clone(),
            number: Random::from_system().number(),
            leases: AtomicU64::new(0),
            orphans: Orphans::default(),
            now: AtomicU64::new(TIME_OF_REDIS),
        })
    }

    /// Asks to make a call: the breaker, then the rate limiter, then the bulkhead. What one of them
    /// refuses takes nothing of the others.
    ///
    /// Where there is a wait, the place in the bulkhead is held during it.
    ///
    /// # Errors
    /// No answer.
    pub async fn admit(&self, name: &str, policies: &Policies) -> Result<Admission, Away> {
        let number = self.leases.fetch_add(1, Ordering::Relaxed);
        let lease = Lease { link: self.number, number };
        let watch = self.orphans.watch(name, lease);
        let Policies { breaker_words, rate_words, bulkhead_words, .. } = policies;
        let word = lease.to_string();
        let words = [breaker_words, rate_words, bulkhead_words, word.as_bytes()];
        let answer = self.ask(&SCRIPTS.admit, name, words).await;
        let answer = answer.and_then(|answer| answer::admission(answer, lease));
        if !answer.as_ref().is_err_and(Away::is_unknown) {
            watch.disarm();
        }
        answer
    }

    /// Tells how an admitted call ended, and gives back what it held.
    ///
    /// # Errors
    /// No answer: the result may not be counted. What the call held is given back later.
    pub async fn done(
        &self,
        name: &str,
        policies: &Policies,
        end: End,
    ) -> Result<Option<Change>, Away> {
        let Permit { epoch, lease } = end.permit;
        let watch = self.orphans.watch(name, lease);
        let slow = u8::from(policies.is_slow(end.took)) * 2;
        let happened = match end.outcome {
            Outcome::Ignored => "-1".to_owned(),
            Outcome::Success => slow.to_string(),
            Outcome::Error => (slow + 1).to_string(),
        };
        let (lease, epoch) = (lease.to_string(), epoch.to_string());
        let words = [happened.as_bytes(), lease.as_bytes(), epoch.as_bytes()];
        let words = [&policies.breaker_words, words[0], words[1], words[2]];
        let answer = self.ask(&SCRIPTS.done, name, words).await;
        let change = answer.and_then(answer::change);
        if change.is_ok() {
            watch.disarm();
        }
        change
    }

    /// Lets a call that takes long keep its place in the bulkhead for another lease. `false`: it was
    /// given up before.
    ///
    /// # Errors
    /// No answer.
    pub async fn renew(&self, name: &str, policies: &Policies, lease: Lease) -> Result<bool, Away> {
        if policies.bulkhead_words.is_empty() {
            return Ok(true);
        }
        let lease = lease.to_string();
        let words = [&policies.bulkhead_words, lease.as_bytes()];
        answer::yes(&self.ask(&SCRIPTS.renew, name, words).await?)
    }

    /// Asks for a repetition of a call.
    ///
    /// # Errors
    /// No answer.
    pub async fn withdraw(&self, name: &str, config: &budget::Config) -> Result<bool, Away> {
        self.pay(name, config, "-1").await
    }

    /// Tells the budget of so many calls that were made; one question for many of them will do.
    ///
    /// # Errors
    /// No answer.
    pub async fn deposit(
        &self,
        name: &str,
        config: &budget::Config,
        calls: u32,
    ) -> Result<(), Away> {
        let paid = u64::from(thousandths(config.percent)) * u64::from(calls);
        if paid == 0 {
            return Ok(());
        }
        self.pay(name, config, &paid.to_string()).await.map(drop)
    }

    /// Tells the breaker of `name` what to do; nothing happens where there is none.
    ///
    /// # Errors
    /// No answer, or a state that none leads to.
    pub async fn order(
        &self,
        name: &str,
        policies: &Policies,
        order: Order,
    ) -> Result<Option<Change>, OrderError> {
        if policies.breaker_words.is_empty() {
            return Ok(None);
        }
        let (to, word) = match order {
            Order::Enter(state) => (state, index(state)),
            Order::Reset => (State::Closed, -1),
        };
        let word = word.to_string();
        let words = [&policies.breaker_words, word.as_bytes()];
        answer::obeyed(self.ask(&SCRIPTS.order, name, words).await?, to)
    }

    /// How things are with one name. Changes nothing.
    ///
    /// # Errors
    /// No answer.
    pub async fn look(&self, name: &str, policies: &Policies) -> Result<Standing, Away> {
        let Policies { breaker_words, rate_words, bulkhead_words, .. } = policies;
        let words = [breaker_words, rate_words, bulkhead_words].map(Vec::as_slice);
        let answer = self.ask(&SCRIPTS.look, name, words).await?;
        let standing = answer::standing(answer)?;
        let rate_left = standing.rate_left.filter(|_| !policies.rate_words.is_empty());
        Ok(Standing { rate_left, ..standing })
    }

    /// Looks after the link while nobody asks: goes on connecting, which may take two seconds, gives
    /// back what is left over, and notices a connection that broke. To be called every second or so.
    ///
    /// # Errors
    /// No answer.
    pub async fn tend(&self) -> Result<(), Away> {
        self.line.finish_connecting().await;
        loop {
            let some: Vec<_> =
                std::iter::from_fn(|| self.orphans.pop()).take(RELEASED_TOGETHER).collect();
            if some.is_empty() {
                return self.line.ping().await;
            }
            let released = join_all(some.into_iter().map(|orphan| self.release(orphan))).await;
            released.into_iter().collect::<Result<(), Away>>()?;
        }
    }

    /// For tests: the time that scripts are told instead of Redis's own.
    pub fn set_now(&self, now: Duration) {
        let micros = u64::try_from(now.as_micros()).unwrap_or(TIME_OF_REDIS);
        self.now.store(micros, Ordering::Relaxed);
    }

    /// Asks about a name's policies, and gives one orphan back on the way.
    async fn ask<const N: usize>(
        &self,
        script: &Script,
        name: &str,
        words: [&[u8]; N],
    ) -> Result<Value, Away> {
        let now = self.time();
        let words: Vec<&[u8]> = std::iter::once(now.as_bytes()).chain(words).collect();
        let keys = policy_keys(&self.prefix, name);
        let question = self.line.run(script, &keys, &words);
        match self.orphans.pop() {
            Some(orphan) => join(question, self.release(orphan)).await.0,
            None => question.await,
        }
    }

    async fn release(&self, orphan: Orphan) -> Result<(), Away> {
        let keys = policy_keys(&self.prefix, &orphan.name);
        let lease = orphan.lease.to_string();
        // Dropped half-way, it is an orphan still.
        let watch = self.orphans.watch(&orphan.name, orphan.lease);
        let answer = self.line.run(&SCRIPTS.release, &keys, &[b"", lease.as_bytes()]).await;
        if matches!(answer, Ok(_) | Err(Away::Refused(_))) {
            watch.disarm();
        }
        answer.map(drop)
    }

    async fn pay(&self, name: &str, config: &budget::Config, paid: &str) -> Result<bool, Away> {
        let slice = (micros(config.ttl) / BUDGET_SLICES).max(1).to_string();
        let per_ttl = u128::from(config.min_per_second) * config.ttl.as_millis() / 1_000;
        let free = u64::try_from(per_ttl).unwrap_or(u64::MAX).min(1 << 40) * 1_000;
        let (now, free) = (self.time(), free.to_string());
        let keys = [budget_key(&self.prefix, name)];
        let words = [&now, &slice, &free, paid].map(str::as_bytes);
        answer::yes(&self.line.run(&SCRIPTS.budget, &keys, &words).await?)
    }

    /// What scripts are told as the time: nothing, so that they ask Redis.
    fn time(&self) -> String {
        match self.now.load(Ordering::Relaxed) {
            TIME_OF_REDIS => String::new(),
            now => now.to_string(),
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.link, self.number)
    }
}

impl Verdict {
    /// The permit and the wait before the call, where it may be made.
    pub fn admitted(self) -> Option<(Permit, Duration)> {
        match self {
            Self::Admitted { permit, wait } => Some((permit, wait)),
            Self::Breaker(_) | Self::Rate { .. } | Self::Bulkhead { .. } => None,
        }
    }
}

/// What a call pays into a budget, in thousandths of a repetition, as `budget::Budget` counts it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and 10000 is the most"
)]
fn thousandths(percent: f64) -> u32 {
    (percent.clamp(0.0, 1_000.0) * 10.0).round() as u32
}
