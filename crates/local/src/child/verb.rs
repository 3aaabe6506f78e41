//! The hidden verb `trunkline __child <parent> <line>`: the first moments of a child.
//!
//! Between being spawned and becoming the service it asks the kernel to be told when its parent
//! dies. That cannot be done from the parent's side without unsafe code between fork and exec.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The name of the verb.
pub const VERB: &str = "__child";

/// Why a child did not become its service.
#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    /// The arguments are not `<parent pid> <command line>`.
    #[error("`{VERB}` is called by trunkline itself, with a pid and a command line")]
    Arguments,
    /// The parent died before the child could ask to be told.
    #[error("the parent is gone")]
    Orphaned,
    /// The kernel refused the parent-death signal.
    #[error("no parent-death signal")]
    DeathSignal(#[source] io::Error),
    /// The shell could not be started.
    #[error("cannot run `/bin/sh`")]
    Shell(#[source] io::Error),
}

/// Becomes the service: returns only on failure. `arguments` are those after the verb.
///
/// The signal is SIGTERM, not SIGKILL, so that tools which pass it on take their own children
/// along; what ignores it is reaped by the next `up`.
pub fn become_child(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Infallible, VerbError> {
    let mut arguments = arguments.into_iter();
    let parent = arguments.next().and_then(|text| text.to_str()?.parse::<i32>().ok());
    let (Some(parent), Some(line)) = (parent, arguments.next()) else {
        return Err(VerbError::Arguments);
    };
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| VerbError::DeathSignal(error.into()))?;
    if getppid() != Pid::from_raw(parent) {
        return Err(VerbError::Orphaned);
    }
    Err(VerbError::Shell(Command::new("/bin/sh").arg("-c").arg(line).exec()))
}
