//! Which step of a request a sample belongs to: by the file that a function stands in, or by the system call.
//!
//! Functions that were inlined count for where they were written. What belongs to no step by itself (copies, memory,
//! buffers, fields of heads, the standard library) counts for whoever asked for it, so that the innermost frame that
//! names a step is the one that decides.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::profile::{Frame, Sample};
use crate::Failure;

/// Where the time of a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Parse,
    Route,
    Filter,
    Protect,
    Balance,
    Forward,
    Observe,
    Exchange,
    Runtime,
    Read,
    Write,
    WakeUp,
    Epoll,
    OtherKernel,
}

impl Step {
    /// In the order of a report: those of user space first.
    pub(super) const ALL: [Self; 14] = [
        Self::Parse,
        Self::Route,
        Self::Filter,
        Self::Protect,
        Self::Balance,
        Self::Forward,
        Self::Observe,
        Self::Exchange,
        Self::Runtime,
        Self::Read,
        Self::Write,
        Self::WakeUp,
        Self::Epoll,
        Self::OtherKernel,
    ];
    pub(super) const LAST_OF_USER: Self = Self::Runtime;

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Route => "route",
            Self::Filter => "filter",
            Self::Protect => "protect",
            Self::Balance => "balance",
            Self::Forward => "forward",
            Self::Observe => "observe",
            Self::Exchange => "exchange, which calls them",
            Self::Runtime => "runtime: tasks, sockets, timers",
            Self::Read => "read",
            Self::Write => "write, and what it delivers",
            Self::WakeUp => "wake-ups",
            Self::Epoll => "epoll",
            Self::OtherKernel => "other",
        }
    }

    pub(super) fn is_kernel(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::WakeUp | Self::Epoll | Self::OtherKernel)
    }
}

/// Rooms of the source, below `crates`; the longest that fits decides.
const ROOMS: [(&str, Step); 31] = [
    ("proxy/src/decode/http", Step::Parse),
    ("proxy/src/decode/sniff", Step::Parse),
    ("net/src/http1/request", Step::Parse),
    ("net/src/http1/response", Step::Parse),
    ("net/src/http1/scan", Step::Parse),
    ("net/src/http1/body", Step::Parse),
    ("net/src/http1/chunked", Step::Parse),
    ("net/src/http/strict", Step::Parse),
    ("proxy/src/route", Step::Route),
    ("proxy/src/plan", Step::Route),
    ("model/src/route", Step::Route),
    ("proxy/src/filter", Step::Filter),
    ("proxy/src/caller", Step::Filter),
    ("proxy/src/cache", Step::Filter),
    ("filters/src", Step::Filter),
    ("proxy/src/protect", Step::Protect),
    ("proxy/src/shield", Step::Protect),
    ("proxy/src/guard", Step::Protect),
    ("resilience/src", Step::Protect),
    ("proxy/src/protect/seat", Step::Balance),
    ("proxy/src/balance", Step::Balance),
    ("resilience/src/balance", Step::Balance),
    ("proxy/src/forward", Step::Forward),
    ("proxy/src/decode/http1/answer", Step::Forward),
    ("net/src/http1/client", Step::Forward),
    ("proxy/src/observe", Step::Observe),
    ("proxy/src/context", Step::Observe),
    ("proxy/src/worker/requests", Step::Observe),
    ("rt/src/ring", Step::Observe),
    ("api/src", Step::Observe),
    ("proxy/src/exchange", Step::Exchange),
];

/// Functions by which the kernel wakes who waits for what was written.
const WAKING: [&str; 4] =
    ["try_to_wake_up", "ep_poll_callback", "sock_def_readable", "__wake_up_common"];

/// System calls, by how the names of the kernel's functions begin.
const CALLS: [(&str, Step); 11] = [
    ("__x64_sys_send", Step::Write),
    ("__x64_sys_write", Step::Write),
    ("__x64_sys_splice", Step::Write),
    ("__x64_sys_recv", Step::Read),
    ("__x64_sys_read", Step::Read),
    ("__x64_sys_epoll", Step::Epoll),
    ("__arm64_sys_send", Step::Write),
    ("__arm64_sys_write", Step::Write),
    ("__arm64_sys_recv", Step::Read),
    ("__arm64_sys_read", Step::Read),
    ("__arm64_sys_epoll", Step::Epoll),
];

/// The step of a sample that fell into the kernel.
pub(super) fn kernel_step(sample: &Sample) -> Option<Step> {
    let kernel = || sample.iter().take_while(|frame| frame.is_kernel());
    kernel().next()?;
    if kernel().any(|frame| WAKING.iter().any(|name| frame.symbol.starts_with(name))) {
        return Some(Step::WakeUp);
    }
    let call = |frame: &Frame| CALLS.iter().find(|(name, _)| frame.symbol.starts_with(name));
    Some(kernel().find_map(call).map_or(Step::OtherKernel, |(_, step)| *step))
}

/// The steps of a program's addresses.
pub(super) struct Sources {
    program: String,
    steps: BTreeMap<u64, Step>,
}

impl Sources {
    /// Looks up every address of the program that was sampled.
    pub(super) fn of(
        addr2line: &Path,
        program: &Path,
        samples: &[Sample],
    ) -> Result<Self, Failure> {
        let program = fs::canonicalize(program)?;
        let segments = segments(&fs::read(&program)?).ok_or("the program is no ELF file")?;
        let name = program.display().to_string();
        let within = samples.iter().flatten().filter(|frame| frame.module == name);
        let linked: BTreeMap<u64, u64> =
            within.map(|frame| (linked_address(frame.address, &segments), frame.address)).collect();
        let places = ask(addr2line, &program, linked.keys())?;
        let mut steps = BTreeMap::new();
        let mut address = None;
        for line in places.lines() {
            if let Some(next) = line.strip_prefix("0x") {
                let next = u64::from_str_radix(next, 16)?;
                address = linked.get(&next);
            } else if let (Some(address), Some(step)) = (address, step_of_file(line)) {
                // Innermost first: what came first decides.
                steps.entry(*address).or_insert(step);
            }
        }
        Ok(Self { program: name, steps })
    }

