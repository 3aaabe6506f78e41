//! Jaeger's protocols, with bytes that its own libraries wrote.
//!
//! `testdata/jaeger_*.bin` are one batch, written by the Python packages `jaeger-client` 4.8.0 (its
//! generated types) and `thrift` 0.25: the call `emitBatch` in the compact protocol, in the binary one,
//! in its older form without version, and the bare `Batch`.

use http::StatusCode;
use trunkline_ingest::Surface::{JaegerBinary, JaegerCompact, JaegerGrpc, JaegerHttp, OtlpGrpc};
use trunkline_ingest::{Protocol, Reason, Refused};
use trunkline_net::grpc::Code;
use trunkline_otlp::wire::{put_bytes, put_fixed64, put_message, put_number};
use trunkline_otlp::{Kind, Span, StatusCode as Outcome};

use crate::rig::{field, listed, rig, text};

const COMPACT: &[u8] = include_bytes!("../../testdata/jaeger_compact.bin");
const BINARY: &[u8] = include_bytes!("../../testdata/jaeger_binary.bin");
const BINARY_OLD: &[u8] = include_bytes!("../../testdata/jaeger_binary_old.bin");
const BATCH: &[u8] = include_bytes!("../../testdata/jaeger_batch.bin");

const POST_SPANS: &str = "/jaeger.api_v2.CollectorService/PostSpans";
const POST: &str = "POST /api/traces?format=jaeger.thrift\ncontent-type: application/x-thrift";

