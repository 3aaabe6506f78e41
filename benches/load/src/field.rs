//! Proxies that are measured together: started before one backend, driven in turn, read through /proc.
//!
//! Figures of one round are compared with each other only, and the ratios of all rounds give a median with its
//! interval: what the machine does besides changes from minute to minute and falls on all proxies of a round alike.
//! Each round begins with another proxy.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;
use crate::peers::{Contender, Site};
use crate::process::{Process, find, free_port};

/// The proxy has this core to itself; the backend and the load generator share the other.
pub(crate) const PROXY_CORE: u32 = 0;
pub(crate) const OTHER_CORE: u32 = 1;

/// How the generator is set for a measurement.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) seconds: f64,
    /// 0: closed loop.
    pub(crate) rate: u32,
    /// `keep`, `close` or `grpc`.
    pub(crate) shape: &'static str,
    /// The authority to trust; `None`: no TLS.
    pub(crate) tls: Option<PathBuf>,
    /// How many routes are asked for in turn; 0: one path.
    pub(crate) paths: u32,
}

impl Default for Load {
    fn default() -> Self {
        Self { connections: 64, seconds: 2.0, rate: 0, shape: "keep", tls: None, paths: 0 }
    }
}

/// One measurement of one proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Processor time of the proxy per request.
    pub(crate) cpu_us: f64,
    /// Context switches of the proxy per request, both kinds.
    pub(crate) switches: f64,
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) failed: f64,
}

impl Sample {
    pub(crate) fn json(&self) -> Value {
        json!({
            "cpu_us": self.cpu_us, "switches": self.switches, "per_second": self.per_second,
            "p50_us": self.p50_us, "p99_us": self.p99_us, "failed": self.failed,
        })
    }
}

/// A running proxy and what was measured of it.
pub(crate) struct Runner {
    pub(crate) label: &'static str,
    pub(crate) port: u16,
    pub(crate) process: Process,
    /// Cut after each measurement: a log must not fill the disk.
    log: Option<PathBuf>,
    pub(crate) samples: Vec<Sample>,
}

/// The proxies of one comparison and their backend.
pub(crate) struct Field {
    pub(crate) runners: Vec<Runner>,
    /// Who is not there, and what it needs.
    pub(crate) missing: Vec<(&'static str, &'static str)>,
    _backend: Process,
}

impl Field {
    /// Starts a backend with these arguments and the proxies before it. `site.backend` is set here.
    pub(crate) fn start(
        site: Site,
        backend: &[&str],
        contenders: &[Contender],
    ) -> Result<Self, Failure> {
        let port = free_port()?;
        let backend = start_backend(site.folder, port, backend)?;
        let site = Site { backend: port, ..site };
        let (mut runners, mut missing) = (Vec::new(), Vec::new());
        for contender in contenders {
            let port = free_port()?;
            let command = match contender.command(&site, port)? {
                Ok(command) => command,
                Err(needs) => {
                    missing.push((contender.label, needs));
                    continue;
                }
            };
            let log = contender.log(&site);
            let process = Process::start(contender.label, PROXY_CORE, &command, port, &log)?;
            let log = contender.setup.telemetry.then(|| contender.access_log(&site));
            let label = contender.label;
            runners.push(Runner { label, port, process, log, samples: Vec::new() });
        }
        Ok(Self { runners, missing, _backend: backend })
    }

    /// Measures every proxy once in each round and keeps the samples.
    pub(crate) fn rounds(
        &mut self,
        title: &str,
        rounds: usize,
        load: &Load,
    ) -> Result<(), Failure> {
        let count = self.runners.len().max(1);
        for round in 0..rounds {
            for turn in 0..count {
                let Some(runner) = self.runners.get_mut((round + turn) % count) else {
                    continue;
                };
                let sample = runner.measure(load)?;
                runner.samples.push(sample);
                eprintln!(
                    "{title:<14} round {}/{rounds}  {:<14} {:>8.1} µs CPU per request, p99 {:>7.0} µs",
                    round + 1,
                    runner.label,
                    sample.cpu_us,
                    sample.p99_us,
                );
            }
        }
        Ok(())
    }

