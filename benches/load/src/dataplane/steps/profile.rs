//! Samples of where a process spends its time, by `perf`, read as stacks.
//!
//! The clock of the processor is what is sampled: its counters are missing on most machines that are virtual.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::field::{Load, Runner};
use crate::process::find;

/// Not a divisor of what the kernel does at its own pace.
const SAMPLES_PER_SECOND: &str = "997";

/// How much of a thread's stack is kept with a sample, to follow it up from a copy or an allocation to who asked.
const STACK: &str = "dwarf,4096";

/// So long may `perf` take to begin.
const BEGIN_TIME: Duration = Duration::from_secs(5);

/// What is read of a sample besides where it fell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stacks {
    /// The kernel's stack.
    Kernel,
    /// The program's as well.
    Whole,
}

/// One sample: its frames, innermost first.
pub(super) type Sample = Vec<Frame>;

/// A function under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Within the file, for a program.
    pub(super) address: u64,
    pub(super) symbol: String,
    /// The file of the program or library, or `[kernel.kallsyms]` and the like.
    pub(super) module: String,
}

impl Frame {
    pub(super) fn is_kernel(&self) -> bool {
        self.module.starts_with("[kernel") || self.module.starts_with("[guest.kernel")
    }
}

/// The program `perf`.
pub(super) struct Perf(PathBuf);

impl Perf {
    pub(super) fn find() -> Result<Self, Failure> {
        find("perf").map(Self).ok_or_else(|| "skipped: needs perf (linux-perf)".into())
    }

    /// Samples of this proxy while it is under this load.
    pub(super) fn sample(
        &self,
        runner: &Runner,
        load: &Load,
        (folder, stacks): (&Path, Stacks),
    ) -> Result<Vec<Sample>, Failure> {
        let file = folder.join(format!("{}.perf", runner.label));
        let graph = if stacks == Stacks::Whole { STACK } else { "fp" };
        let mut recording = Command::new(&self.0)
            .args(["record", "--quiet", "--event", "cpu-clock", "-F", SAMPLES_PER_SECOND])
            .args(["--call-graph", graph, "--pid", &runner.process.id().to_string(), "--output"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let deadline = Instant::now() + BEGIN_TIME;
        while !file.exists() && recording.try_wait()?.is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let measured = runner.measure(load);
        let id = i32::try_from(recording.id()).ok().and_then(rustix::process::Pid::from_raw);
        let _ = id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::INT));
        recording.wait()?;
        measured?;

        let text = Command::new(&self.0)
            .args(["script", "--no-inline", "-F", "ip,sym,dso", "--input"])
            .arg(&file)
            .stderr(Stdio::null())
            .output()?;
        fs::remove_file(&file)?;
        let samples = parse(&String::from_utf8_lossy(&text.stdout));
        if !samples.iter().flatten().any(Frame::is_kernel) {
            return Err("skipped: needs to be allowed to sample the kernel".into());
        }
        Ok(samples)
    }
}

/// Reads what `perf script` prints: a block of lines for each sample, a frame on each line.
fn parse(text: &str) -> Vec<Sample> {
    let blocks = text.split("\n\n").map(|block| block.lines().filter_map(frame).collect());
    blocks.filter(|sample: &Sample| !sample.is_empty()).collect()
}

/// `1234 name of a function (/the/module)`.
fn frame(line: &str) -> Option<Frame> {
    let (address, rest) = line.trim().split_once(' ')?;
    let (symbol, module) = rest.rsplit_once(" (")?;
    Some(Frame {
        address: u64::from_str_radix(address, 16).ok()?,
        symbol: symbol.trim().to_owned(),
        module: module.trim_end_matches(')').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_frame_by_frame() {
        let text = "\n\
            \tffffffff8209a001 bbr_main ([kernel.kallsyms])\n\
            \t         13a9f26 <core::pin::Pin<P> as core::future::future::Future>::poll (/bin/a)\n\
            \tffffffffffffffff [unknown] ([unknown])\n\n\n\
            \t          16d80f memmove (/lib/libc.so.6)\n\n";
        let samples = parse(text);
        assert_eq!(samples.len(), 2);
        assert!(samples[0][0].is_kernel() && !samples[0][1].is_kernel());
        let second = &samples[0][1];
        assert_eq!((second.address, second.module.as_str()), (0x13a_9f26, "/bin/a"));
        assert_eq!(second.symbol, "<core::pin::Pin<P> as core::future::future::Future>::poll");
        assert_eq!(samples[1][0].symbol, "memmove");
    }
}
