//! Remote sampling as Jaeger's and OpenTelemetry's SDKs ask for it: how much of what to record.
//!
//! A service asks by its name, over HTTP (5778) or gRPC (5779), and is told a probability or a rate,
//! and probabilities of single operations. The strategies are values given by the configuration, in
//! the format of Jaeger's strategies file ([`Strategies::parse`]). Nothing here adapts them.

mod answer;
mod file;
mod serve;

use std::collections::HashMap;

pub use file::{Parsed, Unreadable};
pub(crate) use serve::{Door, SamplingService};

/// What is recorded of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategy {
    /// What applies to the service as a whole.
    pub sampler: Sampler,
    /// What applies to single operations, where anything does.
    pub operations: Option<Operations>,
}

/// How it is decided whether a trace is recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// With this probability, from 0 to 1.
    Probabilistic(f64),
    /// At most so many traces per second.
    RateLimiting(i32),
}

/// Probabilities of single operations.
#[derive(Debug, Clone, PartialEq)]
pub struct Operations {
    /// Of operations that are not listed.
    pub default_probability: f64,
    /// Each operation with its own.
    pub probabilities: Vec<(String, f64)>,
}

/// Strategies of all services.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategies {
    default: Strategy,
    services: HashMap<String, Strategy>,
}

impl Strategies {
    /// The same probability for everybody.
    pub fn everybody(probability: f64) -> Self {
        Self::all_by(Sampler::Probabilistic(probability))
    }

    /// The same for everybody.
    pub fn all_by(sampler: Sampler) -> Self {
        Self { default: Strategy { sampler, operations: None }, services: HashMap::new() }
    }

    /// What a service is told.
    pub fn of(&self, service: &str) -> &Strategy {
        self.services.get(service).unwrap_or(&self.default)
    }
}
