//! One retry budget of two processes.

use futures_util::future::join_all;
use proptest::prelude::*;
use trunkline_resilience::budget::{Budget, Config};

use crate::rig::{MILLI, Redis, SECOND, new_name, set_now};

#[tokio::test]
async fn a_fifth_of_the_calls_of_both_may_be_repeated() {
    let Some(redis) = Redis::start() else { return };
    let links = [redis.link(), redis.link()];
    let config = Config { min_per_second: 1, ..Config::default() };
    set_now(&links, SECOND);
    for link in &links {
        link.deposit("web", &config, 50).await.unwrap();
    }
    let asked = (0..100).map(|number| links[number % 2].withdraw("web", &config));
    let granted = join_all(asked).await.into_iter().filter(|answer| *answer == Ok(true)).count();
    // A fifth of 100 calls, and one for each of ten seconds.
    assert_eq!(granted, 30);
    let mut raw = redis.raw();
    let left: i64 = redis::cmd("PTTL").arg("test:{web}:budget").query(&mut raw).unwrap();
    assert!((1..=11_000).contains(&left), "{left}");
}

#[test]
fn it_is_the_same_machine_as_of_one_process() {
    let Some(redis) = Redis::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let link = redis.link();
    let steps = prop::collection::vec(
        (prop_oneof![4 => 0_u32..2_500, 1 => 0_u32..20_000], 0_u32..30, 0_u32..5),
        1..40,
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(30));
    let result = runner.run(&(steps, 0_u32..100, 0_u32..2), |(steps, percent, free)| {
        let name = new_name();
        let config = Config { percent: f64::from(percent), min_per_second: free, ttl: SECOND * 10 };
        let (mut now, mut machine) = (SECOND, Budget::new(config));
        for (millis, made, tried) in steps {
            now += MILLI * millis;
            link.set_now(now);
            (0..made).for_each(|_| machine.deposit(now));
            runtime.block_on(link.deposit(&name, &config, made)).unwrap();
            for _ in 0..tried {
                let granted = runtime.block_on(link.withdraw(&name, &config)).unwrap();
                prop_assert_eq!(granted, machine.try_withdraw(now));
            }
        }
        Ok(())
    });
    result.unwrap();
}
