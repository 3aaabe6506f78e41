//! Binding, handing over, stopping and the unix socket.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use trunkline_api::Surfaces;
use trunkline_api::surfaces::{LocalSocket, NotServed};
use trunkline_model::ports::Surface::{Console, Metrics};
use trunkline_net::client::{Client, Connect};
use trunkline_net::socket::Bound;
use trunkline_testkit::RawClient;
use trunkline_testkit::wait::within;

use crate::running::{config, serve};

#[tokio::test]
async fn a_busy_port_names_its_holder_and_stops_nothing_else() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config();
    config.addresses[0].1 = busy.local_addr().unwrap();
    let (surfaces, missing) = Surfaces::bind(&config, &mut Vec::new());
    assert_eq!(surfaces.addresses().len(), 2);
    let said = missing[0].to_string();
    assert!(said.starts_with("the console surface is not served: 127.0.0.1:"), "{said}");
    assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
}

#[test]
fn a_surface_beyond_loopback_without_token_stays_closed() {
    let mut config = config();
    config.addresses[0].1 = "0.0.0.0:0".parse().unwrap();
    let (surfaces, missing) = Surfaces::bind(&config, &mut Vec::new());
    assert_eq!(surfaces.addresses().len(), 2);
    assert!(matches!(missing.as_slice(), [NotServed::NoToken { .. }]), "{missing:?}");
}

#[tokio::test]
async fn sockets_are_handed_over_and_served_again() {
    let running = serve(&config());
    let address = running.address(Console);
    let handed: Vec<_> =
        running.surfaces.descriptors().map(|fd| fd.try_clone_to_owned().unwrap()).collect();
    let mut inherited = Bound::adopt(handed).unwrap();
    let mut config = config();
    config.addresses = running.surfaces.addresses();
    let (next, missing) = Surfaces::bind(&config, &mut inherited);
    assert!(missing.is_empty() && inherited.is_empty(), "{missing:?} {inherited:?}");

    // The old process stops accepting; who connects meanwhile waits in the queue of the new one.
    running.scope.stop();
    within("the old surfaces", running.scope.join()).await.unwrap();
    let mut early = RawClient::connect(address).await;
    early.send("GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let scope = trunkline_rt::Scope::new("next");
    next.serve(&scope, &running.wiring).unwrap();
    assert_eq!(early.response().await.status, 200);
    scope.abort();
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_waits_briefly_for_streams() {
    let running = serve(&config());
    let mut idle = RawClient::connect(running.address(Metrics)).await;
    assert_eq!(idle.get("localhost", "/-/healthy").await.status, 200);
    let mut follower = RawClient::connect(running.address(Console)).await;
    follower.send("GET /v1/logs?follow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    follower.until(b"second").await;
    running.scope.stop();
    within("the surfaces", running.scope.join()).await.unwrap();
    assert!(idle.rest().await.is_empty());
    follower.rest().await;
}

#[tokio::test]
async fn the_unix_socket_is_private_and_can_be_taken_over() {
    let running = serve(&config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let first = LocalSocket::bind(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let second = LocalSocket::bind(&path).unwrap();
    running.surfaces.serve_local(&second, &running.scope, &running.wiring).unwrap();
    drop(first);

    let mut client = Client::new(Connect::Unix(path.clone()));
    client.limit = Duration::from_secs(5);
    let response = client.get(&"http://trunkline/v1/status".parse().unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    second.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_configuration_takes_addresses_and_names_of_the_model() {
    let management = trunkline_model::Management {
        control: Some("127.0.0.1:20001".parse().unwrap()),
        metrics: None,
        jaeger: Some("127.0.0.1:16686".parse().unwrap()),
        jaeger_grpc: None,
        origins: vec!["https://tools.example.com".into()],
        token: None,
        idle: Duration::from_secs(30),
    };
    let config = trunkline_api::surfaces::Config::of(
        &management,
        &"shop".parse().unwrap(),
        &["shop.example.com".into()],
    )
    .unwrap();
    let addresses: Vec<SocketAddr> = config.addresses.iter().map(|(_, address)| *address).collect();
    assert_eq!(addresses.len(), 2);
    assert_eq!(
        config.guard.names,
        ["*.shop.example.com", "*.shop.localhost", "shop.example.com", "shop.localhost"]
    );
    let unset =
        trunkline_model::Management { token: Some("env:TRUNKLINE_UNSET".into()), ..management };
    assert!(trunkline_api::surfaces::Config::of(&unset, &"shop".parse().unwrap(), &[]).is_err());
}
