//! `./x torture`: the store through more kills and power cuts than CI has time for.
//!
//! They are the tests of CI with larger numbers. A failure prints its seed; the same seed as argument repeats it.

use crate::steps::{Outcome, Steps, command};

/// Kills of a process, of the log alone and of the whole gateway.
const KILLS: &str = "200";
/// Images of what a power cut leaves.
const IMAGES: &str = "20000";

const STORE: &str = "cargo test --package trunkline-store --test it -- --nocapture crash killed damage faults hostile";
const GATEWAY: &str = "cargo test --package trunkline --test it -- --nocapture killed";

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let seed = match arguments {
        [] => None,
        [seed] => Some(seed.parse::<u64>().map_err(|_| "usage: ./x torture [SEED]".to_owned())?),
        _ => return Err("usage: ./x torture [SEED]".to_owned()),
    };
    for (name, line) in
        [("power cuts and kills of the store", STORE), ("kills of the gateway", GATEWAY)]
    {
        let mut run = command(line);
        run.env("TRUNKLINE_KILLS", KILLS).env("TRUNKLINE_IMAGES", IMAGES);
        if let Some(seed) = seed {
            run.env("TRUNKLINE_SEED", seed.to_string());
        }
        steps.command(name, &mut run)?;
    }
    Ok(())
}
