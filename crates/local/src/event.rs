//! What happens to services, for whoever prints or shows it.
//!
//! Events go through one bounded channel. A slow reader loses log lines, which are counted and
//! remain on disk, before it loses anything else; it never slows a service down.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use trunkline_model::ServiceName;

use crate::logs::Line;
use crate::readiness::Evidence;

/// Events that may wait for the reader.
pub const EVENTS_MAX: usize = 4096;
/// Places that log lines may not take.
const RESERVED: usize = 256;

/// Something happened to a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Which service.
    pub service: ServiceName,
    /// When.
    pub at: SystemTime,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// It waits until these services are ready.
    Waiting {
        /// Those that are not ready yet.
        on: Vec<ServiceName>,
    },
    /// Its sources changed.
    Changed {
        /// The first of the files, relative to its folder.
        files: Vec<String>,
        /// How many more there are.
        more: usize,
    },
    /// It is being built.
    Building {
        /// Whether a former instance serves meanwhile.
        serving: bool,
    },
    /// It was built.
    Built {
        /// In this time.
        after: Duration,
    },
    /// It could not be built.
    BuildFailed {
        /// Why, for people: `exited with code 1`.
        reason: String,
        /// What the build wrote last, oldest first.
        last_lines: Vec<String>,
        /// The time it took.
        after: Duration,
        /// Whether a former instance goes on serving.
        serving: bool,
    },
    /// Changes of its sources are noticed late or not at all.
    NotWatched {
        /// Why, for people.
        reason: String,
        /// Something that may help, for people.
        hint: Option<String>,
    },
    /// Its process was started.
    Starting {
        /// Pid of the process.
        pid: u32,
        /// Which try of this row it is, from 1.
        attempt: u32,
    },
    /// It takes requests.
    Ready {
        /// Time from its start.
        after: Duration,
        /// Where it listens.
        address: SocketAddr,
        /// How that was found out.
        evidence: Evidence,
    },
    /// It listens, but not where it was told to; it is waited for on.
    Elsewhere {
        /// The port it was told.
        expected: u16,
        /// A port it listens on.
        found: u16,
        /// What to do, for people.
        hint: String,
    },
    /// A try ended that should not have.
    Exited {
        /// Why, for people: `exited with code 1`, `was killed by signal 9`, `did not become ready`.
        reason: String,
        /// Time from its start.
        after: Duration,
        /// Its last lines, oldest first.
        last_lines: Vec<String>,
        /// Something that may help, for people.
        hint: Option<String>,
        /// The next try, unless there is none.
        retry: Option<Retry>,
    },
    /// All tries failed: it stays down until somebody restarts it.
    Failed {
        /// Why, for people.
        reason: String,
        /// Something that may help, for people.
        hint: Option<String>,
    },
    /// It finishes what it has.
    Draining {
        /// Requests in flight.
        in_flight: u64,
    },
    /// It was asked to end.
    Stopping,
    /// It has ended as asked.
    Stopped,
    /// Processes that outlived their parent were ended.
    LeftoversEnded {
        /// How many.
        count: usize,
    },
    /// It wrote a line.
    Log(Line),
    /// The reader was too slow for this many lines; they are in the log file.
    LinesSkipped(u64),
}

/// When a failed service is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// After this long.
    pub after: Duration,
    /// Which try that is, from 1.
    pub attempt: u32,
    /// The last try.
    pub attempts_max: u32,
}

/// The writing end of the channel; cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    sender: mpsc::Sender<Event>,
}

/// A channel of events.
pub fn channel() -> (Events, mpsc::Receiver<Event>) {
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    (Events { sender }, receiver)
}

impl Events {
    /// Hands an event to the reader if there is room; a lost one is only logged.
    pub fn emit(&self, event: Event) {
        let service = event.service.clone();
        if let Err(mpsc::error::TrySendError::Full(lost)) = self.sender.try_send(event) {
            tracing::warn!(%service, what = ?lost.what, "event lost: its reader does not keep up");
        }
    }

    /// Hands a log line to the reader unless only the reserve is left. Says whether it did.
    pub fn emit_line(&self, event: Event) -> bool {
        self.sender.capacity() > RESERVED && self.sender.try_send(event).is_ok()
    }
}
