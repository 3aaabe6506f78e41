//! The old process's side.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::time::timeout;
use trunkline_net::unix::{Channel, check_same_user};

use super::{Line, PROTOCOL, STEP_MAX, Say, State, UpgradeError, out_of_turn};

/// An upgrade that has begun. Dropping it ends the new process, unless that serves.
#[derive(Debug)]
pub(crate) struct Giver {
    line: Line,
    new: Started,
    /// Version of the new binary.
    pub version: String,
    /// The new process.
    pub pid: u32,
}

/// How often a new process that does not connect is looked at.
const LOOK: Duration = Duration::from_millis(50);

impl Giver {
    /// Starts `program` with `arguments` and waits until it has connected to `listener`, whose path
    /// it is told by `--takeover`.
    pub(crate) async fn begin(
        program: &Path,
        arguments: Vec<OsString>,
        listener: std::os::unix::net::UnixListener,
        path: PathBuf,
    ) -> Result<Self, UpgradeError> {
        let listener = UnixListener::from_std(listener)?;
        let child = Command::new(program)
            .args(arguments)
            .arg("--takeover")
            .arg(path)
            .stdin(Stdio::null())
            .spawn()
            .map_err(|source| UpgradeError::Start {
                program: program.display().to_string(),
                source,
            })?;
        let mut new = Started { child, serving: false };
        let connected = timeout(STEP_MAX, connection(&listener, &mut new.child)).await;
        let mut line = Line::new(connected.map_err(|_| UpgradeError::NoHello)??);
        match line.receive().await?.0 {
            Say::Hello { protocol: PROTOCOL, version, pid } => Ok(Self { line, new, version, pid }),
            Say::Hello { protocol, .. } => Err(UpgradeError::Protocol(protocol)),
            other => Err(out_of_turn("hello", &other)),
        }
    }

    /// Offers the lock and every listening TCP socket; returns when the new
    /// process has prepared its configuration on them.
    pub(crate) async fn offer(
        &mut self,
        lock: OwnedFd,
        listening: Vec<OwnedFd>,
    ) -> Result<(), UpgradeError> {
        let descriptors = std::iter::once(lock).chain(listening).collect();
        self.line.send(&Say::Offer, descriptors).await?;
        match self.line.receive().await?.0 {
            Say::Ready => Ok(()),
            other => Err(out_of_turn("ready", &other)),
        }
    }

    /// Hands the state over; returns when the new process serves. From then on it lives alone.
    pub(crate) async fn release(&mut self, state: State) -> Result<(), UpgradeError> {
        self.line.send(&Say::State(state), Vec::new()).await?;
        match self.line.receive().await?.0 {
            Say::Serving => {
                self.new.serving = true;
                Ok(())
            }
            other => Err(out_of_turn("serving", &other)),
        }
    }
}

/// The new process; it ends with its handle unless it serves.
#[derive(Debug)]
struct Started {
    child: Child,
    serving: bool,
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.serving {
            // It may have ended by itself; it must not linger as a zombie either way.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

async fn connection(listener: &UnixListener, child: &mut Child) -> Result<Channel, UpgradeError> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Err(UpgradeError::Ended(status));
        }
        let Ok(accepted) = timeout(LOOK, listener.accept()).await else {
            continue;
        };
        let socket = accepted?.0.into_std()?;
        // Anybody of this user could connect; only the process that was started may take over.
        if check_same_user(&socket)?.pid == child.id() {
            return Ok(Channel::new(socket, STEP_MAX)?);
        }
    }
}
