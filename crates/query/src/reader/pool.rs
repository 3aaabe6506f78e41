//! A few places for questions, and a queue with an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trunkline_rt::behind::{self, Failed};
use trunkline_store::source::Budget;

use super::Error;

#[derive(Debug)]
pub(super) struct Pool {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    wait: Duration,
}

/// Ends the question when nobody waits for its answer.
struct EndWhenDropped(Arc<AtomicBool>);

impl Drop for EndWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One that waits for a place.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    pub(super) fn new(running_max: usize, waiting_max: usize, wait: Duration) -> Self {
        let places = Arc::new(Semaphore::new(running_max.max(1)));
        Self { places, waiting: AtomicUsize::new(0), waiting_max, wait }
    }

    /// Runs a question behind everything else.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        mut budget: Budget,
        question: impl FnOnce(&mut Budget) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.place().await?;
        let end = EndWhenDropped(budget.cancel());
        let answered = behind::run("question", move || {
            // The place is taken until the question has really ended.
            let _place = place;
            question(&mut budget)
        });
        let answer = answered.await;
        drop(end);
        answer.map_err(|failed| {
            let error = match failed {
                Failed::Panicked(text) => text,
                Failed::NoThread(_) => failed.to_string(),
            };
            tracing::error!(error, "a question failed");
            Error::Failed(error)
        })
    }

    /// A place, after a wait perhaps.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.waiting_max {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Busy);
        }
        let _waiting = Waiting(&self.waiting);
        let place = tokio::time::timeout(self.wait, Arc::clone(&self.places).acquire_owned());
        match place.await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(Error::Busy),
        }
    }
}
