//! What a request costs in allocations, and what an idle connection holds of the heap.
//!
//! A binary of its own: the allocator counts everything in this process. Callers and services are
//! threads here that allocate nothing once they are warm, so that what is counted is the gateway's.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::duration_suboptimal_units,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests fail by panicking, and read the real clock"
)]

#[path = "it/rig.rs"]
mod rig;

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use trunkline_model::record::{ExchangeRecord, RecordSink};

use rig::{Rig, model, service};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The bar: allocations of one request on a kept connection.
const ALLOCATIONS_MAX: f64 = 2.0;
/// The bar: bytes that an idle connection holds.
const IDLE_BYTES_MAX: f64 = 2_048.0;

const REQUESTS: usize = 5_000;
const CONNECTIONS: usize = 500;
const BODY_BYTES: usize = 1_024;

struct Nobody;

impl RecordSink for Nobody {
    fn take(&self, _record: &ExchangeRecord) {}
}

/// A service that answers everything with 1 KiB.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            std::thread::spawn(move || {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
                let answer = [head.as_bytes(), &[b'x'; BODY_BYTES]].concat();
                let mut seen = [0; 4_096];
                while socket.read(&mut seen).unwrap_or(0) > 0 {
                    socket.write_all(&answer).unwrap();
                }
            });
        }
    });
    address
}

/// What callers ask: one that knows nothing of traces, and one that has them in all formats.
const PLAIN: &[u8] = b"GET /orders?page=2 HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\n\r\n";
const TRACED: &[u8] = b"GET /orders?page=2 HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\n\
    traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03\r\n\
    tracestate: congo=t61rcWkgMzE,ot=th:d;rv:6e6d1a75832a2f\r\ntracestate: rojo=1\r\n\
    b3: 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1\r\nx-b3-sampled: 1\r\n\
    uber-trace-id: 4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1\r\n\
    x-datadog-trace-id: 255\r\nx-datadog-tags: _dd.p.dm=-4\r\nbaggage: user=alice\r\n\r\n";

/// One request, and all of its answer.
fn ask(socket: &mut TcpStream, request: &[u8]) {
    socket.write_all(request).unwrap();
    let mut seen = [0; 4_096];
    let mut filled = 0;
    loop {
        filled += socket.read(&mut seen[filled..]).unwrap();
        let end = seen[..filled].windows(4).position(|four| four == b"\r\n\r\n");
        if end.is_some_and(|end| filled == end + 4 + BODY_BYTES) {
            return;
        }
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_allocates_at_most_twice_and_an_idle_connection_holds_little() {
    let upstream = serve();
    let rig = Rig::start_with(model(vec![service("web", &[upstream])]), |deps| {
        deps.workers = 1;
        deps.sink = Arc::new(Nobody);
    })
    .await;
    let address = rig.address;
    let (allocations, idle) = tokio::task::spawn_blocking(move || {
        let mut caller = connect(address);
        // Pools fill, and records come back to be used again.
        let allocations = [PLAIN, TRACED].map(|request| {
            (0..REQUESTS).for_each(|_| ask(&mut caller, request));
            let region = Region::new(ALLOCATOR);
            (0..REQUESTS).for_each(|_| ask(&mut caller, request));
            region.change().allocations as f64 / REQUESTS as f64
        });
        let mut kept = Vec::with_capacity(CONNECTIONS);
        let region = Region::new(ALLOCATOR);
        for _ in 0..CONNECTIONS {
            let mut caller = connect(address);
            ask(&mut caller, PLAIN);
            kept.push(caller);
        }
        // Idle is who was looked at and had nothing to do.
        std::thread::sleep(Duration::from_millis(800));
        let change = region.change();
        let held = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
        (allocations, held / CONNECTIONS as f64)
    })
    .await
    .unwrap();
    let [plain, traced] = allocations;
    println!("allocations per request: {plain:.2}, traced: {traced:.2}");
    println!("bytes of an idle connection: {idle:.0}");
    assert!(plain <= ALLOCATIONS_MAX, "{plain} allocations per request");
    assert!(traced <= ALLOCATIONS_MAX, "{traced} allocations per traced request");
    assert!(idle <= IDLE_BYTES_MAX, "{idle} bytes of an idle connection");
}
