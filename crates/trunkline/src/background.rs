//! `up --detach`: a run without a terminal, and the command that starts it and sees it become ready.
//!
//! The command starts this binary anew with the same arguments and `--background`. That process is
//! in a session of its own, so a closed terminal does not reach it. What it says comes through a
//! pipe until it is ready; then it lets go of the pipe and says the rest to the run's log.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;

use crate::cli::Context;
use crate::exit::{Exit, Failure, Verdict};
use crate::print::{Printer, sent};

/// The file with what a run in the background has to say itself.
const LOG: &str = "run.log";
/// The argument that makes a run one of the background. Its value is how wide the terminal of the
/// other process is; 0 if it has none.
pub(crate) const ARGUMENT: &str = "--background";
/// The line after which nothing more comes.
const READY: &str = "\0\u{4}";
/// Lines that may wait to be shown.
const LINES_MAX: usize = 256;

/// This process's tie to the one that started it.
#[derive(Debug)]
pub(crate) struct Background {
    log: PathBuf,
}

impl Background {
    /// Leaves the session of the process that started this one. `folder` is the run's.
    pub(crate) fn of_run(folder: &Path) -> Self {
        Self { log: folder.join(LOG) }
    }

    /// Tells the other process that everything is ready, and speaks to the log from now on.
    pub(crate) fn let_go(&mut self) {
        use std::io::Write as _;
        let mut out = io::stdout().lock();
        // If the other process is gone already, that is no reason to stop.
        let _ = writeln!(out, "{READY}").and_then(|()| out.flush());
        drop(out);
        let opened: io::Result<File> =
            OpenOptions::new().create(true).append(true).mode(0o600).open(&self.log);
        if let Ok(log) = opened {
            let _ = rustix::stdio::dup2_stdout(&log);
            let _ = rustix::stdio::dup2_stderr(&log);
        }
    }
}

/// Leaves the session of the terminal: its end does not reach this process any more.
pub(crate) fn leave_terminal() -> Result<(), Failure> {
    rustix::process::setsid().map(drop).map_err(|error| {
        Failure::new(format_args!("cannot leave the session of the terminal: {error}"))
    })
}

/// A printer for this process, whose output is passed on.
pub(crate) fn printer(context: &Context, columns: usize) -> Printer {
    Printer::remote(context.printer.settings(), Some(columns).filter(|columns| *columns > 0))
}

/// Starts a run in the background, shows what it says, and returns when it is ready.
pub(crate) async fn start(context: &Context) -> Verdict {
    let printer = &context.printer;
    let columns = printer.data_columns().filter(|_| printer.data.is_on()).unwrap_or(0);
    let (output, mut child) = spawn(columns).map_err(|error| {
        Failure::new(format_args!("the run in the background cannot be started: {error}"))
    })?;
    let (lines, mut received) = mpsc::channel(LINES_MAX);
    let reading = tokio::task::spawn_blocking(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let mut progress = printer.progress_lines();
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(100));
    let mut shown = Vec::new();
    let mut interrupted = false;
    let ready = loop {
        tokio::select! {
            line = received.recv() => match line {
                None => break false,
                Some(line) if line == READY => break true,
                Some(line) => match sent(&line) {
                    Some(pending) => shown = pending,
                    None => progress.around(|| printer.data(&line)),
                },
            },
            _ = tick.tick() => progress.show(&shown),
            _ = tokio::signal::ctrl_c() => {
                interrupted = true;
                interrupt(&child);
            }
        }
    };
    progress.clear();
    // The reader may wait for a pipe that lives as long as the run.
    reading.abort();
    if ready {
        return Ok(Exit::Done);
    }
    let status = tokio::task::spawn_blocking(move || child.wait()).await;
    let code = status.ok().and_then(Result::ok).and_then(|status| status.code());
    if interrupted {
        return Ok(Exit::Interrupted);
    }
    let exits = Exit::TABLE.iter();
    let exit =
        exits.filter(|(exit, ..)| *exit != Exit::Done).find(|row| Some(row.1.into()) == code);
    Err(Failure::told(exit.map_or(Exit::Failed, |row| row.0)))
}

fn spawn(columns: usize) -> io::Result<(io::PipeReader, Child)> {
    let (output, input) = io::pipe()?;
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    arguments.insert(end, format!("{ARGUMENT}={columns}").into());
    let child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input)
        .spawn()?;
    Ok((output, child))
}

fn interrupt(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::INT);
    }
}
