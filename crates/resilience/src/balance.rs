//! Choosing one endpoint among many.
//!
//! A balancer sees positions in the caller's list of endpoints and asks the caller, through a
//! closure, what it needs to know about each; it never owns the list. What is not eligible (down,
//! draining, full, weight 0) is answered by `None`.

mod least_request;
mod round_robin;

pub use least_request::{FULL_SCAN_MAX, Load, least_request};
pub use round_robin::RoundRobin;
