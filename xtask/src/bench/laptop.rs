//! `./x bench laptop`: what a person at a laptop waits for, on the seven services of `examples/monorepo-polyglot`.
//!
//! Everything is built before, so that the first figure is a warm start: from the command to all seven ready. The
//! second is what Trunkline itself holds in memory a while later, with nothing to do. Last come restarts and edits of
//! sources under constant load, which must lose no request.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::polyglot;
use crate::steps::{Outcome, Steps, command, target_dir};

/// Starts that are measured.
const STARTS: usize = 3;
/// A warm start may take so long.
const READY_MAX: Duration = Duration::from_secs(20);
/// How long nothing is done before memory is looked at.
const IDLE: Duration = Duration::from_secs(10);
/// What Trunkline itself may hold then, in KiB.
const RSS_KIB_MAX: u64 = 40 * 1024;

pub(super) fn run(steps: &mut Steps) -> Outcome {
    polyglot::build(steps)?;
    steps.step("seven services", measure)?;
    let swaps = "cargo test --package trunkline --test polyglot -- --ignored --nocapture";
    steps.command("20 restarts and 50 edits under load", &mut command(swaps))
}

fn measure() -> Outcome {
    let mut worst = (Duration::ZERO, 0);
    for number in 1..=STARTS {
        let begin = Instant::now();
        let started = trunkline("up").arg("--detach").output().map_err(|e| e.to_string())?;
        let ready = begin.elapsed();
        if !started.status.success() {
            return Err(String::from_utf8_lossy(&started.stderr).into_owned());
        }
        sleep(IDLE);
        let held = rss_kib();
        let ended = trunkline("down").status().map_err(|e| e.to_string())?;
        let held = held?;
        if !ended.success() {
            return Err(format!("`trunkline down` ended with {ended}"));
        }
        eprintln!(
            "start {number}: ready after {:.1} s, {:.1} MiB held after {} s of nothing",
            ready.as_secs_f64(),
            mebibytes(held),
            IDLE.as_secs()
        );
        worst = (worst.0.max(ready), worst.1.max(held));
    }
    let (ready, held) = worst;
    eprintln!(
        "worst: {:.1} s of {} s, {:.1} MiB of {:.0} MiB",
        ready.as_secs_f64(),
        READY_MAX.as_secs(),
        mebibytes(held),
        mebibytes(RSS_KIB_MAX)
    );
    if ready > READY_MAX || held > RSS_KIB_MAX {
        return Err("a bar is missed".to_owned());
    }
    Ok(())
}

/// What the run's own process holds, by `VmRSS` of proc(5).
fn rss_kib() -> Result<u64, String> {
    let status = trunkline("status").args(["--format", "json"]).output();
    let text = String::from_utf8_lossy(&status.map_err(|e| e.to_string())?.stdout).into_owned();
    // The run's own pid stands at the top of the document, before those of services.
    let pid = text.lines().find_map(|line| line.strip_prefix("  \"pid\": "));
    let pid = pid.map(|pid| pid.trim_end_matches(',')).ok_or("`trunkline status` names no pid")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|e| e.to_string())?;
    let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let held = held.and_then(|held| held.split_whitespace().next()?.parse().ok());
    held.ok_or_else(|| format!("process {pid} has no VmRSS"))
}

#[expect(clippy::cast_precision_loss, reason = "kibibytes of one process fit")]
fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn trunkline(verb: &str) -> Command {
    let mut command = Command::new(target_dir().join("release/trunkline"));
    command.arg(verb).current_dir(polyglot::folder());
    command
}
