//! The gateway under test: its folder, its configuration in many variants, its processes one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::backend::Backend;
use crate::Failure;
use crate::process::free_port;

/// How long processes may take to end when the soak is over.
const END: Duration = Duration::from_secs(40);

/// Folder, ports and backends of one soak.
pub(super) struct Site {
    pub(super) folder: PathBuf,
    pub(super) gateway: u16,
    pub(super) control: u16,
    pub(super) metrics: u16,
    https: u16,
    workers: u32,
    pub(super) backends: [Backend; 3],
    binary: PathBuf,
    /// Every process that served, the last one last.
    pub(super) pids: Vec<u32>,
}

impl Site {
    pub(super) fn new(binary: &Path, folder: &Path, workers: u32) -> Result<Self, Failure> {
        for name in ["project", "data", "state", "run"] {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::set_permissions(
            folder.join("run"),
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )?;
        Ok(Self {
            folder: folder.to_owned(),
            gateway: free_port()?,
            control: free_port()?,
            metrics: free_port()?,
            https: free_port()?,
            workers,
            backends: [Backend::start()?, Backend::start()?, Backend::start()?],
            binary: binary.to_owned(),
            pids: Vec::new(),
        })
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("project/trunkline.yaml")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// A verb of the binary, in a world of its own.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("-C").arg(self.folder.join("project"));
        for (name, folder) in [
            ("HOME", ""),
            ("XDG_DATA_HOME", "data"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(name, self.folder.join(folder));
        }
        command.stdin(Stdio::null());
        command
    }

    /// Writes variant `number` of the configuration, replacing the file at once. Targets, endpoints, balancing,
    /// checks, time limits, headers, further routes and services and a listener come and go; every variant
    /// answers every caller, and says by a header which one it is.
    pub(super) fn write(&self, number: usize) -> Result<(), Failure> {
        let [one, two, three] = self.backends.each_ref().map(|backend| backend.port);
        let pick = |of: &[&'static str], every: usize| {
            of.get(number / every % of.len()).copied().unwrap_or_default()
        };
        let to = pick(
            &["alpha", "beta", "[{ service: alpha, weight: 3 }, { service: beta, weight: 1 }]"],
            1,
        );
        let third = if number.is_multiple_of(3) {
            format!(", \"127.0.0.1:{three}\"")
        } else {
            String::new()
        };
        let https = if number / 10 % 2 == 1 {
            format!("\"127.0.0.1:{}\"", self.https)
        } else {
            "off".to_owned()
        };
        let text = format!(
            "version: 1
name: soak
workers: {workers}
gateway:
  http: \"127.0.0.1:{gateway}\"
  https: {https}
  access_log: off
  drain: {{ max: 30s }}
management: {{ control: {control}, metrics: {metrics}, jaeger: off }}
routes:
  - {{ match: \"/**\", to: {to}, response: {{ set: {{ x-soak: \"{number}\" }} }} }}
  - {{ match: \"/extra-{extra}/**\", to: extra-{extra} }}
services:
  alpha: {{ endpoints: [\"127.0.0.1:{one}\", \"127.0.0.1:{two}\"{third}], balance: {balance}, health: {health} }}
  beta: {{ endpoints: [\"127.0.0.1:{two}\", \"127.0.0.1:{three}\"], timeout: {timeout} }}
  extra-{extra}: {{ external: \"127.0.0.1:{one}\" }}
",
            workers = self.workers,
            gateway = self.gateway,
            control = self.control,
            metrics = self.metrics,
            extra = number % 7,
            balance = pick(&["round_robin", "least_request"], 2),
            health = pick(&["off", "/healthz"], 4),
            timeout = pick(&["20s", "25s"], 5),
        );
        let fresh = self.folder.join("project/trunkline.new");
        fs::write(&fresh, text)?;
        fs::rename(fresh, self.file())?;
        Ok(())
    }

    /// The process that serves now.
    pub(super) fn pid(&self) -> Option<u32> {
        self.pids.last().copied()
    }

    pub(super) fn signal(&self, signal: rustix::process::Signal) -> Result<(), Failure> {
        let id = self.pid().and_then(|pid| i32::try_from(pid).ok());
        let id = id.and_then(rustix::process::Pid::from_raw).ok_or("not running")?;
        Ok(rustix::process::kill_process(id, signal)?)
    }

    /// Ends the last process in order, and waits until none of them is left.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        self.signal(rustix::process::Signal::TERM)?;
        let deadline = Instant::now() + END;
        while let Some(left) = self.pids.iter().find(|pid| self.is_ours(**pid)) {
            if Instant::now() > deadline {
                return Err(format!("process {left} has not ended within {END:?}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.pids.clear();
        Ok(())
    }

    /// Whether this process still runs our file: ids come back in time.
    fn is_ours(&self, pid: u32) -> bool {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let file = self.file();
        let file = file.as_os_str().as_encoded_bytes();
        words.split(|byte| *byte == 0).any(|word| word == file)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for pid in &self.pids {
            let id = i32::try_from(*pid).ok().filter(|_| self.is_ours(*pid));
            if let Some(id) = id.and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
            }
        }
    }
}
