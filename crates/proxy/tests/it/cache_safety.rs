//! What a cache must never do: give one caller's answer to another, or keep what is no longer true.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hyper::Response;
use trunkline_model::Model;
use trunkline_model::filter::{Filter, Rewrite};
use trunkline_testkit::frames::{FramePeer, kind};
use trunkline_testkit::raw::RawResponse;
use trunkline_testkit::wait::until;
use trunkline_testkit::{Upstream, body};

use crate::rig::{Rig, model, service};

fn cached(services: Vec<trunkline_model::service::Service>) -> Model {
    let mut model = model(services);
    model.routes.iter_mut().for_each(|route| route.filters.push(Filter::Cache));
    model
}

async fn ask(rig: &Rig, line: &str, more: &str) -> RawResponse {
    let mut caller = rig.client().await;
    caller.send(format!("{line} HTTP/1.1\r\nHost: shop.localhost\r\n{more}")).await;
    caller.response_to(line.split(' ').next().unwrap()).await
}

const NOTHING: &str = "\r\n";

/// A service that answers its name to everything, for a minute.
fn named(name: &'static str) -> Upstream {
    Upstream::http(move |_| async move {
        Response::builder().header("cache-control", "max-age=60").body(body::full(name)).unwrap()
    })
}

#[tokio::test]
async fn one_service_is_not_answered_for_by_another() {
    let (one, two) = (named("one"), named("two"));
    let services = vec![service("one", &[one.address()]), service("two", &[two.address()])];
    let mut model = cached(services);
    for route in &mut model.routes {
        let from = if route.id.to_string().starts_with("one") { "/one" } else { "/two" };
        let rewrite = Rewrite::Prefix { from: from.into(), to: "/".into() };
        route.filters.insert(0, Filter::RewritePath(rewrite));
    }
    let rig = Rig::start(model).await;
    for _ in 0..2 {
        assert_eq!(ask(&rig, "GET /one/x", NOTHING).await.text(), "one");
        assert_eq!(ask(&rig, "GET /two/x", NOTHING).await.text(), "two");
    }
    assert_eq!((one.requests(), two.requests()), (1, 1));
}

#[tokio::test]
async fn a_cookie_that_came_with_a_confirmation_is_its_callers_alone() {
    let asked = Arc::new(AtomicUsize::new(0));
    let upstream = Upstream::http(move |request| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let confirms = request.headers().contains_key("if-none-match");
        let response =
            Response::builder().header("etag", "\"v1\"").header("cache-control", "no-cache");
        let response = match (number, confirms) {
            (1, true) => response.status(304).header("set-cookie", "session=first"),
            (_, true) => response.status(304),
            (_, false) => response,
        };
        let content = if confirms { body::empty() } else { body::full("page") };
        async move { response.body(content).unwrap() }
    });
    let rig = Rig::start(cached(vec![service("web", &[upstream.address()])])).await;
    for _ in 0..2 {
        ask(&rig, "GET /", NOTHING).await;
    }
    for _ in 0..2 {
        let other = ask(&rig, "GET /", NOTHING).await;
        assert_eq!((other.text(), other.header("set-cookie")), ("page", None));
    }
}

#[tokio::test]
async fn what_became_private_is_not_kept() {
    let upstream = Upstream::http(|request| {
        let confirms = request.headers().contains_key("if-none-match");
        let response = Response::builder().header("etag", "\"v1\"");
        let response = if confirms {
            response.status(304).header("cache-control", "private, max-age=60")
        } else {
            response.header("cache-control", "no-cache")
        };
        let content = if confirms { body::empty() } else { body::full("page") };
        async move { response.body(content).unwrap() }
    });
    let rig = Rig::start(cached(vec![service("web", &[upstream.address()])])).await;
    ask(&rig, "GET /", NOTHING).await;
    assert_eq!(ask(&rig, "GET /", NOTHING).await.text(), "page");
    assert_eq!(rig.proxy_cache().await.0, 0);
}

