//! The figures of a comparison, as a table to read and as JSON to keep.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::field::Sample;
use crate::statistics::{Estimate, estimate, median};

/// A proxy and everything that was measured of it.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    /// What must be installed to measure it.
    pub(crate) needs: Option<&'static str>,
    pub(crate) closed: Vec<Sample>,
    pub(crate) open: Vec<Sample>,
    pub(crate) rss_kib: Option<u64>,
    pub(crate) syscalls: Option<f64>,
}

impl Measured {
    pub(crate) fn new(name: &'static str) -> Self {
        let (closed, open) = (Vec::new(), Vec::new());
        Self { name, needs: None, closed, open, rss_kib: None, syscalls: None }
    }
}

/// What is compared: a name, which loop it is taken from, and how.
type Metric = (&'static str, fn(&Measured) -> Vec<f64>);

const RATIOS: [Metric; 5] = [
    ("CPU, closed", |m| values(&m.closed, |s| s.cpu_us)),
    ("CPU, open", |m| values(&m.open, |s| s.cpu_us)),
    ("req/s, closed", |m| values(&m.closed, |s| s.per_second)),
    ("p50, open", |m| values(&m.open, |s| s.p50_us)),
    ("p99, open", |m| values(&m.open, |s| s.p99_us)),
];

fn values(samples: &[Sample], of: fn(&Sample) -> f64) -> Vec<f64> {
    samples.iter().map(of).collect()
}

/// Trunkline's figures divided by the peer's, round by round.
fn ratios(ours: &Measured, theirs: &Measured, of: fn(&Measured) -> Vec<f64>) -> Estimate {
    let paired: Vec<f64> =
        of(ours).iter().zip(of(theirs)).map(|(our, their)| our / their).collect();
    estimate(&paired)
}

pub(crate) fn table(all: &[Measured], rate: u32, connections: u32) -> String {
    let mut out = format!(
        "\n{connections} connections, one core; medians; open loop at {rate} requests/s\n\n"
    );
    let heads = [
        "CPU µs/req",
        "(open)",
        "req/s",
        "p50 µs",
        "p99 µs",
        "RSS MiB",
        "syscalls",
        "switches",
        "failed",
    ];
    let _ = writeln!(out, "{:<10}{}", "", heads.map(|head| format!("{head:>12}")).concat());
    for peer in all {
        let line = match peer.needs {
            Some(needs) => format!("  skipped: needs {needs}"),
            None => figures(peer).map(|figure| format!("{figure:>12}")).concat(),
        };
        let _ = writeln!(out, "{:<10}{line}", peer.name);
    }
    for ((ours, theirs), first) in
        pairs(all).zip(std::iter::once(true).chain(std::iter::repeat(false)))
    {
        if first {
            let heads = RATIOS.map(|(name, _)| format!("{name:>28}")).concat();
            let _ = writeln!(
                out,
                "\ntrunkline ÷ peer, median of paired rounds (95 % interval)\n{:<10}{heads}",
                ""
            );
        }
        let cells = RATIOS.map(|(_, of)| {
            let ratio = ratios(ours, theirs, of);
            format!("{:>28}", format!("{:.2} ({:.2}..{:.2})", ratio.median, ratio.low, ratio.high))
        });
        let _ = writeln!(out, "{:<10}{}", theirs.name, cells.concat());
    }
    out
}

fn figures(peer: &Measured) -> [String; 9] {
    let of = |samples: &[Sample], of: fn(&Sample) -> f64| median(&values(samples, of));
    let or_none = |figure: Option<String>| figure.unwrap_or_else(|| "-".to_owned());
    let failed: f64 = peer.closed.iter().chain(&peer.open).map(|sample| sample.failed).sum();
    [
        format!("{:.1}", of(&peer.closed, |s| s.cpu_us)),
        format!("{:.1}", of(&peer.open, |s| s.cpu_us)),
        format!("{:.0}", of(&peer.closed, |s| s.per_second)),
        format!("{:.0}", of(&peer.open, |s| s.p50_us)),
        format!("{:.0}", of(&peer.open, |s| s.p99_us)),
        or_none(peer.rss_kib.map(|kib| format!("{:.1}", kib as f64 / 1024.0))),
        or_none(peer.syscalls.map(|calls| format!("{calls:.2}"))),
        format!("{:.3}", of(&peer.closed, |s| s.switches)),
        format!("{failed:.0}"),
    ]
}

/// Trunkline with each other peer that was measured.
fn pairs(all: &[Measured]) -> impl Iterator<Item = (&Measured, &Measured)> {
    let measured = |peer: &&Measured| !peer.closed.is_empty();
    let ours = all.iter().filter(measured).find(|peer| peer.name == "trunkline");
    let others = all.iter().filter(measured).filter(|peer| peer.name != "trunkline");
    others.filter_map(move |theirs| Some((ours?, theirs)))
}

pub(crate) fn json(all: &[Measured], rate: u32, connections: u32) -> String {
    let samples = |samples: &[Sample]| -> Vec<Value> { samples.iter().map(Sample::json).collect() };
    let peers: Vec<Value> = all
        .iter()
        .map(|peer| {
            json!({
                "name": peer.name, "needs": peer.needs, "rss_kib": peer.rss_kib, "syscalls": peer.syscalls,
                "closed": samples(&peer.closed), "open": samples(&peer.open),
            })
        })
        .collect();
    let ratios: Vec<Value> = pairs(all)
        .flat_map(|(ours, theirs)| {
            RATIOS.map(|(metric, of)| {
                let ratio = ratios(ours, theirs, of);
                json!({
                    "peer": theirs.name, "metric": metric,
                    "median": ratio.median, "low": ratio.low, "high": ratio.high,
                })
            })
        })
        .collect();
    let whole = json!({ "version": 1, "rate": rate, "connections": connections, "peers": peers, "ratios": ratios });
    format!("{whole:#}\n")
}
