//! What waits to be written, within bounds.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Config, Position, Refused, Signal};

/// Shortest and longest time after which someone who was refused shall try again.
const RETRY_MIN: Duration = Duration::from_millis(10);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// A payload that waits, and who wants to know.
#[derive(Debug)]
pub(super) struct Waiting {
    pub signal: Signal,
    pub payload: Bytes,
    pub answer: oneshot::Sender<Result<Position, Refused>>,
}

/// The answer to an append: where it ends, once it is acknowledged.
#[derive(Debug)]
#[must_use = "nothing is acknowledged until this says so"]
pub struct Ticket(oneshot::Receiver<Result<Position, Refused>>);

impl Ticket {
    /// Waits on this thread, which must not be one of a runtime.
    pub fn wait(self) -> Result<Position, Refused> {
        self.0.blocking_recv().unwrap_or(Err(Refused::Closed))
    }
}

impl Future for Ticket {
    type Output = Result<Position, Refused>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(Refused::Closed)))
    }
}

/// What is next for the log's thread.
#[derive(Debug)]
pub(super) enum Next {
    Group(Vec<Waiting>),
    /// Nothing came for so long.
    Idle,
    /// Nothing waits, and nothing will come.
    Closed,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    bounds: Bounds,
}

#[derive(Debug)]
struct Bounds {
    group_bytes: usize,
    payload_bytes_max: usize,
    bytes_max: usize,
    frames_max: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    closed: bool,
    /// How long the last group took.
    group_time: Duration,
}

impl Queue {
    pub(super) fn new(config: &Config) -> Self {
        let bounds = Bounds {
            group_bytes: config.group_bytes,
            // The length of a frame and its place in a group have 32 bits each.
            payload_bytes_max: config.payload_bytes_max.min(1 << 30),
            bytes_max: config.queue_bytes_max,
            frames_max: config.queue_frames_max,
        };
        Self { state: Mutex::default(), wake: Condvar::new(), bounds }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, signal: Signal, payload: Bytes) -> Ticket {
        let (answer, ticket) = oneshot::channel();
        let waiting = Waiting { signal, payload, answer };
        if let Err((refused, waiting)) = self.try_push(waiting) {
            waiting.refuse(&refused);
        }
        Ticket(ticket)
    }

    fn try_push(&self, waiting: Waiting) -> Result<(), (Refused, Waiting)> {
        let bytes = waiting.payload.len();
        let bytes_max = self.bounds.payload_bytes_max;
        if bytes > bytes_max {
            return Err((Refused::TooLarge { bytes, bytes_max }, waiting));
        }
        let mut state = self.state();
        if state.closed {
            return Err((Refused::Closed, waiting));
        }
        let full = state.bytes + bytes > self.bounds.bytes_max && !state.waiting.is_empty();
        if full || state.waiting.len() >= self.bounds.frames_max {
            let retry_after = state.drained_in(self.bounds.group_bytes);
            return Err((Refused::Busy { retry_after }, waiting));
        }
        state.bytes += bytes;
        state.waiting.push_back(waiting);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Takes what waits, up to the size of a group; waits for the first, at most so long.
    pub(super) fn next(&self, patience: Option<Duration>) -> Next {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closed {
                return Next::Closed;
            }
            let Some(patience) = patience else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let waited = self.wake.wait_timeout(state, patience);
            let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = after;
            if timeout.timed_out() && state.waiting.is_empty() && !state.closed {
                return Next::Idle;
            }
        }
        Next::Group(state.take(self.bounds.group_bytes))
    }

    pub(super) fn set_group_time(&self, time: Duration) {
        self.state().group_time = time;
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.wake.notify_all();
    }

    /// Takes nothing more, and refuses what waits.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        state.closed = true;
        state.bytes = 0;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for waiting in waiting {
            waiting.refuse(&Refused::Closed);
        }
    }
}

impl State {
    fn take(&mut self, group_bytes: usize) -> Vec<Waiting> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(waiting) = self.waiting.pop_front() {
            bytes += waiting.payload.len();
            group.push(waiting);
            if self.waiting.front().is_none_or(|next| bytes + next.payload.len() > group_bytes) {
                break;
            }
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        group
    }

    fn drained_in(&self, group_bytes: usize) -> Duration {
        let groups = u32::try_from(self.bytes / group_bytes.max(1) + 1).unwrap_or(u32::MAX);
        self.group_time.saturating_mul(groups).clamp(RETRY_MIN, RETRY_MAX)
    }
}

impl Waiting {
    pub(super) fn refuse(self, refused: &Refused) {
        // Who does not wait for the answer does not want it.
        let _ = self.answer.send(Err(refused.clone()));
    }

    pub(super) fn acknowledge(self, position: Position) {
        let _ = self.answer.send(Ok(position));
    }
}

/// Closes a queue when its thread ends, however it ends: nobody waits for a thread that is gone.
#[derive(Debug)]
pub(super) struct Reader(pub(super) Arc<Queue>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
