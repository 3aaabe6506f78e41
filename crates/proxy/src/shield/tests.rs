//! Laws of a shield: what it takes is given back, whatever becomes of the request.

use std::time::Duration;

use trunkline_model::service::policies::{
    Breaker, Bulkhead, Condition, Policies, Scope, Shared, Waits, Window,
};
use trunkline_model::units::Share;
use trunkline_rt::ManualClock;

use super::*;

fn bulkhead(max_calls: u32, wait_ms: u64) -> Bulkhead {
    Bulkhead {
        max_calls,
        max_wait: Duration::from_millis(wait_ms),
        queue: 10,
        scope: Scope::Target,
        shared: Shared::Local,
        dry_run: false,
    }
}

fn breaker(dry_run: bool) -> Breaker {
    Breaker {
        failure_rate: Share::from_basis_points(5_000).unwrap(),
        slow_call_rate: Share::ALL,
        slow_call: Duration::from_secs(60),
        window: Window::Calls(4),
        minimum_calls: 4,
        wait: Waits {
            initial: Duration::from_secs(10),
            multiplier_thousandths: 1_000,
            randomization: Share::NONE,
            max: None,
        },
        trials: 2,
        trial_time: Duration::from_secs(60),
        closes_after_trials: false,
        automatic: false,
        failures: vec![Condition::Statuses(5)],
        scope: Scope::Target,
        shared: Shared::Local,
        dry_run,
    }
}

fn shield(policies: &Policies) -> (Arc<Shield>, ManualClock) {
    let manual = ManualClock::new();
    let shields = Shields::new(&Clock::from(&manual));
    let said = Said { name: "orders", policies };
    let protection = shields.protection(None, said).unwrap();
    (Arc::clone(protection.shields().next().unwrap()), manual)
}

fn admit(shield: &Arc<Shield>) -> Admission {
    let asks = Asks::new(shield.clock.now(), 0, Class::Default);
    shield.admit(asks, shield.machines)
}

fn pass(shield: &Arc<Shield>) -> Pass {
    match admit(shield) {
        Admission::Passed(pass) => pass,
        other => panic!("{other:?}"),
    }
}

fn fail(shield: &Arc<Shield>, times: u32) {
    for _ in 0..times {
        pass(shield).judge(What::Answer(503, None), shield.clock.now());
    }
}

#[test]
fn a_breaker_that_opens_refuses_with_its_numbers() {
    let (shield, clock) =
        shield(&Policies { breaker: Some(breaker(false)), ..Policies::default() });
    fail(&shield, 4);
    let Admission::Refused(Refusal::Breaker { state, metrics, retry_after }) = admit(&shield)
    else {
        panic!("it is open");
    };
    assert_eq!((state, metrics.failed), (breaker::State::Open, 4));
    assert_eq!(retry_after, Some(Duration::from_secs(10)));
    clock.advance(Duration::from_millis(10_001));
    for _ in 0..2 {
        pass(&shield).judge(What::Answer(200, None), shield.clock.now());
    }
    let stats = shield.stats().breaker.unwrap();
    assert_eq!((stats.state, stats.not_permitted), ("CLOSED", 1));
    let told: Vec<_> = shield.journal.after(0).iter().map(|event| event.detail.clone()).collect();
    let expect = ["100.0%", "CLOSED to OPEN", "1 call", "OPEN to HALF_OPEN", "HALF_OPEN to CLOSED"];
    assert_eq!(told, expect);
}

#[test]
fn refusals_are_told_with_their_number_and_not_one_by_one() {
    let (shield, clock) =
        shield(&Policies { breaker: Some(breaker(false)), ..Policies::default() });
    fail(&shield, 4);
    let refuse = |times: u32| (0..times).for_each(|_| drop(admit(&shield)));
    refuse(50);
    clock.advance(Duration::from_secs(9));
    refuse(1);
    clock.advance(Duration::from_secs(1));
    refuse(1);
    let told = shield.journal.after(0);
    let refusals = told.iter().filter(|event| event.kind == "NOT_PERMITTED");
    let details: Vec<_> = refusals.map(|event| event.detail.as_str()).collect();
    assert_eq!(details, ["1 call", "51 calls"]);
}

#[test]
fn a_policy_on_trial_only_counts() {
    let (shield, _clock) =
        shield(&Policies { breaker: Some(breaker(true)), ..Policies::default() });
    fail(&shield, 9);
    let stats = shield.stats();
    assert_eq!((stats.dry_run_refused, stats.breaker.unwrap().state), (5, "OPEN"));
}

#[test]
fn a_trial_that_is_dropped_gives_its_permit_back() {
    let (shield, clock) =
        shield(&Policies { breaker: Some(breaker(false)), ..Policies::default() });
    fail(&shield, 4);
    clock.advance(Duration::from_secs(11));
    for _ in 0..1_000 {
        drop(pass(&shield));
    }
    assert_eq!(shield.stats().breaker.unwrap().trials_left, Some(2));
}

#[tokio::test]
async fn no_permit_is_lost_whoever_leaves_when() {
    let policies = Policies { bulkhead: Some(bulkhead(2, 1_000)), ..Policies::default() };
    let (shield, _clock) = shield(&policies);
    let (first, second) = (pass(&shield), pass(&shield));
    let waits = |one| match one {
        Admission::Waits(waiting) => waiting,
        other => panic!("{other:?}"),
    };
    let gone = waits(admit(&shield));
    let served = waits(admit(&shield));
    let told_and_gone = waits(admit(&shield));
    drop(gone);
    drop(first);
    let third = served.turn().await.unwrap();
    // Its turn has come, and nobody asks.
    drop(second);
    drop(told_and_gone);
    let stats = shield.stats().bulkhead.unwrap();
    assert_eq!((stats.available, stats.waiting), (1, 0));
    drop(third);
    assert_eq!(shield.stats().bulkhead.unwrap().available, 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_refused() {
    let policies = Policies { bulkhead: Some(bulkhead(1, 20)), ..Policies::default() };
    let (shield, _clock) = shield(&policies);
    let _first = pass(&shield);
    let Admission::Waits(waiting) = admit(&shield) else { panic!("it waits") };
    let refused = waiting.turn().await.unwrap_err();
    assert_eq!(refused, Refusal::Bulkhead { max: 1, waiting: 0 });
    assert_eq!(shield.stats().bulkhead.unwrap().rejected, 1);
}
