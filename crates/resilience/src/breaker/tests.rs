//! Laws of the breaker. Equality with Resilience4j over many sequences is shown by
//! `tests/it/resilience4j.rs`.

use proptest::prelude::*;

use super::*;
use std::fmt::Write as _;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn breaker(config: Config) -> Breaker {
    Breaker::new(config, Duration::ZERO).unwrap()
}

fn small() -> Config {
    Config {
        window: Window::Calls(4),
        minimum_calls: 4,
        permitted_in_half_open: 2,
        wait_in_open: OpenWait::exponential(SECOND, 2.0),
        ..Config::default()
    }
}

/// Runs a script: `+` a success, `-` an error, `~` an ignored error, `?` one that never ends, `s` a
/// slow success, `>N` N milliseconds pass. Returns the states and events in between.
fn run(config: Config, script: &str) -> String {
    let (mut breaker, mut now) = (breaker(config), SECOND);
    let mut told = String::new();
    for word in script.split_whitespace() {
        let mut sink = |event: Event| {
            let _ = match event {
                Event::StateTransition { to, .. } => write!(told, "{to} "),
                Event::Success(_) | Event::Error(_) => Ok(()),
                other => write!(told, "{} ", other.as_str().to_lowercase()),
            };
        };
        if let Some(millis) = word.strip_prefix('>') {
            now += Duration::from_millis(millis.parse().unwrap());
            breaker.state(now, &mut sink);
            continue;
        }
        let Ok(permit) = breaker.try_acquire(now, &mut sink) else { continue };
        let (outcome, took) = match word {
            "+" => (Outcome::Success, Duration::ZERO),
            "-" => (Outcome::Error, Duration::ZERO),
            "~" => (Outcome::Ignored, Duration::ZERO),
            "s" => (Outcome::Success, 61 * SECOND),
            _ => continue,
        };
        breaker.on_result(permit, outcome, took, now, &mut sink);
    }
    told.trim_end().to_owned()
}

fn check(config: Config, script: &str, expect: &str) {
    assert_eq!(run(config, script), expect, "{script}");
}

#[test]
fn half_of_the_calls_open_it_and_two_good_trials_close_it() {
    check(small(), "+ - +", "");
    check(small(), "+ - + - +", "failure_rate_exceeded OPEN not_permitted");
    check(
        small(),
        "- - - - >1000 + >1 + +",
        "failure_rate_exceeded OPEN not_permitted HALF_OPEN CLOSED",
    );
}

#[test]
fn each_opening_lasts_longer_until_it_was_closed() {
    check(
        small(),
        "- - - - >1001 - - >1001 + >1000 + + - - - - >1001 +",
        "failure_rate_exceeded OPEN HALF_OPEN OPEN not_permitted HALF_OPEN CLOSED \
         failure_rate_exceeded OPEN HALF_OPEN",
    );
}

#[test]
fn slow_calls_open_it_too() {
    check(small(), "s s s s", "slow_call_rate_exceeded OPEN");
    check(small(), "s s s +", "");
}

#[test]
fn half_open_never_lasts_for_ever() {
    let lost = "- - - - >1001 ? ? + >59999 + >1 +";
    check(
        small(),
        lost,
        "failure_rate_exceeded OPEN HALF_OPEN not_permitted not_permitted OPEN not_permitted",
    );
    let closing = Config { after_half_open: AfterHalfOpen::Closed, ..small() };
    check(closing, "- - - - >1001 ? ? >60000", "failure_rate_exceeded OPEN HALF_OPEN CLOSED");
}

#[test]
fn an_ignored_error_gives_its_trial_back() {
    check(
        small(),
        "- - - - >1001 ~ ~ ~ + +",
        "failure_rate_exceeded OPEN HALF_OPEN ignored_error ignored_error ignored_error CLOSED",
    );
}

#[test]
fn a_late_result_does_not_decide_the_trials() {
    let mut breaker = breaker(small());
    let quiet = &mut |_| ();
    let late: Vec<_> = (0..6).map(|_| breaker.try_acquire(SECOND, quiet).unwrap()).collect();
    let mut late = late.into_iter();
    for permit in late.by_ref().take(4) {
        breaker.on_result(permit, Outcome::Error, SECOND, SECOND, quiet);
    }
    let now = 3 * SECOND;
    let trial = breaker.try_acquire(now, quiet).unwrap();
    for permit in late {
        breaker.on_result(permit, Outcome::Ignored, SECOND, now, quiet);
    }
    assert_eq!((breaker.state(now, quiet), breaker.permits_left()), (State::HalfOpen, Some(1)));
    breaker.release(trial);
    assert_eq!(breaker.permits_left(), Some(2));
}

