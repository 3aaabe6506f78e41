//! Node.js: OpenTelemetry's SDK with its exporters and its remote sampler, and Jaeger's own client.

use std::path::PathBuf;
use std::process::Command;

use trunkline_ingest::Surface::{
    JaegerBinary, JaegerHttp, OtlpGrpc, OtlpHttp, SamplingHttp, Zipkin,
};
use trunkline_otlp::Value;

use super::{INSTALLING, check_all, check_trace, have, here, installed, run};
use crate::rig::{listed, rig};

/// The folder of the programs with their packages, which are installed when they have changed.
async fn folder() -> Option<PathBuf> {
    if !have(&[("node", "--version"), ("npm", "--version")]) {
        return None;
    }
    let _turn = INSTALLING.lock().await;
    let folder = installed("node");
    std::fs::create_dir_all(&folder).unwrap();
    let (lock, mark) = (here("node/package-lock.json"), folder.join("installed.json"));
    for file in ["package.json", "package-lock.json", "otel.js", "own_client.js"] {
        std::fs::copy(here("node").join(file), folder.join(file)).unwrap();
    }
    let wanted = std::fs::read_to_string(lock).unwrap();
    if std::fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
        return Some(folder);
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
    run(install).await;
    std::fs::write(mark, wanted).unwrap();
    Some(folder)
}

fn node(folder: &PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    command.args(arguments).current_dir(folder);
    command
}

#[tokio::test]
async fn the_sdk_of_opentelemetry_sends_by_every_exporter() {
    let Some(folder) = folder().await else { return };
    for (exporter, surface) in [("grpc", OtlpGrpc), ("proto", OtlpHttp), ("json", OtlpHttp)] {
        let rig = rig();
        let endpoint = format!("http://{}", rig.address(surface));
        run(node(&folder, &["otel.js", exporter, &endpoint])).await;
        check_all(&rig.kept.wait_for(2).await, "client-node");
    }
}

#[tokio::test]
async fn the_sdk_samples_as_it_is_told() {
    let Some(folder) = folder().await else { return };
    let rig = rig();
    let endpoint = format!("http://{}", rig.address(OtlpHttp));
    let sampling = format!("http://{}", rig.address(SamplingHttp));
    run(node(&folder, &["otel.js", "proto", &endpoint, &sampling])).await;
    check_trace(&rig.kept.wait_for(2).await, "client-node");
    assert!(rig.metrics.sampling_requests.get() > 0);
}

#[tokio::test]
async fn the_exporter_for_zipkin_is_understood() {
    let Some(folder) = folder().await else { return };
    let rig = rig();
    let endpoint = format!("http://{}", rig.address(Zipkin));
    run(node(&folder, &["otel.js", "zipkin", &endpoint])).await;
    let spans = rig.kept.wait_for(2).await;
    check_trace(&spans, "client-node");
    let checkout = spans.iter().find(|span| &*span.name == "checkout").unwrap();
    assert_eq!(checkout.attribute("whole"), Some(&Value::Text("42".into())));
}

#[tokio::test]
async fn the_client_of_jaeger_sends_binary_datagrams_and_over_http() {
    let Some(folder) = folder().await else { return };
    let over_udp = rig();
    let udp = over_udp.address(JaegerBinary);
    let (host, port) = (udp.ip().to_string(), udp.port().to_string());
    run(node(&folder, &["own_client.js", "udp", &host, &port])).await;
    let spans = over_udp.kept.wait_for(2).await;
    check_trace(&spans, "client-jaeger");
    let charge = spans.iter().find(|span| &*span.name == "charge").unwrap();
    // To it every number is a floating one.
    assert_eq!(listed(&charge.events[0].attributes), ["attempt=Double(2.0)"]);
    let over_http = rig();
    let endpoint = format!("http://{}", over_http.address(JaegerHttp));
    run(node(&folder, &["own_client.js", "http", &endpoint])).await;
    check_trace(&over_http.kept.wait_for(2).await, "client-jaeger");
}
