//! How a task ends: well, with an error, or by a panic. All three become a `Result` that names the
//! task.

use std::any::Any;
use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{task}: {reason}")]
pub struct Failure {
    /// Path of the task: its scopes and its name.
    pub task: String,
    /// Its error with all causes, or the message of its panic.
    pub reason: String,
}

/// What a task may return: nothing, or a `Result` whose error can be shown.
pub trait Outcome {
    /// `Err` with the reason if the task failed.
    fn into_result(self) -> Result<(), String>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// A task that never ends by itself.
impl Outcome for std::convert::Infallible {
    fn into_result(self) -> Result<(), String> {
        match self {}
    }
}

/// Runs a task to its end and turns a panic into the reason of a failure.
pub(super) fn caught<F: Future<Output: Outcome>>(
    task: F,
) -> impl Future<Output = Result<(), String>> + use<F> {
    // Unwind safety: what the task shared may be half written, as after any failed task; owners use
    // no poisoned state.
    AssertUnwindSafe(task).catch_unwind().map(|ended| match ended {
        Ok(outcome) => outcome.into_result(),
        Err(panic) => Err(format!("panicked: {}", message(panic.as_ref()))),
    })
}

/// What a panic says.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let fixed = panic.downcast_ref::<&str>().copied();
    fixed
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
