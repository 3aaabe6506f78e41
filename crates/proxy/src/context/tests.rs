//! From the head of a request to the heads of its attempts.

use proptest::prelude::*;
use trunkline_model::trace::Threshold;
use trunkline_model::trace::tracing::{Parent, Sampling};
use trunkline_model::units::Share;
use trunkline_net::http::Version;
use trunkline_rt::Clock;

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The head of a request with these fields.
pub(super) fn head<V: AsRef<[u8]>>(fields: &[(&str, V)]) -> Head {
    let mut head = Head::request("GET", "/", Version::Http11);
    for (name, value) in fields {
        head.append(name, value.as_ref());
    }
    head
}

fn share(text: &str) -> Tracer {
    Tracer::new(&Tracing::share(text.parse().unwrap()), None)
}

fn listed(formats: &[Format]) -> Tracer {
    let propagate = Propagation::Listed(formats.to_vec());
    Tracer::new(&Tracing { propagate, ..Tracing::share(Share::NONE) }, None)
}

/// What is wanted of the request of a trusted proxy.
fn wanted<'a>(sampler: &'a Sampler, propagation: &'a Propagation) -> Wanted<'a> {
    let now = Clock::system().now();
    Wanted { sampler, propagation, anew: false, inner: false, believed: true, now }
}

/// What a service is sent in the place of this request, and the context of the exchange.
fn passed<V: AsRef<[u8]>>(tracer: &Tracer, fields: &[(&str, V)]) -> (Head, TraceContext) {
    let (mut head, mut random) = (head(fields), Random::from_seed(1));
    let Tracer { propagation, sampler } = tracer;
    let (mut context, asked, _) = begin(&mut head, propagation, &mut random);
    let outgoing =
        settle(&mut head, &mut context, (asked, wanted(sampler, propagation)), &mut random);
    let span = span_id(&mut random);
    inject(&mut head, &context, span, outgoing);
    (head, context)
}

fn traceparent(head: &Head) -> Traceparent {
    assert_eq!(head.get_all(TRACEPARENT).count(), 1);
    Traceparent::parse(head.get(TRACEPARENT).unwrap()).unwrap()
}

#[test]
fn a_callers_trace_and_decision_are_followed() {
    let fields = [("Traceparent", VALID), ("tracestate", "a=1")];
    let (head, context) = passed(&share("0%"), &fields);
    assert_eq!(context.trace.to_string(), TRACE);
    assert_eq!(context.parent.unwrap().to_string(), SPAN);
    assert!(context.sampled && !context.random);
    assert_eq!(head.get_text(TRACESTATE), Some("a=1"));
    let sent = traceparent(&head);
    assert_eq!((sent.trace, sent.sampled, sent.random), (context.trace, true, false));
    assert_ne!(Some(sent.span), context.parent);
}

#[test]
fn an_invalid_parent_restarts_the_trace_and_drops_its_state() {
    let upper = VALID.to_uppercase();
    for fields in [
        &[("traceparent", upper.as_str()), ("tracestate", "a=1")][..],
        &[("traceparent", VALID), ("traceparent", VALID), ("tracestate", "a=1")],
        &[("tracestate", "a=1")],
    ] {
        let (head, context) = passed(&share("0%"), fields);
        assert_eq!(context.parent, None);
        assert!(context.random && !context.sampled);
        assert!(!head.has(TRACESTATE));
        let (head, _) = passed(&share("100%"), fields);
        assert_eq!(head.get_text(TRACESTATE), Some("ot=th:0"));
    }
}

