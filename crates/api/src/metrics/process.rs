//! What the kernel says of this process (`/proc`, proc(5)). What cannot be read is left out.

use std::fs;

use super::catalog;
use super::text::Writer;

/// Ticks per second of CPU times in `/proc/self/stat`: 100 on every Linux that we run on
/// (`USER_HZ`, which is part of its interface).
const TICKS_PER_SECOND: f64 = 100.0;

/// Size of a page where the kernel does not say otherwise; `status` tells memory in kB instead.
const KIB: u64 = 1024;

pub(super) fn write(writer: &mut Writer) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |name: &str| field(&status, name);
    if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(Stat::parse)
    {
        writer.family(&catalog::PROCESS_CPU).float(&[], stat.cpu_seconds);
        if let Some(boot) = boot_seconds() {
            let start = boot + stat.start_seconds;
            writer.family(&catalog::PROCESS_START).float(&[], start);
        }
    }
    let mut gauge = |family, value: Option<u64>| {
        if let Some(value) = value {
            writer.family(family).number(&[], value);
        }
    };
    gauge(&catalog::PROCESS_RESIDENT, number("VmRSS:").map(|kib| kib * KIB));
    gauge(&catalog::PROCESS_VIRTUAL, number("VmSize:").map(|kib| kib * KIB));
    gauge(&catalog::PROCESS_THREADS, number("Threads:"));
    gauge(&catalog::PROCESS_FDS, open_descriptors());
    gauge(&catalog::PROCESS_FDS_MAX, descriptors_max());
}

/// The first number of the line that starts with `name`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

struct Stat {
    cpu_seconds: f64,
    /// After the boot of the machine.
    start_seconds: f64,
}

impl Stat {
    /// Fields 14, 15 and 22; the second field is a name in brackets that may hold anything.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let ticks = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_seconds: (ticks(14)? + ticks(15)?) / TICKS_PER_SECOND,
            start_seconds: ticks(22)? / TICKS_PER_SECOND,
        })
    }
}

fn boot_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

fn open_descriptors() -> Option<u64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    // The reading itself has one open.
    u64::try_from(entries.saturating_sub(1)).ok()
}

fn descriptors_max() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/limits").ok()?, "Max open files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_confuse() {
        let rest = "S 1 1 1 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0 1000 0 0";
        let stat = Stat::parse(&format!("7 (a) b) {rest}")).unwrap();
        assert!((stat.cpu_seconds - 3.0).abs() < 1e-9, "{}", stat.cpu_seconds);
        assert!((stat.start_seconds - 10.0).abs() < 1e-9);
        assert!(Stat::parse("7 (a").is_none());
    }
}
