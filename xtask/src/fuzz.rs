//! `./x fuzz`: libFuzzer on stable Rust.
//!
//! cargo-fuzz needs a nightly compiler only for its sanitizer flags. Coverage itself is an LLVM pass that stable
//! rustc can run, so `fuzz/rustc`, a wrapper for workspace crates, asks for it; dependencies are built as always.

use std::fs;
use std::process::Command;

use crate::steps::{Outcome, Steps, command, execute, root, target_dir};

/// Long enough to reach what a seed nearly reaches, short enough for every change.
const SMOKE_SECONDS: u32 = 15;
const RUN_SECONDS: u32 = 60;

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let (mut chosen, mut seconds) = (None, RUN_SECONDS);
    for argument in arguments {
        match argument.parse() {
            Ok(number) => seconds = number,
            Err(_) => chosen = Some(argument.as_str()),
        }
    }
    let all = targets()?;
    let known = chosen.is_none_or(|name| all.iter().any(|target| target == name));
    if !known {
        return Err(format!(
            "there is no such target; there are: {}",
            all.join(", ")
        ));
    }
    build(steps)?;
    let wanted = all
        .iter()
        .filter(|target| chosen.is_none_or(|name| name == *target));
    wanted
        .map(String::as_str)
        .try_for_each(|target| fuzz(steps, target, seconds))
}

/// Every target for a short time: new crashes of old seeds, and targets that no longer start, show here.
pub(crate) fn smoke(steps: &mut Steps) -> Outcome {
    run(steps, &[SMOKE_SECONDS.to_string()])
}

fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/src/bin");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .to_str()?
                .strip_suffix(".rs")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    Ok(names)
}

fn build(steps: &mut Steps) -> Outcome {
    let mut build = command("cargo build --package trunkline-fuzz --bins --profile fuzz");
    build.env("RUSTC_WORKSPACE_WRAPPER", root().join("fuzz/rustc"));
    steps.command(
        "fuzz: build",
        build.env("CARGO_TARGET_DIR", target_dir().join("fuzz")),
    )
}

fn fuzz(steps: &mut Steps, target: &str, seconds: u32) -> Outcome {
    let corpus = root().join("fuzz/corpus").join(target);
    let artifacts = root().join("fuzz/artifacts").join(target);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let mut fuzzer = Command::new(target_dir().join("fuzz/fuzz").join(target));
    fuzzer
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1"])
        .arg(&corpus);
    steps.step(&format!("fuzz: {target}, {seconds} s"), || {
        execute(fuzzer.current_dir(root()))
    })
}
