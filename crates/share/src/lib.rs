//! Policies that several processes share: a breaker that opens for all of them, a rate limit and a
//! bulkhead for their sum, a retry budget for their sum, kept in Redis.
//!
//! The machines are those of `trunkline_resilience`, as Lua scripts: each question is one script,
//! which is one round trip and atomic. Time is Redis's own. All keys of a policy carry its name as
//! their hash tag, so that a cluster keeps them on one node, and every key expires.
//!
//! A [`Link`] never makes a caller wait for longer than [`Settings::timeout`], nor for a Redis that
//! is known to be away: it answers [`Away`], and the caller decides what that means (its own
//! breaker, say). What a process held that died comes back by itself, after its lease.
//!
//! It is not a lock service, keeps nothing that must survive Redis, and does not follow the
//! redirections of Redis Cluster: it talks to one address.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod answer;
mod away;
mod dial;
mod line;
mod link;
mod orphans;
mod policies;
mod script;
mod settings;
mod verdict;

pub use away::{Away, OrderError};
pub use link::{End, Link, Order};
pub use policies::{Bulkhead, Policies};
pub use settings::{BadSettings, Settings};
pub use verdict::{Admission, BreakerStanding, Change, Lease, Permit, Refusal, Standing, Verdict};
