//! The cache through the real proxy: what the service is asked, and what callers get.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Response;
use trunkline_model::Model;
use trunkline_model::filter::Filter;
use trunkline_model::route::{PathPattern, ValuePattern};
use trunkline_testkit::raw::RawResponse;
use trunkline_testkit::upstream::unused_address;
use trunkline_testkit::wait::until;
use trunkline_testkit::{Upstream, body};

use crate::rig::{Rig, model, service};

/// What the service says to a request: status, fields, body.
type Says = (u16, Vec<(&'static str, String)>, &'static str);
type Asked = Arc<Mutex<Vec<String>>>;

/// A service that notes what it is asked (with its validators) and answers by `says`.
fn origin(
    says: impl Fn(&hyper::Request<hyper::body::Incoming>) -> Says + Send + Sync + 'static,
) -> (Upstream, Asked) {
    let asked = Asked::default();
    let (noted, says) = (Arc::clone(&asked), Arc::new(says));
    let upstream = Upstream::http(move |request| {
        let tag = request.headers().get("if-none-match");
        let tag = tag.map_or("", |tag| tag.to_str().unwrap());
        noted.lock().unwrap().push(format!("{} {}{tag}", request.method(), request.uri().path()));
        let (status, fields, content) = says(&request);
        let mut response = Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(name, value);
        }
        async move { response.body(body::full(content)).unwrap() }
    });
    (upstream, asked)
}

fn cached(upstream: std::net::SocketAddr) -> Model {
    let mut model = model(vec![service("web", &[upstream])]);
    model.routes.iter_mut().for_each(|route| route.filters.push(Filter::Cache));
    model
}

fn fields(control: &str, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut fields = vec![("cache-control", control.to_owned())];
    fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    fields
}

async fn ask(rig: &Rig, line: &str, fields: &str) -> RawResponse {
    let mut caller = rig.client().await;
    caller.send(format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).await;
    caller.response_to(line.split(' ').next().unwrap()).await
}

fn status_of(answer: &RawResponse) -> &str {
    answer.header("cache-status").unwrap_or("none")
}

fn count(asked: &Asked) -> usize {
    asked.lock().unwrap().len()
}

#[tokio::test]
async fn what_is_fresh_answers_without_the_service() {
    let (upstream, asked) = origin(|_| (200, fields("max-age=60", &[("etag", "\"v1\"")]), "page"));
    let rig = Rig::start(cached(upstream.address())).await;
    let first = ask(&rig, "GET /p?x=1", "").await;
    assert_eq!((first.text(), status_of(&first)), ("page", "trunkline; fwd=uri-miss; stored"));
    let second = ask(&rig, "GET /p?x=1", "").await;
    assert_eq!((second.status, second.text()), (200, "page"));
    assert!(status_of(&second).starts_with("trunkline; hit; ttl="), "{}", status_of(&second));
    assert!(second.header("age").is_some());
    let head = ask(&rig, "HEAD /p?x=1", "").await;
    assert_eq!((head.header("content-length"), head.text()), (Some("4"), ""));
    // Who has it already is told so, by tags compared weakly.
    let unchanged = ask(&rig, "GET /p?x=1", "If-None-Match: \"v0\", W/\"v1\"\r\n").await;
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, Some("\"v1\"")));
    assert_eq!(ask(&rig, "GET /p?x=1", "If-None-Match: \"v2\"\r\n").await.status, 200);
    assert_eq!(count(&asked), 1);
    // Another target, and what must not be answered from here.
    for (line, more) in [
        ("GET /p?x=2", ""),
        ("GET /p?x=1", "Cache-Control: no-cache\r\n"),
        ("GET /p?x=1", "Range: bytes=0-1\r\n"),
        ("GET /p?x=1", "Cache-Control: max-age=0\r\n"),
    ] {
        let before = count(&asked);
        ask(&rig, line, more).await;
        assert_eq!(count(&asked), before + 1, "{line} {more}");
    }
    assert_eq!(ask(&rig, "GET /never", "Cache-Control: only-if-cached\r\n").await.status, 504);
}