/// Everything that the golden batch says, as OTLP has it.
fn check_golden(spans: &[Span]) {
    let [span, plain] = spans else { panic!("{} spans", spans.len()) };
    assert_eq!(span.trace.to_string(), "0011223344556677edcba98765432110");
    assert_eq!(span.id.to_string(), "fffffffffffffffe");
    assert_eq!(span.parent.unwrap().to_string(), "0000000000000005");
    assert_eq!((&*span.name, span.kind, span.flags), ("GET /orders/ü", Kind::Server, 1));
    assert_eq!(span.start_unix_nanos, 1_700_000_000_123_456_000);
    assert_eq!(span.duration_nanos(), 2_500_000);
    assert_eq!((span.status.code, &*span.trace_state), (Outcome::Error, "a=b"));
    assert_eq!((&*span.scope.name, &*span.scope.version), ("lib", "1.2"));
    insta::allow_duplicates! {
        insta::assert_snapshot!(listed(&span.attributes).join("\n"), @r"
        big=Int(-9007199254740993)
        cache.hit=Bool(false)
        http.status_code=Int(500)
        ratio=Double(0.1)
        raw=Bytes([0, 255, 16])
        ");
        insta::assert_snapshot!(listed(&span.resource.attributes)[..4].join("\n"), @r"
        host.name=node-1
        ip=10.0.0.1
        k0=v
        k10=v
        ");
    }
    assert_eq!(span.service(), "orders");
    let version = listed(&span.resource.attributes);
    assert!(version.contains(&"opencensus.exporterversion=Jaeger-Python-4.8.0".to_owned()));
    let [event] = &span.events[..] else { panic!("one event") };
    assert_eq!((&*event.name, event.time_unix_nanos), ("retry", 1_700_000_000_124_000_000));
    assert_eq!(listed(&event.attributes), ["attempt=Int(2)"]);
    let [link] = &span.links[..] else { panic!("the parent is no link") };
    assert_eq!(link.trace.to_string(), "00000000000000000000000000000009");
    assert_eq!(listed(&link.attributes), ["opentracing.ref_type=follows_from"]);
    assert_eq!(
        (plain.parent, plain.kind, plain.status.code),
        (None, Kind::Unspecified, Outcome::Unset)
    );
    assert_eq!(plain.duration_nanos(), 0);
}

#[tokio::test]
async fn a_datagram_of_either_protocol_is_a_batch() {
    for (surface, bytes) in
        [(JaegerCompact, COMPACT), (JaegerBinary, BINARY), (JaegerBinary, BINARY_OLD)]
    {
        let rig = rig();
        rig.datagram(surface, bytes).await;
        check_golden(&rig.kept.wait_for(2).await);
    }
}

#[tokio::test]
async fn a_datagram_that_is_none_is_counted_and_the_next_one_is_taken() {
    let rig = rig();
    for bytes in [&b""[..], b"nonsense", &COMPACT[..COMPACT.len() - 1], BINARY] {
        rig.datagram(JaegerCompact, bytes).await;
    }
    rig.wait_for_refused(Protocol::JaegerCompact, Reason::Malformed, 4).await;
    // A call of another method.
    let other = [&[0x82, 0x21, 0][..], b"\x05other", &[0]].concat();
    rig.datagram(JaegerCompact, &other).await;
    rig.wait_for_refused(Protocol::JaegerCompact, Reason::Unsupported, 1).await;
    rig.kept.refuse(Some(Refused::Busy { retry_after: std::time::Duration::ZERO }));
    rig.datagram(JaegerCompact, COMPACT).await;
    rig.wait_for_refused(Protocol::JaegerCompact, Reason::Busy, 1).await;
    rig.kept.refuse(None);
    rig.datagram(JaegerCompact, COMPACT).await;
    check_golden(&rig.kept.wait_for(2).await);
}

#[tokio::test]
async fn a_batch_over_http_is_taken_and_refused_as_jaeger_does() {
    let rig = rig();
    let answer = rig.send(JaegerHttp, POST, BATCH).await;
    assert_eq!((answer.status(), text(&answer)), (StatusCode::ACCEPTED, ""));
    check_golden(&rig.kept.spans());
    for (head, body, told) in [
        (
            "POST /api/traces\ncontent-type: text/plain",
            BATCH,
            "Unsupported content type: text/plain\n",
        ),
        (
            POST,
            &BATCH[..40],
            "Unable to process request body: the data end in the middle of a value\n",
        ),
    ] {
        let answer = rig.send(JaegerHttp, head, body).await;
        assert_eq!((answer.status(), text(&answer)), (StatusCode::BAD_REQUEST, told));
    }
    rig.kept.refuse(Some(Refused::Full { retry_after: std::time::Duration::from_secs(5) }));
    let answer = rig.send(JaegerHttp, POST, BATCH).await;
    assert_eq!((answer.status().as_u16(), field(&answer, "retry-after")), (503, "5"));
    assert_eq!(rig.send(JaegerHttp, "POST /api/spans", "").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_compact_protocol_is_read_over_http_as_well() {
    let rig = rig();
    // The envelope of 13 bytes, then the head of the call's only field, then the bare batch; the end
    // of the call itself is one byte.
    assert_eq!(COMPACT[13], 0x1c, "the first field of the call is a struct");
    let bare = &COMPACT[14..COMPACT.len() - 1];
    let kind = "POST /api/traces\ncontent-type: application/vnd.apache.thrift.compact";
    let answer = rig.send(JaegerHttp, kind, bare).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{}", text(&answer));
    check_golden(&rig.kept.spans());
}

fn tag(into: &mut Vec<u8>, field: u32, key: &str, text: &str) {
    put_message(into, field, |into| {
        put_bytes(into, 1, key.as_bytes());
        put_bytes(into, 3, text.as_bytes());
    });
}

/// A `PostSpansRequest` of two spans, the second of a process of its own.
fn post() -> Vec<u8> {
    let mut request = Vec::new();
    put_message(&mut request, 1, |batch| {
        put_message(batch, 1, |span| {
            put_bytes(span, 1, &[1; 16]);
            put_bytes(span, 2, &[2; 8]);
            put_bytes(span, 3, b"charge");
            put_message(span, 4, |reference| {
                put_bytes(reference, 1, &[1; 16]);
                put_bytes(reference, 2, &[3; 8]);
            });
            put_message(span, 6, |time| {
                put_number(time, 1, 1_700_000_000);
                put_number(time, 2, 5);
            });
            put_message(span, 7, |duration| put_number(duration, 2, 7));
            tag(span, 8, "span.kind", "client");
            put_message(span, 8, |tag| {
                put_bytes(tag, 1, b"http.status_code");
                put_number(tag, 2, 2);
                put_number(tag, 5, 404);
            });
            put_message(span, 8, |tag| {
                put_bytes(tag, 1, b"share");
                put_number(tag, 2, 3);
                put_fixed64(tag, 6, 0.5_f64.to_bits());
            });
            put_message(span, 9, |log| {
                put_message(log, 1, |time| put_number(time, 1, 1_700_000_001));
                tag(log, 2, "event", "sent");
            });
        });
        put_message(batch, 1, |span| {
            put_bytes(span, 1, &[1; 16]);
            put_bytes(span, 2, &[4; 8]);
            put_message(span, 10, |process| put_bytes(process, 1, b"bank"));
        });
        put_message(batch, 1, |span| put_bytes(span, 2, &[4; 8]));
        put_message(batch, 2, |process| {
            put_bytes(process, 1, b"payments");
            tag(process, 2, "zone", "a");
        });
    });
    request
}

#[tokio::test]
async fn spans_over_grpc_are_of_their_own_process_or_of_their_batchs() {
    let rig = rig();
    assert!(rig.call(JaegerGrpc, POST_SPANS, &post()).await.unwrap().is_empty());
    let spans = rig.kept.spans();
    let [charge, book] = &spans[..] else { panic!("{} spans", spans.len()) };
    assert_eq!((charge.service(), book.service()), ("payments", "bank"));
    assert_eq!(listed(&charge.resource.attributes), ["service.name=payments", "zone=a"]);
    assert_eq!(charge.parent.unwrap().bytes(), &[3; 8]);
    assert!(charge.links.is_empty());
    assert_eq!((charge.start_unix_nanos, charge.duration_nanos()), (1_700_000_000_000_000_005, 7));
    // A status that is the caller's fault is a failure of the caller's span.
    assert_eq!((charge.kind, charge.status.code), (Kind::Client, Outcome::Error));
    assert_eq!(listed(&charge.attributes), ["http.status_code=Int(404)", "share=Double(0.5)"]);
    assert_eq!(&*charge.events[0].name, "sent");
    assert_eq!(rig.metrics.of(Protocol::JaegerGrpc).rejected_spans.get(), 1);
}

#[tokio::test]
async fn calls_that_are_none_are_refused_in_grpcs_words() {
    let rig = rig();
    let told = rig.call(JaegerGrpc, POST_SPANS, b"\x0a\x05x").await.unwrap_err();
    assert_eq!(told.code, Code::InvalidArgument);
    assert_eq!(rig.refused(Protocol::JaegerGrpc, Reason::Malformed), 1);
    rig.kept.refuse(Some(Refused::Full { retry_after: std::time::Duration::from_secs(5) }));
    let told = rig.call(JaegerGrpc, POST_SPANS, &post()).await.unwrap_err();
    assert_eq!((told.code, told.retry_after.unwrap().as_secs()), (Code::Unavailable, 5));
    let told = rig.call(OtlpGrpc, POST_SPANS, &post()).await.unwrap_err();
    assert_eq!(told.code, Code::Unimplemented);
}

#[tokio::test]
async fn a_span_of_very_many_parts_is_refused() {
    let rig = rig();
    // A batch with one span whose tags are empty structs, one byte each on the wire.
    let mut tags = vec![0x0f, 0, 10, 0x0c];
    tags.extend(100_000_u32.to_be_bytes());
    tags.extend(vec![0; 100_000]);
    let span = [&[0x0f, 0, 2, 0x0c, 0, 0, 0, 1][..], &tags, &[0, 0]].concat();
    let answer = rig.send(JaegerHttp, POST, span).await;
    let told = "Unable to process request body: a span has more than 65536 parts\n";
    assert_eq!((answer.status(), text(&answer)), (StatusCode::BAD_REQUEST, told));
}
