//! What a call costs, as a figure to read (`--nocapture`); only the order of magnitude is a law.

use std::time::Instant;

use futures_util::future::join_all;
use trunkline_resilience::breaker::{Config, Outcome};
use trunkline_resilience::rate_limiter;
use trunkline_share::{Bulkhead, Policies};

use crate::rig::{MILLI, Redis, SECOND, call};

const CALLS: u32 = 2_000;
const TOGETHER: u32 = 50;

#[tokio::test]
async fn a_call_costs_two_round_trips() {
    let Some(redis) = Redis::start_on_port() else { return };
    let link = redis.link();
    let rate =
        rate_limiter::Config { limit_for_period: 1_000_000, ..rate_limiter::Config::default() };
    let breaker = Some(Config::default());
    let bulkhead = Some(Bulkhead { max: 1_000, lease: SECOND });
    for (what, policies) in [
        ("breaker", Policies::new(breaker, None, None).unwrap()),
        ("all three", Policies::new(breaker, Some(rate), bulkhead).unwrap()),
    ] {
        call(&link, &policies, Outcome::Success).await;
        let begun = Instant::now();
        for _ in 0..CALLS {
            call(&link, &policies, Outcome::Success).await;
        }
        let alone = begun.elapsed() / CALLS;
        let begun = Instant::now();
        for _ in 0..CALLS / TOGETHER {
            join_all((0..TOGETHER).map(|_| call(&link, &policies, Outcome::Success))).await;
        }
        let together = begun.elapsed() / CALLS;
        println!("{what}: admit and done {alone:?}; {TOGETHER} at a time {together:?} each");
        assert!(alone < MILLI * 20);
    }
    let mut raw = redis.raw();
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut raw).unwrap();
    let scripts = stats.lines().find(|line| line.starts_with("cmdstat_evalsha:"));
    println!("in redis: {}", scripts.unwrap());
}
