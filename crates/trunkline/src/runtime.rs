//! The management runtime: small, because it must not take memory or CPU from the workers.
//!
//! Verbs that ask a running process need one thread; `up` and `serve` get a few. The workers have
//! runtimes of their own, made by `proxy`.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::exit::Failure;

/// Threads of the management runtime of `up` and `serve`.
const THREADS: usize = 2;
/// Threads for file reads and other calls that block; idle ones end by themselves.
const BLOCKING_THREADS_MAX: usize = 8;
/// Stack of each: no management task recurses deeply.
const STACK_BYTES: usize = 1 << 20;

/// How long calls that block may take to end once the verb has: a name that the system looks up, a
/// pipe that is read. Nobody waits for their answers any more.
const BLOCKING_GRACE: Duration = Duration::from_millis(500);

/// How far management threads step back behind workers.
const NICENESS: i32 = 5;

/// Runs a verb that asks and waits.
pub(crate) fn small<T>(verb: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    finish(runtime.map_err(|error| cannot_start(&error))?, verb)
}

/// Runs a verb that serves.
pub(crate) fn serving<T>(verb: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_stack_size(STACK_BYTES)
        .thread_name("manage")
        .on_thread_start(step_back)
        .enable_all()
        .build();
    finish(runtime.map_err(|error| cannot_start(&error))?, verb)
}

/// Runs to the end of the verb and no longer: a runtime that is dropped waits for its blocking calls
/// however long they take.
fn finish<T>(
    runtime: Runtime,
    verb: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let result = runtime.block_on(verb);
    runtime.shutdown_timeout(BLOCKING_GRACE);
    result
}

/// Lets workers, which are started from the main thread, go first where both want one core.
fn step_back() {
    trunkline_rt::behind::step_back(NICENESS);
}

fn cannot_start(error: &io::Error) -> Failure {
    Failure::new(format_args!("cannot start threads: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_blocks_does_not_keep_a_verb_that_has_ended() {
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let begun = small(async {
            let (begins, begun) = tokio::sync::oneshot::channel();
            drop(tokio::task::spawn_blocking(move || {
                let _ = begins.send(());
                blocked.recv()
            }));
            begun.await.map_err(Failure::new)
        });
        // Without an end of its own the call above would have kept us from getting here.
        assert!(begun.is_ok());
        drop(release);
    }
}
