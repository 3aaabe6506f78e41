//! What is told of stored telemetry: traces put together, adjusted and looked at from every side.
//!
//! A [`Trace`] is made of stored spans, corrected where clocks and tracers are known to be wrong
//! ([`adjust`]). A [`Skeleton`] is its tree with times and names and without attributes: the
//! waterfall ([`waterfall`]), the critical path, statistics ([`statistics`]), the flame graph
//! ([`flame`]) and comparisons ([`compare`]) are pure functions of it, and none of them recurses, so
//! that no trace is too deep. [`expression`] has structured filters and [`search`] answers them.
//! [`red`] makes rates and quantiles of rollups.
//!
//! [`Reader`] is the door: it runs every question on a small pool of its own, with a budget, so that
//! asking never harms serving. The crate knows no wire format and no protocol.
//!
//! Memory: a span is about 400 bytes beside its attributes while its trace is read, and 130 bytes
//! in a skeleton; what is kept between questions is bounded by [`reader::Config`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod adjust;
mod family;
mod path;
pub mod skeleton;
pub mod trace;

pub mod compare;
pub mod flame;
mod merged;
pub mod overview;
pub mod statistics;
pub mod table;
pub mod waterfall;

pub mod edges;
pub mod expression;
pub mod red;
pub mod search;

mod paced;
pub mod reader;

pub use paced::{Paced, PacedText, paced};
pub use reader::{Error, Reader};
pub use skeleton::Skeleton;
pub use trace::Trace;
