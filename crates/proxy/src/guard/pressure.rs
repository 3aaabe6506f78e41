//! How hard pressed the process is: connections, descriptors and memory against their limits.
//!
//! Looked at a few times a second on the management runtime; workers read one number. What the
//! system does not tell limits nothing.

use std::fs;

use trunkline_resilience::overload::{Level, usage};

use crate::limits;
use crate::proxy::Proxy;

/// What is limited, in the order of its numbers.
pub(super) const RESOURCES: [&str; 3] = ["connections", "descriptors", "memory"];

/// Looks for as long as the proxy serves.
pub(crate) async fn keep_looking(proxy: Proxy) {
    let scope = proxy.scope().clone();
    let mut level = Level::Calm;
    let mut slow = Slow::look();
    let mut looks = 0_u32;
    loop {
        tokio::select! {
            () = scope.stopping() => return,
            () = tokio::time::sleep(limits::PRESSURE_LOOK) => {}
        }
        looks = looks.wrapping_add(1);
        // Counting descriptors takes a while where there are many.
        if looks.is_multiple_of(limits::PRESSURE_SLOW_LOOKS) {
            slow = tokio::task::spawn_blocking(Slow::look).await.unwrap_or(slow);
        }
        let next = look(&proxy, level, &slow);
        if next != level {
            tracing::warn!(from = level.as_str(), to = next.as_str(), "pressure on the process");
        }
        level = next;
    }
}

fn look(proxy: &Proxy, level: Level, slow: &Slow) -> Level {
    let Some(plan) = proxy.plan() else { return level };
    let settings = &plan.model.guard;
    let open: i64 = plan
        .listeners
        .iter()
        .flat_map(|listener| listener.counters.iter().map(|cell| cell.open.get()))
        .sum();
    let used = [
        usage(u64::try_from(open).unwrap_or(0), settings.connections.map(u64::from)),
        usage(slow.descriptors, slow.descriptors_max),
        usage(resident().unwrap_or(0), settings.memory.or(slow.memory_max)),
    ];
    let guard = proxy.guard();
    for (place, used) in guard.usage.iter().zip(used) {
        place.store(used, std::sync::atomic::Ordering::Relaxed);
    }
    let next = level.next(used.into_iter().max().unwrap_or(0));
    guard.set_level(next);
    next
}

/// What is not looked at every time.
#[derive(Debug, Clone, Copy, Default)]
struct Slow {
    descriptors: u64,
    descriptors_max: Option<u64>,
    memory_max: Option<u64>,
}

impl Slow {
    fn look() -> Self {
        let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Self { descriptors: open as u64, descriptors_max: limit.current, memory_max: memory_max() }
    }
}

/// Bytes of this process that are in memory.
fn resident() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes << 10)
}

/// What the control group of this process allows (cgroup v2, else v1); `None` for no limit.
fn memory_max() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = |line: &str| match line.splitn(3, ':').collect::<Vec<_>>().as_slice() {
        ["0", "", path] => Some(format!("/sys/fs/cgroup{path}/memory.max")),
        [_, kinds, path] if kinds.split(',').any(|kind| kind == "memory") => {
            Some(format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"))
        }
        _ => None,
    };
    let limits = groups.lines().filter_map(path).filter_map(|path| {
        let bytes: u64 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
        // Version 1 says "no limit" by a number near the greatest.
        (bytes < u64::MAX / 4).then_some(bytes)
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_what_is_used() {
        assert!(resident().is_some_and(|bytes| bytes > 1 << 20));
        let slow = Slow::look();
        assert!(slow.descriptors > 2 && slow.descriptors_max.is_none_or(|max| max > 2));
    }
}
