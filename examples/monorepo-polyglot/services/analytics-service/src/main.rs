//! Analytics-service: counts events by minute and by kind, and tells the last day's numbers.
//!
//! A plain HTTP service with no knowledge of what stands in front of it: it reads `PORT` and `DATA_DIR`, answers
//! `/health` and `/metrics`, logs one JSON line per request with the trace id it was given, and on SIGTERM finishes
//! what it has begun. It calls nobody.

mod api;
mod calendar;
mod connection;
mod counts;
mod event;
mod http;
mod journal;
mod log;
mod metrics;
mod server;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use api::Api;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Before the port is open, so that a signal that comes at once is not missed.
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let api = match std::env::var("DATA_DIR").ok().filter(|folder| !folder.is_empty()) {
        Some(folder) => Api::kept_in(&Path::new(&folder).join("events.jsonl"))?,
        None => Api::in_memory(),
    };
    let host = std::env::var("HOST").unwrap_or_else(|_| "127.0.0.1".into());
    let port: u16 = std::env::var("PORT").unwrap_or_else(|_| "8081".into()).parse()?;
    let listener = TcpListener::bind((host.as_str(), port))?;
    log::event(
        "info",
        "listening",
        &[("address", listener.local_addr()?.to_string().into())],
    );

    let server = server::start(listener, Arc::new(api))?;
    if let Some(signal) = signals.forever().next() {
        log::event("info", "stopping", &[("signal", signal.into())]);
    }
    match server.stop() {
        0 => log::event("info", "stopped", &[]),
        left => log::event(
            "error",
            "stopped with requests unanswered",
            &[("requests", left.into())],
        ),
    }
    Ok(())
}
