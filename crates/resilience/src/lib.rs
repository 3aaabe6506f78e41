//! Pure state machines that protect a caller from what it calls.
//!
//! Nothing here does IO, spawns a task, takes a lock, allocates after construction without saying
//! so, or reads a clock: time and randomness are arguments. A reader can therefore check each law
//! in a few minutes, and a test can walk through an hour of behaviour in a microsecond. The proxy
//! adds the clock, the lock and the events around them.
//!
//! With the feature `tower`, which is off by default, `layer` puts clock and lock around the machines
//! for a service that is written in Rust. It is the one place here that knows either.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod adaptive;
pub mod admission;
pub mod backoff;
pub mod balance;
pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod hedge;
pub mod interval;
#[cfg(feature = "tower")]
pub mod layer;
pub mod outlier;
pub mod overload;
pub mod queue;
pub mod rate;
pub mod rate_limiter;
pub mod retry;
pub mod shed;
pub mod time_limiter;
