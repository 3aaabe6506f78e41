//! `./x fuzz`: libFuzzer on stable Rust.
//!
//! cargo-fuzz needs a nightly compiler only for its sanitizer flags. Coverage itself is an LLVM pass that stable
//! rustc can run, so `fuzz/rustc`, a wrapper for workspace crates, asks for it; dependencies are built as always.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::steps::{Outcome, Steps, command, root, target_dir};

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
        return Err(format!("there is no such target; there are: {}", all.join(", ")));
    }
    build(steps)?;
    let wanted = all.iter().filter(|target| chosen.is_none_or(|name| name == *target));
    wanted.map(String::as_str).try_for_each(|target| fuzz(steps, target, seconds))
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
            entry.ok()?.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned)
        })
        .collect();
    names.sort();
    Ok(names)
}

fn build(steps: &mut Steps) -> Outcome {
    let mut build = command("cargo build --package trunkline-fuzz --bins --profile fuzz");
    build.env("RUSTC_WORKSPACE_WRAPPER", root().join("fuzz/rustc"));
    steps.command("fuzz: build", build.env("CARGO_TARGET_DIR", target_dir().join("fuzz")))
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
        .args(["-rss_limit_mb=2048", "-timeout=10", "-reduce_inputs=0"])
        .arg(&corpus);
    let name = format!("fuzz: {target}, {seconds} s");
    steps.step(&name, || watch(fuzzer.current_dir(root())))
}

/// Runs the fuzzer and shows what it says, except a line for each of the many inputs it finds interesting.
fn watch(fuzzer: &mut Command) -> Outcome {
    let mut child = fuzzer
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("the fuzzer did not start: {e}"))?;
    let said = BufReader::new(child.stderr.take().ok_or("the fuzzer has no output")?);
    for line in said.split(b'\n') {
        let line = line.map_err(|e| format!("the fuzzer's output: {e}"))?;
        let line = String::from_utf8_lossy(&line);
        let word = line.split_whitespace().nth(1).unwrap_or_default();
        let found = line.starts_with('#') && ["NEW", "RELOAD", "REDUCE"].contains(&word);
        let dictionary = line.starts_with('"') || line.starts_with("######");
        if !found && !dictionary {
            eprintln!("{line}");
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            Err(format!("the fuzzer ended with {status}; the input is in fuzz/artifacts"))
        }
        Err(e) => Err(format!("the fuzzer: {e}")),
    }
}
