//! Payments: validates cards and keeps payments, once per idempotency key.
//!
//! A plain HTTP service with no knowledge of what stands in front of it: it reads `PORT`, answers `/healthz`, logs one
//! JSON line per request with the trace id it was given, and on SIGTERM finishes what it has begun.

mod api;
mod card;
mod log;
mod store;

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tiny_http::{Header, Request, Response, Server};

use store::Store;

/// Requests answered at the same time; more wait their turn.
const WORKERS: usize = 8;
/// Above it a body is not a charge.
const BODY_BYTES_MAX: u64 = 64 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let port: u16 = std::env::var("PORT").unwrap_or_else(|_| "7003".into()).parse()?;
    let server = Arc::new(Server::http(("127.0.0.1", port))?);
    let store = Arc::new(Mutex::new(Store::default()));
    log::event("listening", &[("port", port.into())]);

    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (server, store) = (server.clone(), store.clone());
            thread::spawn(move || {
                // An error is the unblocking below: this worker has finished its last request.
                while let Ok(request) = server.recv() {
                    serve(&store, request);
                }
            })
        })
        .collect();

    if let Some(signal) = Signals::new([SIGTERM, SIGINT])?.forever().next() {
        log::event("stopping", &[("signal", signal.into())]);
    }
    workers.iter().for_each(|_| server.unblock());
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked")?;
    }
    log::event("stopped", &[]);
    Ok(())
}

fn serve(store: &Mutex<Store>, mut request: Request) {
    let begun = Instant::now();
    let method = request.method().to_string();
    let path = request.url().split('?').next().unwrap_or_default().to_owned();
    let key = header(&request, "idempotency-key");
    let (trace, request_id) = (header(&request, "traceparent"), header(&request, "x-request-id"));

    let mut body = Vec::new();
    // A body that ends early is cut JSON, which the API refuses by name.
    let _ = request.as_reader().take(BODY_BYTES_MAX).read_to_end(&mut body);
    let asked = api::Request {
        method: &method,
        path: &path,
        idempotency_key: key.as_deref(),
        body: &body,
    };
    let reply = api::answer(store, &asked);

    let mut response = Response::from_string(reply.body.to_string())
        .with_status_code(reply.status)
        .with_header(fixed_header("content-type", "application/json"));
    if reply.replayed {
        response = response.with_header(fixed_header("idempotency-replayed", "true"));
    }
    if let Some(Ok(echo)) = request_id.as_deref().map(|id| Header::from_bytes("x-request-id", id)) {
        response = response.with_header(echo);
    }
    // The caller has gone away: there is nobody left to tell.
    let _ = request.respond(response);
    if path != "/healthz" {
        log::request(&log::Line {
            method: &method,
            path: &path,
            status: reply.status,
            elapsed: begun.elapsed(),
            traceparent: trace.as_deref(),
            request_id: request_id.as_deref(),
            error: reply.body["error"]["code"].as_str(),
        });
    }
}

fn header(request: &Request, name: &'static str) -> Option<String> {
    let found = request.headers().iter().find(|header| header.field.equiv(name));
    found.map(|header| header.value.as_str().to_owned())
}

fn fixed_header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("a constant header is well formed")
}
