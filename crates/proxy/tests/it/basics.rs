use std::sync::Arc;

use trunkline_model::filter::{Filter, HeaderEdit};
use trunkline_model::record::{End, ExchangeRecord, RecordSink};
use trunkline_testkit::Upstream;

use crate::rig::{Records, Rig, model, service};

#[tokio::test]
async fn a_request_goes_through_and_is_recorded() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    for _ in 0..2 {
        let response = caller.get("shop.localhost", "/a?b=c").await;
        assert_eq!(response.status, 200, "{}", response.head);
        let text = response.text();
        assert!(text.contains("/a?b=c") && text.contains("x-forwarded-for"), "{text}");
        assert!(text.contains("traceparent"), "{text}");
    }
    let records = rig.records.wait(2).await;
    assert_eq!((records[0].status, records[0].end), (200, End::Complete));
    assert_eq!(records[0].attempts[0].outcome, Ok(200));
    assert!(records[0].bytes_sent > 0);
    assert_eq!(upstream.connections(), 1, "the connection is kept");
    let stats = rig.stats().await;
    assert_eq!(stats.generation, 1);
    assert_eq!(stats.services[0].requests, [(200, 2)]);
    assert_eq!(stats.services[0].endpoints[0].requests, [(200, 2)]);
    assert_eq!((stats.services[0].in_flight, stats.services[0].latency.count), (0, 2));
}

/// Wants what asks for `/wanted`.
#[derive(Default)]
struct Choosy(Records);

impl RecordSink for Choosy {
    fn take(&self, record: &ExchangeRecord) {
        self.0.take(record);
    }

    fn wants(&self, record: &ExchangeRecord) -> bool {
        record.target == "/wanted"
    }
}

#[tokio::test]
async fn what_nobody_wants_is_counted_and_not_handed_over() {
    let upstream = Upstream::echo();
    let sink = Arc::<Choosy>::default();
    let told = Arc::clone(&sink);
    let model = model(vec![service("web", &[upstream.address()])]);
    let rig = Rig::start_with(model, |deps| deps.sink = told).await;
    let mut caller = rig.client().await;
    for target in ["/other", "/wanted", "/a/longer/one", "/wanted", "/other"] {
        assert_eq!(caller.get("shop.localhost", target).await.status, 200);
    }
    let records = sink.0.wait(2).await;
    let targets: Vec<_> = records.iter().map(|record| &*record.target).collect();
    assert_eq!(targets, ["/wanted", "/wanted"]);
    assert_eq!(records[1].attempts.len(), 1, "nothing is left of the one before it");
    assert_eq!(rig.stats().await.services[0].requests, [(200, 5)]);
}

#[tokio::test]
async fn a_caller_without_a_host_is_forwarded_with_one() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.0\r\n\r\n").await;
    let host = format!(r#"["host","{}"]"#, upstream.address());
    let response = caller.response().await;
    assert!(response.text().contains(&host), "{}", response.text());
}

#[tokio::test]
async fn a_caller_cannot_name_away_what_a_filter_has_put_there() {
    let upstream = Upstream::echo();
    let mut wanted = model(vec![service("web", &[upstream.address()])]);
    let (name, value) = ("x-tenant".parse().unwrap(), "ours".parse().unwrap());
    let filter = Filter::RequestHeaders(vec![HeaderEdit::Set(name, value)]);
    wanted.routes.iter_mut().for_each(|route| route.filters.push(filter.clone()));
    let rig = Rig::start(wanted).await;
    let mut caller = rig.client().await;
    caller
        .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: x-tenant, x-hop\r\nx-hop: 1\r\n\r\n")
        .await;
    let response = caller.response().await;
    let text = response.text();
    assert!(text.contains(r#"["x-tenant","ours"]"#), "{text}");
    assert!(!text.contains("x-hop"), "{text}");
}

#[tokio::test]
async fn requests_that_readers_could_read_differently_are_refused_and_end_the_connection() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream).await;
    let check = async |request: &str, what: &str| {
        let mut caller = rig.client().await;
        caller.send(request).await;
        let response = caller.response().await;
        assert_eq!(response.status, 400, "{request}: {}", response.head);
        let reason = response.header("x-trunkline-reason").unwrap_or_default();
        assert!(reason.contains(what), "{request}: {reason}");
        assert_eq!(response.header("connection"), Some("close"), "{request}");
    };
    let other = "GET http://shop.localhost/ HTTP/1.1\r\nHost: bank.localhost\r\n\r\n";
    check(other, "host_mismatch").await;
    let credentials = "GET http://me:pw@shop.localhost/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";
    check(credentials, "credentials").await;
    let coded = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    check(coded, "transfer_coding").await;
    assert_eq!(upstream.requests(), 0);
}
