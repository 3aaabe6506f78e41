//! The breaker in Redis and the one of the resilience crate are one machine: driven by the same
//! steps they say the same, word for word.

use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Runtime;
use trunkline_resilience::breaker::{self, AfterHalfOpen, Breaker, Event, Outcome, State, Window};
use trunkline_resilience::interval::Interval;
use trunkline_share::{BreakerStanding, Change, End, Link, Order, OrderError, Policies, Verdict};

use crate::rig::{MILLI, Redis, SECOND, new_name};

const SLOW: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy)]
enum Step {
    Begin,
    End(usize, Outcome, bool),
    Pass(u32),
    Go(State),
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Success),
        3 => Just(Outcome::Error),
        1 => Just(Outcome::Ignored),
    ];
    let step = prop_oneof![
        9 => Just(Step::Begin),
        8 => (any::<usize>(), outcome, any::<bool>())
            .prop_map(|(which, outcome, slow)| Step::End(which, outcome, slow)),
        // Tenths of a second, as all times here are: limits are met exactly.
        4 => (0_u32..15).prop_map(|tenths| Step::Pass(tenths * 100)),
        1 => (0_usize..6).prop_map(|index| Step::Go(State::ALL[index])),
        1 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 1..120)
}

fn window() -> impl Strategy<Value = Window> {
    prop_oneof![3 => (1_u32..9).prop_map(Window::Calls), 2 => (1_u32..6).prop_map(Window::Seconds)]
}

fn wait() -> impl Strategy<Value = Interval> {
    let multiplier = prop_oneof![Just(1.0), Just(1.5), Just(0.7), Just(40.0)];
    let max = prop_oneof![Just(None), Just(Some(MILLI * 2_500))];
    (3_u32..13, multiplier, prop_oneof![Just(0.0), Just(0.3)], max).prop_map(
        |(initial, multiplier, randomization_factor, max)| Interval {
            initial: MILLI * 100 * initial,
            multiplier,
            randomization_factor,
            max,
        },
    )
}

fn config() -> impl Strategy<Value = breaker::Config> {
    // Thresholds that are met exactly, though only in 32 bits: these are above the true fractions.
    let threshold =
        || prop_oneof![Just(50.0_f32), Just(500.0 / 6.0), Just(300.0 / 7.0), Just(100.0)];
    let rest = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), 0_usize..12);
    (threshold(), threshold(), window(), 1_u32..8, wait(), 1_u32..5, rest).prop_map(
        |(failure, slow, window, minimum_calls, wait_in_open, permitted, rest)| breaker::Config {
            failure_rate_threshold: failure,
            slow_call_rate_threshold: slow,
            slow_call_duration_threshold: SLOW,
            window,
            minimum_calls,
            wait_in_open,
            permitted_in_half_open: permitted,
            max_wait_in_half_open: if rest.0 { SECOND * 3 } else { Duration::ZERO },
            after_half_open: if rest.1 { AfterHalfOpen::Open } else { AfterHalfOpen::Closed },
            automatic_transition: rest.2,
            own_trials_only: rest.3,
            initial: State::ALL.get(rest.4).copied().unwrap_or(State::Closed),
        },
    )
}

/// Both machines, and the calls that run, each with its two permits.
struct Pair<'a> {
    runtime: &'a Runtime,
    link: &'a Link,
    name: String,
    policies: Policies,
    breaker: Breaker,
    now: Duration,
    running: Vec<(breaker::Permit, trunkline_share::Permit)>,
}

