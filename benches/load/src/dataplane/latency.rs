//! p99 in the open loop, at one absolute rate for all: about 70 % of what HAProxy can do on this machine now.

use super::Rig;
use super::bars::{Bar, Report};
use super::ratios::ratio;
use crate::Failure;
use crate::field::{Field, Load};
use crate::peers::{Contender, Setup};
use crate::statistics::median;

/// Of HAProxy's capacity, which is found first, by the closed loop.
const SHARE: f64 = 0.7;

/// The bar's own numbers; without `--full` the rounds are short.
const ROUNDS: usize = 5;
const SECONDS: f64 = 30.0;
const SHORT_SECONDS: f64 = 3.0;

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let folder = rig.folder.below("latency")?;
    let setup = Setup { telemetry: true, ..Setup::default() };
    let contenders = ["trunkline", "haproxy"].map(|peer| Contender::new(peer, setup));
    let mut field = Field::start(rig.site(&folder), &[], &contenders)?;
    let closed = rig.load();
    let haproxy = field.find("haproxy").ok_or("needs haproxy")?;
    let mut capacity = Vec::new();
    for _ in 0..3 {
        capacity.push(haproxy.measure(&closed)?.per_second);
    }
    let capacity = median(&capacity);
    let rate = (capacity * SHARE) as u32;
    let (rounds, seconds) = if rig.full {
        (ROUNDS, SECONDS)
    } else {
        (rig.rounds.min(ROUNDS), SHORT_SECONDS.min(rig.seconds * 2.0))
    };
    field.rounds("p99", rounds, &Load { seconds, rate, ..closed })?;
    let measured = ratio(&field, "trunkline", "haproxy", |sample| sample.p99_us);
    report.bar(Bar::ratio("p99 ÷ haproxy, telemetry on", 1.15, measured));
    report.line(format!(
        "haproxy can do {capacity:.0}/s here; {rate}/s for {seconds} s in {rounds} rounds"
    ));
    report.field("open loop", &field);
    Ok(())
}
