//! `telemetry`: what is kept, where it comes in, where it is sent on.

use std::time::Duration;

use trunkline_model::ports::Surface;
use trunkline_model::telemetry::Durability;
use trunkline_model::units::ByteSize;

use crate::rig::{model, screen};

fn surfaces(text: &str) -> Vec<(Surface, String)> {
    let telemetry = model(text).telemetry;
    telemetry.receive.iter().map(|(surface, at)| (*surface, at.to_string())).collect()
}

#[test]
fn without_a_word_otlp_is_taken_on_loopback_and_kept() {
    let telemetry = model("version: 1\n").telemetry;
    let keep = telemetry.keep.unwrap();
    assert_eq!((keep.path, keep.durability), (None, Durability::Fsync));
    assert_eq!(keep.retention.age, Duration::from_secs(7 * 86_400));
    let ports: Vec<_> = telemetry.receive.iter().map(|(_, at)| at.to_string()).collect();
    assert_eq!(ports, ["127.0.0.1:4317", "127.0.0.1:4318"]);
}

#[test]
fn ports_move_what_comes_in_as_well() {
    let moved = surfaces("version: 1\nports: { shift: 100 }\n");
    assert_eq!(moved.first(), Some(&(Surface::OtlpGrpc, "127.0.0.1:4417".to_owned())));
}

#[test]
fn a_list_opens_the_usual_ports_of_its_protocols() {
    let all = surfaces("version: 1\ntelemetry: { receive: [zipkin, jaeger] }\n");
    let ports: Vec<_> = all.iter().filter_map(|(_, at)| at.split(':').next_back()).collect();
    assert_eq!(ports, ["9411", "14250", "14268", "6831", "6832", "5778", "5779"]);
    assert!(surfaces("version: 1\ntelemetry: { receive: off }\n").is_empty());
}

#[test]
fn a_map_says_each_and_leaves_otlp_where_it_is() {
    let text = "version: 1\ntelemetry: { receive: { zipkin: 9999, otlp_grpc: off } }\n";
    let all = surfaces(text);
    let wanted = [
        (Surface::OtlpHttp, "127.0.0.1:4318".to_owned()),
        (Surface::Zipkin, "127.0.0.1:9999".to_owned()),
    ];
    assert_eq!(all, wanted);
}

#[test]
fn what_is_kept_can_be_said() {
    let text = "version: 1\ntelemetry:\n  store:\n    path: spans\n    durability: os\n    memory: 64MiB\n    \
                retention: { age: 2d, size: 1GiB, free: 2GiB, services: { web: 1h } }\n";
    let keep = model(text).telemetry.keep.unwrap();
    assert!(keep.path.unwrap().ends_with("spans"));
    assert_eq!((keep.durability, keep.memory), (Durability::Os, ByteSize(64 << 20)));
    assert_eq!(keep.retention.services.values().next(), Some(&Duration::from_secs(3600)));
    assert_eq!(model("version: 1\ntelemetry: { store: off }\n").telemetry.keep, None);
}

#[test]
fn which_traces_stay_can_be_said() {
    let text = "version: 1\ntelemetry:\n  store: { sampling: { budget: 100/s, slow: 500ms } }\n  strategies: sampling.json\n";
    let telemetry = model(text).telemetry;
    let sampling = telemetry.keep.unwrap().sampling.unwrap();
    assert_eq!((sampling.budget.count.get(), sampling.rare), (100, 10));
    assert_eq!(sampling.slow, Some(Duration::from_millis(500)));
    assert!(telemetry.strategies.unwrap().ends_with("sampling.json"));
}

#[test]
fn rules_that_do_nothing_or_too_much_are_errors() {
    let text = "version: 1\ntelemetry:\n  forward: http://localhost:4318/v1/traces\n  rules:\n    - { name: a }\n    - { name: a, delete: [x], hash: [y] }\n    - { drop: {} }\n    - { replace: \"(\" }\n    - { delete: [x], with: y }\n";
    let screen = screen(text);
    for what in [
        "what is sent on would come in again",
        "it does nothing",
        "it does several things",
        "`drop` would leave nothing",
        "`replace` is no regular expression",
        "`delete` puts nothing in its place",
    ] {
        assert!(screen.contains(what), "{what}:\n{screen}");
    }
}

#[test]
fn what_is_open_to_all_or_no_url_or_a_plain_key_is_an_error() {
    let text = "version: 1\ntelemetry:\n  receive: { otlp_http: \"0.0.0.0:4318\", jaeger_compact: \"0.0.0.0:6831\" }\n  \
                forward: { url: collector, headers: { api-key: abc } }\n";
    insta::assert_snapshot!(screen(text), @r#"
    error[TL0118]: a management surface beyond loopback needs a token
     --> trunkline.yaml:3:25
      |
    3 |   receive: { otlp_http: "0.0.0.0:4318", jaeger_compact: "0.0.0.0:6831" }
      |                         ^^^^^^^^^^^^^^ others can reach this address
      |
      = hint: add `token: env:TRUNKLINE_TOKEN` or `token: file:/path` to `management`

    error[TL0118]: datagrams can carry no token, so they are taken on loopback only
     --> trunkline.yaml:3:57
      |
    3 |   receive: { otlp_http: "0.0.0.0:4318", jaeger_compact: "0.0.0.0:6831" }
      |                                                         ^^^^^^^^^^^^^^ others can reach this address
      |
      = hint: let services beyond this machine send by `jaeger_thrift` or `otlp_http`

    error[TL0105]: `collector` is not a URL
     --> trunkline.yaml:4:19
      |
    4 |   forward: { url: collector, headers: { api-key: *** } }
      |                   ^^^^^^^^^ where a collector takes OTLP
      |
      = hint: write `http://host:4317` for gRPC, `http://host:4318/v1/traces` for HTTP

    error[TL0120]: a header's value is not a reference
     --> trunkline.yaml:4:50
      |
    4 |   forward: { url: collector, headers: { api-key: *** } }
      |                                                  ^^^ keys do not belong into this file
      |
      = hint: write `env:NAME` or `file:path`

    4 errors
    "#);
}
