//! A thread that does nothing but sleep on the gateway's core, and how late it wakes.
//!
//! It tells how much of a worker's lateness is the machine's own: what a thread without any work
//! cannot keep, no gateway beside it can. It is not part of the bar.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Stalls;

/// As long as a worker's own tick.
const TICK: Duration = Duration::from_millis(5);
/// The same border as in the gateway's histogram.
const LONG: Duration = Duration::from_micros(2_048);

#[derive(Debug, Default)]
struct Counts {
    all: AtomicU64,
    long: AtomicU64,
}

/// Sleeps until the process ends.
#[derive(Debug)]
pub(super) struct Bystander(Arc<Counts>);

impl Bystander {
    /// Starts it on `core`, or anywhere.
    pub(super) fn start(core: Option<usize>) -> io::Result<Self> {
        let counts = Arc::new(Counts::default());
        let own = Arc::clone(&counts);
        thread::Builder::new().name("bystander".to_owned()).spawn(move || {
            if let Some(core) = core {
                let mut cores = rustix::thread::CpuSet::new();
                cores.set(core);
                let _ = rustix::thread::sched_setaffinity(None, &cores);
            }
            loop {
                let begun = Instant::now();
                thread::sleep(TICK);
                own.all.fetch_add(1, Ordering::Relaxed);
                if begun.elapsed() > TICK + LONG {
                    own.long.fetch_add(1, Ordering::Relaxed);
                }
            }
        })?;
        Ok(Self(counts))
    }

    /// What it has measured so far.
    pub(super) fn stalls(&self) -> Stalls {
        Stalls {
            count: self.0.all.load(Ordering::Relaxed),
            long: self.0.long.load(Ordering::Relaxed),
        }
    }
}
