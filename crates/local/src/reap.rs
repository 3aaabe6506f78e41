//! Ending processes that nobody owns any more.
//!
//! A tool between Trunkline and a server (`npm`, `go run`, a shell) may die and leave its children,
//! and a killed Trunkline leaves everything. Each process of a run carries the run's id in its
//! environment, inherited however deep: `up` ends whatever carries the id of a dead run, and the
//! supervisor ends what is left of a service when its process is gone. Processes that cleaned
//! their environment are found as descendants of those that did not.
//!
//! All functions here block: call them from a blocking thread.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use trunkline_rt::Clock;

use crate::processes::{self, Marks, Stat};
use crate::run::RunId;

/// How often the table is read while processes are ending.
const POLL: Duration = Duration::from_millis(10);
/// How long a process may take to vanish after SIGKILL.
const KILLED_MAX: Duration = Duration::from_secs(2);

/// A process that was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// Its pid.
    pub pid: u32,
    /// Its command line, or its name.
    pub command: String,
    /// The service it belonged to, if it said so.
    pub service: Option<String>,
}

/// Ends everything that dead runs of this user left. Live runs are not touched, and neither are
/// runs of another pid namespace: whether those are alive cannot be seen from here.
pub fn dead_runs(grace: Duration) -> Vec<Reaped> {
    sweep(grace, |marks| marks.run.is_here() && !marks.run.is_alive())
}

/// What dead runs of this user left, still running.
pub fn left_by_dead_runs() -> Vec<Reaped> {
    let is_left = |marks: &Marks| marks.run.is_here() && !marks.run.is_alive();
    find(&is_left).iter().map(reaped).collect()
}

/// Ends everything that belongs to `run`.
pub fn whole_run(run: RunId, grace: Duration) -> Vec<Reaped> {
    sweep(grace, |marks| marks.run == run)
}

/// Ends everything that belongs to one service of `run`.
pub fn service(run: RunId, name: &str, grace: Duration) -> Vec<Reaped> {
    sweep(grace, |marks| marks.run == run && marks.service.as_deref() == Some(name))
}

/// SIGTERM to all that match, `grace` to end, then SIGKILL, until none is left or time is up. Each
/// pass reads the table anew, so what is forked meanwhile is found too.
fn sweep(grace: Duration, matches: impl Fn(&Marks) -> bool) -> Vec<Reaped> {
    let clock = Clock::system();
    let begin = clock.now();
    let mut terminated = BTreeSet::new();
    let mut reaped = Vec::new();
    loop {
        let found = find(&matches);
        let elapsed = clock.now() - begin;
        if found.is_empty() || elapsed > grace + KILLED_MAX {
            return reaped;
        }
        for (stat, marks) in &found {
            if terminated.insert((stat.pid, stat.started_ticks)) {
                reaped.push(self::reaped(&(stat.clone(), marks.clone())));
                processes::signal(stat, Signal::TERM);
            }
            if elapsed >= grace {
                processes::signal(stat, Signal::KILL);
            }
        }
        thread::sleep(POLL);
    }
}

fn reaped((stat, marks): &(Stat, Option<Marks>)) -> Reaped {
    let service = marks.as_ref().and_then(|marks| marks.service.clone());
    Reaped { pid: stat.pid, command: command(stat), service }
}

/// Processes whose marks match, and their descendants; never this process or one of its ancestors.
fn find(matches: &impl Fn(&Marks) -> bool) -> Vec<(Stat, Option<Marks>)> {
    let all = processes::of_this_user();
    let own = lineage(&all, std::process::id());
    let mut found: Vec<(Stat, Option<Marks>)> = Vec::new();
    let mut pids = BTreeSet::new();
    for stat in all.iter().filter(|stat| !own.contains(&stat.pid) && !stat.is_zombie()) {
        if let Some(marks) = processes::marks(stat.pid).filter(matches) {
            pids.insert(stat.pid);
            found.push((stat.clone(), Some(marks)));
        }
    }
    for stat in all.iter().filter(|stat| !own.contains(&stat.pid) && !stat.is_zombie()) {
        let descends = || lineage(&all, stat.parent).iter().any(|pid| pids.contains(pid));
        if !pids.contains(&stat.pid) && !pids.is_empty() && descends() {
            found.push((stat.clone(), None));
        }
    }
    found
}

/// `pid`, its parent, and so on up to the first.
fn lineage(all: &[Stat], pid: u32) -> BTreeSet<u32> {
    let mut line = BTreeSet::new();
    let mut next = pid;
    while next > 1 && line.insert(next) {
        next = all.iter().find(|stat| stat.pid == next).map_or(0, |stat| stat.parent);
    }
    line
}

fn command(stat: &Stat) -> String {
    let line = processes::command_line(stat.pid);
    if line.is_empty() { stat.name.clone() } else { line }
}
