//! The compiled router: which route takes a request, and why.
//!
//! One [`RouteTable`] serves one listener. Unlike a router that stores one handler for each
//! pattern, it yields *every* route whose host and path fit, because dialects disagree about which
//! of them wins: each compiles its rule to an [`OrderKey`], and the greatest key whose other
//! conditions hold wins. Host and path are looked up in an index (hosts in hash maps, paths in a
//! trie over segments), so that the time does not grow with the number of routes.
//!
//! What is compared is the request as received, but for what standards call equivalent: hosts
//! without case, port and trailing dot ([`host`]); paths in the normal form of
//! [`trunkline_model::route::path`], which also says which paths are refused with 400 (dot
//! segments however written, broken escapes).
//!
//! It is not: a filter, a load balancer, or a judge of whether the target is alive.
//!
//! [`OrderKey`]: trunkline_model::route::OrderKey

mod bucket;
mod compiled;
mod conditions;
mod explain;
mod frozen;
pub mod host;
pub mod pattern;
pub mod reference;
mod table;

pub use compiled::{CompiledAction, CompiledRoute, Problem, Targets};
pub use conditions::{Asked, Fields};
pub use explain::explanation;
pub(crate) use explain::redirected;
pub use table::{InvalidRoute, Miss, RouteTable};

#[cfg(test)]
mod tests;
