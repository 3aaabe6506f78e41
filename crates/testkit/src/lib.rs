//! What tests share: services that behave well or badly, a caller that sees every byte, throwaway certificates.
//!
//! Everything binds to a free port of 127.0.0.1, runs on a thread of its own and ends when it is dropped, so a test
//! may use any runtime or none. This crate is a dev-dependency only. A clock for tests is `trunkline_rt::ManualClock`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking"
)]

pub mod body;
pub mod dns;
pub mod upstream;

pub mod frames;
pub mod h2;
pub mod raw;
pub mod wait;

pub mod acme;
pub mod model;
pub mod pki;
pub mod redis;
pub mod spans;

pub use acme::AcmeServer;
pub use frames::FramePeer;
pub use h2::H2Caller;
pub use pki::Pki;
pub use raw::RawClient;
pub use redis::Redis;
pub use spans::Memory;
pub use upstream::Upstream;
