//! What is remembered of names, and for how long.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use trunkline_rt::clock::ManualClock;

use super::*;
use trunkline_testkit::dns::{NameServer, Says};

const CONFIG: Config = Config {
    fresh: Duration::from_secs(5),
    fresh_min: Duration::from_secs(1),
    fresh_max: Duration::from_secs(300),
    pause: Duration::from_secs(2),
    gone: Duration::from_secs(30),
    stale: Duration::from_secs(60),
    limit: Duration::from_secs(1),
};

/// Answers the first question, fails afterwards; counts.
fn failing_after_one(asked: &Arc<AtomicUsize>, clock: &ManualClock) -> Resolver {
    let asked = Arc::clone(asked);
    Resolver::with_lookup(
        CONFIG,
        Clock::from(clock),
        Box::new(move |_, port| {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if number == 0 {
                    Ok(vec![SocketAddr::from(([10, 0, 0, 1], port))].into())
                } else {
                    Err(io::ErrorKind::TimedOut.into())
                }
            })
        }),
    )
}

#[tokio::test]
async fn an_answer_is_fresh_then_stale_then_gone() {
    let asked = Arc::new(AtomicUsize::new(0));
    let clock = ManualClock::new();
    let resolver = failing_after_one(&asked, &clock);
    for expect_asked in [1, 1, 2] {
        assert_eq!(resolver.resolve_text("db.test:5432").await.unwrap()[0].port(), 5432);
        assert_eq!(asked.load(Ordering::Relaxed), expect_asked);
        clock.advance(Duration::from_secs(3));
    }
    clock.advance(Duration::from_secs(60));
    assert!(matches!(resolver.resolve("DB.test", 5432).await, Err(ResolveError::Failed { .. })));
    let again = resolver.resolve("db.test", 5432).await;
    assert!(matches!(again, Err(ResolveError::Paused { .. })), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_resolver_is_left_after_its_limit() {
    let resolver = Resolver::with_lookup(
        CONFIG,
        Clock::system(),
        Box::new(|_, _| Box::pin(std::future::pending())),
    );
    assert!(matches!(resolver.resolve("db.test", 1).await, Err(ResolveError::TimedOut { .. })));
}

#[tokio::test]
async fn addresses_and_localhost_are_never_asked_for() {
    let resolver = Resolver::with_lookup(
        CONFIG,
        Clock::system(),
        Box::new(|host, _| panic!("asked for {host}")),
    );
    let check = async |host: &str, expect: &str| {
        assert_eq!(resolver.resolve(host, 80).await.unwrap()[0], expect.parse().unwrap(), "{host}");
    };
    check("127.0.0.9", "127.0.0.9:80").await;
    check("[::1]", "[::1]:80").await;
    check("::1", "[::1]:80").await;
    check("orders.shop.LOCALHOST.", "127.0.0.1:80").await;
}

#[tokio::test]
async fn the_memory_is_bounded() {
    let one = |_, port| -> BoxFuture<'static, io::Result<Found>> {
        Box::pin(async move { Ok(vec![SocketAddr::from(([10, 0, 0, 1], port))].into()) })
    };
    let resolver = Resolver::with_lookup(CONFIG, Clock::system(), Box::new(one));
    for number in 0..NAMES_MAX + 10 {
        resolver.resolve(&format!("n{number}.test"), 1).await.unwrap();
    }
    assert_eq!(resolver.known.len(), NAMES_MAX);
}

#[test]
fn host_and_port_are_told_apart() {
    let check = |text: &str, expect: Option<(&str, u16)>| assert_eq!(split(text), expect, "{text}");
    check("db:5432", Some(("db", 5432)));
    check("[::1]:80", Some(("::1", 80)));
    for text in ["db", "db:", ":80", "::1:80", "[db]:80", "db:+80", "db:65536", "a]:1"] {
        check(text, None);
    }
}

proptest! {
    #[test]
    fn splitting_never_panics_and_takes_the_text_apart(text in ".{0,40}") {
        if let Some((host, port)) = split(&text) {
            prop_assert!(text.contains(host));
            prop_assert!(port.to_string().len() <= 5);
        }
    }
}

/// A resolver that asks `server`, and is patient for so long.
fn asking(server: &NameServer, clock: &ManualClock) -> Resolver {
    let patience = Duration::from_millis(200);
    let settings = Settings { patience, attempts: 1, ..Settings::of(vec![server.address()]) };
    Resolver::with_servers(CONFIG, Clock::from(clock), settings)
}

async fn found(resolver: &Resolver, name: &str) -> Result<Vec<String>, String> {
    let found = resolver.resolve(name, 80).await.map_err(|error| error.to_string())?;
    Ok(found.iter().map(|address| address.ip().to_string()).collect())
}

fn addresses(all: &[&str]) -> Vec<IpAddr> {
    all.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn an_answer_is_good_for_its_ttl() {
    let (server, clock) = (NameServer::new(), ManualClock::new());
    let resolver = asking(&server, &clock);
    server.say("db.test", Says::Addresses(addresses(&["10.0.0.1", "::7"]), 20));
    assert_eq!(found(&resolver, "db.test").await.unwrap(), ["10.0.0.1", "::7"]);
    server.say("db.test", Says::Addresses(addresses(&["10.0.0.2"]), 0));
    clock.advance(Duration::from_secs(17));
    assert_eq!(found(&resolver, "db.test").await.unwrap(), ["10.0.0.1", "::7"]);
    assert_eq!(server.asked(), 2);
    clock.advance(Duration::from_secs(4));
    assert_eq!(found(&resolver, "DB.test").await.unwrap(), ["10.0.0.2"]);
    // A TTL of nothing is taken for the shortest.
    assert_eq!(found(&resolver, "db.test").await.unwrap(), ["10.0.0.2"]);
    assert_eq!(server.asked(), 4);
}

#[tokio::test]
async fn while_the_server_fails_the_last_answer_serves_and_it_is_not_asked_all_the_time() {
    let (server, clock) = (NameServer::new(), ManualClock::new());
    let resolver = asking(&server, &clock);
    server.say("db.test", Says::Addresses(addresses(&["10.0.0.1"]), 5));
    found(&resolver, "db.test").await.unwrap();
    for (says, asked) in [(Says::Failure, 4), (Says::Silence, 6)] {
        server.say("db.test", says);
        clock.advance(Duration::from_secs(6));
        for _ in 0..3 {
            assert_eq!(found(&resolver, "db.test").await.unwrap(), ["10.0.0.1"]);
        }
        assert_eq!(server.asked(), asked);
    }
    clock.advance(Duration::from_secs(60));
    assert_eq!(found(&resolver, "db.test").await.unwrap_err(), "cannot resolve `db.test`");
    assert_eq!(
        found(&resolver, "db.test").await.unwrap_err(),
        "cannot resolve `db.test`, as a moment ago"
    );
}

#[tokio::test]
async fn a_name_that_is_gone_is_let_go_after_a_while() {
    let (server, clock) = (NameServer::new(), ManualClock::new());
    let resolver = asking(&server, &clock);
    server.say("db.test", Says::Addresses(addresses(&["10.0.0.1"]), 5));
    found(&resolver, "db.test").await.unwrap();
    server.say("db.test", Says::Nobody(3_600));
    clock.advance(Duration::from_secs(6));
    assert_eq!(found(&resolver, "db.test").await.unwrap(), ["10.0.0.1"]);
    clock.advance(Duration::from_secs(25));
    let gone = found(&resolver, "db.test").await.unwrap_err();
    assert_eq!(gone, "`db.test` has no addresses");
    // Its own negative TTL is an hour: a name that comes back is found sooner.
    server.say("db.test", Says::Addresses(addresses(&["10.0.0.3"]), 5));
    assert!(found(&resolver, "db.test").await.is_err());
    clock.advance(Duration::from_secs(3));
    assert_eq!(found(&resolver, "db.test").await.unwrap(), ["10.0.0.3"]);
}

#[tokio::test]
async fn an_answer_that_was_cut_is_fetched_whole() {
    let (server, clock) = (NameServer::new(), ManualClock::new());
    let many: Vec<IpAddr> = (1..=100).map(|number| [10, 0, 1, number].into()).collect();
    server.say("many.test", Says::Cut(many, 60));
    assert_eq!(found(&asking(&server, &clock), "many.test").await.unwrap().len(), 100);
}

#[tokio::test]
async fn services_are_found_with_their_ports() {
    let (server, clock) = (NameServer::new(), ManualClock::new());
    let resolver = asking(&server, &clock);
    let all = vec![(1, 5, 8080, "a.test"), (2, 0, 8081, "b.test")];
    server.say("_http._tcp.orders.test", Says::Services(all, 60));
    let found = resolver.services("_http._tcp.orders.test").await.unwrap();
    let first = Target { host: "a.test".into(), port: 8080, priority: 1, weight: 5 };
    assert_eq!((found.len(), &found[0]), (2, &first));
    assert!(matches!(resolver.services("_x._tcp.test").await, Err(ResolveError::Empty { .. })));
}
