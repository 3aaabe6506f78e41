//! Zipkin's protocols and what becomes of its spans.

use http::StatusCode;
use trunkline_ingest::Surface::Zipkin;
use trunkline_ingest::{Protocol, Reason, Refused};
use trunkline_net::coding;
use trunkline_otlp::wire::{put_bytes, put_fixed64, put_message, put_number};
use trunkline_otlp::{Kind, StatusCode as Outcome};

use crate::rig::{field, listed, rig, text};

const V2: &str = "POST /api/v2/spans\ncontent-type: application/json";
const V1: &str = "POST /api/v1/spans\ncontent-type: application/json";

const SPANS: &str = r#"[
{"traceId":"5af7183fb1d4cf5f","parentId":"6B221D5BC9E6496C","id":"352bff9a74ca9ad2","kind":"CLIENT","name":"get /api",
 "timestamp":1556604172355737,"duration":1431,
 "localEndpoint":{"serviceName":"backend","ipv4":"192.168.99.1","port":3306},
 "remoteEndpoint":{"serviceName":"db","ipv6":"2001:db8::1","port":5432},
 "annotations":[{"timestamp":1556604172355800,"value":"wire.send"},
                {"timestamp":1556604172355900,"value":"retry|{\"attempt\":2,\"why\":\"a|b\",\"soft\":true}|1"}],
 "tags":{"http.method":"GET","http.status":200,"host.name":"node-1","otel.scope.name":"lib","otel.scope.version":"2",
         "w3c.tracestate":"a=b","otlp.link.0":"5af7183fb1d4cf5f5af7183fb1d4cf5f|352bff9a74ca9ad3|c=d|{\"k\":1.5}|0"}},
{"traceId":"5af7183fb1d4cf5f","parentId":"6b221d5bc9e6496c","id":"352bff9a74ca9ad2","kind":"SERVER","shared":true,
 "timestamp":1556604172356000,"duration":1000,"localEndpoint":{"serviceName":"db"},"tags":{"error":"deadlock"}},
{"traceId":"0000000000000000463ac35c9f6413ad","id":"463ac35c9f6413ad","name":null,"tags":{"error":"true","span.kind":"internal"},
 "annotations":null,"localEndpoint":null}]"#;

