//! What each step of a request costs, beside the raw byte relay, which takes none of them, and HAProxy.
//!
//! What a request costs is measured as everywhere here, undisturbed. Then the same load is sampled by `perf`, and what
//! was measured is shared out by where the samples fell: in user space the rooms of the source ([`sources`]), in the
//! kernel the system calls. Of the relay and HAProxy only the kernel's part is told by its parts.

mod profile;
mod sources;

use super::Rig;
use super::bars::Report;
use crate::Failure;
use crate::field::{Field, Load, Runner};
use crate::peers::{Contender, Setup, trunkline_binary};
use crate::process::find;
use crate::statistics::median;

use profile::{Perf, Sample, Stacks};
use sources::{Sources, Step, kernel_step};

const PEERS: [&str; 3] = ["trunkline", "relay", "haproxy"];

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let perf = Perf::find()?;
    let addr2line = find("addr2line").ok_or("skipped: needs addr2line (binutils)")?;
    for telemetry in [false, true] {
        let name = if telemetry { "steps-on" } else { "steps-off" };
        let folder = rig.folder.below(name)?;
        let setup = Setup { telemetry, ..Setup::default() };
        let contenders = PEERS.map(|peer| Contender::new(peer, setup));
        let mut field = Field::start(rig.site(&folder), &[], &contenders)?;
        let load = rig.load();
        field.rounds(name, rig.rounds, &load)?;

        let sampled = Load { seconds: load.seconds * 2.0, ..load };
        let mut columns = Vec::new();
        for runner in &field.runners {
            let ours = runner.label == "trunkline";
            let stacks = if ours { Stacks::Whole } else { Stacks::Kernel };
            let samples = perf.sample(runner, &sampled, (&folder, stacks))?;
            let sources = match trunkline_binary(rig.arguments).filter(|_| ours) {
                Some(binary) => Some(Sources::of(&addr2line, &binary, &samples)?),
                None => None,
            };
            columns.push(Column::new(runner, &samples, sources.as_ref()));
        }
        report.line(format!("telemetry {}", if telemetry { "on" } else { "off" }));
        for line in table(&columns) {
            report.line(line);
        }
    }
    Ok(())
}

/// What a request costs one proxy.
struct Column {
    label: &'static str,
    /// Processor time of a request.
    whole_us: f64,
    /// Where each sample fell.
    steps: Vec<Step>,
    /// Whether its user space is told by steps.
    told: bool,
}

impl Column {
    /// Without `sources`, user space is told as a whole.
    fn new(runner: &Runner, samples: &[Sample], sources: Option<&Sources>) -> Self {
        let step = |sample: &Sample| match kernel_step(sample) {
            Some(step) => step,
            None => sources.map_or(Step::Runtime, |sources| sources.step(sample)),
        };
        let cpu: Vec<f64> = runner.samples.iter().map(|sample| sample.cpu_us).collect();
        Self {
            label: runner.label,
            whole_us: median(&cpu),
            steps: samples.iter().map(step).collect(),
            told: sources.is_some(),
        }
    }

    /// Microseconds of a request that fell into some of the steps.
    fn us(&self, of: impl Fn(Step) -> bool) -> f64 {
        let count = self.steps.iter().filter(|step| of(**step)).count();
        self.whole_us * count as f64 / self.steps.len().max(1) as f64
    }
}

/// Microseconds of a request, a line per step and a column per proxy.
fn table(columns: &[Column]) -> Vec<String> {
    let row = |name: &str, figure: &dyn Fn(&Column) -> Option<f64>| {
        let cell = |column| figure(column).map_or("-".to_owned(), |us| format!("{us:.2}"));
        let cells: Vec<_> = columns.iter().map(|c| format!("{:>11}", cell(c))).collect();
        format!("{name:<34}{}", cells.concat())
    };
    let heads: Vec<_> = columns.iter().map(|c| format!("{:>11}", c.label)).collect();
    let mut lines = vec![format!("{:<34}{}", "  µs CPU of a request", heads.concat())];
    for step in Step::ALL {
        let us = |column: &Column| {
            (column.told || step.is_kernel()).then(|| column.us(|one| one == step))
        };
        lines.push(row(&format!("  {}", step.name()), &us));
        if step == Step::LAST_OF_USER {
            lines.push(row("  = user space", &|column| Some(column.us(|one| !one.is_kernel()))));
        }
    }
    lines.push(row("  = kernel", &|column| Some(column.us(Step::is_kernel))));
    lines.push(row("  = whole", &|column| Some(column.whole_us)));
    if let Some(floor) = columns.iter().find(|column| column.label == "relay") {
        let above = |column: &Column| Some(column.whole_us - floor.whole_us);
        lines.push(row("  above the relay", &above));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_shared_out_by_samples() {
        let column = |label, told, steps: &[Step]| Column {
            label,
            whole_us: 20.0,
            steps: steps.to_vec(),
            told,
        };
        let ours = [Step::Parse, Step::Parse, Step::Route, Step::Write];
        let columns = [
            column("trunkline", true, &ours),
            column("relay", false, &[Step::Runtime, Step::Write]),
        ];
        let cells = |name: &str| -> Vec<String> {
            let lines = table(&columns);
            let line = lines.iter().find(|line| line.trim_start().starts_with(name)).unwrap();
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            words[words.len() - columns.len()..].to_vec()
        };
        assert_eq!(cells("parse"), ["10.00", "-"]);
        assert_eq!(cells("= user space"), ["15.00", "10.00"]);
        assert_eq!(cells("write"), ["5.00", "10.00"]);
        assert_eq!(cells("= whole"), ["20.00", "20.00"]);
        assert_eq!(cells("above the relay"), ["0.00", "0.00"]);
    }
}
