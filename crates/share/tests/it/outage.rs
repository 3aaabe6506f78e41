//! A Redis that dies, hangs, or was never there.

use std::process::Command;
use std::time::Instant;

use trunkline_resilience::breaker::{Config, Outcome};
use trunkline_share::{Away, Bulkhead, End, Link, Policies, Settings};

use crate::rig::{MILLI, Redis, SECOND, admit, done, until};

fn policies() -> Policies {
    let bulkhead = Bulkhead { max: 100, lease: SECOND * 60 };
    Policies::new(Some(Config::default()), None, Some(bulkhead)).unwrap()
}

fn link(settings: Settings) -> Link {
    Link::new(&Settings { timeout: MILLI * 200, ..settings }).unwrap()
}

/// Asks for a while, and expects each answer to be that there is none, soon.
async fn expect_away(link: &Link, policies: &Policies) {
    let begun = Instant::now();
    let mut at_once = 0;
    while begun.elapsed() < MILLI * 700 {
        let asked = Instant::now();
        let answer = link.admit("web", policies).await;
        let took = asked.elapsed();
        let away = answer.expect_err("nobody is there");
        assert!(matches!(away, Away::Gone | Away::Lost | Away::Late), "{away:?}");
        // The timeout, and what a busy machine adds.
        assert!(took < SECOND, "{took:?}");
        at_once += u32::from(away == Away::Gone && took < MILLI * 20);
        tokio::task::yield_now().await;
    }
    assert!(at_once > 20, "{at_once}");
}

async fn expect_back(link: &Link, policies: &Policies) {
    until("it works again", async || {
        link.tend().await.ok();
        link.look("web", policies).await.is_ok()
    })
    .await;
    let (permit, _) = admit(link, policies).await.unwrap();
    done(link, policies, permit, Outcome::Success).await;
}

#[tokio::test]
async fn a_redis_that_dies_is_away_and_comes_back_without_its_scripts() {
    let Some(mut redis) = Redis::start_on_port() else { return };
    let (link, policies) = (link(redis.settings()), policies());
    let (permit, _) = admit(&link, &policies).await.unwrap();
    redis.kill();
    expect_away(&link, &policies).await;
    redis.restart();
    expect_back(&link, &policies).await;
    // A result from before the end of the world is counted like any other.
    done(&link, &policies, permit, Outcome::Success).await;
    let standing = link.look("web", &policies).await.unwrap();
    assert_eq!(standing.breaker.unwrap().metrics.buffered, 2);
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_sent_again() {
    let Some(redis) = Redis::start() else { return };
    let (link, policies, mut raw) = (redis.link(), policies(), redis.raw());
    for _ in 0..3 {
        let (permit, _) = admit(&link, &policies).await.unwrap();
        done(&link, &policies, permit, Outcome::Success).await;
        let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut raw).unwrap();
    }
}

#[tokio::test]
async fn a_redis_that_hangs_is_given_up_and_taken_up_again() {
    let Some(redis) = Redis::start_on_port() else { return };
    let (link, policies) = (link(redis.settings()), policies());
    let (permit, _) = admit(&link, &policies).await.unwrap();
    signal(&redis, "STOP");
    let late = link.done("web", &policies, end(permit)).await;
    assert_eq!(late, Err(Away::Late));
    until("the connection is given up", async || {
        link.admit("web", &policies).await == Err(Away::Gone)
    })
    .await;
    signal(&redis, "CONT");
    expect_back(&link, &policies).await;
    until("nothing is held of what was left over", async || {
        link.tend().await.ok();
        let standing = link.look("web", &policies).await;
        standing.is_ok_and(|standing| standing.running == Some(0))
    })
    .await;
}

#[tokio::test]
async fn more_than_may_be_open_are_told_so_at_once() {
    let Some(redis) = Redis::start_on_port() else { return };
    let (link, policies) = (link(redis.settings()), policies());
    link.tend().await.unwrap();
    signal(&redis, "STOP");
    let answers =
        futures_util::future::join_all((0..5_000).map(|_| link.admit("web", &policies))).await;
    signal(&redis, "CONT");
    let busy = answers.iter().filter(|answer| **answer == Err(Away::Busy)).count();
    assert_eq!(busy, 5_000 - 4_096);
}

#[tokio::test]
async fn a_redis_that_was_never_there_is_away_at_once() {
    let settings = Settings {
        url: "unix:///nonexistent/redis".into(),
        tls: None,
        prefix: String::new(),
        timeout: MILLI * 50,
    };
    expect_away(&Link::new(&settings).unwrap(), &policies()).await;
}

/// What asks may run on any thread, as the API's does.
#[test]
fn a_question_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let settings =
        Settings { url: "redis://host".into(), tls: None, prefix: String::new(), timeout: SECOND };
    let (link, policies) = (Link::new(&settings).unwrap(), policies());
    is_send(&&link);
    is_send(&link.admit("web", &policies));
    is_send(&link.look("web", &policies));
    is_send(&link.tend());
}

fn end(permit: trunkline_share::Permit) -> End {
    End { permit, outcome: Outcome::Success, took: MILLI }
}

fn signal(redis: &Redis, name: &str) {
    let mut kill = Command::new("kill");
    let status = kill.arg(format!("-{name}")).arg(redis.process().to_string()).status();
    assert!(status.unwrap().success());
}
