//! The table of processes, as `/proc` shows it (proc(5)); Linux only.
//!
//! Everything read here may be gone a moment later. Whoever signals a process therefore goes
//! through [`signal`], which holds the process by a file descriptor while it checks that it is
//! still the one that was seen.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::run::{RUN_VARIABLE, RunId, SERVICE_VARIABLE};

/// At most this much of an environment is searched for the marks; they are put in front.
const ENVIRONMENT_BYTES_MAX: u64 = 256 * 1024;

/// What is known of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its pid.
    pub pid: u32,
    /// Its program's name, cut to 15 characters by the kernel.
    pub name: String,
    /// State letter: `Z` is a zombie.
    pub state: char,
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// When it started, in clock ticks since the machine did.
    pub started_ticks: u64,
}

/// The marks that children of a run carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The run it belongs to.
    pub run: RunId,
    /// The service it belongs to.
    pub service: Option<String>,
}

impl Stat {
    /// Whether it has ended and only waits to be noticed by its parent.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// What is known of the process `pid`; `None` if there is none.
pub fn stat(pid: u32) -> Option<Stat> {
    parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields by their numbers in proc(5); the name may hold anything, so it ends at the last `)`.
fn parse_stat(pid: u32, text: &str) -> Option<Stat> {
    let (before, after) = text.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let mut fields = after.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let started_ticks = fields.nth(16)?.parse().ok()?;
    Some(Stat { pid, name, state, parent, group, started_ticks })
}

/// The pid namespace of this process, by its inode (namespaces(7)); `None` without a `/proc`.
pub fn own_namespace() -> Option<u64> {
    fs::metadata("/proc/self/ns/pid").ok().map(|namespace| namespace.ino())
}

/// All processes of this machine (or container) that belong to the user of this process.
pub fn of_this_user() -> Vec<Stat> {
    let uid = rustix::process::geteuid().as_raw();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::metadata(format!("/proc/{pid}")).is_ok_and(|meta| meta.uid() == uid))
        .filter_map(stat)
        .collect()
}

/// The marks in the environment a process was started with; `None` if it carries none, is a
/// zombie, or may not be read.
pub fn marks(pid: u32) -> Option<Marks> {
    let file = fs::File::open(format!("/proc/{pid}/environ")).ok()?;
    let mut environment = Vec::new();
    file.take(ENVIRONMENT_BYTES_MAX).read_to_end(&mut environment).ok()?;
    let value = |name: &str| {
        environment.split(|byte| *byte == 0).find_map(|variable| {
            let value = variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            std::str::from_utf8(value).ok()
        })
    };
    let run = value(RUN_VARIABLE)?.parse().ok()?;
    Some(Marks { run, service: value(SERVICE_VARIABLE).map(str::to_owned) })
}

/// The command line of a process, for people; empty if it cannot be read.
pub fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

/// Signals exactly the process that was seen, never one that took over its pid. Says whether it
/// was still there.
pub fn signal(seen: &Stat, signal: Signal) -> bool {
    let Some(pid) = i32::try_from(seen.pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else {
        return false;
    };
    let same = stat(seen.pid).is_some_and(|now| now.started_ticks == seen.started_ticks);
    same && pidfd_send_signal(held, signal).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_is_read() {
        let text = "7 (a) b) S 1 5 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 10 20";
        let stat = parse_stat(7, text).unwrap();
        assert_eq!((stat.name.as_str(), stat.state, stat.parent, stat.group), ("a) b", 'S', 1, 5));
        assert_eq!(stat.started_ticks, 4242);
    }

    #[test]
    fn this_process_is_in_the_table() {
        let pid = std::process::id();
        assert!(of_this_user().iter().any(|stat| stat.pid == pid && !stat.is_zombie()));
    }
}
