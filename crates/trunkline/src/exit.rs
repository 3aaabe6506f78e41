//! How a command ends: its exit code, and the failure behind it.
//!
//! The codes are part of the interface: scripts branch on them. They are listed in the help, in
//! `docs/reference/cli.md` and, once, in [`Exit::TABLE`].

use std::fmt;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked.
    Done,
    /// It tried and failed.
    Failed,
    /// The command line or a configuration file is wrong; nothing was tried.
    Usage,
    /// Nothing runs that could answer.
    NotRunning,
    /// A person stopped it.
    Interrupted,
}

impl Exit {
    /// Every code with its number and meaning, as documented.
    pub(crate) const TABLE: &'static [(Self, u8, &'static str)] = &[
        (Self::Done, 0, "done"),
        (Self::Failed, 1, "failed"),
        (Self::Usage, 2, "wrong usage or configuration; nothing was changed"),
        (Self::NotRunning, 3, "not running"),
        (Self::Interrupted, 130, "interrupted"),
    ];

    /// Its number.
    pub(crate) fn code(self) -> u8 {
        Self::TABLE.iter().find(|(exit, ..)| *exit == self).map_or(1, |(_, code, _)| *code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command could not do what was asked: what went wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code the process ends with.
    pub exit: Exit,
    /// What went wrong, one sentence, no full stop. Empty when it has been told already.
    pub message: String,
    /// How to go on.
    pub hint: Option<String>,
}

impl Failure {
    /// It was tried and did not work.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self::with(Exit::Failed, message)
    }

    /// The command line or the configuration is wrong.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::with(Exit::Usage, message)
    }

    /// Nothing runs that could answer.
    pub(crate) fn not_running(message: impl fmt::Display) -> Self {
        Self::with(Exit::NotRunning, message)
    }

    /// What went wrong has been printed already.
    pub(crate) fn told(exit: Exit) -> Self {
        Self::with(exit, "")
    }

    /// From an error with its causes, outermost first.
    pub(crate) fn from_error(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(chain(error))
    }

    /// With a way to go on.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    fn with(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), hint: None }
    }
}

/// An error and its causes in one line: `a: b: c`.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What a verb returns.
pub(crate) type Verdict = Result<Exit, Failure>;