#[tokio::test]
async fn what_is_stale_is_asked_about_by_its_validator() {
    let (upstream, asked) = origin(|request| {
        if request.headers().contains_key("if-none-match") {
            (304, fields("max-age=60", &[("x-news", "yes")]), "")
        } else {
            (200, fields("no-cache", &[("etag", "\"v1\"")]), "page")
        }
    });
    let rig = Rig::start(cached(upstream.address())).await;
    ask(&rig, "GET /", "").await;
    let again = ask(&rig, "GET /", "").await;
    assert_eq!((again.status, again.text(), again.header("x-news")), (200, "page", Some("yes")));
    assert_eq!(status_of(&again), "trunkline; hit; fwd=stale; fwd-status=304");
    // It is fresh now, as the answer said.
    assert_eq!(ask(&rig, "GET /", "").await.text(), "page");
    assert_eq!(*asked.lock().unwrap(), ["GET /", "GET /\"v1\""]);
}

#[tokio::test]
async fn news_for_one_caller_end_the_storing() {
    let (upstream, asked) = origin(|request| {
        if request.headers().contains_key("if-none-match") {
            (304, fields("max-age=60", &[("set-cookie", "id=1")]), "")
        } else {
            (200, fields("no-cache", &[("etag", "\"v1\"")]), "page")
        }
    });
    let rig = Rig::start(cached(upstream.address())).await;
    ask(&rig, "GET /", "").await;
    assert_eq!(ask(&rig, "GET /", "").await.text(), "page");
    assert_eq!(rig.proxy_cache().await.0, 0);
    assert_eq!(ask(&rig, "GET /", "").await.header("set-cookie"), None);
    assert_eq!(*asked.lock().unwrap(), ["GET /", "GET /\"v1\"", "GET /"]);
}

#[tokio::test]
async fn two_routes_of_one_target_share_nothing() {
    let [one, other] =
        ["one", "other"].map(|says| origin(move |_| (200, fields("max-age=60", &[]), says)));
    let services = [("web", &one.0), ("canary", &other.0)];
    let services = services.map(|(name, upstream)| service(name, &[upstream.address()]));
    let mut model = model(services.to_vec());
    let mut canary = crate::rig::route(9, PathPattern::Prefix("/".into()), &model.services[1]);
    canary.matching.headers.push(("x-canary".parse().unwrap(), ValuePattern::Exact("1".into())));
    model.routes.push(canary);
    model.routes.iter_mut().for_each(|route| route.filters.push(Filter::Cache));
    let rig = Rig::start(model).await;
    for _ in 0..2 {
        assert_eq!(ask(&rig, "GET /", "").await.text(), "one");
        assert_eq!(ask(&rig, "GET /", "X-Canary: 1\r\n").await.text(), "other");
    }
}

#[tokio::test]
async fn variants_are_chosen_by_what_requests_say() {
    let (upstream, asked) = origin(|request| {
        let german = request.headers().get("accept-language").is_some_and(|it| it == "de");
        (
            200,
            fields("max-age=60", &[("vary", "Accept-Language")]),
            if german { "ja" } else { "yes" },
        )
    });
    let rig = Rig::start(cached(upstream.address())).await;
    for _ in 0..2 {
        assert_eq!(ask(&rig, "GET /", "Accept-Language: de\r\n").await.text(), "ja");
        assert_eq!(ask(&rig, "GET /", "Accept-Language: en\r\n").await.text(), "yes");
        assert_eq!(ask(&rig, "GET /", "").await.text(), "yes");
    }
    assert_eq!(count(&asked), 3);
}