    pub(crate) fn find(&self, label: &str) -> Option<&Runner> {
        self.runners.iter().find(|runner| runner.label == label)
    }
}

impl Runner {
    /// One run of the generator against this proxy, with what the proxy used meanwhile.
    pub(crate) fn measure(&self, load: &Load) -> Result<Sample, Failure> {
        let mut driver = driver(self.port, load)?.stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(driver.stdout.take().ok_or("no output")?).lines();
        let mut next =
            || lines.next().ok_or_else(|| format!("{}: the generator ended early", self.label));
        next()??;
        let before = self.process.usage()?;
        let seen: Value = serde_json::from_str(&next()??)?;
        let after = self.process.usage()?;
        driver.wait()?;
        if let Some(log) = self.log.as_ref().filter(|log| log.exists()) {
            fs::OpenOptions::new().write(true).open(log)?.set_len(0)?;
        }
        if let Some(failure) = seen.get("failure").and_then(Value::as_str) {
            eprintln!("{}: first failure: {failure}", self.label);
        }

        let number = |name| seen.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        let requests = number("requests").max(1.0);
        let cpu_ns = after.cpu_ns.saturating_sub(before.cpu_ns);
        Ok(Sample {
            cpu_us: cpu_ns as f64 / 1000.0 / requests,
            switches: after.switches.saturating_sub(before.switches) as f64 / requests,
            per_second: number("per_second"),
            p50_us: number("p50_us"),
            p99_us: number("p99_us"),
            failed: number("failed"),
        })
    }

    /// System calls per request, from a short run of its own: tracing makes everything slower, but not different.
    /// `None` where there is no strace or it may not trace, as in most containers.
    pub(crate) fn count_syscalls(
        &self,
        load: &Load,
        folder: &Path,
    ) -> Result<Option<f64>, Failure> {
        let Some(strace) = find("strace") else {
            return Ok(None);
        };
        let counts = folder.join(format!("{}.strace", self.label));
        let mut tracer = Command::new(strace)
            .args(["-c", "-f", "-p", &self.process.id().to_string(), "-o"])
            .arg(&counts)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        std::thread::sleep(Duration::from_millis(300));
        let load = Load { seconds: 1.0, ..load.clone() };
        let output = driver(self.port, &load)?.stderr(Stdio::inherit()).output()?;
        let id = i32::try_from(tracer.id()).ok().and_then(rustix::process::Pid::from_raw);
        let _ = id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::INT));
        tracer.wait()?;

        let said = String::from_utf8_lossy(&output.stdout);
        let seen: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
        let answered = seen.get("answered").and_then(Value::as_f64).unwrap_or(0.0);
        let counted = fs::read_to_string(&counts).unwrap_or_default();
        let total = counted.lines().rfind(|line| line.ends_with("total"));
        let calls = total.and_then(|line| line.split_whitespace().nth(3)?.parse::<f64>().ok());
        Ok(calls.filter(|_| answered > 0.0).map(|calls| calls / answered))
    }
}

/// A part of the rig that runs beside the proxies, on the other core.
pub(crate) fn part(verb: &str) -> Result<Command, Failure> {
    let mut command = Command::new("taskset");
    command.args(["-c", &OTHER_CORE.to_string()]).arg(std::env::current_exe()?).arg(verb);
    Ok(command)
}

fn driver(port: u16, load: &Load) -> Result<Command, Failure> {
    let mut command = part("drive")?;
    command.args(["--to", &port.to_string(), "--connections", &load.connections.to_string()]);
    command.args(["--seconds", &load.seconds.to_string(), "--rate", &load.rate.to_string()]);
    command.args(["--shape", load.shape, "--paths", &load.paths.to_string()]);
    if let Some(root) = &load.tls {
        command.arg("--tls").arg(root);
    }
    Ok(command)
}

fn start_backend(folder: &Path, port: u16, arguments: &[&str]) -> Result<Process, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["backend", "--port", &port.to_string()]).args(arguments);
    Process::start("backend", OTHER_CORE, &command, port, &folder.join("backend.log"))
}

/// A folder of this run, removed with everything in it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("trunkline-load-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// A folder within it.
    pub(crate) fn below(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.0.join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
