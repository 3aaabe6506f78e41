//! Choosing one endpoint among many.
//!
//! A balancer sees positions in the caller's list of endpoints and asks the caller, through a
//! closure, what it needs to know about each; it never owns the list. What is not eligible (down,
//! draining, full, weight 0) is answered by `None`. No pick allocates; tables are built when the
//! list changes.

mod deadlines;
mod first;
mod hash;
mod latency;
mod least_request;
mod maglev;
mod random;
mod ring;
mod round_robin;
mod slow_start;
mod tiers;
mod zones;

pub use deadlines::Deadlines;
pub use first::first;
pub use hash::{Bound, by_hash, mix, stable_hash};
pub use latency::{Cost, Latency, lowest_cost};
pub use least_request::{FULL_SCAN_MAX, Load, least_request};
pub use maglev::Maglev;
pub use random::{random, weighted};
pub use ring::Ring;
pub use round_robin::RoundRobin;
pub use slow_start::SlowStart;
pub use tiers::{OVERPROVISIONING_PERCENT, Tier, tier_shares};
pub use zones::{Zone, zone_shares};