#[tokio::test]
async fn what_is_private_large_broken_or_for_one_caller_is_not_stored() {
    let large: &'static str = "x".repeat((1 << 20) + 1).leak();
    let (upstream, asked) = origin(move |request| match request.uri().path() {
        "/private" => (200, fields("private, max-age=60", &[]), "p"),
        "/cookie" => (200, fields("max-age=60", &[("set-cookie", "a=1")]), "p"),
        "/large" => (200, fields("max-age=60", &[]), large),
        _ => (200, fields("max-age=60", &[]), "p"),
    });
    let rig = Rig::start(cached(upstream.address())).await;
    for path in ["/private", "/cookie", "/large"] {
        let before = count(&asked);
        for _ in 0..2 {
            assert_eq!(ask(&rig, &format!("GET {path}"), "").await.status, 200);
        }
        assert_eq!(count(&asked), before + 2, "{path}");
    }
    let credentials = "Authorization: Basic eDp5\r\n";
    ask(&rig, "GET /mine", credentials).await;
    let before = count(&asked);
    ask(&rig, "GET /mine", "").await;
    assert_eq!(count(&asked), before + 1);
    assert_eq!(rig.proxy_cache().await.0, 1, "only the one without credentials");
}

#[tokio::test]
async fn many_who_want_the_same_ask_once() {
    let upstream = Upstream::http(|_| async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        Response::builder().header("cache-control", "max-age=60").body(body::full("one")).unwrap()
    });
    let rig = Arc::new(Rig::start(cached(upstream.address())).await);
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move { ask(&rig, "GET /", "").await.text().to_owned() })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "one");
    }
    assert_eq!(upstream.requests(), 1);
}

#[tokio::test]
async fn one_that_leaves_while_it_asks_holds_nobody_up() {
    let upstream = Upstream::http(|_| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Response::builder().header("cache-control", "max-age=60").body(body::full("one")).unwrap()
    });
    let rig = Rig::start(cached(upstream.address())).await;
    let mut leaves = rig.client().await;
    leaves.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is asked for", async || upstream.requests() == 1).await;
    drop(leaves);
    assert_eq!(ask(&rig, "GET /", "").await.text(), "one");
}

#[tokio::test]
async fn stale_answers_help_while_the_service_is_asked_and_when_it_fails() {
    let control = "max-age=0, stale-while-revalidate=60, stale-if-error=60";
    let (upstream, asked) = origin(move |_| (200, fields(control, &[("etag", "\"v1\"")]), "page"));
    let rig = Rig::start(cached(upstream.address())).await;
    ask(&rig, "GET /", "").await;
    assert_eq!(count(&asked), 1);
    // The service is gone: what is stale still does.
    rig.proxy.publish(crate::rig::endpoints("web", &[unused_address()]));
    let stale = ask(&rig, "GET /", "").await;
    assert_eq!((stale.status, stale.text()), (200, "page"));
    assert!(
        status_of(&stale).starts_with("trunkline; hit; ttl=-0")
            || status_of(&stale).contains("ttl=0")
    );
    // While one asks a service that does not answer, others are served what is stale.
    let hanging = Upstream::hanging();
    rig.proxy.publish(crate::rig::endpoints("web", &[hanging.address()]));
    let mut asks = rig.client().await;
    asks.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is asked", async || hanging.open() == 1).await;
    assert_eq!(ask(&rig, "GET /", "").await.text(), "page");
    assert!(rig.stats_cache("stale").await > 0);
}

#[tokio::test]
async fn what_was_changed_or_is_too_much_is_forgotten() {
    let (upstream, asked) = origin(|request| match request.method().as_str() {
        "POST" => (201, fields("no-store", &[("location", "/list")]), "done"),
        _ => (200, fields("max-age=60", &[]), "page"),
    });
    let mut model = cached(upstream.address());
    model.guard.cache_bytes = 16 * 4_000;
    let rig = Rig::start(model).await;
    for path in ["/orders", "/list"] {
        ask(&rig, &format!("GET {path}"), "").await;
    }
    assert_eq!(rig.proxy_cache().await.0, 2);
    ask(&rig, "POST /orders", "Content-Length: 0\r\n").await;
    assert_eq!(rig.proxy_cache().await.0, 0);
    for number in 0..200 {
        ask(&rig, &format!("GET /n/{number}"), "").await;
    }
    let (objects, bytes) = rig.proxy_cache().await;
    assert!(objects > 10 && bytes <= 16 * 4_000, "{objects} {bytes}");
    let before = count(&asked);
    ask(&rig, "GET /n/199", "").await;
    assert_eq!(count(&asked), before, "the newest is kept");
}
