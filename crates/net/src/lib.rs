//! Sockets, TLS, HTTP messages, resolving: what moves bytes, and nothing that decides about them.
//!
//! The proxy, the mesh, ingest and the APIs are built on these types. Everything here is `Send`; what belongs to one
//! worker thread (pools, plans) lives in `proxy`. This crate knows no routing, no policy and no file format.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod buffer;
pub mod burst;
pub mod http1;
pub mod http2;
pub mod socket;
pub mod stream;
pub mod tls;

pub mod http;

pub mod hello;
pub mod proxy_protocol;

pub mod accept;
pub mod client;
pub mod coding;
pub mod dns;
pub mod grpc;
pub mod memory;
pub mod resolve;

pub mod hyper_io;
pub mod unix;

#[cfg(target_os = "linux")]
pub mod systemd;
