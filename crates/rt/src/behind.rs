//! Long work that nobody shall notice: on a thread of its own, which steps back behind all others.
//!
//! On a machine of few cores a question about ten million spans and a worker want the same core. How
//! soon the system lets the one give way to the other depends on how far apart their niceness is:
//! with a small difference it still lets the one finish its slice, which a caller waits for.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::scope::message;

/// The niceness behind which there is none.
pub const LAST: i32 = 19;

/// Why work came to no end.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The system gave no thread for it.
    #[error("no thread could be started for it: {0}")]
    NoThread(io::Error),
    /// It panicked.
    #[error("it panicked: {0}")]
    Panicked(String),
}

/// Lets other threads go first from now on where they want the same core. On Linux the niceness is
/// the calling thread's own, and that of threads which it starts; a system that refuses leaves all
/// threads equal.
pub fn step_back(niceness: i32) {
    // Absolute: a thread that such a thread starts has its niceness already.
    let _ = rustix::process::setpriority_process(None, niceness);
}

/// Does this work behind everything else. It goes on when nobody waits for it any more.
///
/// # Errors
/// It panicked, or could not begin.
pub async fn run<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failed> {
    let (done, doing) = oneshot::channel();
    let begin = move || {
        step_back(LAST);
        // Nobody may wait any more.
        let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(begin);
    thread.map_err(Failed::NoThread)?;
    match doing.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(panic)) => Err(Failed::Panicked(message(panic.as_ref()).to_owned())),
        Err(_) => Err(Failed::Panicked("the thread is gone".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_behind_everything_else() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        assert_eq!(run("last", niceness).await.unwrap(), LAST);
        assert!(niceness() < LAST, "only of that thread");
    }

    #[tokio::test]
    #[expect(clippy::panic, reason = "it is what is tested")]
    async fn a_panic_is_told() {
        let failed = run("bad", || -> u8 { panic!("no more") }).await;
        assert!(matches!(failed, Err(Failed::Panicked(text)) if text == "no more"));
    }
}