#[test]
fn the_first_valid_format_counts_and_each_that_came_goes_out() {
    let other = "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-0";
    let fields = [
        ("b3", other),
        ("traceparent", VALID),
        ("uber-trace-id", "nonsense"),
        ("tracestate", "a=1"),
    ];
    let (head, context) = passed(&share("0%"), &fields);
    assert_eq!(context.trace.to_string(), TRACE);
    let span = traceparent(&head).span;
    let ours = context.span;
    assert_eq!(head.get_text("b3"), Some(&*format!("{TRACE}-{span}-1-{ours}")));
    assert_eq!(head.get_text("uber-trace-id"), Some(&*format!("{TRACE}:{span}:0:1")));
    assert_eq!(head.get_text(TRACESTATE), Some("a=1"));
    assert!(!head.has("x-b3-traceid") && !head.has("x-datadog-trace-id"));

    // Another trace's state does not go on with this one.
    let (head, context) = passed(&listed(&[Format::B3, Format::W3c]), &fields);
    assert_eq!(context.trace.to_string(), "463ac35c9f6413ad48485a3953bb6124");
    assert!(!context.sampled && !head.has(TRACESTATE));
    assert_eq!(traceparent(&head).trace, context.trace);
    assert_eq!(head.get_text("uber-trace-id"), Some("nonsense"), "not ours to touch");
    let same = format!("{TRACE}-a2fb4a1d1a96d312-1");
    let fields = [("b3", &*same), ("traceparent", VALID), ("tracestate", "a=1")];
    let (head, _) = passed(&listed(&[Format::B3, Format::W3c]), &fields);
    assert_eq!(head.get_text(TRACESTATE), Some("a=1"));
}

