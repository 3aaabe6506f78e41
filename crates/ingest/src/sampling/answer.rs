//! A strategy as SDKs read it: JSON, and the protobuf of Jaeger's `api_v2/sampling.proto`.

use serde_json::{Value, json};
use trunkline_otlp::wire::{Fields, Malformed, put_bytes, put_message, put_number, put_varint};

use super::{Sampler, Strategy};

/// `SamplingStrategyResponse` as JSON. The type of the strategy is always told, by name.
pub(super) fn to_json(strategy: &Strategy) -> Value {
    let mut answer = match strategy.sampler {
        Sampler::Probabilistic(probability) => json!({
            "strategyType": "PROBABILISTIC",
            "probabilisticSampling": { "samplingRate": probability },
        }),
        Sampler::RateLimiting(traces) => json!({
            "strategyType": "RATE_LIMITING",
            "rateLimitingSampling": { "maxTracesPerSecond": traces },
        }),
    };
    if let Some(operations) = &strategy.operations
        && let Some(answer) = answer.as_object_mut()
    {
        let listed: Vec<Value> = operations
            .probabilities
            .iter()
            .map(|(operation, probability)| {
                let sampling = json!({ "samplingRate": probability });
                json!({ "operation": operation, "probabilisticSampling": sampling })
            })
            .collect();
        let operations = json!({
            "defaultSamplingProbability": operations.default_probability,
            "defaultLowerBoundTracesPerSecond": 0.0,
            "perOperationStrategies": listed,
            "defaultUpperBoundTracesPerSecond": 0.0,
        });
        answer.insert("operationSampling".to_owned(), operations);
    }
    answer
}

/// `SamplingStrategyResponse` as protobuf.
pub(super) fn to_protobuf(strategy: &Strategy) -> Vec<u8> {
    let mut out = Vec::new();
    match strategy.sampler {
        Sampler::Probabilistic(probability) => {
            put_message(&mut out, 2, |into| put_double(into, 1, probability));
        }
        Sampler::RateLimiting(traces) => {
            put_number(&mut out, 1, 1);
            put_message(&mut out, 3, |into| put_number(into, 1, traces.unsigned_abs().into()));
        }
    }
    if let Some(operations) = &strategy.operations {
        put_message(&mut out, 4, |into| {
            put_double(into, 1, operations.default_probability);
            for (operation, probability) in &operations.probabilities {
                put_message(into, 3, |into| {
                    put_bytes(into, 1, operation.as_bytes());
                    put_message(into, 2, |into| put_double(into, 1, *probability));
                });
            }
        });
    }
    out
}

/// The service of a `SamplingStrategyParameters`.
pub(super) fn service(message: &[u8]) -> Result<&str, Malformed> {
    let mut service = "";
    for field in Fields::of(message) {
        if let (1, raw) = field? {
            service = raw.text(1)?;
        }
    }
    Ok(service)
}

fn put_double(into: &mut Vec<u8>, field: u32, number: f64) {
    if number != 0.0 {
        put_varint(into, u64::from(field) << 3 | 1);
        into.extend_from_slice(&number.to_bits().to_le_bytes());
    }
}
