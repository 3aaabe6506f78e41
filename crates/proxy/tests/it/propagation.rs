//! Traces in the formats of other systems, and which of them are recorded, through a gateway.

use trunkline_model::route::{Action, PathPattern};
use trunkline_model::service::Source;
use trunkline_model::trace::tracing::{
    Format, Parent, Propagation, RouteTracing, Sampling, Tracing,
};
use trunkline_model::units::Share;
use trunkline_testkit::Upstream;

use crate::rig::{Rig, get, http2, model, route, service, tcp};
use crate::traced::Traced;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn tracing(sample: Sampling) -> Tracing {
    Tracing { sample, propagate: Propagation::AsCalled }
}

fn share(text: &str) -> Sampling {
    Sampling::share(text.parse().unwrap())
}

#[tokio::test]
async fn a_zipkin_caller_is_answered_in_its_own_format_and_in_w3cs() {
    let mut traced = Traced::start().await;
    let told = traced.told(&[("b3", &format!("{TRACE}-{SPAN}-1"))]).await;
    let parent = told.traceparent();
    assert!(parent.sampled && parent.trace.to_string() == TRACE);
    let parts: Vec<_> = told.one("b3").split('-').collect();
    assert_eq!((parts[0], parts[1], parts[2]), (TRACE, &*told.span(), "1"));
    let record = traced.rig.records.wait(1).await.remove(0);
    assert_eq!(parts[3], record.trace.span.to_string());
    assert_eq!(record.trace.parent.unwrap().to_string(), SPAN);
    assert_eq!(record.attempts[0].span.to_string(), told.span());

    let short = ("X-B3-TraceId", "a3ce929d0e0e4736");
    let told = traced.told(&[short, ("X-B3-SpanId", SPAN), ("X-B3-Flags", "1")]).await;
    assert_eq!(told.trace(), "0000000000000000a3ce929d0e0e4736");
    assert_eq!(told.one("x-b3-traceid"), "a3ce929d0e0e4736");
    assert_eq!((told.one("x-b3-spanid"), told.one("x-b3-flags")), (&*told.span(), "1"));
    assert!(!told.has("x-b3-sampled") && !told.has("b3"));
}

#[tokio::test]
async fn a_caller_that_denies_is_followed() {
    let mut traced = Traced::start().await;
    for field in [("b3", "0"), ("x-b3-sampled", "0")] {
        let told = traced.told(&[field]).await;
        assert!(!told.traceparent().sampled && !told.has("tracestate"));
    }
    let records = traced.rig.records.wait(2).await;
    assert!(records.iter().all(|record| !record.trace.sampled && record.trace.parent.is_none()));
}

#[tokio::test]
async fn jaegers_and_datadogs_callers_are_understood_and_their_baggage_passes() {
    let mut traced = Traced::start().await;
    let told = traced
        .told(&[("uber-trace-id", "a3ce929d0e0e4736%3A7b:0:1"), ("uberctx-user", "a b%20c")])
        .await;
    assert_eq!(told.trace(), "0000000000000000a3ce929d0e0e4736");
    let expected = format!("a3ce929d0e0e4736:{}:0:1", told.span());
    assert_eq!((told.one("uber-trace-id"), told.one("uberctx-user")), (&*expected, "a b%20c"));

    let told = traced.told(&[("jaeger-debug-id", "bug-7")]).await;
    assert!(told.one("uber-trace-id").ends_with(":0:3"));
    assert_eq!((told.one("x-request-id"), told.one("jaeger-debug-id")), ("bug-7", "bug-7"));

    let told = traced
        .told(&[
            ("x-datadog-trace-id", "255"),
            ("x-datadog-parent-id", "16"),
            ("x-datadog-sampling-priority", "-1"),
            ("x-datadog-origin", "rum"),
            ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.tid=640cfd8d00000000"),
        ])
        .await;
    assert_eq!(told.trace(), "640cfd8d0000000000000000000000ff");
    let span = u64::from_be_bytes(*told.traceparent().span.bytes()).to_string();
    assert_eq!((told.one("x-datadog-trace-id"), told.one("x-datadog-parent-id")), ("255", &*span));
    assert_eq!(told.one("x-datadog-sampling-priority"), "-1");
    assert_eq!(told.one("x-datadog-tags"), "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4");
    assert_eq!(told.one("x-datadog-origin"), "rum");
}

#[tokio::test]
async fn what_is_not_listed_passes_as_any_field() {
    let formats = Propagation::Listed(vec![Format::B3, Format::Jaeger]);
    let mut traced = Traced::with(|model| model.tracing.propagate = formats).await;
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let told = traced.told(&[("traceparent", &parent), ("tracestate", "a=1,,")]).await;
    assert_eq!((told.one("traceparent"), told.one("tracestate")), (&*parent, "a=1,,"));
    let (b3, jaeger) = (told.one("b3"), told.one("uber-trace-id"));
    assert!(!b3.starts_with(TRACE) && b3[..49] == jaeger.replace(':', "-")[..49]);
}