#[test]
fn every_format_is_read_and_written() {
    let low = "a3ce929d0e0e4736";
    let decimal = u64::from_str_radix(low, 16).unwrap().to_string();
    let (single, jaeger) = (format!("{TRACE}-{SPAN}-1"), format!("{TRACE}:{SPAN}:0:1"));
    let span = u64::from_str_radix(SPAN, 16).unwrap().to_string();
    let all: [(Format, &[(&str, &str)]); 5] = [
        (Format::W3c, &[("traceparent", VALID)]),
        (Format::B3, &[("b3", &single)]),
        (Format::B3Multi, &[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-sampled", "1")]),
        (Format::Jaeger, &[("uber-trace-id", &jaeger)]),
        (
            Format::Datadog,
            &[
                ("x-datadog-trace-id", &decimal),
                ("x-datadog-parent-id", &span),
                ("x-datadog-sampling-priority", "1"),
                ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6"),
            ],
        ),
    ];
    for (format, fields) in all {
        for tracer in [listed(&[format]), share("0%")] {
            let (head, context) = passed(&tracer, fields);
            assert_eq!(context.trace.to_string(), TRACE, "{format:?}");
            assert_eq!(context.parent.unwrap().to_string(), SPAN, "{format:?}");
            assert!(context.sampled, "{format:?}");
            let (again, said) = extract(&head, &[format]).unzip();
            assert_eq!(again, Some(format));
            let said = said.unwrap();
            assert_eq!((said.trace, said.sampled), (Some(context.trace), Some(true)));
            assert!(said.parent.is_some() && said.parent != context.parent);
            let told = propagated(&head);
            let w3c_too = tracer.propagation == Propagation::AsCalled;
            assert!(told.iter().all(|f| *f == format || w3c_too && *f == Format::W3c), "{told:?}");
        }
    }
}

/// The formats in which a head says something valid.
fn propagated(head: &Head) -> Vec<Format> {
    Format::ALL.into_iter().filter(|format| extract(head, &[*format]).is_some()).collect()
}

#[test]
fn without_a_format_nothing_comes_in_or_goes_out() {
    let fields = [("traceparent", VALID), ("tracestate", "a=1, ,")];
    let (head, context) = passed(&listed(&[]), &fields);
    assert_ne!(context.trace.to_string(), TRACE);
    assert_eq!(head.get_text(TRACEPARENT), Some(VALID));
    assert_eq!(head.get_text(TRACESTATE), Some("a=1, ,"));
}

#[test]
fn a_decision_alone_is_followed_by_a_trace_that_starts_here() {
    for (field, sampled, written) in
        [(("b3", "0"), false, "0"), (("b3", "1"), true, "1"), (("b3", "d"), true, "d")]
    {
        let (head, context) = passed(&share("50%"), &[field]);
        assert_eq!((context.sampled, context.parent, context.random), (sampled, None, true));
        assert!(head.get_text("b3").unwrap().contains(&format!("-{written}-")));
        assert!(!head.has(TRACESTATE), "nobody knows by which threshold");
    }
    let (head, context) = passed(&share("0%"), &[("jaeger-debug-id", "bug-7")]);
    assert!(context.sampled && head.get_text("uber-trace-id").unwrap().ends_with(":0:3"));
    assert_eq!(head.get_text(REQUEST_ID), Some("bug-7"));
    let (head, context) = passed(&share("0%"), &[("x-b3-sampled", "0")]);
    assert!(!context.sampled && head.has("x-b3-traceid"));
}

#[test]
fn an_undecided_trace_is_decided_here() {
    let single = format!("{TRACE}-{SPAN}");
    for (text, sampled) in [("0%", false), ("100%", true)] {
        let (head, context) = passed(&share(text), &[("b3", &single)]);
        assert_eq!((context.sampled, context.trace.to_string()), (sampled, TRACE.to_owned()));
        assert_eq!(head.get_text(TRACESTATE), sampled.then_some("ot=th:0"));
    }
}

#[test]
fn a_threshold_goes_with_the_decision_that_it_explains() {
    let state = |tracer: &Tracer, flags: &str, state: &str| {
        let parent = format!("00-{TRACE}-{SPAN}-{flags}");
        let (head, context) = passed(tracer, &[("traceparent", &*parent), ("tracestate", state)]);
        let text = head.get_text(TRACESTATE).map(str::to_owned);
        let written = text.as_deref().and_then(|text| text.split_once("th:"));
        let written =
            written.and_then(|(_, th)| Threshold::parse(th.split([';', ',']).next()?.as_bytes()));
        assert_eq!(context.threshold, written);
        (context.sampled, text.unwrap_or_default())
    };
    // The trace's random bits begin with ce.
    let follow = share("0%");
    assert_eq!(state(&follow, "03", "a=1,ot=th:c"), (true, "a=1,ot=th:c".into()));
    assert_eq!(state(&follow, "03", "a=1,ot=th:d"), (true, "a=1".into()));
    assert_eq!(state(&follow, "02", "a=1,ot=th:d"), (false, "a=1,ot=th:d".into()));
    assert_eq!(
        state(&follow, "03", "ot=th:d;rv:e0000000000000"),
        (true, "ot=th:d;rv:e0000000000000".into())
    );
    let ignore = |share: &str| {
        let sample = Sampling { parent: Parent::Ignore, ..Sampling::share(share.parse().unwrap()) };
        Tracer::new(&Tracing { sample, propagate: Propagation::AsCalled }, None)
    };
    assert_eq!(state(&ignore("25%"), "02", "a=1,ot=rv:1;th:8"), (true, "ot=th:c;rv:1,a=1".into()));
    assert_eq!(state(&ignore("12.5%"), "03", "a=1,ot=th:8"), (false, "a=1".into()));
    assert_eq!(
        state(&ignore("12.5%"), "03", "ot=rv:f0000000000000"),
        (true, "ot=th:e;rv:f0000000000000".into())
    );
    assert_eq!(state(&ignore("100%"), "02", "a=1"), (true, "ot=th:0,a=1".into()));
    assert_eq!(state(&ignore("0%"), "03", "ot=th:0"), (false, String::new()));
    let rate = Sampling::rate("1000/s".parse().unwrap());
    let rate = Sampling { parent: Parent::Ignore, ..rate };
    let rate = Tracer::new(&Tracing { sample: rate, propagate: Propagation::AsCalled }, None);
    assert_eq!(state(&rate, "02", "ot=th:8"), (true, String::new()));
}

#[test]
fn a_route_may_read_other_formats_than_its_gateway() {
    let single = format!("{TRACE}-{SPAN}-1");
    let (mut head, mut random) = (head(&[("b3", &single)]), Random::from_seed(1));
    let gateway = listed(&[Format::W3c]);
    let (mut context, asked, _) = begin(&mut head, &gateway.propagation, &mut random);
    let (span, first) = (context.span, context.trace);
    assert_ne!(first.to_string(), TRACE);
    let propagation = Propagation::Listed(vec![Format::B3]);
    let wanted = Wanted { anew: true, ..wanted(&gateway.sampler, &propagation) };
    let outgoing = settle(&mut head, &mut context, (asked, wanted), &mut random);
    assert_eq!((context.trace.to_string(), context.span), (TRACE.to_owned(), span));
    inject(&mut head, &context, span, outgoing);
    assert_eq!(propagated(&head), [Format::B3]);
}

const NAMES: [&str; 17] = [
    "traceparent",
    "tracestate",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "jaeger-debug-id",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "baggage",
    "x-request-id",
    "uberctx-user",
];

/// Bytes of a field: any, and such as come near to what is valid.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let texts = prop_oneof![
        "[0-9a-f]{1,34}",
        "[0-9a-fA-F:%]{0,40}",
        "(00|cc|ff)-[0-9a-f]{31,33}-[0-9a-f]{16}-0[0-3](-x)?",
        "[0-9a-f]{32}-[0-9a-f]{16}(-[01d])?(-[0-9a-f]{16})?",
        "[0-9a-f]{1,32}:[0-9a-f]{1,16}:0:[0-3]",
        "(ot=(th|rv):[0-9a-f]{0,15};?|[a-z@]{1,3}=[!-~]{0,40}| ){0,3}(,(ot=th:[0-9a-f]{1,3}|[a-z]{1,2}=1)){0,40}",
        "(_dd\\.p\\.tid=[0-9a-f]{16}|[a-z]{1,200}=1)(,[a-z]{1,300}=1){0,3}",
        "-?[0-9]{1,21}",
    ];
    let texts = texts.prop_map(String::into_bytes);
    prop_oneof![prop::collection::vec(any::<u8>(), 0..80), texts]
}

