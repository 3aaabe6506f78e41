//! What services are told that ask how to sample.

use std::path::Path;

use trunkline_ingest::sampling::{Sampler, Strategies};
use trunkline_model::Model;
use trunkline_model::trace::tracing::Sampling;

use crate::exit::chain;

/// Longest file that is read, in bytes.
const BYTES_MAX: u64 = 16 << 20;

/// The strategies of a Model: those of its file, or what the gateway does itself. A file that cannot
/// be used is said in the log: sampling never harms serving.
pub(super) fn of(model: &Model) -> Strategies {
    let own = sampler(&model.tracing.sample);
    let usual = || Strategies::all_by(own);
    let Some(path) = &model.telemetry.strategies else { return usual() };
    match read(path, probability(own)) {
        Ok(strategies) => strategies,
        Err(error) => {
            let file = path.display();
            tracing::error!(error, %file, "the file of sampling strategies is not used");
            usual()
        }
    }
}

fn read(path: &Path, default_probability: f64) -> Result<Strategies, String> {
    let length = std::fs::metadata(path).map_err(|error| chain(&error))?.len();
    if length > BYTES_MAX {
        return Err(format!("it has {length} bytes, and may have {BYTES_MAX}"));
    }
    let text = std::fs::read(path).map_err(|error| chain(&error))?;
    let parsed = Strategies::parse(&text, default_probability).map_err(|error| chain(&error))?;
    for warning in parsed.warnings {
        tracing::warn!(file = %path.display(), "{warning}");
    }
    Ok(parsed.strategies)
}

/// As the gateway samples traces that start with it.
fn sampler(sampling: &Sampling) -> Sampler {
    let share = f64::from(sampling.share.basis_points()) / 10_000.0;
    match sampling.rate {
        None => Sampler::Probabilistic(share),
        Some(rate) => {
            let per_second = f64::from(rate.count.get()) / rate.per.as_secs_f64();
            #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
            Sampler::RateLimiting(per_second.ceil() as i32)
        }
    }
}

const fn probability(sampler: Sampler) -> f64 {
    match sampler {
        Sampler::Probabilistic(probability) => probability,
        Sampler::RateLimiting(_) => 1.0,
    }
}