#[tokio::test]
async fn baggage_passes_untouched_within_its_bound() {
    let mut traced = Traced::start().await;
    let baggage = "userId=alice;prop=1, server%20node = DF28";
    let told = traced.told(&[("Baggage", baggage), ("baggage", "")]).await;
    assert_eq!(told.all("baggage"), [baggage, ""]);
    let long = format!("a=1,b={},c=2", "x".repeat(8_190));
    assert_eq!(traced.told(&[("baggage", &long)]).await.one("baggage"), "a=1");
}

#[tokio::test]
async fn each_attempt_has_a_span_of_its_own() {
    let dead = trunkline_testkit::upstream::unused_address();
    let mut traced = Traced::with(|model| {
        let Source::Static(dead) = service("web", &[dead]).source else { panic!() };
        let Source::Static(all) = &mut model.services[0].source else { panic!() };
        all.splice(0..0, dead);
    })
    .await;
    for count in 1.. {
        assert!(count < 20, "the dead endpoint is never tried");
        let told = traced.told(&[("b3", &format!("{TRACE}-{SPAN}-1"))]).await;
        let record = traced.rig.records.wait(count).await.remove(count - 1);
        let spans: Vec<_> = record.attempts.iter().map(|one| one.span.to_string()).collect();
        assert_eq!(Some(&told.span()), spans.last());
        assert_eq!(told.one("b3").split('-').nth(1), spans.last().map(String::as_str));
        if let [first, second] = &spans[..] {
            assert_ne!(first, second);
            return;
        }
    }
}

#[tokio::test]
async fn a_share_is_sampled_by_a_threshold_that_is_told() {
    let mut traced = Traced::with(|model| model.tracing = tracing(share("50%"))).await;
    let mut sampled = 0;
    for _ in 0..100 {
        let told = traced.told(&[]).await;
        let parent = told.traceparent();
        // The half that is kept is the upper one of the trace's random bits.
        assert_eq!(parent.sampled, parent.trace.randomness() >> 55 == 1);
        let expected = if parent.sampled { vec!["ot=th:8"] } else { Vec::new() };
        assert_eq!(told.all("tracestate"), expected);
        sampled += u32::from(parent.sampled);
    }
    assert!((20..80).contains(&sampled), "{sampled}");
    let records = traced.rig.records.wait(100).await;
    let recorded = records.iter().filter(|record| record.trace.sampled);
    assert_eq!(recorded.count() as u32, sampled);
    assert!(records.iter().all(|r| r.trace.threshold.is_some() == r.trace.sampled));
}

#[tokio::test]
async fn callers_are_not_believed_where_that_is_said() {
    let sample = Sampling { parent: Parent::Ignore, ..share("25%") };
    let mut traced = Traced::with(|model| model.tracing = tracing(sample)).await;
    let check = async |traced: &mut Traced, state: &str, sampled: bool, expected: &[&str]| {
        let parent = format!("00-{TRACE}-{SPAN}-0{}", i32::from(!sampled));
        let told = traced.told(&[("traceparent", &parent), ("tracestate", state)]).await;
        assert_eq!((told.trace().as_str(), told.traceparent().sampled), (TRACE, sampled));
        assert_eq!(told.all("tracestate"), expected);
    };
    // The trace's random bits begin with ce, and a quarter with c.
    check(&mut traced, "a=1", true, &["ot=th:c,a=1"]).await;
    check(&mut traced, "a=1,ot=th:0;rv:b0000000000000", false, &["ot=rv:b0000000000000,a=1"]).await;
    check(&mut traced, "ot=rv:c0000000000000", true, &["ot=th:c;rv:c0000000000000"]).await;
}

#[tokio::test]
async fn a_rate_lets_so_many_traces_be_recorded_over_all_workers_and_reloads() {
    let sample = Sampling::rate("5/1h".parse().unwrap());
    let upstream = Upstream::echo();
    let wanted = || {
        let mut wanted = model(vec![service("web", &[upstream.address()])]);
        wanted.tracing = tracing(sample);
        wanted
    };
    let rig = Rig::start(wanted()).await;
    for _ in 0..10 {
        let mut caller = rig.client().await;
        caller.get("shop.test", "/").await;
        caller.get("shop.test", "/").await;
    }
    let mut changed = wanted();
    changed.domains.push("other.test".into());
    changed.tracing.propagate = Propagation::Listed(vec![Format::W3c]);
    rig.reload(changed).await;
    rig.client().await.get("shop.test", "/").await;
    let records = rig.records.wait(21).await;
    assert_eq!(records.iter().filter(|record| record.trace.sampled).count(), 5);
    assert!(records.iter().all(|record| record.trace.threshold.is_none()));
}

