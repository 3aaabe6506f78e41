//! Processes of the rig: started on one core, read through /proc, ended by their own id.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// A running part of the rig; dropping it ends it.
pub(crate) struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts a command on one core and waits until its port accepts. What it says goes to `log`.
    pub(crate) fn start(
        name: &str,
        core: u32,
        command: &Command,
        port: u16,
        log: &Path,
    ) -> Result<Self, Failure> {
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", &core.to_string()]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            pinned.env(name, value.unwrap_or_default());
        }
        // Appended to, so that it can be cut while the process writes to it.
        let said = fs::OpenOptions::new().create(true).append(true).open(log)?;
        pinned.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let child = pinned.spawn().map_err(|e| format!("{name}: taskset: {e}"))?;
        let mut process = Self { child, name: name.to_owned() };
        process.wait_for(port, log)?;
        Ok(process)
    }

    fn wait_for(&mut self, port: u16, log: &Path) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(format!("{} does not accept on port {port}\n{said}", self.name).into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the process has used so far, all threads together.
    pub(crate) fn usage(&self) -> Result<Usage, Failure> {
        let mut usage = Usage::default();
        for thread in fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let thread = thread?.path();
            let scheduled = fs::read_to_string(thread.join("schedstat"))?;
            usage.cpu_ns +=
                scheduled.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
            let status = fs::read_to_string(thread.join("status"))?;
            usage.switches += field(&status, "voluntary_ctxt_switches:");
            usage.switches += field(&status, "nonvoluntary_ctxt_switches:");
        }
        Ok(usage)
    }

    /// Memory that is in RAM and counted to the process, in KiB.
    pub(crate) fn rss_kib(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        Ok(field(&status, "VmRSS:"))
    }

    /// The most memory that it ever had in RAM, in KiB.
    pub(crate) fn peak_kib(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        Ok(field(&status, "VmHWM:"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM first: a proxy may have sockets and files to tidy away.
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let _ = id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::TERM));
        let deadline = Instant::now() + Duration::from_secs(3);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Totals since the process began.
#[derive(Default, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu_ns: u64,
    pub(crate) switches: u64,
}

fn field(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A port that nobody has now. The rig runs alone on its machine, so it is still free a moment later.
pub(crate) fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether a program can be found.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file()))
}