proptest! {
    #[test]
    fn no_bytes_of_a_caller_break_anything(
        fields in prop::collection::vec((prop::sample::select(&NAMES), value()), 0..8),
        formats in prop::collection::vec(prop::sample::select(&Format::ALL), 0..4),
        as_called in any::<bool>(),
        points in 0_u16..=10_000,
        ignore in any::<bool>(),
    ) {
        let mut sample = Sampling::share(Share::from_basis_points(points).unwrap());
        sample.parent = if ignore { Parent::Ignore } else { Parent::Follow };
        let propagate =
            if as_called { Propagation::AsCalled } else { Propagation::Listed(formats.clone()) };
        let tracer = Tracer::new(&Tracing { sample, propagate }, None);
        let (head, context) = passed(&tracer, &fields);
        let told = if as_called { vec![Format::W3c] } else { formats };
        for format in told {
            // What goes out is valid, once, and of this trace.
            let (_, said) = extract(&head, &[format]).expect("valid");
            prop_assert_eq!(said.trace, Some(context.trace));
            prop_assert_eq!(said.sampled, Some(context.sampled));
            prop_assert!(said.parent != Some(context.span));
            if format == Format::W3c {
                prop_assert!(head.get_all(TRACESTATE).count() <= 1);
                let length = head.get(TRACESTATE).map_or(0, <[u8]>::len);
                prop_assert!(length <= tracestate::BYTES_MAX);
                prop_assert!(State::read(head.get_all(TRACESTATE)).is_some());
            }
        }
        prop_assert_eq!(head.get_all(REQUEST_ID).count(), 1);
    }
}