#[tokio::test]
async fn calls_between_services_follow_what_a_rate_decided_for_their_trace() {
    let rate = Sampling::rate("1/1h".parse().unwrap());
    let sample = Sampling { parent: Parent::Ignore, ..rate };
    let mut traced = Traced::with(|model| {
        model.tracing = tracing(sample);
        model.listeners[0].caller = Some(model.services[0].name.clone());
    })
    .await;
    for sampled in [true, false, true, true] {
        let parent = format!("00-{TRACE}-{SPAN}-0{}", i32::from(sampled));
        let told = traced.told(&[("traceparent", &parent)]).await;
        assert_eq!(told.traceparent().sampled, sampled);
    }
    assert!(traced.told(&[]).await.traceparent().sampled, "what starts there counts");
    assert!(!traced.told(&[]).await.traceparent().sampled);
}

#[tokio::test]
async fn a_route_decides_for_its_requests() {
    let mut traced = Traced::with(|model| {
        model.tracing = tracing(share("0%"));
        let web = model.services[0].clone();
        let mut add = |order, path: &str, tracing| {
            let mut added = route(order, PathPattern::Prefix(path.into()), &web);
            added.tracing = tracing;
            model.routes.push(added);
        };
        let sample = |sampling| RouteTracing { sample: Some(sampling), propagate: None };
        add(10, "/always", sample(Sampling::ALWAYS));
        add(11, "/never", sample(Sampling::NEVER));
        add(12, "/some", sample(Sampling::rate("2/1h".parse().unwrap())));
        let propagate = Some(Propagation::Listed(vec![Format::B3]));
        add(13, "/zipkin", RouteTracing { sample: None, propagate });
    })
    .await;
    let parent = |flags| format!("00-{TRACE}-{SPAN}-0{flags}");
    let mut expected = Vec::new();
    for (path, flags, sampled) in [
        ("/", 1, true),
        ("/", 0, false),
        ("/always", 0, true),
        ("/always", 1, true),
        ("/never", 1, false),
        ("/some", 1, true),
    ] {
        let told = traced.told_at(path, &[("traceparent", &parent(flags))]).await;
        assert_eq!(told.traceparent().sampled, sampled, "{path} {flags}");
        expected.push(sampled);
    }
    for nth in 0..5 {
        assert_eq!(traced.told_at("/some", &[]).await.traceparent().sampled, nth < 2);
        expected.push(nth < 2);
    }
    let b3 = format!("463ac35c9f6413ad48485a3953bb6124-{SPAN}-1");
    let told = traced.told_at("/zipkin", &[("b3", &b3), ("traceparent", &parent(0))]).await;
    assert!(told.one("b3").starts_with("463ac35c9f6413ad48485a3953bb6124-"));
    assert_eq!(told.one("traceparent"), parent(0));
    expected.push(true);
    let records = traced.rig.records.wait(expected.len()).await;
    let recorded: Vec<_> = records.iter().map(|record| record.trace.sampled).collect();
    assert_eq!(recorded, expected);
    let last = records.last().unwrap();
    assert_eq!(last.trace.trace.to_string(), "463ac35c9f6413ad48485a3953bb6124");
}

#[tokio::test]
async fn own_answers_are_decided_about_too() {
    let upstream = Upstream::echo();
    let mut wanted = model(vec![service("web", &[upstream.address()])]);
    wanted.tracing = tracing(share("0%"));
    wanted.routes.truncate(1);
    let mut answered = route(20, PathPattern::Prefix("/ok".into()), &wanted.services[0]);
    answered.action =
        Action::Respond { status: 200, content_type: String::new(), body: String::new() };
    answered.tracing.sample = Some(Sampling::ALWAYS);
    wanted.routes.push(answered);
    let rig = Rig::start(wanted).await;
    let mut caller = rig.client().await;
    assert_eq!(caller.get("shop.test", "/ok").await.status, 200);
    assert_eq!(caller.get("shop.test", "/nowhere").await.status, 404);
    caller
        .send(format!(
            "GET /nowhere HTTP/1.1\r\nHost: a\r\ntraceparent: 00-{TRACE}-{SPAN}-01\r\n\r\n"
        ))
        .await;
    assert_eq!(caller.response().await.status, 404);
    let records = rig.records.wait(3).await;
    let recorded: Vec<_> = records.iter().map(|record| record.trace.sampled).collect();
    assert_eq!(recorded, [true, false, true]);
}

#[tokio::test]
async fn over_http2_the_same_holds() {
    let traced = Traced::with(|model| model.tracing = tracing(Sampling::share(Share::NONE))).await;
    let mut sender = http2(tcp(traced.rig.address).await).await;
    let mut request = get("http://shop.test/");
    let b3 = format!("{TRACE}-{SPAN}-d");
    request.headers_mut().insert("b3", b3.parse().unwrap());
    request.headers_mut().append("tracestate", "a=1".parse().unwrap());
    let response = sender.send_request(request).await.unwrap();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(text.contains(&format!("traceparent: 00-{TRACE}-")), "{text}");
    assert!(text.contains(&format!("b3: {TRACE}-")) && text.contains("-d-"), "{text}");
    assert!(!text.contains("tracestate"), "{text}");
}
