//! The glue between Trunkline and tokio: what starts, what is ready, what stops, what time it is,
//! what is counted.
//!
//! Everything that runs belongs to a [`Scope`], so that nothing is forgotten at shutdown and
//! `status` can name it. This crate knows nothing of proxies or services, and decides no policy
//! beyond "who waits for whom".

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod alarm;
pub mod behind;
pub mod clock;
pub mod drain;
pub mod metrics;
pub mod random;
pub mod ready;
pub mod ring;
pub mod scope;
pub mod signal;

pub use alarm::Alarm;
pub use clock::{Clock, ManualClock, TurnClock};
pub use drain::{DrainTrigger, DrainWatcher};
pub use random::Random;
pub use ready::Readiness;
pub use scope::{Policy, Restart, Scope};
