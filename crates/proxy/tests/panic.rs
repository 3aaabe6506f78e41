//! A panic in a connection ends that connection, and nothing else.
//!
//! A binary of its own: the panic is planted by a `tracing` subscriber, which is global.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::duration_suboptimal_units,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests fail by panicking, and read the real clock"
)]

#[path = "it/rig.rs"]
mod rig;

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use trunkline_model::tls::Certificates;
use trunkline_testkit::wait::until;
use trunkline_testkit::{Pki, RawClient, Upstream};

use rig::{Rig, model, service, tcp};

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Panics where the data plane says that a handshake failed.
struct Planted;

impl Subscriber for Planted {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "trunkline_proxy::accept"
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {
        PANICS.fetch_add(1, Ordering::Relaxed);
        panic!("planted");
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[tokio::test]
async fn a_panic_ends_only_its_connection() {
    tracing::subscriber::set_global_default(Planted).unwrap();
    let (pki, upstream) = (Pki::new(), Upstream::answering(200, "ok"));
    let mut wanted = model(vec![service("web", &[upstream.address()])]);
    let (certificate, key) = pki.issue_files(&["shop.localhost"]);
    wanted.listeners[0].tls = Some(trunkline_testkit::model::tls(Certificates::Files(vec![
        trunkline_testkit::model::files((certificate, key)),
    ])));
    let rig = Rig::start_with(wanted, |deps| deps.workers = 1).await;
    let http1: &[&[u8]] = &[b"http/1.1"];
    let stream = rig::tls(rig.address, pki.client(http1), "shop.localhost").await;
    let mut bystander = RawClient::over(stream);
    assert_eq!(bystander.get("shop.localhost", "/").await.status, 200);
    let mut garbage = tcp(rig.address).await;
    garbage.write_all(b"this is no handshake\r\n\r\n").await.unwrap();
    until("the panic happens", async || PANICS.load(Ordering::Relaxed) == 1).await;
    until("its connection is gone", async || rig.stats().await.listeners[0].open == 1).await;
    assert_eq!(bystander.get("shop.localhost", "/").await.status, 200);
    assert_eq!(rig.stats().await.listeners[0].handshakes_failed, 1);
}
