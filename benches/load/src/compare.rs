//! The comparison: rounds in which every peer is measured once, each round beginning with another peer.
//!
//! Figures of one round are compared with each other only, and the ratios of all rounds give a median with its
//! interval: what the machine does besides changes from minute to minute and falls on all peers of a round alike.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Failure;
use crate::arguments::Arguments;
use crate::peers::{self, Site};
use crate::process::{Process, find, free_port};
use crate::report::{self, Measured, Sample};

/// The proxy has this core to itself; the backend and the load generator share the other.
const PROXY_CORE: u32 = 0;
const OTHER_CORE: u32 = 1;

/// How the generator is set for a measurement.
struct Load {
    connections: u32,
    seconds: f64,
    /// 0: closed loop.
    rate: u32,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let rounds: usize = arguments.get("rounds", 9)?;
    let seconds: f64 = arguments.get("seconds", 2.0)?;
    let rate: u32 = arguments.get("rate", 3_000)?;
    let connections = arguments.get("connections", 64)?;
    if find("taskset").is_none() {
        return Err("skipped: needs taskset (util-linux)".into());
    }
    let folder = Folder::make()?;
    let backend_port = free_port()?;
    let _backend = start_backend(arguments, &folder.0, backend_port)?;
    let site = Site { folder: &folder.0, backend: backend_port, arguments };
    let mut measured = start_peers(&site)?;
    let mut running: Vec<_> = measured.iter_mut().filter(|peer| peer.process.is_some()).collect();

    let closed = Load { connections, seconds, rate: 0 };
    let open = Load { connections, seconds, rate };
    let count = running.len();
    for round in 0..rounds {
        for turn in 0..count {
            let Some(peer) = running.get_mut((round + turn) % count.max(1)) else {
                continue;
            };
            peer.closed.push(measure(peer, &closed)?);
            peer.open.push(measure(peer, &open)?);
            let last = peer.closed.last().map_or(0.0, |sample| sample.cpu_us);
            eprintln!(
                "round {}/{rounds}  {:<10} {last:>7.1} µs CPU per request",
                round + 1,
                peer.name
            );
        }
    }
    for peer in running {
        peer.rss_kib = peer.process.as_ref().map(Process::rss_kib).transpose()?;
        peer.syscalls = count_syscalls(peer, connections, &folder.0)?;
    }
    println!("{}", report::table(&measured, rate, connections));
    if let Some(file) = arguments.text("json") {
        fs::write(file, report::json(&measured, rate, connections))?;
    }
    Ok(())
}

fn start_backend(arguments: &Arguments, folder: &Path, port: u16) -> Result<Process, Failure> {
    let body: usize = arguments.get("body", 1024)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["backend", "--port", &port.to_string(), "--body", &body.to_string()]);
    Process::start("backend", OTHER_CORE, &command, port, &folder.join("backend.log"))
}

fn start_peers(site: &Site) -> Result<Vec<Measured>, Failure> {
    let mut measured = Vec::new();
    for peer in peers::all(site)? {
        let log = site.folder.join(format!("{}.log", peer.name));
        let mut entry = Measured::new(peer.name, peer.port);
        match peer.command {
            Ok(command) => {
                let process = Process::start(peer.name, PROXY_CORE, &command, peer.port, &log)?;
                entry.process = Some(process);
            }
            Err(needs) => entry.needs = Some(needs),
        }
        measured.push(entry);
    }
    Ok(measured)
}

/// One run of the generator against one proxy, with what the proxy used meanwhile.
fn measure(peer: &Measured, load: &Load) -> Result<Sample, Failure> {
    let process = peer.process.as_ref().ok_or("not running")?;
    let mut driver = driver(peer.port, load)?.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(driver.stdout.take().ok_or("no output")?).lines();
    let mut next =
        || lines.next().ok_or_else(|| format!("{}: the generator ended early", peer.name));
    next()??;
    let before = process.usage()?;
    let seen: Value = serde_json::from_str(&next()??)?;
    let after = process.usage()?;
    driver.wait()?;

    let number = |name| seen.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let requests = number("requests").max(1.0);
    Ok(Sample {
        cpu_us: (after.cpu_ns - before.cpu_ns) as f64 / 1000.0 / requests,
        switches: after.switches.saturating_sub(before.switches) as f64 / requests,
        per_second: number("per_second"),
        p50_us: number("p50_us"),
        p99_us: number("p99_us"),
        failed: number("failed"),
    })
}

fn driver(port: u16, load: &Load) -> Result<Command, Failure> {
    let mut command = Command::new("taskset");
    command.args(["-c", &OTHER_CORE.to_string()]).arg(std::env::current_exe()?).arg("drive");
    command.args(["--to", &port.to_string(), "--connections", &load.connections.to_string()]);
    command.args(["--seconds", &load.seconds.to_string(), "--rate", &load.rate.to_string()]);
    Ok(command)
}

/// System calls per request, from a short run of its own: tracing makes everything slower, but not different.
fn count_syscalls(
    peer: &Measured,
    connections: u32,
    folder: &Path,
) -> Result<Option<f64>, Failure> {
    let (Some(process), Some(strace)) = (&peer.process, find("strace")) else {
        return Ok(None);
    };
    let counts = folder.join(format!("{}.strace", peer.name));
    let mut tracer = Command::new(strace)
        .args(["-c", "-f", "-p", &process.id().to_string(), "-o"])
        .arg(&counts)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    std::thread::sleep(Duration::from_millis(300));
    let load = Load { connections, seconds: 1.0, rate: 0 };
    let output = driver(peer.port, &load)?.stderr(Stdio::inherit()).output()?;
    let id = i32::try_from(tracer.id()).ok().and_then(rustix::process::Pid::from_raw);
    let _ = id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::INT));
    tracer.wait()?;

    let said = String::from_utf8_lossy(&output.stdout);
    let seen: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
    let answered = seen.get("answered").and_then(Value::as_f64).unwrap_or(0.0);
    // Tracing may be forbidden here, as in most containers: then there is no total.
    let counted = fs::read_to_string(&counts).unwrap_or_default();
    let total = counted.lines().rfind(|line| line.ends_with("total"));
    let calls = total.and_then(|line| line.split_whitespace().nth(3)?.parse::<f64>().ok());
    Ok(calls.filter(|_| answered > 0.0).map(|calls| calls / answered))
}

/// A folder of this run, removed with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("trunkline-load-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
