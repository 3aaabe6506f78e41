//! The data plane between real sockets: fake services behind it, raw callers in front of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::duration_suboptimal_units,
    clippy::similar_names,
    clippy::cast_possible_truncation,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests fail by panicking, and read the real clock"
)]

mod rig;

mod attack;
mod balance;
mod basics;
mod cache;
mod cache_safety;
mod caller;
mod change;
mod cluster;
mod compress;
mod ends;
mod haproxy;
mod health;
mod http2;
mod http2_abuse;
mod policies;
mod propagation;
mod protection;
mod protocols;
mod queue;
mod relay;
mod retries;
mod spreading;
mod streams;
mod strict;
mod timeouts;
mod tls;
mod trace_context;
mod traced;
mod udp;
mod websocket;
