//! The management runtime: small, because it must not take memory or CPU from the workers.
//!
//! Verbs that ask a running process need one thread; `up` and `serve` get a few. The workers have
//! runtimes of their own, made by `proxy`.

use std::future::Future;
use std::io;

use crate::exit::Failure;

/// Threads of the management runtime of `up` and `serve`.
const THREADS: usize = 2;
/// Threads for file reads and other calls that block; idle ones end by themselves.
const BLOCKING_THREADS_MAX: usize = 8;
/// Stack of each: no management task recurses deeply.
const STACK_BYTES: usize = 1 << 20;

/// How far management threads step back behind workers.
const NICENESS: i32 = 5;

/// Runs a verb that asks and waits.
pub(crate) fn small<T>(verb: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| cannot_start(&error))?.block_on(verb)
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
    runtime.map_err(|error| cannot_start(&error))?.block_on(verb)
}

/// Lets workers, which are started from the main thread, go first where both want one core. On Linux
/// the niceness is the calling thread's own; a system that refuses leaves all threads equal.
fn step_back() {
    let _ = rustix::process::nice(NICENESS);
}

fn cannot_start(error: &io::Error) -> Failure {
    Failure::new(format_args!("cannot start threads: {error}"))
}