impl Pair<'_> {
    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Begin => self.begin()?,
            Step::End(which, outcome, slow) if !self.running.is_empty() => {
                self.end(which % self.running.len(), outcome, slow)?;
            }
            Step::End(..) => {}
            Step::Pass(millis) => {
                self.now += MILLI * millis;
                self.link.set_now(self.now);
            }
            Step::Go(to) => {
                let mut told = vec![];
                let here = self.breaker.transition_to(to, self.now, &mut |event| told.push(event));
                let there = self.order(Order::Enter(to));
                match (here, there) {
                    (Ok(()), Ok(change)) => prop_assert_eq!(change, sum(&told)),
                    (Err(here), Err(OrderError::Illegal(there))) => prop_assert_eq!(here, there),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            Step::Reset => {
                let mut told = vec![];
                self.breaker.reset(self.now, &mut |event| told.push(event));
                prop_assert_eq!(self.order(Order::Reset).unwrap(), sum(&told));
            }
        }
        self.compare()
    }

    fn order(&self, order: Order) -> Result<Option<Change>, OrderError> {
        self.runtime.block_on(self.link.order(&self.name, &self.policies, order))
    }

    fn begin(&mut self) -> Result<(), TestCaseError> {
        let mut told = vec![];
        let here = self.breaker.try_acquire(self.now, &mut |event| told.push(event));
        let there = self.runtime.block_on(self.link.admit(&self.name, &self.policies)).unwrap();
        prop_assert_eq!(there.change, sum(&told));
        match (here, there.verdict) {
            (Ok(here), Verdict::Admitted { permit, .. }) => self.running.push((here, permit)),
            (Err(here), Verdict::Breaker(there)) => {
                prop_assert_eq!(here.state, there.state);
                let wait = here.retry_at.map(|at| at.saturating_sub(self.now));
                prop_assert_eq!(wait, there.retry_after);
            }
            other => prop_assert!(false, "{:?}", other),
        }
        Ok(())
    }

    fn end(&mut self, which: usize, outcome: Outcome, slow: bool) -> Result<(), TestCaseError> {
        let (here, permit) = self.running.swap_remove(which);
        let took = if slow { SLOW + MILLI } else { SLOW };
        let mut told = vec![];
        self.breaker.on_result(here, outcome, took, self.now, &mut |event| told.push(event));
        let end = End { permit, outcome, took };
        let change = self.runtime.block_on(self.link.done(&self.name, &self.policies, end));
        prop_assert_eq!(change.unwrap(), sum(&told));
        Ok(())
    }

    /// Looking lets time pass in the machine here, but not in Redis: so a copy is looked at.
    fn compare(&self) -> Result<(), TestCaseError> {
        let mut here = self.breaker.clone();
        let expect = BreakerStanding {
            state: here.state(self.now, &mut |_| ()),
            metrics: here.metrics(self.now),
            retry_after: here.retry_at().map(|at| at.saturating_sub(self.now)),
            trials_left: here.permits_left(),
        };
        let there = self.runtime.block_on(self.link.look(&self.name, &self.policies)).unwrap();
        prop_assert_eq!(there.breaker, Some(expect));
        Ok(())
    }
}

/// What a process is told of all that happened in one step.
fn sum(told: &[Event]) -> Option<Change> {
    let mut ways = told.iter().filter_map(|event| match event {
        Event::StateTransition { from, to } => Some((*from, *to)),
        _ => None,
    });
    let first = ways.next();
    let last = ways.next_back().or(first);
    let find = |rate: fn(&Event) -> Option<f32>| told.iter().find_map(rate);
    let failure_rate = find(|event| match event {
        Event::FailureRateExceeded(rate) => Some(*rate),
        _ => None,
    });
    let slow_call_rate = find(|event| match event {
        Event::SlowCallRateExceeded(rate) => Some(*rate),
        _ => None,
    });
    let (from, to) = match (first, last) {
        (Some((from, _)), Some((_, to))) => (from, to),
        _ => (State::MetricsOnly, State::MetricsOnly),
    };
    let anything = from != to || failure_rate.is_some() || slow_call_rate.is_some();
    anything.then_some(Change { from, to, failure_rate, slow_call_rate })
}

#[test]
fn the_breaker_in_redis_is_the_one_of_the_resilience_crate() {
    let Some(redis) = Redis::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let link = redis.link();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    let result = runner.run(&(config(), steps()), |(config, steps)| {
        let now = SECOND * 2;
        let mut pair = Pair {
            runtime: &runtime,
            link: &link,
            name: new_name(),
            policies: Policies::new(Some(config), None, None).unwrap(),
            breaker: Breaker::new(config, now).unwrap(),
            now,
            running: vec![],
        };
        link.set_now(now);
        // The one in Redis begins with the first call.
        std::iter::once(Step::Begin).chain(steps).try_for_each(|step| pair.step(step))
    });
    result.unwrap();
}
