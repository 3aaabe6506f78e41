//! Memory of `trunkline serve` with ten thousand connections that were used once and wait, plain and with TLS.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use super::Rig;
use super::bars::{Bar, Report};
use crate::Failure;
use crate::field::{Field, part};
use crate::identity;
use crate::peers::{Contender, Setup};

const CONNECTIONS: u32 = 10_000;

/// Memory settles within it: what the last requests needed has been given back.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<(), Failure> {
    let plain = measure(rig, report, false)?;
    report.bar(Bar::figure("RSS with 10 000 idle connections", "MiB", 50.0, &[plain.whole_mib]));
    let secured = measure(rig, report, true)?;
    // The bars of a single connection are about heap, which `heap` counts; this is what it comes to with pages.
    report.line(format!(
        "RSS per connection: {:.2} KiB plain, {:.2} KiB with TLS",
        plain.each_kib, secured.each_kib
    ));
    Ok(())
}

struct Memory {
    whole_mib: f64,
    each_kib: f64,
}

fn measure(rig: &Rig, report: &mut Report, tls: bool) -> Result<Memory, Failure> {
    let folder = rig.folder.below(if tls { "idle-tls" } else { "idle" })?;
    identity::write(&folder)?;
    let setup = Setup { telemetry: true, tls, ..Setup::default() };
    let contenders = [Contender::new("trunkline", setup)];
    let field = Field::start(rig.site(&folder), &[], &contenders)?;
    let runner = field.find("trunkline").ok_or("needs a release build of trunkline")?;
    // What the first requests need for good is not counted to the connections.
    runner.measure(&crate::field::Load {
        tls: tls.then(|| folder.join("root.pem")),
        seconds: 0.2,
        ..rig.load()
    })?;
    std::thread::sleep(SETTLED_AFTER);
    let before = runner.process.rss_kib()?;
    let mut holder = part("hold")?;
    holder.args(["--to", &runner.port.to_string(), "--connections", &CONNECTIONS.to_string()]);
    if tls {
        holder.arg("--tls").arg(folder.join("root.pem"));
    }
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut said = String::new();
    BufReader::new(holder.stdout.take().ok_or("no output")?).read_line(&mut said)?;
    if said.trim() != "held" {
        holder.wait()?;
        return Err("the connections could not be opened".into());
    }
    std::thread::sleep(SETTLED_AFTER);
    let after = runner.process.rss_kib()?;
    drop(holder.stdin.take());
    holder.wait()?;
    let kind = if tls { "TLS" } else { "plain" };
    report.line(format!("{kind}: RSS {before} KiB before, {after} KiB with {CONNECTIONS}"));
    Ok(Memory {
        whole_mib: after as f64 / 1024.0,
        each_kib: after.saturating_sub(before) as f64 / f64::from(CONNECTIONS),
    })
}