#[tokio::test]
async fn spans_of_version_2_are_translated() {
    let rig = rig();
    let answer = rig.send(Zipkin, V2, SPANS).await;
    assert_eq!((answer.status(), text(&answer)), (StatusCode::ACCEPTED, ""));
    let spans = rig.kept.spans();
    let [client, server, local] = &spans[..] else { panic!("{} spans", spans.len()) };
    assert_eq!(client.trace.to_string(), "00000000000000005af7183fb1d4cf5f");
    assert_eq!(client.parent.unwrap().to_string(), "6b221d5bc9e6496c");
    assert_eq!(
        (client.kind, server.kind, local.kind),
        (Kind::Client, Kind::Server, Kind::Internal)
    );
    assert_eq!(client.id, server.id, "a shared span stays shared");
    assert_eq!(client.start_unix_nanos, 1_556_604_172_355_737_000);
    assert_eq!(client.duration_nanos(), 1_431_000);
    insta::assert_snapshot!(listed(&client.attributes).join("\n"), @r"
    http.method=GET
    http.status=200
    net.host.ip=192.168.99.1
    net.host.port=Int(3306)
    net.peer.ip=2001:db8::1
    net.peer.port=Int(5432)
    peer.service=db
    ");
    assert_eq!(listed(&client.resource.attributes), ["host.name=node-1", "service.name=backend"]);
    assert_eq!((&*client.scope.name, &*client.scope.version), ("lib", "2"));
    assert_eq!(&*client.trace_state, "a=b");
    let [sent, retry] = &client.events[..] else { panic!("two events") };
    assert_eq!((&*sent.name, sent.time_unix_nanos), ("wire.send", 1_556_604_172_355_800_000));
    assert_eq!((&*retry.name, retry.dropped_attributes), ("retry", 1));
    assert_eq!(listed(&retry.attributes), ["attempt=Int(2)", "soft=Bool(true)", "why=a|b"]);
    let [link] = &client.links[..] else { panic!("one link") };
    assert_eq!((link.span.to_string().as_str(), &*link.trace_state), ("352bff9a74ca9ad3", "c=d"));
    assert_eq!((server.service(), server.status.code), ("db", Outcome::Error));
    assert_eq!(&*server.status.message, "deadlock");
    assert_eq!((local.status.code, &*local.status.message), (Outcome::Error, ""));
    assert_eq!(local.service(), "unknown_service");
    assert_eq!(listed(&local.attributes), ["otel.zipkin.absentField.startTime=Bool(true)"]);
    assert!(local.start_unix_nanos > 1_700_000_000_000_000_000, "it began when it arrived");
}

#[tokio::test]
async fn compressed_lists_and_empty_ones_are_taken() {
    let rig = rig();
    let head = format!("{V2}\ncontent-encoding: gzip");
    let answer = rig.send(Zipkin, &head, coding::gzip(SPANS.as_bytes())).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    // Some senders ask with an empty list whether somebody is there, and name no type.
    assert_eq!(rig.send(Zipkin, "POST /api/v2/spans", "[]").await.status(), StatusCode::ACCEPTED);
    assert_eq!(rig.kept.spans().len(), 3);
}

#[tokio::test]
async fn spans_of_version_1_become_one_for_each_side() {
    let rig = rig();
    let body = r#"[{"traceId":"bd7a977555f6b982","id":"bd7a977555f6b983","parentId":"bd7a977555f6b982","name":"get","timestamp":1700000000000000,"duration":500,
      "annotations":[
        {"timestamp":1700000000000000,"value":"cs","endpoint":{"serviceName":"web","ipv4":"10.0.0.1","port":-1}},
        {"timestamp":1700000000000100,"value":"sr","endpoint":{"serviceName":"api"}},
        {"timestamp":1700000000000200,"value":"cached","endpoint":{"serviceName":"api"}},
        {"timestamp":1700000000000300,"value":"ss","endpoint":{"serviceName":"api"}},
        {"timestamp":1700000000000500,"value":"cr","endpoint":{"serviceName":"web"}}],
      "binaryAnnotations":[
        {"key":"sa","value":true,"endpoint":{"serviceName":"api","ipv4":"10.0.0.2","port":80}},
        {"key":"http.path","value":"/x","endpoint":{"serviceName":"api"}}]},
     {"traceId":"bd7a977555f6b982","id":"bd7a977555f6b982","name":"job","timestamp":1700000000000000,"duration":9,
      "binaryAnnotations":[{"key":"lc","value":"cron","endpoint":{"serviceName":"jobs"}}]}]"#;
    let answer = rig.send(Zipkin, V1, body).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{}", text(&answer));
    let spans = rig.kept.spans();
    let [client, server, job] = &spans[..] else { panic!("{} spans", spans.len()) };
    assert_eq!(
        (client.kind, client.service(), client.duration_nanos()),
        (Kind::Client, "web", 500_000)
    );
    assert_eq!(
        (server.kind, server.service(), server.duration_nanos()),
        (Kind::Server, "api", 200_000)
    );
    assert_eq!(server.start_unix_nanos, 1_700_000_000_000_100_000);
    assert_eq!(client.id, server.id);
    let expected = [
        "net.host.ip=10.0.0.1",
        "net.host.port=Int(65535)",
        "net.peer.ip=10.0.0.2",
        "net.peer.port=Int(80)",
        "peer.service=api",
    ];
    assert_eq!(listed(&client.attributes), expected);
    assert_eq!(listed(&server.attributes), ["http.path=/x"]);
    assert_eq!(&*server.events[0].name, "cached");
    assert_eq!((job.kind, job.service()), (Kind::Unspecified, "jobs"));
    assert_eq!(listed(&job.attributes), ["lc=cron"]);
}

