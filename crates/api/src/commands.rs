//! What the control API needs from the binary: everything that is neither the proxy nor traces.
//!
//! Plain types and boxed futures, so that the binary can implement it over whatever it wires
//! together and tests over nothing at all. What cannot be done is a [`Refused`], which becomes a
//! problem document with a status of its own.

mod configuration;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_model::ops::BoxFuture;
use trunkline_model::ports::Surface;
use trunkline_model::{ListenerId, Model, ServiceName};

pub use configuration::{Configuration, File, Object, Setting};

/// What the binary can be asked and told.
pub trait Commands: Send + Sync {
    /// What is running.
    fn instance(&self) -> Instance;
    /// The Model in force; `None` before the first good configuration.
    fn model(&self) -> Option<Arc<Model>>;
    /// The texts and settings of the configuration in force; `None` before the first good one.
    fn configuration(&self) -> BoxFuture<'_, Option<Configuration>>;
    /// Where everything can be reached.
    fn urls(&self) -> Vec<Url>;
    /// Whether requests can be served.
    fn readiness(&self) -> Readiness;
    /// The services that this run keeps as processes.
    fn processes(&self) -> BoxFuture<'_, Vec<Process>>;
    /// Reads the configuration again and puts it in force.
    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, Refused>>;
    /// Restarts a service, and with `dependants` the services that call it after it; returns when
    /// they are ready again, with the names of those.
    fn restart(
        &self,
        service: ServiceName,
        dependants: bool,
    ) -> BoxFuture<'_, Result<Vec<ServiceName>, Refused>>;
    /// Begins to drain and to stop; returns at once.
    fn shutdown(&self) -> BoxFuture<'_, Result<(), Refused>>;
    /// Hands everything to a new process of the binary; returns when that serves.
    fn upgrade(&self) -> BoxFuture<'_, Result<Upgraded, Refused>>;
    /// Lines that the query takes, oldest first. The channel closes after the last one; with
    /// `follow`, when the run ends. A dropped receiver ends the reading.
    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<mpsc::Receiver<LogLine>, Refused>>;
}

/// What is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The project's name.
    pub project: String,
    /// Version of the binary.
    pub version: String,
    /// What this process does: `all`, `gateway`.
    pub role: &'static str,
    /// Its process id.
    pub pid: u32,
}

/// Something that can be opened or called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// What is there.
    pub target: UrlTarget,
    /// Where it is, such as `https://shop.localhost:8443`.
    pub url: String,
    /// Further names of the same.
    pub also: Vec<String>,
}

/// What a URL leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlTarget {
    /// The gateway, through this listener.
    Listener(ListenerId),
    /// One service, through the gateway.
    Service(ServiceName),
    /// A management surface.
    Surface(Surface),
}

/// Whether requests can be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// They can.
    Ready,
    /// Not yet: these have not reported.
    Waiting(Vec<String>),
    /// No more: it drains.
    Draining,
}

/// A service that is a process of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The service.
    pub service: ServiceName,
    /// How it is.
    pub state: ProcessState,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// Where it listens.
    pub address: Option<SocketAddr>,
    /// What was started.
    pub command: String,
    /// Since when it is in this state.
    pub since: Duration,
    /// Started again so often.
    pub restarts: u32,
    /// Why it is in this state, if that is not plain: `exited with code 1 after 3.4s`.
    pub detail: Option<String>,
}

/// How a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessState {
    /// It waits for the services that it calls.
    Waiting,
    /// It is built, before its first start.
    Building,
    /// It was started and is not ready.
    Starting,
    /// It takes requests.
    Ready,
    /// It ran and does not pass its checks.
    Unhealthy,
    /// It failed and is started again after a while.
    BackingOff,
    /// It was told to end.
    Stopping,
    /// It ended as it was told.
    Stopped,
    /// It failed and is not started again.
    Failed,
    /// It is not started, because what runs it is not installed.
    Skipped,
}

impl ProcessState {
    /// The word for people and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Building => "building",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Unhealthy => "unhealthy",
            Self::BackingOff => "backing_off",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// The generation in force now.
    pub generation: u64,
    /// Whether anything is different from before.
    pub changed: bool,
    /// Warnings, as they are printed by `check`, without colour.
    pub warnings: Vec<String>,
}

/// What an upgrade did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// The process that serves now.
    pub pid: u32,
    /// Its version.
    pub version: String,
}

/// Why a command was not carried out. The former state stays in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The configuration has errors.
    #[error("the configuration has {} error(s); the former one stays in force", .0.len())]
    Invalid(Vec<String>),
    /// There is no such service.
    #[error("no service has the name `{0}`")]
    UnknownService(String),
    /// This run cannot do that, and why.
    #[error("{command} is not possible here: {because}")]
    NotHere {
        /// The command.
        command: &'static str,
        /// Why, and what to do instead.
        because: &'static str,
    },
    /// The same or a conflicting command is still being carried out.
    #[error("{0} is still in progress")]
    Busy(&'static str),
    /// It was tried and failed.
    #[error("{command} failed: {reason}")]
    Failed {
        /// The command.
        command: &'static str,
        /// What went wrong.
        reason: String,
    },
}

/// Which log lines are wanted. An empty field asks for nothing in particular.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Lines of these services; `trunkline` itself is one.
    pub services: Vec<String>,
    /// Lines from this time on, nanoseconds since the Unix epoch.
    pub since_unix_nanos: Option<u64>,
    /// Lines whose text this finds.
    pub grep: Option<regex::Regex>,
    /// Only lines of this level and worse, by its name; whoever reads the lines knows the levels.
    pub level: Option<String>,
    /// At most so many of the lines that exist already: the newest.
    pub tail: Option<usize>,
    /// Whether lines that come later are wanted too.
    pub follow: bool,
}

impl LogQuery {
    /// Whether the query takes a line; `tail` and `follow` are the reader's.
    pub fn takes(&self, line: &LogLine) -> bool {
        (self.services.is_empty() || self.services.iter().any(|name| *name == *line.service))
            && self.since_unix_nanos.is_none_or(|since| line.unix_nanos >= since)
            && self.grep.as_ref().is_none_or(|grep| grep.is_match(&line.text))
    }
}

/// One line that a service printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was read, nanoseconds since the Unix epoch.
    pub unix_nanos: u64,
    /// Who printed it.
    pub service: Arc<str>,
    /// Where it was printed.
    pub stream: Stream,
    /// The line, without its end. May hold control characters: printers escape them.
    pub text: String,
}

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The word in APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_query_takes_what_meets_all_its_conditions() {
        let line = LogLine {
            unix_nanos: 100,
            service: "orders".into(),
            stream: Stream::Stdout,
            text: "created order 8812".into(),
        };
        let check = |query: LogQuery, expect| assert_eq!(query.takes(&line), expect, "{query:?}");
        let all = LogQuery::default;
        check(all(), true);
        check(LogQuery { services: vec!["orders".into()], ..all() }, true);
        check(LogQuery { services: vec!["web".into()], ..all() }, false);
        check(LogQuery { since_unix_nanos: Some(100), ..all() }, true);
        check(LogQuery { since_unix_nanos: Some(101), ..all() }, false);
        check(LogQuery { grep: regex::Regex::new(r"order \d+").ok(), ..all() }, true);
        check(LogQuery { grep: regex::Regex::new("payment").ok(), ..all() }, false);
    }
}