#[test]
fn a_window_of_time_forgets_what_is_over() {
    let config = Config { window: Window::Seconds(2), minimum_calls: 3, ..small() };
    check(config, "- - >2000 -", "");
    check(config, "- - >1000 -", "failure_rate_exceeded OPEN");
}

#[test]
fn what_cannot_be_is_refused() {
    let reject = |config: Config, expect| assert_eq!(config.check(), Err(expect));
    reject(Config { failure_rate_threshold: 0.0, ..small() }, Invalid::Rate);
    reject(Config { slow_call_rate_threshold: 101.0, ..small() }, Invalid::Rate);
    reject(Config { failure_rate_threshold: f32::NAN, ..small() }, Invalid::Rate);
    reject(Config { window: Window::Calls(0), ..small() }, Invalid::Window);
    reject(Config { window: Window::Seconds(3_601), ..small() }, Invalid::Window);
    reject(Config { minimum_calls: 0, ..small() }, Invalid::MinimumCalls);
    reject(Config { permitted_in_half_open: 0, ..small() }, Invalid::Permitted);
    reject(Config { wait_in_open: OpenWait::fixed(Duration::ZERO), ..small() }, Invalid::Wait);
}

#[test]
fn thirty_three_ways_lead_from_state_to_state() {
    let ways = State::ALL.iter().flat_map(|from| State::ALL.map(|to| (*from, to)));
    assert_eq!(ways.filter(|(from, to)| from.leads_to(*to)).count(), 33);
    let illegal = breaker(small()).transition_to(State::HalfOpen, SECOND, &mut |_| ());
    assert_eq!(illegal, Err(IllegalTransition { from: State::Closed, to: State::HalfOpen }));
}

/// What a step of a random run does: the number picks a call that runs, where one is needed.
#[derive(Debug, Clone, Copy)]
enum Step {
    Begin,
    End(usize, Outcome),
    Drop(usize),
    Pass(u64),
    Go(State),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![Just(Outcome::Success), Just(Outcome::Error), Just(Outcome::Ignored)];
    let step = prop_oneof![
        8 => Just(Step::Begin),
        6 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::End(which, outcome)),
        1 => any::<usize>().prop_map(Step::Drop),
        3 => (0_u64..1_500).prop_map(Step::Pass),
        1 => (0_usize..6).prop_map(|index| Step::Go(State::ALL[index])),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #[test]
    fn half_open_never_has_more_calls_than_permitted(steps in steps(), permitted in 1_u32..5) {
        let config = Config { permitted_in_half_open: permitted, ..small() };
        let (mut breaker, mut now) = (breaker(config), SECOND);
        let quiet = &mut |_| ();
        // Calls that run, each with the number of the stay in HALF_OPEN that let it through.
        let mut running: Vec<(Permit, Option<u64>)> = vec![];
        let mut stay = 0_u64;
        let mut last = State::Closed;
        for step in steps {
            match step {
                Step::Begin => {
                    let permit = breaker.try_acquire(now, quiet);
                    let state = breaker.state(now, quiet);
                    stay += u64::from(state != last);
                    last = state;
                    if let Ok(permit) = permit {
                        running.push((permit, (state == State::HalfOpen).then_some(stay)));
                    }
                }
                Step::End(which, outcome) if !running.is_empty() => {
                    let (permit, _) = running.swap_remove(which % running.len());
                    breaker.on_result(permit, outcome, Duration::ZERO, now, quiet);
                }
                Step::Drop(which) if !running.is_empty() => {
                    let (permit, _) = running.swap_remove(which % running.len());
                    breaker.release(permit);
                }
                Step::Pass(millis) => now += Duration::from_millis(millis),
                Step::Go(to) => {
                    let _ = breaker.transition_to(to, now, quiet);
                    stay += 1;
                }
                _ => {}
            }
            let state = breaker.state(now, quiet);
            stay += u64::from(state != last);
            last = state;
            if state == State::HalfOpen {
                let trials = running.iter().filter(|(_, of)| *of == Some(stay)).count();
                prop_assert!(trials <= permitted as usize, "{trials} of {permitted}");
            }
            let metrics = breaker.metrics(now);
            prop_assert!(metrics.failed <= metrics.buffered && metrics.slow <= metrics.buffered);
        }
    }
}
