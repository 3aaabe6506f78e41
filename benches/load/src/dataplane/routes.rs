//! What a request costs when there are many routes: two processes that differ in nothing else.

use super::Rig;
use super::bars::{Bar, Report};
use super::ratios::ratio;
use crate::Failure;
use crate::field::{Field, Load};
use crate::peers::{Contender, Setup};

const MANY: u32 = 10_000;
const FEW: u32 = 10;

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let folder = rig.folder.below("routes")?;
    let contender = |label, routes| {
        let setup = Setup { telemetry: true, routes, ..Setup::default() };
        Contender { label, peer: "trunkline", setup }
    };
    let contenders = [contender("many-routes", MANY), contender("few-routes", FEW)];
    let mut field = Field::start(rig.site(&folder), &[], &contenders)?;
    // Every route is asked for as often as the others, in both.
    for round in 0..rig.rounds {
        for (label, paths) in [("many-routes", MANY), ("few-routes", FEW)] {
            let load = Load { paths, ..rig.load() };
            let runner = field.runners.iter_mut().find(|runner| runner.label == label);
            let runner = runner.ok_or("needs a release build of trunkline")?;
            let sample = runner.measure(&load)?;
            runner.samples.push(sample);
            eprintln!("round {}/{} {label:<12} {:.1} µs CPU", round + 1, rig.rounds, sample.cpu_us);
        }
    }
    let measured = ratio(&field, "many-routes", "few-routes", |sample| sample.cpu_us);
    report.bar(Bar::ratio("CPU per request at 10 000 routes ÷ at 10", 1.5, measured));
    report.field("routes", &field);
    Ok(())
}
