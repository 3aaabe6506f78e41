//! Laws of single filters and of chains, on whole exchanges.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use trunkline_model::ListenerId;
use trunkline_model::filter::{self as settings, HeaderEdit, Rewrite};
use trunkline_model::reason::{Kind, Reason};
use trunkline_model::trace::{SpanId, TraceContext, TraceId};
use trunkline_net::http::{Exchange, Head, Note, Peer, Scheme, Version};

use super::*;

fn exchange(scheme: Scheme, target: &str) -> Exchange {
    let address: std::net::SocketAddr = "127.0.0.1:1".parse().unwrap();
    let client = address.ip();
    let peer = Peer {
        address,
        local: None,
        client,
        trusted: false,
        server_name: None,
        identity: None,
        certificate: None,
    };
    let trace = TraceContext {
        trace: TraceId::new([1; 16]).unwrap(),
        span: SpanId::new([1; 8]).unwrap(),
        parent: None,
        sampled: false,
        random: true,
        threshold: None,
    };
    Exchange::begin(
        Head::request("GET", target, Version::Http11),
        peer,
        (ListenerId::new("http"), scheme),
        "shop.localhost".into(),
        (trace, trunkline_net::http::Correlation::new(b"id").unwrap()),
    )
}

/// Runs a future that never waits for anything outside.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

fn chain(settings: &[settings::Filter]) -> Chain {
    Chain::compile(settings).unwrap()
}

fn append(value: &str) -> Vec<HeaderEdit> {
    vec![HeaderEdit::Append("x-step".parse().unwrap(), value.parse().unwrap())]
}

fn steps(head: &Head) -> Vec<&[u8]> {
    head.get_all("x-step").collect()
}

#[test]
fn requests_pass_a_chain_forwards_and_responses_backwards() {
    let chain = chain(&[
        settings::Filter::RequestHeaders(append("a")),
        settings::Filter::RequestHeaders(append("b")),
        settings::Filter::ResponseHeaders(append("c")),
        settings::Filter::ResponseHeaders(append("d")),
    ]);
    let mut exchange = exchange(Scheme::Http, "/");
    assert_eq!(run(chain.run_request(&mut exchange)), None);
    assert_eq!(steps(&exchange.request), [b"a", b"b"]);
    exchange.response = Some(Head::response(200, Version::Http11));
    assert_eq!(run(chain.run_response(&mut exchange)), None);
    assert_eq!(steps(exchange.response.as_ref().unwrap()), [b"d", b"c"]);
}

#[test]
fn an_answer_ends_the_chain() {
    let chain = chain(&[
        settings::Filter::RedirectToHttps { port: 8443 },
        settings::Filter::RequestHeaders(append("late")),
    ]);
    let mut plain = exchange(Scheme::Http, "/a?b=c");
    let reply = run(chain.run_request(&mut plain)).unwrap();
    assert_eq!((reply.status, reply.reason.kind), (308, Kind::Redirect));
    assert_eq!(reply.headers[0].1.as_str(), "https://shop.localhost:8443/a?b=c");
    assert!(!plain.request.has("x-step"));

    let mut secure = exchange(Scheme::Https, "/a");
    assert_eq!(run(chain.run_request(&mut secure)), None);
    assert!(secure.request.has("x-step"));
}

#[test]
fn the_port_of_https_is_left_out_of_redirects() {
    let chain = chain(&[settings::Filter::RedirectToHttps { port: 443 }]);
    let reply = run(chain.run_request(&mut exchange(Scheme::Http, "/"))).unwrap();
    assert_eq!(reply.headers[0].1.as_str(), "https://shop.localhost/");
}

#[test]
fn a_redirect_needs_a_host_to_point_at() {
    let chain = chain(&[settings::Filter::RedirectToHttps { port: 443 }]);
    let mut nameless = exchange(Scheme::Http, "/");
    nameless.host = "".into();
    assert_eq!(run(chain.run_request(&mut nameless)).unwrap().status, 400);
}

