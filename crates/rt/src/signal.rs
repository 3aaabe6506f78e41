//! The signals a process obeys, as one stream.
//!
//! SIGTERM asks for a drain, SIGINT too, and a second SIGINT for an immediate end; SIGHUP rereads
//! the configuration; SIGUSR1 opens log files again; SIGUSR2 starts an upgrade. What each means is decided by the role that reads
//! the stream.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What somebody asked of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: finish and end.
    Terminate,
    /// The first SIGINT (Ctrl-C): finish and end.
    Interrupt,
    /// A further SIGINT: end now.
    InterruptAgain,
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGUSR1: open log files again, after a rotation.
    ReopenLogs,
    /// SIGUSR2: hand over to a new binary.
    Upgrade,
}

/// The stream of signals. From its creation on, none of them ends the process by itself.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
    user1: unix::Signal,
    user2: unix::Signal,
    interrupted: bool,
}

impl Signals {
    /// Takes the signals over; needs a tokio runtime with IO. The error is the operating system's.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
            user1: unix::signal(SignalKind::user_defined1())?,
            user2: unix::signal(SignalKind::user_defined2())?,
            interrupted: false,
        })
    }

    /// Waits for the next signal. Cancel safe.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => {
                if std::mem::replace(&mut self.interrupted, true) { Signal::InterruptAgain } else { Signal::Interrupt }
            }
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.user1.recv() => Signal::ReopenLogs,
            _ = self.user2.recv() => Signal::Upgrade,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal as Number, getpid, kill_process};

    #[tokio::test]
    async fn the_second_interrupt_is_told_from_the_first() {
        let mut signals = Signals::listen().unwrap();
        for (number, expected) in [
            (Number::INT, Signal::Interrupt),
            (Number::HUP, Signal::Reload),
            (Number::INT, Signal::InterruptAgain),
            (Number::USR1, Signal::ReopenLogs),
            (Number::USR2, Signal::Upgrade),
            (Number::TERM, Signal::Terminate),
        ] {
            kill_process(getpid(), number).unwrap();
            assert_eq!(signals.next().await, expected);
        }
    }
}
