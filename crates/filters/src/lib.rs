//! The built-in filters: what happens to an exchange between routing and forwarding.
//!
//! A filter is a value of one enum, [`Filter`], compiled from plain settings of the Model. Its
//! hooks are synchronous and dispatched statically; only a filter that must wait returns a future,
//! and only then is one allocated. Filters stand in a [`Chain`]: a flat list in the order that the
//! configuration's dialect defines.
//!
//! Invariants: knows no dialect, does no IO, spawns nothing. What a filter answers is a [`Reply`]:
//! how it looks to the caller (JSON, HTML, text, gRPC) is decided where it is sent, in `proxy`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod acme;
mod chain;
mod compress;
mod filter;
mod headers;
mod hooks;
mod https;
mod reply;
mod rewrite;
mod secure;

pub use acme::AcmeChallenge;
pub use chain::Chain;
pub use compress::Encoder;
pub use filter::{Filter, Invalid};
pub use headers::HeaderEdits;
pub use hooks::{Hooks, Verdict};
pub use https::RedirectToHttps;
pub use reply::{Content, Reply};
pub use rewrite::RewritePath;
pub use secure::SecureHeaders;

#[cfg(test)]
mod tests;
