//! The machine: room on the disk, the clock, and what the kernel grants watchers of files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use trunkline_local::state;
use trunkline_rt::Clock;

use super::Check;
use crate::environment;

/// Below this much room logs may soon be lost.
const ROOM_LITTLE: u64 = 1 << 30;
/// Below this much room nothing works for long.
const ROOM_NONE: u64 = 64 << 20;
/// Watches that a few large repositories use up.
const WATCHES_FEW: u64 = 16_384;
/// Watchers that an editor, a browser and a few runs use up.
const INSTANCES_FEW: u64 = 64;
/// How far the clock may be behind a file that exists.
const BEHIND_MAX: Duration = Duration::from_secs(60 * 60);

pub(super) fn look() -> Vec<Check> {
    let limits =
        [("max_user_watches", WATCHES_FEW, "524288"), ("max_user_instances", INSTANCES_FEW, "512")];
    let watches = limits.into_iter().filter_map(|(name, few, better)| limit(name, few, better));
    room().into_iter().chain([clock()]).chain(watches).collect()
}

/// Free room where state and logs are kept.
fn room() -> Option<Check> {
    let base = state::base(environment::read)?;
    let there = base.ancestors().find(|folder| folder.is_dir())?;
    let found = rustix::fs::statvfs(there).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let what = format!("{} free for state and logs in {}", bytes(free), there.display());
    let fix = format!("df -h {}, and make room", there.display());
    Some(match free {
        _ if free < ROOM_NONE => Check::failed(what, fix),
        _ if free < ROOM_LITTLE => Check::warning(what, fix),
        _ => Check::good(what),
    })
}

fn bytes(count: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = UNITS.into_iter().find(|(_, shift)| count >> shift > 0);
    unit.map_or_else(|| format!("{count} B"), |(unit, shift)| format!("{} {unit}", count >> shift))
}

/// A clock that is behind makes fresh certificates look as if they were of tomorrow.
fn clock() -> Check {
    let now = Clock::system().wall();
    let newest = [std::env::current_exe().ok(), environment::data_folder().map(|at| at.join("ca"))];
    let changed = newest.into_iter().flatten().filter_map(|path| changed(&path)).max();
    let behind = changed.and_then(|changed| changed.duration_since(now).ok());
    match behind.filter(|behind| *behind > BEHIND_MAX) {
        Some(behind) => Check::failed(
            format!("the clock is behind files of this machine by {} h", behind.as_secs() / 3_600),
            "sudo timedatectl set-ntp true",
        ),
        None => Check::good("the clock is not behind the files of this machine"),
    }
}

fn changed(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// A limit of inotify(7); `None` where there is no such thing.
fn limit(name: &str, few: u64, better: &str) -> Option<Check> {
    let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
    let granted = text.trim().parse::<u64>().ok()?;
    let what = format!("inotify {name} is {granted}");
    let fix = format!("sudo sysctl fs.inotify.{name}={better}");
    Some(if granted < few { Check::warning(what, fix) } else { Check::good(what) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_largest_unit() {
        let check = |count, expected: &str| assert_eq!(bytes(count), expected);
        check(512, "512 B");
        check(ROOM_NONE, "64 MiB");
        check(ROOM_LITTLE + 5, "1 GiB");
    }

    #[test]
    fn this_machine_has_a_clock() {
        assert_eq!(clock().state, super::super::State::Good);
    }
}