#[tokio::test]
async fn a_request_that_says_something_in_its_body_is_not_answered_by_its_target() {
    let upstream = Upstream::http(|request| async move {
        let said = http_body_util::BodyExt::collect(request.into_body()).await.unwrap().to_bytes();
        Response::builder().header("cache-control", "max-age=60").body(body::full(said)).unwrap()
    });
    let rig = Rig::start(cached(vec![service("web", &[upstream.address()])])).await;
    let with = |text: &str| format!("Content-Length: {}\r\n\r\n{text}", text.len());
    assert_eq!(ask(&rig, "GET /search", &with("evil")).await.text(), "evil");
    assert_eq!(ask(&rig, "GET /search", NOTHING).await.text(), "");
    assert_eq!(ask(&rig, "GET /search", &with("good")).await.text(), "good");
}

#[tokio::test]
async fn what_was_on_its_way_when_it_changed_is_not_kept() {
    let state = Arc::new(Mutex::new("old"));
    let (kept, gate) = (Arc::clone(&state), Arc::new(tokio::sync::Notify::new()));
    let open = Arc::clone(&gate);
    let upstream = Upstream::http(move |request| {
        let (state, gate) = (Arc::clone(&kept), Arc::clone(&gate));
        async move {
            if request.method() == "POST" {
                *state.lock().unwrap() = "new";
                return Response::new(body::empty());
            }
            let read = *state.lock().unwrap();
            if read == "old" {
                gate.notified().await;
            }
            Response::builder()
                .header("cache-control", "max-age=60")
                .body(body::full(read))
                .unwrap()
        }
    });
    let rig = Arc::new(Rig::start(cached(vec![service("web", &[upstream.address()])])).await);
    let early = tokio::spawn({
        let rig = Arc::clone(&rig);
        async move { ask(&rig, "GET /", NOTHING).await.text().to_owned() }
    });
    until("it is asked for", async || upstream.requests() == 1).await;
    ask(&rig, "POST /", "Content-Length: 0\r\n\r\n").await;
    open.notify_one();
    assert_eq!(early.await.unwrap(), "old");
    assert_eq!(ask(&rig, "GET /", NOTHING).await.text(), "new");
}

#[tokio::test]
async fn an_answer_to_credentials_takes_nothing_away_from_others() {
    let upstream = named("page");
    let rig = Rig::start(cached(vec![service("web", &[upstream.address()])])).await;
    ask(&rig, "GET /", NOTHING).await;
    ask(&rig, "GET /", "Authorization: Basic eDp5\r\nCache-Control: no-cache\r\n\r\n").await;
    ask(&rig, "GET /", NOTHING).await;
    assert_eq!(upstream.requests(), 2);
}

#[tokio::test]
async fn one_that_leaves_is_followed_by_one_not_by_all() {
    let upstream = Upstream::http(|_| async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        Response::builder().header("cache-control", "max-age=60").body(body::full("one")).unwrap()
    });
    let rig = Arc::new(Rig::start(cached(vec![service("web", &[upstream.address()])])).await);
    let mut leaves = rig.client().await;
    leaves.send("GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n").await;
    until("it is asked for", async || upstream.requests() == 1).await;
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move { ask(&rig, "GET /", NOTHING).await.text().to_owned() })
        })
        .collect();
    until("all wait", async || rig.stats_cache("collapsed").await == 20).await;
    drop(leaves);
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "one");
    }
    assert_eq!(upstream.requests(), 2);
}

#[tokio::test]
async fn one_that_reads_slowly_holds_up_nobody_who_comes_later() {
    let page: &'static str = "x".repeat(64 << 10).leak();
    let upstream = named(page);
    let rig = Rig::start(cached(vec![service("web", &[upstream.address()])])).await;
    // It never gives room for more than the beginning of the page (SETTINGS_INITIAL_WINDOW_SIZE).
    let mut slow = FramePeer::connect(rig.address, &[(4, 1_000)]).await;
    slow.get(1, "/");
    slow.flush().await;
    slow.read_kind(kind::DATA).await;
    assert_eq!(rig.proxy_cache().await.0, 0);
    // The first waits as long as is allowed and goes on its own; from then on nobody waits.
    let answer = ask(&rig, "GET /", NOTHING).await;
    assert_eq!(answer.body.len(), page.len());
    let waited = rig.stats_cache("collapsed").await;
    for _ in 0..3 {
        assert_eq!(ask(&rig, "GET /", NOTHING).await.body.len(), page.len());
    }
    assert_eq!(rig.stats_cache("collapsed").await, waited);
    assert!(rig.stats_cache("hit").await >= 2, "another took its place");
    drop(slow);
}

