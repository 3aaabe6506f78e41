//! Cost per request against the peers: processor time of all threads of a proxy, divided by what it served.
//!
//! Every scenario here is the same: start the field, run rounds in the closed loop, divide Trunkline's figure by each
//! peer's, round by round. With kept connections, system calls and context switches are counted as well.

use super::Rig;
use super::bars::{Bar, Report};
use crate::Failure;
use crate::field::{Field, Load, Sample};
use crate::identity;
use crate::peers::{ALL, Contender, FORMER, Setup};
use crate::statistics::{Estimate, estimate};

/// Per kept-alive request.
const SYSCALLS_MAX: f64 = 5.0;
const SWITCHES_MAX: f64 = 0.1;

pub(super) fn telemetry_on(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let setup = Setup { telemetry: true, ..Setup::default() };
    let bars = [("haproxy", 0.95, Some(0.90)), ("nginx", 0.95, Some(0.90)), ("envoy", 0.30, None)];
    keep_alive(rig, report, setup, &bars)
}

pub(super) fn telemetry_off(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    keep_alive(rig, report, Setup::default(), &[("haproxy", 0.88, Some(0.85))])
}

/// The relay runs along as the floor: nothing that moves the same bytes by the same calls costs less.
fn keep_alive(
    rig: &Rig,
    report: &mut Report,
    setup: Setup,
    bars: &[(&'static str, f64, Option<f64>)],
) -> Result<(), Failure> {
    let folder = rig.folder.below(if setup.telemetry { "on" } else { "off" })?;
    let load = rig.load();
    let contenders = contenders(rig, &ALL, setup);
    let mut field = Field::start(rig.site(&folder), &[], &contenders)?;
    field.rounds("1 KB", rig.rounds, &load)?;
    for (peer, wanted, goal) in bars {
        let bar =
            Bar::ratio(&format!("CPU per request ÷ {peer}"), *wanted, cpu_ratio(&field, peer));
        report.bar(Bar { goal: *goal, ..bar });
    }
    if let Some(ours) = field.find("trunkline") {
        let switches: Vec<f64> = ours.samples.iter().map(|sample| sample.switches).collect();
        let calls = ours.count_syscalls(&load, &folder)?;
        let bar = Bar::figure("system calls per request", "", SYSCALLS_MAX, calls.as_slice());
        let why = |_| "needs strace, and to be allowed to trace".to_owned();
        report.bar(Bar { measured: bar.measured.map_err(why), ..bar });
        report.bar(Bar::figure("context switches per request", "", SWITCHES_MAX, &switches));
    }
    for peer in ["relay", "haproxy"] {
        let calls = field.find(peer).map(|runner| runner.count_syscalls(&load, &folder));
        if let Some(calls) = calls.transpose()?.flatten() {
            report.line(format!("{peer} makes {calls:.2} system calls per request"));
        }
    }
    tell(report, &field, "relay");
    tell(report, &field, FORMER);
    report.field("1 KB", &field);
    Ok(())
}

/// These peers, and with `--former` the binary that it names.
fn contenders(rig: &Rig, peers: &[&'static str], setup: Setup) -> Vec<Contender> {
    let former = rig.arguments.has(FORMER).then_some(FORMER);
    peers.iter().copied().chain(former).map(|peer| Contender::new(peer, setup)).collect()
}

pub(super) fn bodies(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    for (title, bytes, connections) in [("64 KB", 64 << 10, rig.connections), ("1 MB", 1 << 20, 16)]
    {
        let folder = rig.folder.below(&format!("body-{bytes}"))?;
        let contenders = contenders(rig, &["trunkline", "relay", "haproxy"], Setup::default());
        let body = bytes.to_string();
        let mut field = Field::start(rig.site(&folder), &["--body", &body], &contenders)?;
        let load = Load { connections: connections.min(rig.connections), ..rig.load() };
        field.rounds(title, rig.rounds, &load)?;
        let text = format!("{title}: CPU per byte ÷ haproxy");
        report.bar(Bar::ratio(&text, 1.0, cpu_ratio(&field, "haproxy")));
        tell(report, &field, FORMER);
        report.field(title, &field);
    }
    Ok(())
}

pub(super) fn tls(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let folder = rig.folder.below("tls")?;
    identity::write(&folder)?;
    let setup = Setup { tls: true, ..Setup::default() };
    let load = Load { tls: Some(folder.join("root.pem")), ..rig.load() };
    against(rig, report, "tls", setup, &load, ("haproxy", 1.0))
}

pub(super) fn connections(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let load = Load { shape: "close", ..rig.load() };
    against(rig, report, "close", Setup::default(), &load, ("haproxy", 1.1))
}

/// Eight calls at a time on each connection, so that as many are under way as in the other scenarios.
pub(super) fn grpc(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let setup = Setup { http2: true, ..Setup::default() };
    let connections = rig.connections.div_ceil(8);
    let load = Load { shape: "grpc", connections, ..rig.load() };
    against(rig, report, "grpc", setup, &load, ("envoy", 0.9))
}

fn against(
    rig: &Rig,
    report: &mut Report,
    title: &'static str,
    setup: Setup,
    load: &Load,
    (peer, wanted): (&'static str, f64),
) -> Result<(), Failure> {
    let folder = rig.folder.below(title)?;
    let contenders = contenders(rig, &["trunkline", peer], setup);
    let backend: &[&str] = if setup.http2 { &["--shape", "grpc"] } else { &[] };
    let mut field = Field::start(rig.site(&folder), backend, &contenders)?;
    field.rounds(title, rig.rounds, load)?;
    let text = format!("CPU per request ÷ {peer}");
    report.bar(Bar::ratio(&text, wanted, cpu_ratio(&field, peer)));
    tell(report, &field, FORMER);
    report.field(title, &field);
    Ok(())
}

/// A ratio that is no bar, if that peer takes part.
fn tell(report: &mut Report, field: &Field, peer: &str) {
    if let Ok(Estimate { median, low, high }) = cpu_ratio(field, peer) {
        report.line(format!("CPU ÷ {peer} {median:.2} ({low:.2}..{high:.2})"));
    }
}

fn cpu_ratio(field: &Field, peer: &str) -> Result<Estimate, String> {
    ratio(field, "trunkline", peer, |sample| sample.cpu_us)
}

/// The figures of one proxy divided by those of another, round by round. A round in which either failed is void, and
/// so is the whole when it was more than one in a thousand requests.
pub(super) fn ratio(
    field: &Field,
    ours: &str,
    theirs: &str,
    of: fn(&Sample) -> f64,
) -> Result<Estimate, String> {
    let missing = |label: &str| field.missing.iter().find(|(name, _)| *name == label);
    let find = |label: &str| {
        field.find(label).ok_or_else(|| match missing(label) {
            Some((_, needs)) => format!("needs {needs}"),
            None => format!("without {label}"),
        })
    };
    let (ours, theirs) = (find(ours)?, find(theirs)?);
    let failures = |sample: &Sample| sample.failed > 0.001 * sample.per_second;
    for runner in [ours, theirs] {
        if runner.samples.iter().any(failures) {
            return Err(format!("requests through {} failed", runner.label));
        }
    }
    let pairs = ours.samples.iter().zip(&theirs.samples);
    let ratios: Vec<f64> = pairs.map(|(our, their)| of(our) / of(their)).collect();
    if ratios.is_empty() { Err("no rounds".to_owned()) } else { Ok(estimate(&ratios)) }
}
