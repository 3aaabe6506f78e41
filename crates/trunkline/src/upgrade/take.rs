//! The new process's side.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use trunkline_net::socket::Bound;
use trunkline_net::unix::{Channel, check_same_user};

use super::{Line, PROTOCOL, STEP_MAX, Say, State, UpgradeError, out_of_turn};

/// A takeover that has begun.
#[derive(Debug)]
pub(crate) struct Taker {
    line: Line,
}

/// What the old process offers.
#[derive(Debug)]
pub(crate) struct Offer {
    /// Keeps the run's folder.
    pub lock: OwnedFd,
    /// Every listening TCP socket, grouped by address.
    pub listening: Vec<Bound>,
}

impl Taker {
    /// Connects to the old process and receives its offer.
    pub(crate) async fn begin(path: &Path, version: &str) -> Result<(Self, Offer), UpgradeError> {
        let socket = UnixStream::connect(path)?;
        check_same_user(&socket)?;
        let mut taker = Self { line: Line::new(Channel::new(socket, STEP_MAX)?) };
        let hello =
            Say::Hello { protocol: PROTOCOL, version: version.to_owned(), pid: std::process::id() };
        taker.line.send(&hello, Vec::new()).await?;
        let (say, message) = taker.line.receive().await?;
        let mut descriptors = message.descriptors.into_iter();
        let (Say::Offer, Some(lock)) = (&say, descriptors.next()) else {
            return Err(out_of_turn("offer", &say));
        };
        let listening = Bound::adopt(descriptors.collect())?;
        Ok((taker, Offer { lock, listening }))
    }

    /// Says that the configuration is prepared; returns the old process's state once that has
    /// stopped accepting.
    pub(crate) async fn ready(&mut self) -> Result<State, UpgradeError> {
        self.line.send(&Say::Ready, Vec::new()).await?;
        match self.line.receive().await?.0 {
            Say::State(state) => Ok(state),
            other => Err(out_of_turn("state", &other)),
        }
    }

    /// Says why this process cannot serve; the old one goes on.
    pub(crate) async fn refuse(mut self, reason: String) {
        // If the old process is gone there is nobody to tell; the caller fails with the reason.
        let _ = self.line.send(&Say::Failed { reason }, Vec::new()).await;
    }

    /// Says that this process accepts.
    pub(crate) async fn serving(mut self) -> Result<(), UpgradeError> {
        self.line.send(&Say::Serving, Vec::new()).await
    }
}
