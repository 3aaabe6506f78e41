//! The unix socket of a run: the way of the command line to its own Trunkline.
//!
//! Only the same user and root get through: the file has mode 0600, lies in a folder of the run, and
//! each peer's user is asked of the kernel. The name appears complete or not at all (bind beside it,
//! then rename), so that a caller never meets half a socket, and a successor takes the name over
//! without a gap.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A bound unix socket. Dropping it closes it and leaves the name: see [`LocalSocket::remove`].
#[derive(Debug)]
pub struct LocalSocket {
    path: PathBuf,
    listener: UnixListener,
}

/// The socket cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the socket `{}` cannot be made", .path.display())]
pub struct LocalSocketError {
    /// Where it was to be.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl LocalSocket {
    /// Binds `path`, and takes the name from whoever has it: whether another run is alive is the
    /// caller's question to ask first.
    pub fn bind(path: &Path) -> Result<Self, LocalSocketError> {
        let listener =
            bind(path).map_err(|source| LocalSocketError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), listener })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A further handle, on the current runtime.
    pub(super) fn share(&self) -> io::Result<tokio::net::UnixListener> {
        tokio::net::UnixListener::from_std(self.listener.try_clone()?)
    }

    /// Takes the name away, at the end of the run.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&beside)?;
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    std::fs::rename(&beside, path)?;
    Ok(listener)
}
