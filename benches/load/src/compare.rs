//! The comparison: rounds in which every peer is measured once, in the closed loop and in the open one.
//!
//! It shows a wide picture of one case: 1 KB responses on kept connections without telemetry. Whether the bars are
//! met is what [`crate::dataplane`] tells.

use std::fs;

use crate::Failure;
use crate::arguments::Arguments;
use crate::field::{Field, Folder, Load};
use crate::peers::{self, Contender, Setup, Site};
use crate::process::find;
use crate::report::{self, Measured};

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let rounds: usize = arguments.get("rounds", 9)?;
    let rate: u32 = arguments.get("rate", 3_000)?;
    let connections = arguments.get("connections", 64)?;
    if find("taskset").is_none() {
        return Err("skipped: needs taskset (util-linux)".into());
    }
    let folder = Folder::make()?;
    let site = Site { folder: &folder.0, backend: 0, arguments };
    let only = arguments.text("only");
    let wanted = |name: &&str| only.is_none_or(|list| list.split(',').any(|item| item == *name));
    let contenders: Vec<_> = peers::ALL
        .into_iter()
        .filter(wanted)
        .map(|peer| Contender::new(peer, Setup::default()))
        .collect();
    let body: usize = arguments.get("body", 1024)?;
    let field = Field::start(site, &["--body", &body.to_string()], &contenders)?;
    let mut measured: Vec<Measured> = contenders.iter().map(|c| Measured::new(c.label)).collect();

    let seconds: f64 = arguments.get("seconds", 2.0)?;
    let closed = Load { connections, seconds, ..Load::default() };
    let open = Load { rate, ..closed.clone() };
    let count = field.runners.len().max(1);
    for round in 0..rounds {
        for turn in 0..count {
            let Some(runner) = field.runners.get((round + turn) % count) else {
                continue;
            };
            let Some(entry) = measured.iter_mut().find(|entry| entry.name == runner.label) else {
                continue;
            };
            let sample = runner.measure(&closed)?;
            entry.closed.push(sample);
            entry.open.push(runner.measure(&open)?);
            eprintln!(
                "round {}/{rounds}  {:<10} {:>7.1} µs CPU per request",
                round + 1,
                runner.label,
                sample.cpu_us
            );
        }
    }
    for entry in &mut measured {
        let missing = field.missing.iter().find(|(label, _)| *label == entry.name);
        entry.needs = missing.map(|(_, needs)| *needs);
        if let Some(runner) = field.find(entry.name) {
            entry.rss_kib = Some(runner.process.rss_kib()?);
            entry.syscalls = runner.count_syscalls(&closed, &folder.0)?;
        }
    }
    println!("{}", report::table(&measured, rate, connections));
    if let Some(file) = arguments.text("json") {
        fs::write(file, report::json(&measured, rate, connections))?;
    }
    Ok(())
}
