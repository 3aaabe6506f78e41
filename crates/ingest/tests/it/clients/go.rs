//! Go: OpenTelemetry's SDK with its exporters and remote sampler, and Jaeger's own gRPC.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use trunkline_ingest::Surface::{JaegerGrpc, OtlpGrpc, OtlpHttp, SamplingHttp, Zipkin};
use trunkline_ingest::{Protocol, Refused};

use super::{
    INSTALLING, check_all, check_event, check_trace, check_types, have, here, installed,
    refuse_once, run,
};
use crate::rig::rig;

/// The program, compiled.
async fn program() -> Option<PathBuf> {
    if !have(&[("go", "version")]) {
        return None;
    }
    let _turn = INSTALLING.lock().await;
    let program = installed("go").join("client");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(here("go"));
    run(build).await;
    Some(program)
}

fn client(program: &PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

#[tokio::test]
async fn the_sdk_of_opentelemetry_sends_by_every_exporter() {
    let Some(program) = program().await else { return };
    for (exporter, surface) in [("grpc", OtlpGrpc), ("grpc-gzip", OtlpGrpc), ("http", OtlpHttp)] {
        let rig = rig();
        let target = rig.address(surface).to_string();
        run(client(&program, &[exporter, &target])).await;
        check_all(&rig.kept.wait_for(2).await, "client-go");
    }
    let rig = rig();
    run(client(&program, &["zipkin", &rig.address(Zipkin).to_string()])).await;
    check_trace(&rig.kept.wait_for(2).await, "client-go");
}

#[tokio::test]
async fn an_sdk_that_is_told_to_come_again_comes_again() {
    let Some(program) = program().await else { return };
    for (exporter, surface, protocol) in
        [("grpc", OtlpGrpc, Protocol::OtlpGrpc), ("http", OtlpHttp, Protocol::OtlpHttp)]
    {
        let rig = rig();
        let refused = Refused::Busy { retry_after: Duration::from_secs(1) };
        let sending = run(client(&program, &[exporter, &rig.address(surface).to_string()]));
        tokio::join!(sending, refuse_once(&rig, protocol, refused));
        check_all(&rig.kept.wait_for(2).await, "client-go");
    }
}

#[tokio::test]
async fn the_sdk_samples_as_it_is_told() {
    let Some(program) = program().await else { return };
    let rig = rig();
    let sampling = format!("http://{}", rig.address(SamplingHttp));
    run(client(&program, &["grpc", &rig.address(OtlpGrpc).to_string(), &sampling])).await;
    check_trace(&rig.kept.wait_for(2).await, "client-go");
    assert!(rig.metrics.sampling_requests.get() > 0);
}

#[tokio::test]
async fn the_client_of_jaegers_grpc_is_told_how_much_to_sample_and_posts_spans() {
    let Some(program) = program().await else { return };
    let rig = rig();
    run(client(&program, &["jaeger", &rig.address(JaegerGrpc).to_string()])).await;
    let spans = rig.kept.wait_for(2).await;
    check_trace(&spans, "client-go");
    check_types(&spans);
    check_event(&spans);
    assert_eq!(rig.metrics.sampling_requests.get(), 1);
}
