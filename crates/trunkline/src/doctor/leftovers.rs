//! What earlier runs left: processes, folders, remembered places of folders that are gone.

use std::path::PathBuf;
use std::time::Duration;

use trunkline_local::plan::is_free;
use trunkline_local::reap;

use super::{Check, Project};
use crate::{environment, place, runs};

/// How long a process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// The line that mends all of it.
const FIX: &str = "trunkline doctor --fix";

pub(super) fn look(project: Option<&Project>) -> Vec<Check> {
    let mut checks = Vec::new();
    let left = reap::left_by_dead_runs();
    for one in &left {
        let service = one.service.as_deref().unwrap_or("a service");
        let what = format!("process {} of {service} outlived its run: {}", one.pid, one.command);
        checks.push(Check::warning(what, FIX));
    }
    let folders = runs::stale(&environment::runtime_folder());
    for folder in &folders {
        checks.push(Check::warning(format!("{} is of a dead run", folder.display()), FIX));
    }
    for (_, directory) in forgotten() {
        let what = format!("ports are remembered for {}, which is gone", directory.display());
        checks.push(Check::warning(what, FIX));
    }
    if checks.is_empty() {
        checks.push(Check::good("no process or folder of a dead run"));
    }
    checks.extend(project.and_then(remembered));
    checks
}

/// Ends, removes and forgets; says what was done.
pub(crate) fn mend() -> Vec<String> {
    let mut done: Vec<String> = reap::dead_runs(GRACE)
        .into_iter()
        .map(|one| format!("ended process {}: {}", one.pid, one.command))
        .collect();
    for folder in runs::stale(&environment::runtime_folder()) {
        if runs::remove_stale(&folder) {
            done.push(format!("removed {}", folder.display()));
        }
    }
    for (file, directory) in forgotten() {
        if std::fs::remove_file(&file).is_ok() {
            done.push(format!("forgot the ports of {}", directory.display()));
        }
    }
    done
}

/// Remembered places whose folder is gone: the file, and the folder.
fn forgotten() -> Vec<(PathBuf, PathBuf)> {
    let all = place::memories().into_iter();
    let gone = all.filter(|(_, memory)| !memory.directory.is_dir());
    gone.map(|(file, memory)| (file, memory.directory)).collect()
}

/// A project that stays on other ports although the usual ones are free again.
fn remembered(project: &Project) -> Option<Check> {
    let file = place::memory_file(&project.directory)?;
    let memory = place::read(&file).filter(|memory| memory.port_set > 0)?;
    let usual = project.loader.clone().with(|options| options.port_set = 0).load().model?;
    let free = place::addresses(&usual).values().all(|address| is_free(address.port()));
    let set = memory.port_set;
    let what = format!("this folder keeps the ports of copy {set}, as before");
    let mut check = Check::good(what);
    if free {
        check.fix.push(format!("rm {}, for the usual ones, which are free", file.display()));
    }
    Some(check)
}
