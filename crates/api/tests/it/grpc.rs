//! Version 3 over gRPC, by a client of our own.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use trunkline_api::jaeger::grpc::QueryService;
use trunkline_model::ports::Surface::{Console, JaegerQuery, JaegerQueryGrpc};
use trunkline_net::grpc::{Call, Code, Service as _};
use trunkline_net::hyper_io::{HyperIo, ScopeExecutor};
use trunkline_net::memory::Memory;
use trunkline_net::stream::Stream;
use trunkline_otlp::view;
use trunkline_otlp::wire::{Fields, put_bytes, put_message, put_number};
use trunkline_rt::Scope;

use crate::corpus::{self, HOUR, START};
use crate::running::{Running, json};
use crate::storage::stored;

/// The messages of an answer, and its status.
async fn call(address: SocketAddr, method: &str, message: &[u8]) -> (Vec<Bytes>, u32, String) {
    call_path(address, &format!("/jaeger.api_v3.{method}"), message).await
}

/// An answer that begins.
async fn begin(
    address: SocketAddr,
    path: &str,
    message: &[u8],
) -> http::Response<hyper::body::Incoming> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let executor = ScopeExecutor(Scope::new("client"));
    let io = HyperIo(Stream::tcp(stream));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let framed = [&[0], &u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat();
    let request = Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from(framed)))
        .unwrap();
    sender.send_request(request).await.unwrap()
}

async fn call_path(address: SocketAddr, path: &str, message: &[u8]) -> (Vec<Bytes>, u32, String) {
    let response = begin(address, path, message).await;
    let head = response.headers().clone();
    let body = response.into_body().collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or(head);
    let mut rest = body.to_bytes();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        messages.push(rest.slice(5..5 + length));
        rest = rest.slice(5 + length..);
    }
    (messages, status(&trailers), told(&trailers))
}

fn status(trailers: &HeaderMap) -> u32 {
    trailers["grpc-status"].to_str().unwrap().parse().unwrap()
}

fn told(trailers: &HeaderMap) -> String {
    trailers.get("grpc-message").map_or("", |text| text.to_str().unwrap()).to_owned()
}

fn timestamp(into: &mut Vec<u8>, field: u32, nanos: u64) {
    put_message(into, field, |into| {
        put_number(into, 1, nanos / 1_000_000_000);
        put_number(into, 2, nanos % 1_000_000_000);
    });
}

/// A search in the time of the corpus, with more fields.
fn search(more: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = Vec::new();
    put_message(&mut message, 1, |into| {
        timestamp(into, 4, START - HOUR);
        timestamp(into, 5, START + HOUR);
        more(into);
    });
    message
}

fn address(running: &Running) -> SocketAddr {
    running.address(JaegerQueryGrpc)
}

