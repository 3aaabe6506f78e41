//! The first process of a container: what the kernel expects of process 1, so that nobody needs a
//! separate program for it.
//!
//! The kernel ignores every signal that process 1 has no handler for, and gives it every orphan to
//! collect. So as process 1 the binary only starts itself a second time, passes signals on, collects
//! what ends, and ends as that one did. After an upgrade it goes on with the successor.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitCode, ExitStatus};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::environment;

/// Signals that are passed on.
const PASSED_ON: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2];

/// Stands in for the binary if this is process 1; `None` if it is not, or must do it itself.
pub(crate) fn stand_in() -> Option<ExitCode> {
    // Sockets that were passed to process 1 by number are for process 1 alone.
    let [listening, ..] = environment::passed_sockets();
    if std::process::id() != 1 || listening == "1" {
        return None;
    }
    // What cannot be had is done without: the binary runs as process 1 itself then.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let _context = runtime.enter();
    let mut signals = Vec::new();
    for passed in PASSED_ON {
        signals.push((passed, signal(SignalKind::from_raw(passed.as_raw())).ok()?));
    }
    let mut ended = signal(SignalKind::child()).ok()?;
    let mut main = start()?;
    Some(runtime.block_on(async {
        loop {
            if let Some(status) = collect(main) {
                match successor() {
                    Some(next) if status.success() => main = next,
                    _ => return code(status),
                }
            }
            tokio::select! {
                _ = ended.recv() => {}
                passed = any(&mut signals) => drop(kill_process(main, passed)),
            }
        }
    }))
}

/// The next signal that is to be passed on.
async fn any(signals: &mut [(Signal, tokio::signal::unix::Signal)]) -> Signal {
    std::future::poll_fn(|context| {
        for (passed, signal) in &mut *signals {
            if signal.poll_recv(context).is_ready() {
                return std::task::Poll::Ready(*passed);
            }
        }
        std::task::Poll::Pending
    })
    .await
}

/// Starts the binary again, in a process group that has the terminal: what is typed there must not
/// reach it twice.
fn start() -> Option<Pid> {
    let mut arguments = std::env::args_os();
    let name = arguments.next()?;
    let mut command = Command::new(std::env::current_exe().ok()?);
    command.arg0(name).args(arguments).process_group(0);
    let child = command.spawn().ok()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).ok()?)?;
    // Without a terminal there is nothing to give.
    let _ = rustix::termios::tcsetpgrp(std::io::stdin(), pid);
    Some(pid)
}

/// Collects everything that has ended; tells how `main` did, if it was among that.
fn collect(main: Pid) -> Option<ExitStatus> {
    let mut found = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if pid == main {
            found = Some(exit_status(status));
        }
    }
    found
}

fn exit_status(status: WaitStatus) -> ExitStatus {
    ExitStatus::from_raw(status.as_raw())
}

fn code(status: ExitStatus) -> ExitCode {
    let number = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(number).unwrap_or(1))
}

/// The process that the main one has handed over to: it is ours since that one ended.
fn successor() -> Option<Pid> {
    let processes = std::fs::read_dir("/proc").ok()?;
    let numbers = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let taken_over = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let takes = line.split(|byte| *byte == 0).any(|word| word == b"--takeover");
        takes && parent(*pid) == Some(1)
    };
    numbers.filter(taken_over).find_map(Pid::from_raw)
}

fn parent(pid: i32) -> Option<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in brackets and may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}
