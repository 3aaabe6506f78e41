//! The identity of one run of `up`: every process it starts carries it in its environment.
//!
//! It is the pid and the start time of the run's own process, so that anybody can tell later
//! whether that run is still alive, even when the pid was given to somebody else. Pids mean
//! something within one pid namespace only, so the id names that too: seen from the machine, the
//! run of a container has the pid of some other process or of none.

use std::fmt;
use std::str::FromStr;

use crate::processes;

/// The environment variable that carries the run's id.
pub const RUN_VARIABLE: &str = "TRUNKLINE_RUN";
/// The environment variable that carries the name of the service a process belongs to.
pub const SERVICE_VARIABLE: &str = "TRUNKLINE_SERVICE";

/// One run of `up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId {
    /// Pid of the process that runs `up`.
    pub pid: u32,
    /// When that process started, in clock ticks since the machine did.
    pub started_ticks: u64,
    /// The pid namespace in which that pid is that process (`pid_namespaces(7)`).
    pub namespace: u64,
}

/// The text is not the id of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a run")]
pub struct InvalidRunId;

impl RunId {
    /// The id of a run by this process. `None` without a `/proc`.
    pub fn of_this_process() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// The id of a run by a process of this pid namespace. `None` if there is no such process.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self {
            pid,
            started_ticks: processes::stat(pid)?.started_ticks,
            namespace: processes::own_namespace()?,
        })
    }

    /// Whether its pid means anything here: of a run elsewhere it cannot be said how it is.
    pub fn is_here(self) -> bool {
        processes::own_namespace() == Some(self.namespace)
    }

    /// Whether the process that runs it is still there; only of use if the run [is
    /// here](Self::is_here). A zombie is dead.
    pub fn is_alive(self) -> bool {
        processes::stat(self.pid)
            .is_some_and(|stat| stat.started_ticks == self.started_ticks && !stat.is_zombie())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.pid, self.started_ticks, self.namespace)
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let mut parts = text.split('.');
        let (Some(pid), Some(started), Some(namespace), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidRunId);
        };
        Ok(Self {
            pid: pid.parse().map_err(|_| InvalidRunId)?,
            started_ticks: started.parse().map_err(|_| InvalidRunId)?,
            namespace: namespace.parse().map_err(|_| InvalidRunId)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_and_this_run_is_alive() {
        let run = RunId::of_this_process().unwrap();
        assert_eq!(run.to_string().parse(), Ok(run));
        assert!(run.is_alive());
    }

    #[test]
    fn a_reused_pid_is_not_the_run() {
        let run = RunId::of_this_process().unwrap();
        assert!(!RunId { started_ticks: run.started_ticks + 1, ..run }.is_alive());
        for text in ["12", "1.2", "a.b.c", "1.2.3.4"] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }
}
