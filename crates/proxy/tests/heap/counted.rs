//! Counting what a gateway takes of the heap: for its requests, and for connections that idle.
//!
//! The allocator counts everything in the process. Callers and services are threads here that allocate nothing once
//! they are warm, so that what is counted is the gateway's. Shared by a test, which holds the bars, and by the
//! example `heap_bars`, which prints the figures.

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use trunkline_model::Model;
use trunkline_model::record::{ExchangeRecord, RecordSink};

use crate::rig::Rig;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The bar: allocations of one request on a kept connection.
pub const ALLOCATIONS_MAX: f64 = 2.0;
/// The bar: bytes that an idle connection holds.
pub const IDLE_BYTES_MAX: f64 = 2_048.0;

/// Connections that idle at one time.
pub const CONNECTIONS: usize = 500;

const REQUESTS: usize = 5_000;
const BODY_BYTES: usize = 1_024;
/// Idle is who was looked at and had nothing to do.
const SETTLED_AFTER: Duration = Duration::from_millis(800);

struct Nobody;

impl RecordSink for Nobody {
    fn take(&self, _record: &ExchangeRecord) {}
}

/// A gateway with one worker, which keeps no records.
pub async fn gateway(model: Model) -> Rig {
    Rig::start_with(model, |deps| {
        deps.workers = 1;
        deps.sink = Arc::new(Nobody);
    })
    .await
}

/// A service that answers everything with 1 KiB.
pub fn serve() -> SocketAddr {
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

/// What a caller asks that knows nothing of traces.
pub const PLAIN: &[u8] = b"GET /orders?page=2 HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\n\r\n";
/// What a caller asks that has a trace, in all formats.
pub const TRACED: &[u8] = b"GET /orders?page=2 HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\n\
    traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03\r\n\
    tracestate: congo=t61rcWkgMzE,ot=th:d;rv:6e6d1a75832a2f\r\ntracestate: rojo=1\r\n\
    b3: 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1\r\nx-b3-sampled: 1\r\n\
    uber-trace-id: 4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1\r\n\
    x-datadog-trace-id: 255\r\nx-datadog-tags: _dd.p.dm=-4\r\nbaggage: user=alice\r\n\r\n";

/// One request, and all of its answer.
pub fn ask(socket: &mut (impl Read + Write), request: &[u8]) {
    socket.write_all(request).unwrap();
    let mut seen = [0; 4_096];
    let mut filled = 0;
    loop {
        let count = socket.read(&mut seen[filled..]).unwrap();
        assert!(count > 0, "the connection ended");
        filled += count;
        let end = seen[..filled].windows(4).position(|four| four == b"\r\n\r\n");
        if end.is_some_and(|end| filled == end + 4 + BODY_BYTES) {
            return;
        }
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

/// Allocations of one such request on a kept connection.
pub fn allocations(address: SocketAddr, request: &[u8]) -> f64 {
    let mut caller = connect(address);
    // Pools fill, and records come back to be used again.
    (0..REQUESTS).for_each(|_| ask(&mut caller, request));
    let region = Region::new(ALLOCATOR);
    (0..REQUESTS).for_each(|_| ask(&mut caller, request));
    region.change().allocations as f64 / REQUESTS as f64
}

/// Bytes that each of the connections holds that `open` opens, uses once and returns; what is returned keeps them
/// open, and holds as good as nothing of this process's heap.
pub fn idle<T>(open: impl FnOnce() -> T) -> f64 {
    // What closed before is not to be counted as given back now.
    std::thread::sleep(SETTLED_AFTER);
    let region = Region::new(ALLOCATOR);
    let kept = open();
    std::thread::sleep(SETTLED_AFTER);
    let change = region.change();
    drop(kept);
    (change.bytes_allocated as f64 - change.bytes_deallocated as f64) / CONNECTIONS as f64
}

/// Plain connections, each used once.
pub fn callers(address: SocketAddr) -> Vec<TcpStream> {
    let call = |_| {
        let mut caller = connect(address);
        ask(&mut caller, PLAIN);
        caller
    };
    (0..CONNECTIONS).map(call).collect()
}