    /// The step of a sample that fell into the program or a library.
    pub(super) fn step(&self, sample: &Sample) -> Step {
        let mut ours = sample.iter().filter(|frame| frame.module == self.program);
        let known = ours.find_map(|frame| self.steps.get(&frame.address));
        known.copied().unwrap_or(Step::Runtime)
    }
}

/// For each address a line with it, and a line for each place in the source that it belongs to, innermost first.
fn ask<'a>(
    addr2line: &Path,
    program: &Path,
    addresses: impl Iterator<Item = &'a u64>,
) -> Result<String, Failure> {
    let asked: String = addresses.map(|address| format!("{address:#x}\n")).collect();
    let mut asking = Command::new(addr2line)
        .args(["--addresses", "--inlines", "--exe"])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = asking.stdin.take().ok_or("no input")?;
    // It answers while it is asked: one of both must not wait for the other.
    let writing = std::thread::spawn(move || input.write_all(asked.as_bytes()));
    let answer = asking.wait_with_output()?;
    writing.join().map_err(|_| "addresses could not be asked for")??;
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}

/// The step of a file, with its path as the compiler saw it.
fn step_of_file(path: &str) -> Option<Step> {
    if path.contains("/httparse-") {
        return Some(Step::Parse);
    }
    let below = path.rsplit_once("/crates/").map(|(_, below)| below);
    let room = below.or_else(|| path.strip_prefix("crates/"))?;
    let fitting = ROOMS.iter().filter(|(prefix, _)| room.starts_with(prefix));
    fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, step)| *step)
}

/// A part of a program's file that is loaded: its offset, its address and its length.
type Segment = (u64, u64, u64);

/// What is loaded of an ELF file of 64 bits, little endian (System V ABI, "Program Header").
fn segments(file: &[u8]) -> Option<Vec<Segment>> {
    let word = |at: usize| Some(u64::from_le_bytes(file.get(at..at + 8)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_le_bytes(file.get(at..at + 2)?.try_into().ok()?));
    file.strip_prefix(b"\x7fELF\x02\x01")?;
    let (table, size, count) = (word(32)?, half(54)?, half(56)?);
    let mut loaded = Vec::new();
    for index in 0..usize::from(count) {
        let at = usize::try_from(table).ok()? + index * usize::from(size);
        // PT_LOAD.
        if half(at)? == 1 {
            loaded.push((word(at + 8)?, word(at + 16)?, word(at + 32)?));
        }
    }
    Some(loaded)
}

/// `perf` tells places in the file, `addr2line` wants addresses.
fn linked_address(offset: u64, segments: &[Segment]) -> u64 {
    let within = |&&(begin, _, length): &&Segment| (begin..begin + length).contains(&offset);
    segments.iter().find(within).map_or(offset, |(begin, address, _)| offset - begin + address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_file_tells_its_step() {
        for (path, step) in [
            ("/home/me/trunkline/crates/proxy/src/route/table.rs:12", Some(Step::Route)),
            ("crates/proxy/src/protect/seat.rs:7", Some(Step::Balance)),
            ("crates/proxy/src/protect.rs:7", Some(Step::Protect)),
            ("crates/proxy/src/decode/http1/answer.rs:7 (discriminator 2)", Some(Step::Forward)),
            ("crates/net/src/buffer.rs:90", None),
            ("/registry/src/index/httparse-1.10.1/src/lib.rs:3", Some(Step::Parse)),
            ("/registry/src/index/tokio-1.54.0/src/task/raw.rs:3", None),
            ("??:0", None),
        ] {
            assert_eq!(step_of_file(path), step, "{path}");
        }
    }

    #[test]
    fn the_kernel_is_told_by_calls_and_what_they_wake() {
        let frame = |symbol: &str, module: &str| Frame {
            address: 0,
            symbol: symbol.to_owned(),
            module: module.to_owned(),
        };
        let kernel = |symbols: &[&str]| -> Sample {
            let inner = symbols.iter().map(|symbol| frame(symbol, "[kernel.kallsyms]"));
            inner.chain([frame("__send", "libc.so.6")]).collect()
        };
        let step = |symbols: &[&str]| kernel_step(&kernel(symbols));
        assert_eq!(step(&["tcp_ack", "__x64_sys_sendto"]), Some(Step::Write));
        assert_eq!(step(&["ep_poll_callback", "__x64_sys_sendto"]), Some(Step::WakeUp));
        assert_eq!(step(&["tcp_recvmsg", "__x64_sys_recvfrom"]), Some(Step::Read));
        assert_eq!(step(&["schedule", "__x64_sys_epoll_wait"]), Some(Step::Epoll));
        assert_eq!(step(&["asm_exc_page_fault"]), Some(Step::OtherKernel));
        assert_eq!(step(&[]), None);
    }

    #[test]
    fn places_in_a_file_become_addresses() {
        let segments = [(0, 0, 0x100), (0x100, 0x1100, 0x50)];
        assert_eq!(linked_address(0x80, &segments), 0x80);
        assert_eq!(linked_address(0x120, &segments), 0x1120);
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!super::segments(&own).unwrap().is_empty());
    }
}
