//! One rate limiter of two processes.

use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;
use trunkline_resilience::rate_limiter::{Config, Cycles, Reservation};
use trunkline_share::{Policies, Verdict};

use crate::rig::{MILLI, Redis, SECOND, admit, new_name, set_now};

fn config(limit: u32, timeout: Duration) -> Config {
    Config { limit_for_period: limit, limit_refresh_period: SECOND, timeout_duration: timeout }
}

fn policies(config: Config) -> Policies {
    Policies::new(None, Some(config), None).unwrap()
}

#[tokio::test]
async fn exactly_so_many_pass_in_each_cycle_over_both() {
    let Some(redis) = Redis::start() else { return };
    let (links, policies) = ([redis.link(), redis.link()], policies(config(20, Duration::ZERO)));
    for cycle in 1..5_u32 {
        set_now(&links, SECOND * cycle);
        let asked = (0..60).map(|number| admit(&links[number % 2], &policies));
        let answers = join_all(asked).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 20);
        let refused = Err(Verdict::Rate { limit: 20, retry_after: SECOND });
        assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), 40);
    }
}

#[tokio::test]
async fn places_of_cycles_to_come_are_taken_over_both() {
    let Some(redis) = Redis::start() else { return };
    let (one, two, policies) = (redis.link(), redis.link(), policies(config(2, SECOND * 2)));
    let mut waits = vec![];
    for link in [&one, &two].into_iter().cycle().take(8) {
        link.set_now(SECOND * 9);
        waits.push(admit(link, &policies).await.ok().map(|(_, wait)| wait));
    }
    let expect = [0, 0, 1, 1, 2, 2].map(|cycles| Some(SECOND * cycles));
    assert_eq!((&waits[..6], &waits[6..]), (&expect[..], &[None, None][..]));
    assert_eq!(one.look("web", &policies).await.unwrap().rate_left, Some(-4));
}

#[tokio::test]
async fn the_clock_is_that_of_redis() {
    let Some(redis) = Redis::start() else { return };
    let (link, policies) = (redis.link(), policies(config(1, SECOND * 60)));
    let (_, first) = admit(&link, &policies).await.unwrap();
    let (_, second) = admit(&link, &policies).await.unwrap();
    assert_eq!(first, Duration::ZERO);
    assert!(second > Duration::ZERO && second <= SECOND, "{second:?}");
}

#[test]
fn it_is_the_same_machine_as_of_one_process() {
    let Some(redis) = Redis::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let link = redis.link();
    let steps = prop::collection::vec(0_u32..700, 1..80);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
    let law = (steps, 1_u32..5, 0_u32..3_000);
    let result = runner.run(&law, |(steps, limit, timeout)| {
        let (config, name) = (config(limit, MILLI * timeout), new_name());
        let (mut now, policies) = (SECOND * 5, policies(config));
        let mut machine = Cycles::new(config, now);
        for step in std::iter::once(0).chain(steps) {
            now += MILLI * step;
            link.set_now(now);
            let verdict = runtime.block_on(link.admit(&name, &policies)).unwrap().verdict;
            let told = match verdict {
                Verdict::Admitted { wait, .. } => Reservation::After(wait),
                Verdict::Rate { retry_after, .. } => Reservation::Refused(retry_after),
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(told, machine.reserve(1, now));
        }
        Ok(())
    });
    result.unwrap();
}
