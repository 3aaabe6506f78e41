//! Jaeger's strategies file, and what it means.
//!
//! A service without operations of its own has those of the default strategy, at its own probability
//! for the rest; one that has some has the default's besides. An operation cannot be limited by rate:
//! such an entry says nothing.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Operations, Sampler, Strategies, Strategy};
use crate::json::{TooDeep, check_depth};

/// A file that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What it says.
    pub strategies: Strategies,
    /// What it says that means nothing, and what happens instead.
    pub warnings: Vec<String>,
}

/// A text is no strategies file.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is nested too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// It is not JSON of this shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct File {
    default_strategy: Option<ServiceEntry>,
    service_strategies: Vec<ServiceEntry>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ServiceEntry {
    service: String,
    r#type: String,
    param: f64,
    operation_strategies: Vec<OperationEntry>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OperationEntry {
    operation: String,
    r#type: String,
    param: f64,
}

impl Strategies {
    /// Reads a strategies file. `default_probability` is for services that it says nothing of.
    pub fn parse(text: &[u8], default_probability: f64) -> Result<Parsed, Unreadable> {
        check_depth(text)?;
        // `null` is an empty file.
        let file: Option<File> = serde_json::from_slice(text)?;
        let mut reading = Reading { default_probability, warnings: Vec::new() };
        let strategies = reading.file(file.unwrap_or_default());
        Ok(Parsed { strategies, warnings: reading.warnings })
    }
}

struct Reading {
    default_probability: f64,
    warnings: Vec<String>,
}

impl Reading {
    fn file(&mut self, file: File) -> Strategies {
        let default = match file.default_strategy {
            Some(entry) => self.service(entry, "the default strategy"),
            None => Strategies::everybody(self.default_probability).default,
        };
        let mut services = HashMap::new();
        for entry in file.service_strategies {
            let name = entry.service.clone();
            let mut strategy = self.service(entry, &format!("service `{name}`"));
            if let Some(of_all) = &default.operations {
                inherit(&mut strategy, of_all);
            }
            services.insert(name, strategy);
        }
        Strategies { default, services }
    }

    fn service(&mut self, entry: ServiceEntry, whose: &str) -> Strategy {
        let sampler = self.sampler(&entry.r#type, entry.param, whose);
        if entry.operation_strategies.is_empty() {
            return Strategy { sampler, operations: None };
        }
        let default_probability = match sampler {
            Sampler::Probabilistic(probability) => probability,
            Sampler::RateLimiting(_) => self.default_probability,
        };
        let mut probabilities = Vec::new();
        for OperationEntry { operation, r#type, param } in entry.operation_strategies {
            let whose = format!("operation `{operation}` of {whose}");
            match self.sampler(&r#type, param, &whose) {
                Sampler::Probabilistic(probability) => probabilities.push((operation, probability)),
                Sampler::RateLimiting(_) => self.warnings.push(format!(
                    "{whose} is limited by rate, which operations cannot be: it has the probability {default_probability}"
                )),
            }
        }
        let operations = Some(Operations { default_probability, probabilities });
        Strategy { sampler, operations }
    }

    fn sampler(&mut self, kind: &str, param: f64, whose: &str) -> Sampler {
        match kind {
            "probabilistic" if (0.0..=1.0).contains(&param) => Sampler::Probabilistic(param),
            "probabilistic" => {
                let param = if param > 1.0 { 1.0 } else { 0.0 };
                self.warnings.push(format!(
                    "the probability of {whose} is not between 0 and 1: it is {param}"
                ));
                Sampler::Probabilistic(param)
            }
            #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
            "ratelimiting" => Sampler::RateLimiting(param.max(0.0) as i32),
            other => {
                let instead = self.default_probability;
                self.warnings.push(format!(
                    "the type `{other}` of {whose} is unknown: it has the probability {instead}"
                ));
                Sampler::Probabilistic(instead)
            }
        }
    }
}

/// Operations of the default strategy apply to a service as well, after its own.
fn inherit(strategy: &mut Strategy, of_all: &Operations) {
    match &mut strategy.operations {
        None => {
            let mut operations = of_all.clone();
            if let Sampler::Probabilistic(probability) = strategy.sampler {
                operations.default_probability = probability;
            }
            strategy.operations = Some(operations);
        }
        Some(own) => {
            let known: Vec<_> = own.probabilities.iter().map(|(name, _)| name.clone()).collect();
            let more = of_all.probabilities.iter().filter(|(name, _)| !known.contains(name));
            own.probabilities.extend(more.cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "default_strategy": { "type": "probabilistic", "param": 0.5, "operation_strategies": [
            { "operation": "/health", "type": "probabilistic", "param": 0.0 },
            { "operation": "/ready", "type": "probabilistic", "param": 0.1 } ] },
        "service_strategies": [
            { "service": "plain", "type": "probabilistic", "param": 0.8 },
            { "service": "slow", "type": "ratelimiting", "param": 5 },
            { "service": "own", "type": "probabilistic", "param": 0.3, "operation_strategies": [
                { "operation": "/health", "type": "probabilistic", "param": 1.0 },
                { "operation": "/odd", "type": "ratelimiting", "param": 2 } ] },
            { "service": "wrong", "type": "magic", "param": 7 } ] }"#;

    fn listed(operations: Option<&Operations>) -> (f64, Vec<(&str, f64)>) {
        let operations = operations.unwrap();
        let listed = operations.probabilities.iter().map(|(name, p)| (name.as_str(), *p));
        (operations.default_probability, listed.collect())
    }

    #[test]
    fn services_have_what_they_say_and_the_operations_of_all() {
        let Parsed { strategies, warnings } = Strategies::parse(FILE.as_bytes(), 0.001).unwrap();
        let of_all = vec![("/health", 0.0), ("/ready", 0.1)];
        for (service, sampler, operations) in [
            ("other", Sampler::Probabilistic(0.5), (0.5, of_all.clone())),
            ("plain", Sampler::Probabilistic(0.8), (0.8, of_all.clone())),
            ("slow", Sampler::RateLimiting(5), (0.5, of_all.clone())),
            ("own", Sampler::Probabilistic(0.3), (0.3, vec![("/health", 1.0), ("/ready", 0.1)])),
            ("wrong", Sampler::Probabilistic(0.001), (0.001, of_all)),
        ] {
            let strategy = strategies.of(service);
            assert_eq!(strategy.sampler, sampler, "{service}");
            assert_eq!(listed(strategy.operations.as_ref()), operations, "{service}");
        }
        assert_eq!(
            warnings,
            [
                "operation `/odd` of service `own` is limited by rate, which operations cannot be: it has the probability 0.3",
                "the type `magic` of service `wrong` is unknown: it has the probability 0.001",
            ]
        );
    }

    #[test]
    fn an_empty_file_is_the_default_for_everybody() {
        for text in ["{}", "null"] {
            let parsed = Strategies::parse(text.as_bytes(), 0.25).unwrap();
            assert_eq!(parsed.strategies, Strategies::everybody(0.25));
        }
        assert!(Strategies::parse(b"\"nonsense\"", 1.0).is_err());
    }
}
