//! OTLP over gRPC and HTTP: what is kept, what is answered, what is refused and in which shape.

use std::time::Duration;

use http::StatusCode;
use trunkline_ingest::Surface::{OtlpGrpc, OtlpHttp};
use trunkline_ingest::{Guard, Limits, Protocol, Reason, Refused, Token};
use trunkline_net::coding;
use trunkline_net::grpc::Code;
use trunkline_otlp::wire::{Fields, put_bytes, put_message};

use crate::rig::{Setup, batch, field, listed, rig, text};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const PROTOBUF: &str = "POST /v1/traces\ncontent-type: application/x-protobuf";
const JSON: &str = "POST /v1/traces\ncontent-type: application/json; charset=utf-8";

/// A batch of one good span and two whose ids are none.
fn half_good() -> Vec<u8> {
    let mut request = batch(1);
    put_message(&mut request, 1, |into| {
        put_message(into, 2, |into| {
            put_message(into, 2, |into| put_bytes(into, 1, &[1; 16]));
            put_message(into, 2, |into| put_bytes(into, 2, &[1; 7]));
        });
    });
    request
}

/// Field 1 of a protobuf message as a number, field 2 as text, and whether there are details.
fn status_of(message: &[u8]) -> (u64, String, usize) {
    let (mut code, mut text, mut details) = (0, String::new(), 0);
    for field in Fields::of(message) {
        match field.unwrap() {
            (1, raw) => code = raw.varint(1).unwrap(),
            (2, raw) => text.push_str(raw.text(2).unwrap()),
            (3, _) => details += 1,
            _ => panic!("an unknown field"),
        }
    }
    (code, text, details)
}

