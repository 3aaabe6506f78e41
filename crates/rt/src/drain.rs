//! Stopping without loss: everything that serves is told, finishes what it has, and is cut off only
//! at a deadline.
//!
//! ```text
//!   Running ──drain──► Draining ──minimum──► Closing ──maximum──► Forced
//!                      (say "close", accept)  (accept no more)     (drop now)
//! ```
//! During the minimum new work is still taken, because callers learn late that this process is
//! leaving. The drain is over as soon as the minimum has passed and the last [`DrainWatcher`] is
//! dropped. Watchers cross threads and runtimes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long watchers may take to go once they were forced.
const FORCED_GRACE: Duration = Duration::from_secs(1);

/// How far a drain has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No drain was asked for.
    #[default]
    Running,
    /// Finish and close what is idle, but still take new work.
    Draining,
    /// Take no new work; finish what there is.
    Closing,
    /// Drop everything now.
    Forced,
}

/// The time a drain takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// New work is taken for this long after the drain began.
    pub minimum: Duration,
    /// Work that is left after this long is cut off; counted from the beginning, at least
    /// `minimum`.
    pub maximum: Duration,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everybody finished.
    Gracefully,
    /// This many watchers were still held at the maximum and had to be forced.
    Forced(usize),
}

/// The side that starts a drain. Dropping it without draining forces all watchers.
#[derive(Debug)]
pub struct DrainTrigger {
    phase: watch::Sender<Phase>,
    held: Arc<Held>,
}

/// What all watchers hold: its references count them, for a watcher that waits holds a second receiver
/// for a while.
#[derive(Debug, Default)]
struct Held {
    /// The phase, for who asks so often that a lock is too much.
    phase: AtomicU8,
}

impl Held {
    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    fn phase(&self) -> Phase {
        let known = [Phase::Running, Phase::Draining, Phase::Closing];
        let number = usize::from(self.phase.load(Ordering::Acquire));
        known.get(number).copied().unwrap_or(Phase::Forced)
    }
}

/// The side that obeys: hold one for as long as there is work to finish.
#[derive(Clone, Debug)]
pub struct DrainWatcher {
    phase: watch::Receiver<Phase>,
    held: Arc<Held>,
}

/// A connected trigger and watcher.
pub fn channel() -> (DrainTrigger, DrainWatcher) {
    let (phase, receiver) = watch::channel(Phase::Running);
    let held = Arc::<Held>::default();
    let watcher = DrainWatcher { phase: receiver, held: Arc::clone(&held) };
    (DrainTrigger { phase, held }, watcher)
}

impl DrainTrigger {
    /// A further watcher of this drain.
    pub fn watcher(&self) -> DrainWatcher {
        DrainWatcher { phase: self.phase.subscribe(), held: Arc::clone(&self.held) }
    }

    /// Watchers that are held now.
    pub fn watchers(&self) -> usize {
        Arc::strong_count(&self.held) - 1
    }

    /// Drains: returns when every watcher is gone, or was told to drop everything at the maximum.
    pub async fn drain(&self, deadlines: Deadlines) -> Drained {
        self.enter(Phase::Draining);
        sleep(deadlines.minimum).await;
        self.enter(Phase::Closing);
        let rest = deadlines.maximum.saturating_sub(deadlines.minimum);
        if timeout(rest, self.phase.closed()).await.is_ok() {
            return Drained::Gracefully;
        }
        let left = self.watchers();
        self.force();
        // Forced watchers go at once or not at all; a stuck one must not keep the process.
        let _ = timeout(FORCED_GRACE, self.phase.closed()).await;
        Drained::Forced(left)
    }

    /// Tells every watcher to drop everything now, whatever the phase (a second Ctrl-C).
    pub fn force(&self) {
        self.enter(Phase::Forced);
    }

    /// Phases only go forward: a force during a drain is not undone by the drain.
    fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let forward = phase > *current;
            if forward {
                *current = phase;
                self.held.enter(phase);
            }
            forward
        });
    }
}

impl DrainWatcher {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        if self.phase.has_changed().is_err() { Phase::Forced } else { self.held.phase() }
    }

    /// Waits until the drain has come at least this far. Cancel safe; needs no particular runtime.
    pub async fn reached(&self, phase: Phase) {
        // An error means that the trigger is gone, which forces.
        let _ = self.phase.clone().wait_for(|current| *current >= phase).await;
    }

    /// Waits until a drain begins.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until no new work may be taken.
    pub async fn closing(&self) {
        self.reached(Phase::Closing).await;
    }

    /// Waits until everything must be dropped.
    pub async fn forced(&self) {
        self.reached(Phase::Forced).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    /// Long enough to be measured, short enough to wait for; the tests check lower bounds only.
    const MINIMUM: Duration = Duration::from_millis(20);
    const PATIENT: Deadlines = Deadlines { minimum: MINIMUM, maximum: Duration::from_mins(1) };
    const IMPATIENT: Deadlines = Deadlines { minimum: MINIMUM, maximum: Duration::from_millis(40) };

    #[tokio::test]
    async fn a_drain_takes_at_least_the_minimum() {
        let (trigger, watcher) = channel();
        drop(watcher);
        let begin = Instant::now();
        assert_eq!(trigger.drain(PATIENT).await, Drained::Gracefully);
        assert!(begin.elapsed() >= MINIMUM);
    }

    #[tokio::test]
    async fn a_drain_ends_with_its_last_watcher() {
        let (trigger, watcher) = channel();
        let begin = Instant::now();
        let holder = tokio::spawn(async move {
            watcher.closing().await;
            assert_eq!(watcher.phase(), Phase::Closing);
            sleep(MINIMUM).await;
        });
        assert_eq!(trigger.drain(PATIENT).await, Drained::Gracefully);
        assert!(begin.elapsed() >= MINIMUM * 2);
        holder.await.unwrap();
    }

    #[tokio::test]
    async fn who_stays_past_the_maximum_is_forced() {
        let (trigger, watcher) = channel();
        let begin = Instant::now();
        let holder = tokio::spawn(async move { watcher.forced().await });
        assert_eq!(trigger.drain(IMPATIENT).await, Drained::Forced(1));
        assert!(begin.elapsed() >= IMPATIENT.maximum);
        holder.await.unwrap();
    }

    #[tokio::test]
    async fn a_force_is_not_undone_by_a_running_drain() {
        let (trigger, watcher) = channel();
        trigger.force();
        trigger.enter(Phase::Draining);
        assert_eq!(watcher.phase(), Phase::Forced);
    }

    #[tokio::test]
    async fn a_dropped_trigger_forces() {
        let (trigger, watcher) = channel();
        drop(trigger);
        watcher.forced().await;
        assert_eq!(watcher.phase(), Phase::Forced);
    }

    #[test]
    fn watchers_obey_on_a_local_runtime_of_another_thread() {
        let (trigger, watcher) = channel();
        let worker = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            runtime.unwrap().block_on(async move { watcher.draining().await });
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let deadlines = Deadlines { minimum: Duration::ZERO, maximum: Duration::from_secs(10) };
        assert_eq!(runtime.block_on(trigger.drain(deadlines)), Drained::Gracefully);
        worker.join().unwrap();
    }
}
