//! Running things one after the other, with a heading before and a table of timings after.
//!
//! The first failure stops the verb. Output of commands is never captured: what a test runner says is what is seen.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A step that did not work: its name and what to look at.
pub(crate) type Outcome = Result<(), String>;

/// What has run so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration, bool)>,
}

impl Steps {
    /// Runs `work` under a heading and remembers how long it took.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
        eprintln!("\n== {name}");
        let begun = Instant::now();
        let outcome = work().map_err(|failure| format!("{name}: {failure}"));
        self.done.push((name.to_owned(), begun.elapsed(), outcome.is_ok()));
        outcome
    }

    /// Runs a command under a heading; it inherits our output and gets no input.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) -> Outcome {
        self.step(name, || execute(command))
    }

    /// One line per step and their sum.
    pub(crate) fn print_timings(&self) {
        if self.done.len() < 2 {
            return;
        }
        eprintln!();
        for (name, elapsed, passed) in &self.done {
            let mark = if *passed { "ok  " } else { "FAIL" };
            eprintln!("  {mark} {name:<44} {:>8.1} s", elapsed.as_secs_f64());
        }
        let sum: Duration = self.done.iter().map(|(_, elapsed, _)| *elapsed).sum();
        eprintln!("       {:<44} {:>8.1} s", "all steps", sum.as_secs_f64());
    }
}

/// Runs a command to its end, showing it first. An exit code other than 0 is an error.
pub(crate) fn execute(command: &mut Command) -> Outcome {
    let shown = show(command);
    eprintln!("$ {shown}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|e| format!("`{shown}` did not start: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` ended with {status}")) }
}

/// Runs a command and returns what it wrote to standard output; its errors stay visible.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("`{shown}` did not start: {e}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("`{shown}` ended with {}", output.status))
    }
}

/// A command line, split at spaces, run at the root of the repository.
pub(crate) fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(root());
    command
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    let xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().map_or_else(|| xtask.clone(), PathBuf::from)
}

/// Where cargo builds: what we make ourselves (virtual environments, fuzz builds) goes below it.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
