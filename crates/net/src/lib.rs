//! Sockets, TLS, HTTP messages, resolving: what moves bytes, and nothing that decides about them.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod http;
