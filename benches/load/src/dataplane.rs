//! Whether the bars of the data plane are met: one table of all of them, each with what was measured and wanted.
//!
//! A bar is a ratio of figures of one run wherever it can be. Nothing fails when a bar is missed, unless `--strict`
//! says so: it prints as missed. A scenario that cannot run says why, and the others go on. Names for `--only` are in
//! [`SCENARIOS`]. Changes without loss (reloads, upgrades, killed backends) are the bars of [`crate::soak`].

mod attack;
pub(crate) mod attackers;
mod bars;
mod heap;
pub(crate) mod hold;
mod idle;
mod latency;
mod questions;
mod ratios;
mod routes;
mod steps;

use std::fs;
use std::path::PathBuf;

use crate::Failure;
use crate::arguments::Arguments;
use crate::field::{Folder, Load};
use crate::peers::Site;
use crate::process::find;

use bars::Report;

type Scenario = fn(&Rig, &mut Report) -> Result<(), Failure>;

/// Every scenario and what it measures.
const SCENARIOS: [(&str, &str, Scenario); 13] = [
    ("on", "1 KB, kept connections, telemetry on", ratios::telemetry_on),
    ("off", "1 KB, kept connections, telemetry off", ratios::telemetry_off),
    ("bodies", "64 KB and 1 MB responses", ratios::bodies),
    ("tls", "1 KB, kept connections, TLS 1.3", ratios::tls),
    ("connections", "a new connection for each request", ratios::connections),
    ("grpc", "unary gRPC, HTTP/2 on both sides", ratios::grpc),
    ("latency", "p99 at one rate for all", latency::run),
    ("routes", "10 000 routes against 10", routes::run),
    ("idle", "10 000 idle connections", idle::run),
    ("attack", "callers beside an attack", attack::run),
    ("questions", "callers beside questions about traces", questions::run),
    ("heap", "allocations and heap of connections", heap::run),
    ("steps", "cost of each step", steps::run),
];

/// How this run measures.
pub(crate) struct Rig<'a> {
    arguments: &'a Arguments,
    folder: Folder,
    rounds: usize,
    seconds: f64,
    connections: u32,
    /// As long as the bars say, instead of as short as still tells something.
    full: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let rig = Rig {
        arguments,
        folder: Folder::make()?,
        rounds: arguments.get("rounds", 9)?,
        seconds: arguments.get("seconds", 2.0)?,
        connections: arguments.get("connections", 64)?,
        full: arguments.has("full"),
    };
    if find("taskset").is_none() {
        return Err("skipped: needs taskset (util-linux)".into());
    }
    let only: Option<Vec<&str>> = arguments.text("only").map(|list| list.split(',').collect());
    let known = |name: &&str| SCENARIOS.iter().any(|(scenario, ..)| scenario == name);
    if let Some(name) = only.iter().flatten().find(|name| !known(name)) {
        let names = SCENARIOS.map(|(name, ..)| name).join(", ");
        return Err(format!("there is no scenario `{name}`; there are {names}").into());
    }
    raise_files()?;
    let mut report = Report::default();
    for (name, title, scenario) in SCENARIOS {
        if only.as_ref().is_some_and(|only| !only.contains(&name)) {
            continue;
        }
        report.begin(name, title);
        if let Err(failure) = scenario(&rig, &mut report) {
            report.fail(&failure.to_string());
        }
    }
    println!("{}", report.table());
    if let Some(file) = arguments.text("json") {
        fs::write(file, report.json(rig.rounds, rig.seconds, rig.connections))?;
    }
    match report.missed() {
        0 => Ok(()),
        missed if arguments.has("strict") => Err(format!("{missed} bars are not met").into()),
        _ => Ok(()),
    }
}

impl Rig<'_> {
    /// The place of a comparison; each has a folder of its own.
    fn site<'a>(&'a self, folder: &'a PathBuf) -> Site<'a> {
        Site { folder, backend: 0, arguments: self.arguments }
    }

    fn load(&self) -> Load {
        Load { connections: self.connections, seconds: self.seconds, ..Load::default() }
    }
}

/// Ten thousand connections need as many descriptors here and in the proxy, which inherits the limit.
fn raise_files() -> Result<(), Failure> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(())
}
