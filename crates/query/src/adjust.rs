//! Corrections of what clocks and tracers are known to get wrong, made when a trace is read.
//!
//! What is stored stays as it was sent; whoever wants that asks for the raw trace. In this order:
//! equal spans are one (`duplicates`); attributes are sorted and equal processes shared
//! (`collections`); the two sides of a Zipkin span get ids of their own (`shared`); children on
//! hosts with another clock are moved into their callers (`skew`); addresses sent as numbers are
//! written as addresses, and what a tracer says of itself goes to its process (`attributes`).

mod attributes;
mod collections;
mod duplicates;
mod shared;
mod skew;

use std::time::Duration;

use crate::trace::Trace;

/// How far corrections go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Clocks that differ by more than this are only told of; none are corrected when it is zero.
    pub skew_max: Duration,
}

impl Default for Config {
    /// One second: more than clocks differ that are kept in time, less than most mistakes.
    fn default() -> Self {
        Self { skew_max: Duration::from_secs(1) }
    }
}

/// Makes all corrections. Spans are in order of start before and after.
pub fn adjust(trace: &mut Trace, config: &Config) {
    collections::sort(&mut trace.spans);
    duplicates::remove(trace);
    attributes::write_addresses(&mut trace.spans);
    attributes::move_to_resource(trace);
    shared::separate(trace);
    trace.sort_by_start();
    skew::correct(trace, config.skew_max);
    trace.sort_by_start();
}

#[cfg(test)]
mod tests;
