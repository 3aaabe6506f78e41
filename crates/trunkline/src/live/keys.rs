//! Reading keys, and giving the terminal back while the run is stopped (ctrl-Z).

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use trunkline_rt::Scope;

use super::Cue;
use super::terminal::Terminal;

/// Between two looks whether the terminal is ours again.
const LOOK: Duration = Duration::from_millis(300);
/// Keys that are read at once: what a person can type, not what can be pasted.
const BYTES: usize = 64;

struct Polled(Arc<Terminal>);

impl AsRawFd for Polled {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// Sends keys until the run ends or the terminal goes away.
pub(crate) async fn read(terminal: Arc<Terminal>, scope: Scope, cues: mpsc::Sender<Cue>) {
    if let Err(error) = try_read(terminal, scope, cues).await {
        tracing::debug!(%error, "keys are not read any more");
    }
}

async fn try_read(
    terminal: Arc<Terminal>,
    scope: Scope,
    cues: mpsc::Sender<Cue>,
) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types that may change their descriptor; a `Terminal` does not"
    )]
    let polled = AsyncFd::new(Polled(Arc::clone(&terminal)))?;
    let mut stop = signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
    let mut go_on = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    loop {
        tokio::select! {
            readable = polled.readable() => {
                let mut readable = readable?;
                if !terminal.is_ours() {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                let mut buffer = [0; BYTES];
                match rustix::io::read(&*terminal, &mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(length) => {
                        for key in keys(buffer.get(..length).unwrap_or_default()) {
                            let _ = cues.send(Cue::Key(key)).await;
                        }
                    }
                    Err(rustix::io::Errno::AGAIN) => readable.clear_ready(),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            _ = stop.recv() => {
                terminal.give_back();
                // What ctrl-Z would have done, now that the terminal is as it was.
                kill_process(getpid(), Signal::STOP)?;
            }
            _ = go_on.recv() => terminal.change(),
            () = scope.stopping() => return Ok(()),
        }
    }
}

/// The keys in what was read. Arrows and the like, which are sequences that begin with escape
/// (ECMA-48 §5.4), mean nothing here.
fn keys(bytes: &[u8]) -> Vec<char> {
    let text = String::from_utf8_lossy(bytes);
    let mut keys = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(key) = rest.next() {
        let introducer = rest.next_if(|next| key == ESCAPE && (*next == '[' || *next == 'O'));
        if introducer.is_none() {
            keys.push(key);
            continue;
        }
        // Parameters, then one final character.
        while rest.next_if(|next| ('\u{20}'..='\u{3f}').contains(next)).is_some() {}
        rest.next();
    }
    keys
}

const ESCAPE: char = '\u{1b}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_are_no_keys_and_escape_alone_is_one() {
        assert!(keys(b"\x1b[A").is_empty());
        assert_eq!(keys(b"\x1b"), ['\u{1b}']);
        assert_eq!(keys(b"re"), ['r', 'e']);
        assert_eq!(keys(b"\x1b[1;5Ar\x1bOPe"), ['r', 'e']);
    }
}
