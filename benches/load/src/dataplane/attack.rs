//! Good callers beside an attack: their p99 against the same load without malice, and the memory it takes.
//!
//! The good callers are measured in the open loop at a modest rate, on kept connections. Attackers share their core,
//! and have it when nobody else wants it (`SCHED_IDLE`): thousands of single bytes a second are work for who sends them,
//! and callers must not wait for that. What differs with malice is what attackers make the proxy do.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::Rig;
use super::bars::{Bar, Report};
use crate::Failure;
use crate::field::{Field, Load, Runner, Sample, part};
use crate::peers::{Contender, Setup};
use crate::statistics::estimate;

/// Kinds, and actions of all attackers together per second: bytes of heads, streams, connections.
const KINDS: [(&str, u32); 3] = [("slow-heads", 5_000), ("resets", 2_000), ("floods", 500)];

const GOOD_RATE: u32 = 1_000;
const GOOD_CONNECTIONS: u32 = 32;
const P99_RATIO_MAX: f64 = 2.0;

/// The issue asks for a bound without a number; this one is far below what thousands of full buffers would take.
const GROWTH_MIB_MAX: f64 = 64.0;

/// The attack begins before the measurement and outlasts it.
const MARGIN_SECONDS: f64 = 1.5;

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let folder = rig.folder.below("attack")?;
    let setup = Setup { telemetry: true, ..Setup::default() };
    let contenders = [Contender::new("trunkline", setup)];
    for (kind, rate) in KINDS {
        // Each kind meets a fresh process: what an attack leaves behind must not help or harm the next.
        let field = Field::start(rig.site(&folder), &[], &contenders)?;
        let runner = field.find("trunkline").ok_or("needs a release build of trunkline")?;
        let (connections, rate_of_good) = (GOOD_CONNECTIONS, GOOD_RATE);
        let load = Load { connections, rate: rate_of_good, ..rig.load() };
        runner.measure(&load)?;
        // The first of its kind fills pools, which would make the calm round of the first pair look slow.
        beside(runner, &load, &Attack { kind, rate, malice: false })?;
        let before = runner.process.rss_kib()?;
        let (mut ratios, mut growth, mut failed) = (Vec::new(), 0.0_f64, 0.0);
        for round in 0..rig.rounds {
            let calm = beside(runner, &load, &Attack { kind, rate, malice: false })?;
            let attacked = beside(runner, &load, &Attack { kind, rate, malice: true })?;
            // The peak, not what is left when the attack is over.
            let grown = runner.process.peak_kib()?.saturating_sub(before);
            growth = growth.max(grown as f64 / 1024.0);
            failed += attacked.failed;
            ratios.push(attacked.p99_us / calm.p99_us);
            eprintln!(
                "{kind:<12} round {}/{}  p99 {:.0} µs attacked, {:.0} µs not",
                round + 1,
                rig.rounds,
                attacked.p99_us,
                calm.p99_us
            );
        }
        let measured = match (ratios.is_empty(), failed) {
            (true, _) => Err("no rounds".to_owned()),
            (_, failed) if failed > 0.0 => Err(format!("{failed} requests of good callers failed")),
            _ => Ok(estimate(&ratios)),
        };
        let text = format!("{kind}, {rate}/s: p99 of others ÷ without malice");
        report.bar(Bar::ratio(&text, P99_RATIO_MAX, measured));
        let text = format!("{kind}: memory grown");
        report.bar(Bar::figure(&text, "MiB", GROWTH_MIB_MAX, &[growth]));
    }
    Ok(())
}

struct Attack {
    kind: &'static str,
    rate: u32,
    malice: bool,
}

/// Measures good callers while an attack, or its harmless twin, goes on.
fn beside(runner: &Runner, load: &Load, attack: &Attack) -> Result<Sample, Failure> {
    let on_core = part("attack")?;
    let mut attacker = Command::new("chrt");
    attacker.args(["--idle", "0"]).arg(on_core.get_program()).args(on_core.get_args());
    attacker.args(["--to", &runner.port.to_string(), "--kind", attack.kind]);
    attacker.args(["--rate", &attack.rate.to_string()]);
    attacker.args(["--seconds", &(load.seconds + MARGIN_SECONDS).to_string()]);
    if attack.malice {
        attacker.arg("--malice");
    }
    let mut attacker = attacker.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(attacker.stdout.take().ok_or("no output")?).lines();
    said.next().ok_or("the attack did not begin")??;
    let sample = runner.measure(load);
    let done: u64 = said.next().ok_or("the attack ended early")??.parse()?;
    attacker.wait()?;
    let planned = f64::from(attack.rate) * load.seconds;
    let enough = match (attack.kind, attack.malice) {
        // Counted by heads, not by bytes.
        ("slow-heads", false) => true,
        _ => done as f64 >= planned * 0.7,
    };
    if !enough {
        return Err(
            format!("{}: {done} actions where {planned:.0} were planned", attack.kind).into()
        );
    }
    sample
}
