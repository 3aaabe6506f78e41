//! Strategies of sampling as SDKs ask for them.

use http::StatusCode;
use trunkline_ingest::Surface::{JaegerGrpc, SamplingGrpc, SamplingHttp};
use trunkline_ingest::sampling::Strategies;
use trunkline_otlp::wire::{Fields, put_bytes};

use crate::rig::{Setup, field, text};

const GET: &str = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";

fn setup() -> Setup {
    let file = br#"{"default_strategy":{"type":"probabilistic","param":0.5},
        "service_strategies":[{"service":"limited","type":"ratelimiting","param":5},
        {"service":"web","type":"probabilistic","param":1,"operation_strategies":[{"operation":"/health","type":"probabilistic","param":0.0}]}]}"#;
    let strategies = Strategies::parse(file, 0.001).unwrap().strategies;
    Setup { strategies: Some(strategies), ..Setup::default() }
}

#[tokio::test]
async fn a_service_is_told_its_strategy_over_http() {
    let rig = setup().start();
    for (path, expected) in [
        (
            "/?service=other",
            r#"{"probabilisticSampling":{"samplingRate":0.5},"strategyType":"PROBABILISTIC"}"#,
        ),
        (
            "/sampling?service=limited",
            r#"{"rateLimitingSampling":{"maxTracesPerSecond":5},"strategyType":"RATE_LIMITING"}"#,
        ),
        (
            "/sampling?service=web",
            r#"{"operationSampling":{"defaultLowerBoundTracesPerSecond":0.0,"defaultSamplingProbability":1.0,"defaultUpperBoundTracesPerSecond":0.0,"perOperationStrategies":[{"operation":"/health","probabilisticSampling":{"samplingRate":0.0}}]},"probabilisticSampling":{"samplingRate":1.0},"strategyType":"PROBABILISTIC"}"#,
        ),
    ] {
        let answer = rig.send(SamplingHttp, &format!("GET {path}"), "").await;
        assert_eq!(
            (answer.status(), field(&answer, "content-type")),
            (StatusCode::OK, "application/json")
        );
        assert_eq!(text(&answer), expected);
    }
    assert_eq!(rig.metrics.sampling_requests.get(), 3);
}

#[tokio::test]
async fn a_question_without_one_service_is_a_bad_request() {
    let rig = setup().start();
    for path in ["/", "/sampling", "/?service=a&service=b", "/?services=a"] {
        let answer = rig.send(SamplingHttp, &format!("GET {path}"), "").await;
        let told = (StatusCode::BAD_REQUEST, "'service' parameter must be provided once\n");
        assert_eq!((answer.status(), text(&answer)), told, "{path}");
    }
    assert_eq!(
        rig.send(SamplingHttp, "GET /other?service=a", "").await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        rig.send(SamplingHttp, "POST /?service=a", "").await.status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
}

/// The number of a `double` field of a message.
fn double(message: &[u8], field: u32) -> f64 {
    let found = Fields::of(message).map(Result::unwrap).find(|(number, _)| *number == field);
    found.map_or(0.0, |(_, raw)| f64::from_bits(raw.fixed64(field).unwrap()))
}

fn inner(message: &[u8], field: u32) -> Option<&[u8]> {
    let found = Fields::of(message).map(Result::unwrap).find(|(number, _)| *number == field);
    found.map(|(_, raw)| raw.bytes(field).unwrap())
}

#[tokio::test]
async fn a_service_is_told_its_strategy_over_grpc_on_both_ports() {
    let rig = setup().start();
    for surface in [SamplingGrpc, JaegerGrpc] {
        let ask = async |service: &str| {
            let mut message = Vec::new();
            put_bytes(&mut message, 1, service.as_bytes());
            rig.call(surface, GET, &message).await.unwrap()
        };
        let other = ask("other").await;
        assert_eq!(double(inner(&other, 2).unwrap(), 1).to_string(), "0.5");
        let limited = ask("limited").await;
        let kinds: Vec<_> = Fields::of(&limited).map(|field| field.unwrap().0).collect();
        assert_eq!(kinds, [1, 3]);
        assert_eq!(inner(&limited, 3).unwrap(), [8, 5]);
        let web = ask("web").await;
        let operations = inner(&web, 4).unwrap();
        assert_eq!(double(operations, 1).to_string(), "1");
        assert_eq!(inner(inner(operations, 3).unwrap(), 1).unwrap(), b"/health");
    }
}

#[tokio::test]
async fn strategies_can_be_replaced_while_services_ask() {
    let rig = setup().start();
    rig.server.replace_strategies(Strategies::everybody(0.25));
    let answer = rig.send(SamplingHttp, "GET /?service=web", "").await;
    assert!(text(&answer).contains("0.25"));
}
