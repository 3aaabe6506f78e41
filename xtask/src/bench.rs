//! `./x bench`: the bars of the design, and the same work done by others.

use crate::steps::{Outcome, Steps, command};

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let (what, rest) = arguments
        .split_first()
        .map_or(("load", [].as_slice()), |(w, r)| (w, r));
    match what {
        "load" => load(steps, rest),
        other => Err(format!("there is no bench `{other}`")),
    }
}

fn load(steps: &mut Steps, arguments: &[String]) -> Outcome {
    steps.command(
        "build",
        &mut command("cargo build --release --package trunkline --package trunkline-load"),
    )?;
    let mut load = command("cargo run --release --quiet --package trunkline-load --");
    steps.command("load", load.args(arguments))
}
