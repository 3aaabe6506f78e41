//! Python: OpenTelemetry's SDK with its exporters, and Jaeger's own client.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use trunkline_ingest::Surface::{
    JaegerCompact, JaegerHttp, OtlpGrpc, OtlpHttp, SamplingHttp, Zipkin,
};
use trunkline_ingest::{Protocol, Refused};

use super::{
    INSTALLING, check_all, check_event, check_trace, check_types, have, here, installed,
    refuse_once, run,
};
use crate::rig::rig;

/// The interpreter of an environment with these packages, which is made when they have changed.
async fn python(name: &str) -> Option<PathBuf> {
    if !have(&[("python3", "--version")]) {
        return None;
    }
    let _turn = INSTALLING.lock().await;
    let wanted = std::fs::read_to_string(here(&format!("python/{name}.txt"))).unwrap();
    let folder = installed(&format!("python-{name}"));
    let (interpreter, mark) = (folder.join("bin/python"), folder.join("installed.txt"));
    if std::fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
        return Some(interpreter);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    run(make).await;
    let mut install = Command::new(&interpreter);
    install.args(["-m", "pip", "-q", "--disable-pip-version-check", "install", "-r"]);
    install.arg(here(&format!("python/{name}.txt")));
    run(install).await;
    std::fs::write(mark, wanted).unwrap();
    Some(interpreter)
}

fn program(python: &PathBuf, file: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(python);
    command.arg(here(&format!("python/{file}"))).args(arguments);
    command
}

#[tokio::test]
async fn the_sdk_of_opentelemetry_sends_by_every_exporter() {
    let Some(python) = python("otel").await else { return };
    for (exporter, surface) in
        [("grpc", OtlpGrpc), ("grpc-gzip", OtlpGrpc), ("http", OtlpHttp), ("http-gzip", OtlpHttp)]
    {
        let rig = rig();
        let endpoint = format!("http://{}", rig.address(surface));
        run(program(&python, "otel.py", &[exporter, &endpoint])).await;
        check_all(&rig.kept.wait_for(2).await, "client-python");
    }
}

#[tokio::test]
async fn the_sdk_of_opentelemetry_sends_to_zipkin() {
    // The two need different versions of protobuf's package.
    for (environment, exporter) in [("otel", "zipkin-json"), ("zipkin-proto", "zipkin-proto")] {
        let Some(python) = python(environment).await else { return };
        let rig = rig();
        let endpoint = format!("http://{}", rig.address(Zipkin));
        run(program(&python, "otel.py", &[exporter, &endpoint])).await;
        check_zipkin(&rig.kept.wait_for(2).await);
    }
}

/// Zipkin carries texts, and an event as one.
fn check_zipkin(spans: &[trunkline_otlp::Span]) {
    let charge = spans.iter().find(|span| &*span.name == "charge").unwrap();
    assert_eq!(charge.service(), "client-python");
    assert!(charge.failed());
    assert_eq!(&*charge.status.message, "no money");
    assert!(charge.events[0].name.contains("declined"), "{:?}", charge.events);
    assert_eq!(&*charge.scope.name, "shop");
    let checkout = spans.iter().find(|span| Some(span.id) == charge.parent).unwrap();
    assert_eq!(checkout.kind, trunkline_otlp::Kind::Server);
    let text = trunkline_otlp::Value::Text("42".into());
    assert_eq!(checkout.attribute("whole"), Some(&text));
}

#[tokio::test]
async fn an_sdk_that_is_told_to_come_again_comes_again() {
    let Some(python) = python("otel").await else { return };
    for (exporter, surface, protocol) in
        [("grpc", OtlpGrpc, Protocol::OtlpGrpc), ("http", OtlpHttp, Protocol::OtlpHttp)]
    {
        let rig = rig();
        let refused = Refused::Full { retry_after: Duration::from_secs(1) };
        let endpoint = format!("http://{}", rig.address(surface));
        let sending = run(program(&python, "otel.py", &[exporter, &endpoint]));
        tokio::join!(sending, refuse_once(&rig, protocol, refused));
        check_all(&rig.kept.wait_for(2).await, "client-python");
    }
}

#[tokio::test]
async fn the_last_exporter_for_jaeger_sends_datagrams_and_over_http() {
    let Some(python) = python("jaeger-thrift").await else { return };
    for (exporter, surface, scheme) in
        [("jaeger-udp", JaegerCompact, ""), ("jaeger-http", JaegerHttp, "http://")]
    {
        let rig = rig();
        let endpoint = format!("{scheme}{}", rig.address(surface));
        run(program(&python, "otel.py", &[exporter, &endpoint])).await;
        let spans = rig.kept.wait_for(2).await;
        check_trace(&spans, "client-python");
        check_types(&spans);
        let charge = spans.iter().find(|span| &*span.name == "charge").unwrap();
        assert_eq!(&*charge.status.message, "no money");
        assert_eq!(&*charge.scope.name, "shop");
        // This exporter calls the name of an event its message.
        let expected = ["attempt=Int(2)", "message=declined"];
        assert_eq!(crate::rig::listed(&charge.events[0].attributes), expected);
    }
}

#[tokio::test]
async fn the_client_of_jaeger_asks_how_much_to_sample_and_sends_datagrams() {
    let Some(python) = python("jaeger").await else { return };
    let rig = rig();
    let address = rig.address(JaegerCompact);
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let sampling = rig.address(SamplingHttp).port().to_string();
    run(program(&python, "own_client.py", &[&host, &port, &sampling])).await;
    let spans = rig.kept.wait_for(2).await;
    check_trace(&spans, "client-jaeger");
    check_event(&spans);
    assert!(rig.metrics.sampling_requests.get() > 0);
}