/// The texts of a field of a message.
fn texts(message: &[u8], field: u32) -> Vec<String> {
    let fields = Fields::of(message).map(Result::unwrap).filter(|(number, _)| *number == field);
    fields.map(|(number, raw)| raw.text(number).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn grpc_answers_what_http_answers() {
    let running = stored(&corpus::example());
    let address = address(&running);
    let (messages, status, _) = call(address, "QueryService/GetServices", &[]).await;
    assert_eq!((status, messages.len()), (0, 1));
    assert_eq!(texts(&messages[0], 1), ["example-1", "example-2", "example-3"]);

    let mut asked = Vec::new();
    put_bytes(&mut asked, 1, b"example-1");
    put_bytes(&mut asked, 2, b"server");
    let (messages, ..) = call(address, "QueryService/GetOperations", &asked).await;
    let operations: Vec<_> =
        Fields::of(&messages[0]).map(|f| f.unwrap().1.bytes(1).unwrap()).collect();
    assert_eq!(
        (texts(operations[0], 1), texts(operations[0], 2)),
        (vec!["serve".into()], vec!["server".into()])
    );

    let mut id = Vec::new();
    put_bytes(&mut id, 1, b"11");
    put_number(&mut id, 4, 1);
    let (messages, status, _) = call(address, "QueryService/GetTrace", &id).await;
    assert_eq!((status, messages.len()), (0, 1));
    assert_eq!(view::spans(&messages[0]).unwrap().len(), 5);

    let (messages, status, _) = call(
        address,
        "QueryService/FindTraces",
        &search(|into| {
            put_bytes(into, 1, b"example-3");
        }),
    )
    .await;
    assert_eq!((status, view::spans(&messages[0]).unwrap().len()), (0, 5));

    let (messages, status, _) =
        call(address, "QueryService/FindTraceSummaries", &search(|_| {})).await;
    assert_eq!((status, messages.len()), (0, 1));
    let summary = Fields::of(&messages[0]).next().unwrap().unwrap().1.bytes(1).unwrap();
    assert_eq!(texts(summary, 1), ["00000000000000000000000000000011"]);

    let mut interval = Vec::new();
    timestamp(&mut interval, 1, START - HOUR);
    timestamp(&mut interval, 2, START + HOUR);
    let (messages, ..) = call(address, "QueryService/GetDependencies", &interval).await;
    assert_eq!(Fields::of(&messages[0]).count(), 3);

    let (messages, status, _) = call(address, "Capabilities/GetCapabilities", &[]).await;
    assert_eq!((status, messages.len()), (0, 1));
    let services = json(&running.get(JaegerQuery, "/api/v3/services").await);
    assert_eq!(services, json!({ "services": ["example-1", "example-2", "example-3"] }));
}

/// `resource.service in ["example-2", "one-service"] and not exists "shared"`.
fn filter(into: &mut Vec<u8>) {
    let call = |into: &mut Vec<u8>, fill: &dyn Fn(&mut Vec<u8>)| {
        put_message(into, 2, |into| put_message(into, 6, |into| fill(into)));
    };
    put_bytes(into, 1, b"and");
    call(into, &|into| {
        put_bytes(into, 1, b"in");
        put_message(into, 2, |into| {
            put_message(into, 2, |into| {
                put_bytes(into, 1, b"service");
                put_bytes(into, 2, b"resource");
            });
        });
        put_message(into, 2, |into| {
            put_message(into, 5, |into| {
                put_bytes(into, 1, b"example-2");
                put_bytes(into, 1, b"one-service");
            });
        });
    });
    call(into, &|into| {
        put_bytes(into, 1, b"not");
        call(into, &|into| {
            put_bytes(into, 1, b"exists");
            put_message(into, 2, |into| put_message(into, 1, |into| put_bytes(into, 1, b"shared")));
        });
    });
}

#[tokio::test]
async fn health_is_told_to_whoever_asks() {
    let running = stored(&corpus::example());
    let at = address(&running);
    let named = |name: &str| {
        let mut message = Vec::new();
        put_bytes(&mut message, 1, name.as_bytes());
        message
    };
    for service in ["", "jaeger.api_v3.QueryService"] {
        let path = "/grpc.health.v1.Health/Check";
        let (messages, status, _) = call_path(at, path, &named(service)).await;
        assert_eq!((status, &messages[0][..]), (0, &[8, 1][..]), "{service:?} is not serving");
    }
    let (_, status, _) = call_path(at, "/grpc.health.v1.Health/Check", &named("other")).await;
    assert_eq!(status, 5);
    for (service, told) in [("", 1), ("other", 3)] {
        let answer = begin(at, "/grpc.health.v1.Health/Watch", &named(service)).await;
        let mut body = answer.into_body();
        let (mut bytes, mut ended) = (Vec::new(), false);
        while bytes.len() < 7 && !ended {
            match body.frame().await {
                Some(frame) => bytes.extend_from_slice(&frame.unwrap().into_data().unwrap()),
                None => ended = true,
            }
        }
        assert_eq!((bytes, ended), (vec![0, 0, 0, 0, 2, 8, told], false));
    }
}

#[tokio::test]
async fn health_needs_no_token_and_everything_else_does() {
    let running = stored(&corpus::example());
    let memory = Memory::new(1 << 20);
    let service = Arc::new(QueryService {
        reader: Arc::clone(&running.wiring.reader),
        answers: Arc::clone(&memory),
        token: trunkline_api::guard::Token::new("a-secret-of-some-length"),
    });
    assert!(service.token.is_some());
    let call = async |path: &str| {
        let call = Call {
            path: path.to_owned(),
            message: Bytes::new(),
            metadata: HeaderMap::new(),
            peer: None,
            held: memory.hold(),
        };
        Arc::clone(&service).call(call).await.err().map(|status| status.code)
    };
    assert_eq!(call("/grpc.health.v1.Health/Check").await, None);
    let refused = Some(Code::Unauthenticated);
    assert_eq!(call("/jaeger.api_v3.QueryService/GetServices").await, refused);
}

#[tokio::test]
async fn conditions_filters_and_pages_are_read() {
    let (mut spans, _) = corpus::corpus();
    spans.extend(corpus::example());
    let running = stored(&spans);
    let address = address(&running);
    let summaries = async |message: Vec<u8>| {
        let (messages, status, told) =
            call(address, "QueryService/FindTraceSummaries", &message).await;
        assert_eq!(status, 0, "{told}");
        let fields = messages.iter().flat_map(|message| Fields::of(message)).map(Result::unwrap);
        let (of_trace, token): (Vec<_>, Vec<_>) = fields.partition(|(number, _)| *number == 1);
        (of_trace.len(), token.first().map(|(_, raw)| raw.text(2).unwrap().to_owned()))
    };
    let tagged = search(|into| {
        for (key, value) in corpus::four_tags() {
            put_message(into, 3, |into| {
                put_bytes(into, 1, key.as_bytes());
                put_bytes(into, 2, value.as_bytes());
            });
        }
        // From 4.5 to 5.5 ms.
        put_message(into, 6, |into| put_number(into, 2, 4_500_000));
        put_message(into, 7, |into| put_number(into, 2, 5_500_000));
    });
    assert_eq!(summaries(tagged).await.0, 6);
    let filtered = search(|into| put_message(into, 10, filter));
    assert_eq!(summaries(filtered).await.0, 1);
    let page = |token: &str| {
        let token = token.to_owned();
        search(move |into| {
            put_bytes(into, 1, b"many-service");
            put_message(into, 11, |into| {
                put_number(into, 1, 2);
                put_bytes(into, 2, token.as_bytes());
            });
        })
    };
    let (count, token) = summaries(page("")).await;
    assert_eq!(count, 2);
    assert_eq!(summaries(page(&token.unwrap())).await, (1, None));
}

#[tokio::test]
async fn a_large_trace_comes_in_parts_that_every_client_takes() {
    let spans = corpus::large(0xa1, 30_000, 0);
    let running = stored(&spans);
    let mut id = Vec::new();
    put_bytes(&mut id, 1, b"a1");
    let (messages, status, _) = call(address(&running), "QueryService/GetTrace", &id).await;
    assert_eq!(status, 0);
    assert!(messages.len() > 1 && messages.iter().all(|message| message.len() < 2 << 20));
    let told: usize = messages.iter().map(|message| view::spans(message).unwrap().len()).sum();
    assert_eq!(told, 30_000);
    let (parts, status, _) =
        call(address(&running), "QueryService/FindTraces", &search(|_| {})).await;
    assert_eq!((status, parts.len()), (0, messages.len()));
}

/// A call whose answer nobody takes; it goes on as long as this is kept.
async fn stalled(address: SocketAddr, method: &str, message: &[u8]) -> impl Drop {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::Builder::new(ScopeExecutor(Scope::new("client")))
            .initial_stream_window_size(0)
            .handshake(HyperIo(Stream::tcp(stream)))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let framed = [&[0], &u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat();
    let request = Request::post(format!("http://{address}/jaeger.api_v3.{method}"))
        .header("content-type", "application/grpc")
        .body(Full::new(Bytes::from(framed)))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert!(!response.headers().contains_key("grpc-status"), "{response:?}");
    Kept(connection, response)
}

struct Kept<A, B>(tokio::task::JoinHandle<A>, B);

impl<A, B> Drop for Kept<A, B> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test]
async fn answers_have_room_and_no_more() {
    let spans = corpus::large(0xa1, 5_000, 0);
    let memory = trunkline_testkit::spans::Memory::new(spans);
    let room = 8 << 20;
    let running = crate::running::serve_stored_within(std::sync::Arc::new(memory), room);
    let mut id = Vec::new();
    put_bytes(&mut id, 1, b"a1");
    let (messages, status, _) = call(address(&running), "QueryService/GetTrace", &id).await;
    let bytes: usize = messages.iter().map(Bytes::len).sum();
    assert!(status == 0 && bytes > 100_000, "{bytes} bytes");
    let hex = "000000000000000000000000000000a1";
    let whole = [
        (JaegerQuery, format!("/api/traces/{hex}")),
        (JaegerQuery, format!("/api/v3/traces/{hex}")),
        (Console, format!("/v1/traces/{hex}")),
    ];
    for (surface, path) in &whole {
        assert_eq!(running.get(*surface, path).await.status, 200, "{path}");
    }
    let mut waiting = Vec::new();
    while (waiting.len() + 1) * bytes <= room {
        waiting.push(stalled(address(&running), "QueryService/GetTrace", &id).await);
    }
    let (_, status, told) = call(address(&running), "QueryService/GetTrace", &id).await;
    assert_eq!(
        (status, told.as_str()),
        (14, "too many answers are being taken: ask again in a moment")
    );
    let (_, status, _) = call(address(&running), "QueryService/FindTraces", &search(|_| {})).await;
    assert_eq!(status, 14);
    for (surface, path) in &whole {
        let refused = running.get(*surface, path).await;
        assert_eq!(refused.status, 503, "{path}");
        let told = json(&refused);
        let code = [&told["errors"][0]["code"], &told["error"]["httpCode"], &told["status"]];
        assert!(code.contains(&&json!(503)), "{told}");
    }
    // What needs little room is answered, and what had taken it gives it back.
    assert_eq!(running.get(JaegerQuery, "/api/services").await.status, 200);
    drop(waiting);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while call(address(&running), "QueryService/GetTrace", &id).await.1 != 0 {
        assert!(std::time::Instant::now() < end, "no room again");
    }
}

#[tokio::test]
async fn what_cannot_be_answered_ends_with_its_status() {
    let running = stored(&corpus::example());
    let check = async |method: &str, message: &[u8], code: u32, text: &str| {
        let (_, status, told) = call(address(&running), method, message).await;
        assert_eq!(status, code, "{method}: {told}");
        assert!(told.contains(text), "{told}");
    };
    let text = |text: &str| {
        let mut message = Vec::new();
        put_bytes(&mut message, 1, text.as_bytes());
        message
    };
    check("QueryService/GetTrace", &text("12"), 5, "trace not found").await;
    check("QueryService/GetTrace", &text("xyz"), 3, "malformed trace ID").await;
    check("QueryService/FindTraces", &[], 3, "missing query").await;
    check("QueryService/FindTraces", &text(""), 3, "").await;
    check("QueryService/FindTraces", &[0xff], 3, "cannot be read").await;
    check("QueryService/FindTraces", &search(|into| put_message(into, 10, |_| {})), 3, "filter")
        .await;
    // A field that is there again brings no further patterns.
    let patterns = search(|into| {
        for _ in 0..17 {
            put_message(into, 10, |into| {
                put_bytes(into, 1, b"regex");
                put_message(into, 2, |into| {
                    put_message(into, 1, |into| put_bytes(into, 1, b"a"));
                });
                put_message(into, 2, |into| {
                    put_message(into, 4, |into| put_bytes(into, 1, b"x"));
                });
            });
        }
    });
    check("QueryService/FindTraces", &patterns, 3, "at most 16 patterns").await;
    let paged = search(|into| put_message(into, 11, |into| put_number(into, 1, 2)));
    check("QueryService/FindTraces", &paged, 3, "FindTraceSummaries").await;
    check("QueryService/GetDependencies", &[], 3, "required").await;
    check("QueryService/FindSpans", &[], 12, "").await;
}
