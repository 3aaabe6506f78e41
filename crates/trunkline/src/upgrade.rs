//! Handing everything to a new process of the binary without losing a request.
//!
//! ```text
//!   old (giver)                          new (taker)
//!   starts the new process ────────────► connects to takeover.sock
//!                          ◄──────────── hello: protocol, version, pid
//!   offer: lock, sockets   ────────────► prepares its configuration on them
//!                          ◄──────────── ready (or failed: why)
//!   stops accepting
//!   state                  ────────────► takes it over, accepts
//!                          ◄──────────── serving
//!   drains what it has, ends
//! ```
//! Connections that arrive between the two wait in the sockets' queues, which both processes share.
//! Until `serving` the old process can go on as if nothing had happened, and does so when anything
//! fails. Who may connect is decided by user id and by the pid that was started.

mod give;
mod state;
mod take;

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_net::unix::{Channel, Message, UnixError};

pub(crate) use give::Giver;
pub(crate) use take::Taker;

/// Counts up when the messages change.
const PROTOCOL: u32 = 1;

/// How long one step may take; preparing a large configuration is the longest.
pub(crate) const STEP_MAX: Duration = Duration::from_secs(30);

/// What the two processes say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Say {
    Hello { protocol: u32, version: String, pid: u32 },
    Offer,
    Ready,
    Failed { reason: String },
    State(State),
    Serving,
}

impl Say {
    const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Offer => "offer",
            Self::Ready => "ready",
            Self::Failed { .. } => "failed",
            Self::State(_) => "state",
            Self::Serving => "serving",
        }
    }
}

/// Running state that survives an upgrade (table in `ARCHITECTURE.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Endpoint, and the state that a person gave it.
    pub overrides: Vec<(String, String)>,
    /// Endpoint, and the weight that a person gave it. Newer than the protocol: an old binary sends
    /// none, and passes over what it does not know.
    #[serde(default)]
    pub weights: Vec<(String, u32)>,
    /// The same for the requests that it is given at one time.
    #[serde(default)]
    pub limits: Vec<(String, u32)>,
    /// Endpoints that active checks found healthy; newer than the protocol as well.
    #[serde(default)]
    pub healthy: Vec<String>,
    /// Endpoint that active checks found unhealthy, and what the last failed one said.
    pub unhealthy: Vec<(String, String)>,
    /// Endpoint, and for how many more milliseconds it is ejected.
    pub ejected: Vec<(String, u64)>,
    /// Keys that seal TLS sessions: name and secret in hexadecimal digits, and the second of the Unix
    /// time when it was made. The channel between the two processes is a private one.
    #[serde(default)]
    pub tickets: Vec<(String, String, u64)>,
    /// Policy, the state of its breaker in Resilience4j's word, how often it has opened, and for how
    /// many more milliseconds it is open.
    #[serde(default)]
    pub breakers: Vec<(String, String, u32, u64)>,
}

/// Why an upgrade did not happen. The old process goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    /// The new binary could not be started.
    #[error("cannot start {program}")]
    Start {
        /// What was to be started.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The new process ended before it connected.
    #[error("the new process ended at once ({0})")]
    Ended(std::process::ExitStatus),
    /// The new process did not connect in time.
    #[error("the new process did not connect within {} s", STEP_MAX.as_secs())]
    NoHello,
    /// The new binary speaks another version of this protocol.
    #[error("the new binary speaks version {0} of the upgrade protocol, this one {PROTOCOL}")]
    Protocol(u32),
    /// The new process could not prepare.
    #[error("the new process cannot serve: {0}")]
    Refused(String),
    /// A message out of turn.
    #[error("expected `{expected}`, got `{got}`")]
    OutOfTurn {
        /// What was awaited.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// The sockets of the offer cannot be used.
    #[error("the offered sockets cannot be used")]
    Sockets(#[from] trunkline_net::socket::AdoptError),
    /// The connection between the two failed.
    #[error(transparent)]
    Channel(#[from] UnixError),
    /// The system refused.
    #[error("the upgrade socket failed")]
    System(#[from] io::Error),
}

/// The two ends' common part: messages with bodies of JSON, exchanged off the async threads.
#[derive(Debug)]
struct Line {
    channel: Option<Channel>,
}

impl Line {
    const fn new(channel: Channel) -> Self {
        Self { channel: Some(channel) }
    }

    async fn send(
        &mut self,
        say: &Say,
        descriptors: Vec<std::os::fd::OwnedFd>,
    ) -> Result<(), UpgradeError> {
        let body = serde_json::to_vec(say).map_err(io::Error::from)?;
        self.blocking(move |channel| {
            let borrowed: Vec<_> = descriptors.iter().map(std::os::fd::AsFd::as_fd).collect();
            channel.send(&body, &borrowed)
        })
        .await
    }

    async fn receive(&mut self) -> Result<(Say, Message), UpgradeError> {
        let message = self.blocking(Channel::receive).await?;
        let say = serde_json::from_slice(&message.body).map_err(io::Error::from)?;
        Ok((say, message))
    }

    /// A blocking call on a blocking thread. A call that was cancelled takes the channel with it.
    async fn blocking<T: Send + 'static>(
        &mut self,
        call: impl FnOnce(&mut Channel) -> Result<T, UnixError> + Send + 'static,
    ) -> Result<T, UpgradeError> {
        let mut channel = self.channel.take().ok_or(UnixError::Closed)?;
        let (channel, result) = tokio::task::spawn_blocking(move || {
            let result = call(&mut channel);
            (channel, result)
        })
        .await
        .map_err(io::Error::other)?;
        self.channel = Some(channel);
        Ok(result?)
    }
}

fn out_of_turn(expected: &'static str, got: &Say) -> UpgradeError {
    match got {
        Say::Failed { reason } => UpgradeError::Refused(reason.clone()),
        other => UpgradeError::OutOfTurn { expected, got: other.name().to_owned() },
    }
}

#[cfg(test)]
mod tests;