#[tokio::test]
async fn what_another_route_changes_is_forgotten() {
    let upstream = named("page");
    let mut model = cached(vec![service("web", &[upstream.address()])]);
    let mut writes = model.routes.last().unwrap().clone();
    writes.id = trunkline_model::RouteId::new("writes");
    writes.order = trunkline_model::route::OrderKey(9, 0);
    writes.matching.methods = vec!["POST".into()];
    writes.filters.clear();
    model.routes.insert(0, writes);
    let rig = Rig::start(model).await;
    ask(&rig, "GET /", NOTHING).await;
    assert_eq!(rig.proxy_cache().await.0, 1);
    ask(&rig, "POST /", "Content-Length: 0\r\n\r\n").await;
    assert_eq!(rig.proxy_cache().await.0, 0);
}

#[tokio::test]
async fn waiters_get_what_is_stale_when_the_service_fails() {
    let asked = AtomicUsize::new(0);
    let gate = Arc::new(tokio::sync::Notify::new());
    let open = Arc::clone(&gate);
    let upstream = Upstream::http(move |_| {
        let (first, gate) = (asked.fetch_add(1, Ordering::Relaxed) == 0, Arc::clone(&gate));
        async move {
            if first {
                let says = "max-age=0, stale-if-error=60";
                let response = Response::builder().header("cache-control", says);
                return response.header("etag", "\"v1\"").body(body::full("page")).unwrap();
            }
            gate.notified().await;
            Response::builder().status(503).body(body::empty()).unwrap()
        }
    });
    let rig = Arc::new(Rig::start(cached(vec![service("web", &[upstream.address()])])).await);
    ask(&rig, "GET /", NOTHING).await;
    let callers: Vec<_> = (0..5)
        .map(|_| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move { ask(&rig, "GET /", NOTHING).await })
        })
        .collect();
    until("four wait", async || rig.stats_cache("collapsed").await == 4).await;
    open.notify_one();
    for caller in callers {
        let answer = caller.await.unwrap();
        assert_eq!((answer.status, answer.text()), (200, "page"));
    }
    assert_eq!(upstream.requests(), 2);
}

#[tokio::test]
async fn less_room_after_a_reload_is_kept_to_at_once_and_nothing_is_stored_too() {
    let upstream = Upstream::http(|request| async move {
        let response = Response::builder().header("cache-control", "max-age=60");
        match request.uri().path() {
            "/none" => response.status(204).body(body::empty()).unwrap(),
            "/moved" => response.status(301).header("location", "/").body(body::empty()).unwrap(),
            _ => response.body(body::full("page")).unwrap(),
        }
    });
    let mut model = cached(vec![service("web", &[upstream.address()])]);
    let rig = Rig::start(model.clone()).await;
    for (path, status) in [("/none", 204), ("/moved", 301), ("/", 200)] {
        for _ in 0..2 {
            let answer = ask(&rig, &format!("GET {path}"), NOTHING).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.header("content-length").is_none(), status == 204);
        }
    }
    assert_eq!((upstream.requests(), rig.proxy_cache().await.0), (3, 3));
    model.guard.cache_bytes = 0;
    rig.reload(model).await;
    assert_eq!(rig.proxy_cache().await, (0, 0));
}

#[tokio::test]
async fn a_newer_choice_of_fields_replaces_an_older_one() {
    let asked = AtomicUsize::new(0);
    let upstream = Upstream::http(move |_| {
        let response = Response::builder();
        let response = match asked.fetch_add(1, Ordering::Relaxed) {
            0 => response.header("cache-control", "no-cache").header("etag", "\"v1\""),
            _ => response.header("cache-control", "max-age=60").header("vary", "accept-language"),
        };
        async move { response.body(body::full("page")).unwrap() }
    });
    let rig = Rig::start(cached(vec![service("web", &[upstream.address()])])).await;
    for _ in 0..4 {
        ask(&rig, "GET /", NOTHING).await;
    }
    assert_eq!(upstream.requests(), 2, "the second answer is fresh");
}