#[test]
fn a_waiting_filter_holds_the_chain_until_it_decides() {
    let verdict = Verdict::Wait(Box::pin(async {
        let reply = Reply::because(Reason::new(Kind::Overload));
        Verdict::Wait(Box::pin(async move { Verdict::Respond(reply) }))
    }));
    assert_eq!(run(chain::settle(verdict)).unwrap().status, 503);
    let verdict = Verdict::Wait(Box::pin(async { Verdict::Continue }));
    assert_eq!(run(chain::settle(verdict)), None);
}

#[test]
fn secure_headers_leave_what_the_service_set_and_keep_hsts_to_tls() {
    let hsts = Duration::from_mins(1);
    let chain = chain(&[settings::Filter::SecureHeaders { hsts }]);
    for (scheme, sent) in [(Scheme::Http, false), (Scheme::Https, true)] {
        let mut exchange = exchange(scheme, "/");
        let mut response = Head::response(200, Version::Http11);
        response.append("X-Frame-Options", b"DENY");
        exchange.response = Some(response);
        run(chain.run_response(&mut exchange));
        let response = exchange.response.unwrap();
        assert_eq!(response.get_all("x-frame-options").collect::<Vec<_>>(), [b"DENY"]);
        assert_eq!(response.get_text("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.has("strict-transport-security"), sent);
    }
}

/// What a path becomes, with the note of what it was.
fn rewritten(rewrite: Rewrite, target: &str) -> Result<(String, bool), u16> {
    let chain = chain(&[settings::Filter::RewritePath(rewrite)]);
    let mut exchange = exchange(Scheme::Http, target);
    if let Some(reply) = run(chain.run_request(&mut exchange)) {
        return Err(reply.status);
    }
    let path = target.split('?').next().unwrap();
    let noted = exchange.notes.all().contains(&Note::OriginalTarget(path.into()));
    Ok((exchange.request.target().to_owned(), noted))
}

fn prefix(from: &str, to: &str) -> Rewrite {
    Rewrite::Prefix { from: from.into(), to: to.into() }
}

fn regex(pattern: &str, to: &str) -> Rewrite {
    Rewrite::Regex { pattern: pattern.into(), to: to.into() }
}

#[test]
fn prefixes_are_replaced_at_segment_borders() {
    for (from, to, target, wanted) in [
        ("/api", "/", "/api", "/"),
        ("/api", "/", "/api/x?q=1", "/x?q=1"),
        ("/api/", "/v2/", "/api/x/", "/v2/x/"),
        ("/api", "/v2", "/%61pi/x%2Fy", "/v2/x%2Fy"),
        ("/", "/v2", "/x", "/v2/x"),
    ] {
        let got = rewritten(prefix(from, to), target);
        assert_eq!(got, Ok((wanted.to_owned(), true)), "{from} {target}");
    }
    assert_eq!(rewritten(prefix("/api", "/"), "/apix"), Ok(("/apix".to_owned(), false)));
}

#[test]
fn paths_and_patterns_are_replaced_and_the_query_stays() {
    let to = |path: &str| Ok((path.to_owned(), true));
    assert_eq!(rewritten(Rewrite::Path("x".into()), "/a?b"), to("/x?b"));
    assert_eq!(rewritten(regex("^/u/([0-9]+)$", "/user-$1"), "/u/7?b"), to("/user-7?b"));
    assert_eq!(rewritten(regex("^/", ""), "/a"), to("/a"));
}

#[test]
fn no_rewrite_makes_a_dot_segment() {
    assert_eq!(rewritten(regex(r"^/x(.*)$", "/$1"), "/x../secret"), Err(400));
    assert_eq!(rewritten(prefix("/a", "/"), "/a/../secret"), Err(400));
}

#[test]
fn rewrites_that_could_not_be_sent_are_invalid() {
    for to in ["/a b", "/a?b", "/a#b", "/a\r\n", "/é"] {
        let filter = settings::Filter::RewritePath(Rewrite::Path(to.into()));
        assert!(matches!(Filter::compile(&filter), Err(Invalid::Path(_))), "{to}");
    }
    let broken = settings::Filter::RewritePath(regex("(", "/"));
    let wrong = Chain::compile(&[broken.clone(), broken]).unwrap_err();
    assert_eq!(wrong.len(), 2);
}
