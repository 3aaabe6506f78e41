//! The terminal, while keys are read one by one.
//!
//! Only two modes are changed: input comes without waiting for a line's end, and is not echoed.
//! Ctrl-C and ctrl-Z stay signals, output stays as it is. The modes go back when the run ends in
//! whatever way it can still act on, and while it is stopped; a process in the background never
//! touches them, for the terminal is another's then.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

/// The character that no key gives (termios(3), `_POSIX_VDISABLE`).
const NO_KEY: u8 = 0;

/// The terminal of this process.
#[derive(Debug)]
pub(crate) struct Terminal {
    tty: File,
    before: Termios,
}

/// The terminal with keys read one by one, until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    terminal: Arc<Terminal>,
}

impl Terminal {
    /// The terminal, if a person can see what is printed and answer to it.
    pub(crate) fn of_this_process() -> Option<Arc<Self>> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        // Opened anew, so that reading without waiting does not become everybody's mode.
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let flags = i32::try_from(flags.bits()).ok()?;
        let tty = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty");
        let tty = tty.ok()?;
        let before = tcgetattr(&tty).ok()?;
        Some(Arc::new(Self { tty, before }))
    }

    /// Whether keys are meant for this process, not for another job of the shell.
    pub(crate) fn is_ours(&self) -> bool {
        tcgetpgrp(&self.tty).is_ok_and(|group| group == getpgrp())
    }

    /// Reads keys one by one from now on.
    pub(crate) fn take(self: &Arc<Self>) -> Taken {
        self.change();
        Taken { terminal: Arc::clone(self) }
    }

    /// Changes the modes, if the terminal is ours.
    pub(crate) fn change(&self) {
        let mut modes = self.before.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        // A core dump by a slip of the finger would leave the modes as they are.
        modes.special_codes[SpecialCodeIndex::VQUIT] = NO_KEY;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        self.set(&modes);
    }

    /// The modes are as they were.
    pub(crate) fn give_back(&self) {
        self.set(&self.before);
    }

    fn set(&self, modes: &Termios) {
        if self.is_ours() {
            // A terminal that is gone has no modes to keep.
            let _ = tcsetattr(&self.tty, OptionalActions::Now, modes);
        }
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tty.as_fd()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.terminal.give_back();
    }
}