#[tokio::test]
async fn a_batch_keeps_its_bytes_whatever_way_it_comes() {
    let rig = rig();
    // A field that nobody knows is kept with the rest.
    let mut request = batch(3);
    put_bytes(&mut request, 99, b"future");
    let answer = rig.call(OtlpGrpc, EXPORT, &request).await.unwrap();
    assert!(answer.is_empty());
    for (coding, body) in [
        ("identity", request.clone()),
        ("gzip", coding::gzip(&request)),
        ("zstd", zstd::encode_all(request.as_slice(), 1).unwrap()),
    ] {
        let head = format!("{PROTOBUF}\ncontent-encoding: {coding}");
        let answer = rig.send(OtlpHttp, &head, body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{coding}");
        assert_eq!(field(&answer, "content-type"), "application/x-protobuf");
        assert!(answer.body().is_empty());
    }
    assert_eq!(rig.kept.batches(), vec![request.clone(); 4]);
    let counters = rig.metrics.of(Protocol::OtlpHttp);
    assert_eq!((counters.batches.get(), counters.spans.get()), (3, 9));
    assert_eq!(counters.bytes.get(), 3 * request.len() as u64);
    assert_eq!(rig.server.held_bytes(), 0);
}

#[tokio::test]
async fn an_empty_batch_is_well_and_kept_nowhere() {
    let rig = rig();
    assert!(rig.call(OtlpGrpc, EXPORT, b"").await.unwrap().is_empty());
    assert_eq!(rig.send(OtlpHttp, PROTOBUF, "").await.status(), StatusCode::OK);
    let answer = rig.send(OtlpHttp, JSON, "{}").await;
    assert_eq!((answer.status(), text(&answer)), (StatusCode::OK, "{}"));
    assert!(rig.kept.batches().is_empty());
}

#[tokio::test]
async fn json_means_what_its_protobuf_would() {
    let rig = rig();
    let answer = rig.send(OtlpHttp, JSON, include_str!("../../testdata/otlp.json")).await;
    assert_eq!((answer.status(), text(&answer)), (StatusCode::OK, "{}"));
    assert_eq!(field(&answer, "content-type"), "application/json");
    let [span] = &rig.kept.spans()[..] else { panic!("one span") };
    assert_eq!(span.trace.to_string(), "5b8efff798038103d269b633813fc60c");
    assert_eq!(span.id.to_string(), "eee19b7ec3c1b174");
    assert_eq!(span.parent.unwrap().to_string(), "eee19b7ec3c1b173");
    assert_eq!((&*span.name, span.service()), ("I'm a server span", "my.service"));
    assert_eq!(
        (span.start_unix_nanos, span.end_unix_nanos),
        (1_544_712_660_000_000_000, 1_544_712_661_000_000_000)
    );
    insta::assert_snapshot!(listed(&span.attributes).join("\n"), @r#"
    array=Array([Text("many"), Int(2), Empty])
    bool=Bool(false)
    bytes=Bytes([104, 105])
    double=Double(1.5)
    empty text=
    int text=Int(9007199254740993)
    int=Int(-42)
    map=Map([("inner", Text("value"))])
    nan=Double(NaN)
    nothing=Empty
    whole=Int(3)
    "#);
    assert_eq!(listed(&span.events[0].attributes), ["event.key=v"]);
    assert_eq!(span.links[0].trace.to_string(), "5b8efff798038103d269b633813fc60d");
    assert_eq!((span.status.code as u8, &*span.status.message), (2, "failed"));
    assert_eq!((&*span.scope.name, &*span.scope.version), ("my.library", "1.0.0"));
    assert_eq!((span.flags, span.dropped_events, &*span.trace_state), (257, 3, "a=b"));
}

#[tokio::test]
async fn spans_without_ids_are_left_out_and_their_sender_is_told() {
    let rig = rig();
    let answer = rig.call(OtlpGrpc, EXPORT, &half_good()).await.unwrap();
    let partial = Fields::of(&answer).next().unwrap().unwrap().1.bytes(1).unwrap();
    let told = "spans without valid ids of trace and span were not kept";
    assert_eq!(status_of(partial), (2, told.to_owned(), 0));
    let answer = rig.send(OtlpHttp, PROTOBUF, half_good()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let partial = Fields::of(answer.body()).next().unwrap().unwrap().1.bytes(1).unwrap();
    assert_eq!(status_of(partial).0, 2);
    let body =
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz","spanId":"01"}]}]}]}"#;
    let answer = rig.send(OtlpHttp, JSON, body).await;
    assert_eq!(
        text(&answer),
        format!(r#"{{"partialSuccess":{{"errorMessage":"{told}","rejectedSpans":"1"}}}}"#)
    );
    assert_eq!(rig.kept.batches(), vec![batch(1); 2]);
    assert_eq!(rig.metrics.of(Protocol::OtlpHttp).rejected_spans.get(), 3);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_protocols_own_shape() {
    let rig = rig();
    let told = rig.call(OtlpGrpc, EXPORT, b"\xff\xff").await.unwrap_err();
    assert_eq!(told.code, Code::InvalidArgument);
    let answer = rig.send(OtlpHttp, PROTOBUF, &b"\xff\xff"[..]).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(field(&answer, "content-type"), "application/x-protobuf");
    let told = "the batch cannot be read: the message ends within a field";
    assert_eq!(status_of(answer.body()), (3, told.to_owned(), 0));
    for body in ["{", "[]", r#"{"resourceSpans":3}"#, r#"{"resourceSpans":[]} x"#] {
        let answer = rig.send(OtlpHttp, JSON, body).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body}");
        let status: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(status["code"], 3);
    }
    let deep = [r#"{"x":"#, &"[".repeat(64), &"]".repeat(64), "}"].concat();
    let answer = rig.send(OtlpHttp, JSON, deep).await;
    assert!(text(&answer).contains("nested more than 64 deep"), "{}", text(&answer));
    assert_eq!(rig.refused(Protocol::OtlpHttp, Reason::Malformed), 6);
    assert_eq!(rig.refused(Protocol::OtlpGrpc, Reason::Malformed), 1);
}

#[tokio::test]
async fn what_is_no_request_for_traces_is_refused_as_http_does() {
    let rig = rig();
    for (head, status) in [
        ("GET /v1/traces", 405),
        ("POST /v1/logs\ncontent-type: application/json", 404),
        ("POST /v1/traces\ncontent-type: text/plain", 415),
        ("POST /v1/traces\ncontent-type: application/json\ncontent-encoding: br", 415),
    ] {
        let answer = rig.send(OtlpHttp, head, "{}").await;
        assert_eq!(answer.status().as_u16(), status, "{head}");
        let told: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert!(told["message"].is_string());
    }
    assert_eq!(rig.refused(Protocol::OtlpHttp, Reason::Unsupported), 4);
    let told = rig.call(OtlpGrpc, "/opentelemetry.proto.collector.logs.v1.LogsService/Export", b"");
    assert_eq!(told.await.unwrap_err().code, Code::Unimplemented);
}

#[tokio::test]
async fn a_store_that_cannot_take_it_says_when_to_come_again() {
    let rig = rig();
    let retry_after = Duration::from_millis(2_500);
    for (refused, status, code) in [
        (Refused::Busy { retry_after }, 429, Code::Unavailable),
        (Refused::Full { retry_after }, 503, Code::Unavailable),
        (Refused::Unavailable { retry_after }, 503, Code::Unavailable),
        (Refused::TooLarge, 413, Code::ResourceExhausted),
    ] {
        let again = refused != Refused::TooLarge;
        rig.kept.refuse(Some(refused));
        let told = rig.call(OtlpGrpc, EXPORT, &batch(1)).await.unwrap_err();
        assert_eq!((told.code, told.retry_after), (code, again.then_some(retry_after)));
        let answer = rig.send(OtlpHttp, PROTOBUF, batch(1)).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(field(&answer, "retry-after"), if again { "3" } else { "" });
        assert_eq!(status_of(answer.body()).2, usize::from(again), "details with RetryInfo");
    }
    rig.kept.refuse(None);
    assert!(rig.call(OtlpGrpc, EXPORT, &batch(1)).await.is_ok());
    assert_eq!(rig.refused(Protocol::OtlpGrpc, Reason::Busy), 1);
    assert_eq!(rig.refused(Protocol::OtlpGrpc, Reason::Unavailable), 2);
    assert_eq!(rig.metrics.of(Protocol::OtlpGrpc).spans.get(), 1, "counted once, when kept");
}

#[tokio::test]
async fn bombs_and_bodies_beyond_the_bounds_are_refused() {
    let mut setup = Setup::default();
    setup.limits.body_bytes_max = 100_000;
    setup.limits.decoded.bytes_max = 300_000;
    let rig = setup.start();
    let zeros = vec![0; 10 << 20];
    let noise: Vec<u8> =
        (0..30_000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    let sparse: Vec<u8> = noise.iter().flat_map(|byte| [*byte, 0, 0, 0]).take(310_000).collect();
    for (coding, body) in [
        ("gzip", coding::gzip(&zeros)),
        ("zstd", zstd::encode_all(zeros.as_slice(), 1).unwrap()),
        ("gzip", coding::gzip(&sparse)[..].to_vec()),
        ("identity", noise),
    ] {
        let head = format!("{PROTOBUF}\ncontent-encoding: {coding}");
        let answer = rig.send(OtlpHttp, &head, body).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{coding}");
        assert_eq!(status_of(answer.body()).0, 8);
    }
    let told = rig.call(OtlpGrpc, EXPORT, &vec![1; 100_001]).await.unwrap_err();
    assert_eq!((told.code, told.retry_after), (Code::ResourceExhausted, None));
    assert_eq!(rig.refused(Protocol::OtlpHttp, Reason::TooLarge), 4);
    assert_eq!(rig.refused(Protocol::OtlpGrpc, Reason::TooLarge), 1);
    assert_eq!(rig.server.held_bytes(), 0);
}

#[tokio::test]
async fn when_too_much_is_under_way_the_sender_is_told_to_come_again() {
    let rig = Setup {
        limits: Limits { memory_bytes_max: 1_000, ..Limits::default() },
        ..Setup::default()
    }
    .start();
    let large = batch(100);
    let answer = rig.send(OtlpHttp, PROTOBUF, large.clone()).await;
    assert_eq!((answer.status().as_u16(), field(&answer, "retry-after")), (429, "1"));
    let told = rig.call(OtlpGrpc, EXPORT, &large).await.unwrap_err();
    assert_eq!((told.code, told.retry_after), (Code::Unavailable, Some(Duration::from_secs(1))));
    assert_eq!(rig.refused(Protocol::OtlpGrpc, Reason::Busy), 1);
    assert_eq!(rig.send(OtlpHttp, PROTOBUF, batch(1)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn pages_of_configured_origins_alone_may_send_spans() {
    let guard = Guard { origins: vec!["https://*.shop.example".to_owned()], ..Guard::default() };
    let rig = Setup { guard, ..Setup::default() }.start();
    let preflight = "OPTIONS /v1/traces\naccess-control-request-method: POST\naccess-control-request-headers: content-type\norigin: https://";
    let answer = rig.send(OtlpHttp, &format!("{preflight}www.shop.example"), "").await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(field(&answer, "access-control-allow-origin"), "https://www.shop.example");
    assert_eq!(field(&answer, "access-control-allow-methods"), "POST, OPTIONS");
    assert_eq!(field(&answer, "access-control-allow-headers"), "content-type");
    let answer = rig.send(OtlpHttp, &format!("{preflight}evil.example"), "").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(field(&answer, "access-control-allow-origin"), "");
    let answer =
        rig.send(OtlpHttp, &format!("{JSON}\norigin: https://www.shop.example"), "{}").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(field(&answer, "access-control-allow-origin"), "https://www.shop.example");
    let answer = rig.send(OtlpHttp, &format!("{JSON}\norigin: https://evil.example"), "{}").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(rig.refused(Protocol::OtlpHttp, Reason::Forbidden), 2);
}

#[tokio::test]
async fn where_a_token_is_asked_for_nobody_sends_without_it() {
    let guard = Guard { token: Some(Token::new("secret")), ..Guard::default() };
    let rig = Setup { guard, ..Setup::default() }.start();
    let answer = rig.send(OtlpHttp, JSON, "{}").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(field(&answer, "www-authenticate"), "Bearer realm=\"trunkline\"");
    let answer = rig.send(OtlpHttp, &format!("{JSON}\nauthorization: Bearer secret"), "{}").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let channel = rig.channel(OtlpGrpc);
    let mut metadata = http::HeaderMap::new();
    let told = channel.unary(EXPORT, &batch(1), &metadata).await.unwrap_err();
    assert_eq!(told.code, Code::Unauthenticated);
    assert_eq!(rig.refused(Protocol::OtlpGrpc, Reason::Forbidden), 1);
    metadata.insert("authorization", "Bearer secret".parse().unwrap());
    assert!(channel.unary(EXPORT, &batch(1), &metadata).await.is_ok());
    assert_eq!(rig.kept.spans().len(), 1);
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let limits = Limits { read_limit: Duration::from_millis(50), ..Limits::default() };
    let rig = Setup { limits, ..Setup::default() }.start();
    let mut stream = tokio::net::TcpStream::connect(rig.address(OtlpHttp)).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(rig.refused(Protocol::OtlpHttp, Reason::Unfinished), 1);
}

#[tokio::test]
async fn large_batches_in_json_are_read_aside_and_whole() {
    let rig = rig();
    let span = |n: u32| {
        format!(
            r#"{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"{n:016x}","name":"span {n}"}}"#
        )
    };
    let spans: Vec<_> = (1..=10_000).map(span).collect();
    let body =
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","));
    assert!(body.len() > 512 << 10);
    assert_eq!(rig.send(OtlpHttp, JSON, body).await.status(), StatusCode::OK);
    assert_eq!(rig.kept.spans().len(), 10_000);
}
