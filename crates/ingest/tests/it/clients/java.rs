//! Java: OpenTelemetry's SDK with its exporters, and its remote sampler, which asks over gRPC.

use std::process::Command;
use std::time::Duration;

use trunkline_ingest::Surface::{JaegerGrpc, OtlpGrpc, OtlpHttp, SamplingGrpc, Zipkin};
use trunkline_ingest::{Protocol, Refused};

use super::{INSTALLING, check_all, check_trace, have, here, installed, refuse_once, run};
use crate::rig::rig;

/// The class path of the program, compiled.
async fn class_path() -> Option<String> {
    if !have(&[("java", "-version"), ("mvn", "-version")]) {
        return None;
    }
    let _turn = INSTALLING.lock().await;
    let build = installed("java");
    let jars = build.join("class-path.txt");
    let mut compile = Command::new("mvn");
    compile
        .args(["-q", "-B", "compile", "dependency:build-classpath"])
        .arg(format!("-Dclient.build={}", build.display()))
        .arg(format!("-Dmdep.outputFile={}", jars.display()))
        .current_dir(here("java"));
    run(compile).await;
    let jars = std::fs::read_to_string(jars).unwrap();
    Some(format!("{}:{}", build.join("classes").display(), jars.trim()))
}

fn client(class_path: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("java");
    command.args(["-cp", class_path, "client.Client"]).args(arguments);
    command
}

#[tokio::test]
async fn the_sdk_of_opentelemetry_sends_by_every_exporter() {
    let Some(class_path) = class_path().await else { return };
    for (exporter, surface) in [("grpc", OtlpGrpc), ("grpc-gzip", OtlpGrpc), ("http", OtlpHttp)] {
        let rig = rig();
        let endpoint = format!("http://{}", rig.address(surface));
        run(client(&class_path, &[exporter, &endpoint])).await;
        check_all(&rig.kept.wait_for(2).await, "client-java");
    }
    let rig = rig();
    let endpoint = format!("http://{}", rig.address(Zipkin));
    run(client(&class_path, &["zipkin", &endpoint])).await;
    check_trace_of_zipkin(&rig.kept.wait_for(2).await);
}

/// Its exporter writes events as annotations with their attributes as JSON.
fn check_trace_of_zipkin(spans: &[trunkline_otlp::Span]) {
    check_trace(spans, "client-java");
    let charge = spans.iter().find(|span| &*span.name == "charge").unwrap();
    assert!(charge.events[0].name.contains("declined"), "{:?}", charge.events);
}

#[tokio::test]
async fn an_sdk_that_is_told_to_come_again_comes_again() {
    let Some(class_path) = class_path().await else { return };
    for (exporter, surface, protocol) in
        [("grpc", OtlpGrpc, Protocol::OtlpGrpc), ("http", OtlpHttp, Protocol::OtlpHttp)]
    {
        let rig = rig();
        let refused = Refused::Full { retry_after: Duration::from_secs(1) };
        let endpoint = format!("http://{}", rig.address(surface));
        let sending = run(client(&class_path, &[exporter, &endpoint]));
        tokio::join!(sending, refuse_once(&rig, protocol, refused));
        check_all(&rig.kept.wait_for(2).await, "client-java");
    }
}

#[tokio::test]
async fn the_sdk_samples_as_it_is_told_on_either_port() {
    let Some(class_path) = class_path().await else { return };
    for surface in [SamplingGrpc, JaegerGrpc] {
        let rig = rig();
        let endpoint = format!("http://{}", rig.address(OtlpGrpc));
        let sampling = format!("http://{}", rig.address(surface));
        run(client(&class_path, &["grpc", &endpoint, &sampling])).await;
        check_trace(&rig.kept.wait_for(2).await, "client-java");
        assert!(rig.metrics.sampling_requests.get() > 0);
    }
}
