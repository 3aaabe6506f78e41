//! One child process: how it is started, watched, signalled and never forgotten.
//!
//! All children are spawned by the one thread of the [`Spawner`], because the parent-death signal
//! that the hidden verb asks for fires when the *thread* that spawned ends, and a runtime's threads
//! come and go. Each child leads its own process group, so that a signal reaches its whole family
//! and a Ctrl-C in the terminal reaches only Trunkline. Its standard input is a pipe that stays
//! open and empty: watchers such as esbuild end when their input does.

mod lines;
mod spawner;
mod verb;

use std::io;
use std::os::fd::OwnedFd;
use std::process::{ChildStdin, ExitStatus};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;

pub use lines::{LINE_BYTES_MAX, Lines};
pub use spawner::{Launcher, Order, Spawner};
pub use verb::{VERB, VerbError, become_child};

/// A running child. Dropping it kills its process group.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    exit: AsyncFd<OwnedFd>,
    _stdin: Option<ChildStdin>,
    reaped: bool,
}

/// The outputs of a child.
#[derive(Debug)]
pub struct Outputs {
    /// Its standard output.
    pub stdout: pipe::Receiver,
    /// Its standard error.
    pub stderr: pipe::Receiver,
}

impl Child {
    /// What cannot be watched is ended: nobody would.
    fn watch(mut process: std::process::Child) -> io::Result<(Self, Outputs)> {
        match Self::open(&mut process) {
            Ok((exit, outputs)) => {
                let stdin = process.stdin.take();
                Ok((Self { process, exit, _stdin: stdin, reaped: false }, outputs))
            }
            Err(error) => {
                let _ = pid_of(&process).map(|pid| kill_process_group(pid, Signal::KILL));
                let _ = process.wait();
                Err(error)
            }
        }
    }

    fn open(process: &mut std::process::Child) -> io::Result<(AsyncFd<OwnedFd>, Outputs)> {
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdout = process.stdout.take().ok_or_else(missing)?;
        let stderr = process.stderr.take().ok_or_else(missing)?;
        let outputs = Outputs {
            stdout: pipe::Receiver::from_owned_fd(stdout.into())?,
            stderr: pipe::Receiver::from_owned_fd(stderr.into())?,
        };
        let held = pidfd_open(pid_of(process)?, PidfdFlags::NONBLOCK)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe for types that may change their descriptor; an `OwnedFd` cannot"
        )]
        let exit = AsyncFd::new(held)?;
        Ok((exit, outputs))
    }

    /// Its pid, which is also the id of its process group.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has ended. It is not reaped yet, so its pid cannot be given away. Cancel safe.
    pub async fn exited(&self) {
        // A descriptor that cannot be polled reads as ended; `reap` then waits for real.
        let _ = self.exit.readable().await;
    }

    /// Signals the whole process group.
    pub fn signal_group(&self, signal: Signal) {
        if !self.reaped
            && let Ok(pid) = pid_of(&self.process)
        {
            // The group may be empty by now, which is what a signal wants to reach.
            let _ = kill_process_group(pid, signal);
        }
    }

    /// Kills what is left of its group, and takes its exit status. Call it after [`Child::exited`].
    pub fn reap(mut self) -> io::Result<ExitStatus> {
        self.signal_group(Signal::KILL);
        self.reaped = true;
        self.process.wait()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.signal_group(Signal::KILL);
            self.reaped = true;
            // After SIGKILL this takes no longer than the kernel needs.
            let _ = self.process.wait();
        }
    }
}

fn pid_of(process: &std::process::Child) -> io::Result<Pid> {
    let raw = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
    raw.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_cannot_be_watched_does_not_live_on() {
        let mut deaf = Command::new("sleep");
        let process = deaf.arg("60").stdout(Stdio::null()).process_group(0).spawn().unwrap();
        let pid = pid_of(&process).unwrap();
        assert!(Child::watch(process).is_err(), "it has no output to read");
        assert!(rustix::process::test_kill_process(pid).is_err());
    }
}