#[tokio::test]
async fn spans_in_protobuf_are_translated_alike() {
    let rig = rig();
    let mut body = Vec::new();
    put_message(&mut body, 1, |span| {
        put_bytes(span, 1, &[1; 16]);
        put_bytes(span, 2, &[2; 8]);
        put_bytes(span, 3, &[3; 8]);
        put_number(span, 4, 3);
        put_bytes(span, 5, b"publish");
        put_fixed64(span, 6, 1_700_000_000_000_001);
        put_number(span, 7, 3);
        put_message(span, 8, |endpoint| {
            put_bytes(endpoint, 1, b"shop");
            put_bytes(endpoint, 2, &[10, 0, 0, 1]);
            put_number(endpoint, 4, 8080);
        });
        put_message(span, 9, |endpoint| put_bytes(endpoint, 3, &[0; 16]));
        put_message(span, 10, |annotation| {
            put_fixed64(annotation, 1, 1_700_000_000_000_002);
            put_bytes(annotation, 2, b"sent");
        });
        put_message(span, 11, |tag| {
            put_bytes(tag, 1, b"topic");
            put_bytes(tag, 2, b"orders");
        });
    });
    let head = "POST /api/v2/spans\ncontent-type: application/x-protobuf";
    assert_eq!(rig.send(Zipkin, head, body).await.status(), StatusCode::ACCEPTED);
    let spans = rig.kept.spans();
    let [span] = &spans[..] else { panic!("one span") };
    assert_eq!((span.kind, span.service(), &*span.name), (Kind::Producer, "shop", "publish"));
    assert_eq!((span.start_unix_nanos, span.duration_nanos()), (1_700_000_000_000_001_000, 3_000));
    assert_eq!(
        listed(&span.attributes),
        ["net.host.ip=10.0.0.1", "net.host.port=Int(8080)", "net.peer.ip=::", "topic=orders"]
    );
    assert_eq!(&*span.events[0].name, "sent");
}

#[tokio::test]
async fn one_wrong_span_refuses_all() {
    let rig = rig();
    let good = r#"{"traceId":"1","id":"2"}"#;
    for (bad, told) in [
        (r#"{"traceId":"1"}"#, "a span has no valid id of its own or of a trace"),
        (r#"{"traceId":"1","id":"xyz"}"#, "a span has no valid id of its own or of a trace"),
        (r#"{"traceId":"1","id":"2","timestamp":"soon"}"#, "a time is no number of microseconds"),
        (r#"{"traceId":["1"],"id":"2"}"#, "expected a text or a number"),
        ("3", "expected a span"),
    ] {
        let answer = rig.send(Zipkin, V2, format!("[{good},{bad}]")).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert!(text(&answer).contains(told), "{bad}: {}", text(&answer));
    }
    let head = "POST /api/v2/spans\ncontent-type: application/x-protobuf";
    assert_eq!(
        rig.send(Zipkin, head, &b"\x0a\x02\x0a\x00"[..]).await.status(),
        StatusCode::BAD_REQUEST
    );
    let thrift = "POST /api/v1/spans\ncontent-type: application/x-thrift";
    assert_eq!(rig.send(Zipkin, thrift, "").await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let deep = ["[", r#"{"traceId":"1","id":"2","x":"#, &"[".repeat(64)].concat();
    assert!(text(&rig.send(Zipkin, V2, deep).await).contains("nested more than 64 deep"));
    rig.kept.refuse(Some(Refused::Busy { retry_after: std::time::Duration::from_secs(2) }));
    let answer = rig.send(Zipkin, V2, SPANS).await;
    assert_eq!((answer.status().as_u16(), field(&answer, "retry-after")), (429, "2"));
    assert!(rig.kept.spans().is_empty());
    assert_eq!(rig.refused(Protocol::Zipkin, Reason::Malformed), 7);
    assert_eq!(rig.refused(Protocol::Zipkin, Reason::Unsupported), 1);
}

#[tokio::test]
async fn a_span_of_very_many_parts_is_refused() {
    let rig = rig();
    let many = vec!["{}"; 70_000].join(",");
    let body = format!(r#"[{{"traceId":"1","id":"2","annotations":[{many}]}}]"#);
    let answer = rig.send(Zipkin, V2, body).await;
    assert!(text(&answer).contains("more than 65536 parts"), "{}", text(&answer));
}
