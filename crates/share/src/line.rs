//! The connection: made when it is first needed, made again when it broke, given up when it is silent.
//!
//! A caller waits at most for `timeout`, whatever happens. An attempt to connect may take longer
//! than that; then callers are told at once that Redis is away, and each of them only pushes the
//! attempt a step further. Failed attempts are followed by a pause that grows. There is no task
//! here but the one that reads and writes for a connection, which ends with it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use redis::{Cmd, ErrorKind, RedisError, Value};
use trunkline_resilience::backoff;
use trunkline_rt::{Clock, Random};

use crate::away::Away;
use crate::dial::{Connection, Dial};
use crate::script::Script;

/// Questions that one link may have open.
const OPEN_MAX: usize = 4_096;

/// The longest attempt to connect: name, TLS, password.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// A connection on which nothing was heard for so many timeouts is given up with the next one.
const SILENT_TIMEOUTS: u32 = 5;

/// The pause after failed attempts to connect.
const PAUSE: backoff::Config =
    backoff::Config::new(Duration::from_millis(50), Duration::from_secs(2));

pub(crate) struct Line {
    dial: Dial,
    timeout: Duration,
    clock: Clock,
    open: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// Attempts without an answer to a question since the last one.
    failures: u32,
    /// Number of the last attempt to connect: whoever knows another one speaks of the past.
    attempt: u64,
    /// When something was heard last.
    heard: Instant,
    random: Random,
}

enum Phase {
    Down { until: Instant },
    Connecting { since: Instant, attempt: Attempt },
    Up(Connection),
}

type Attempt = Shared<Pin<Box<dyn Future<Output = Result<Connection, Away>> + Send>>>;

/// A place among the open questions.
struct Place<'a>(&'a AtomicUsize);

impl Line {
    pub(crate) fn new(dial: Dial, timeout: Duration, clock: Clock) -> Self {
        let now = clock.now();
        let state = State {
            phase: Phase::Down { until: now },
            failures: 0,
            attempt: 0,
            heard: now,
            random: Random::from_system(),
        };
        Self { dial, timeout, clock, open: AtomicUsize::new(0), state: Mutex::new(state) }
    }

    /// Runs a script: one round trip, unless Redis does not know it.
    pub(crate) async fn run(
        &self,
        script: &Script,
        keys: &[String],
        words: &[&[u8]],
    ) -> Result<Value, Away> {
        self.within_timeout(async {
            let (connection, attempt) = self.connection().await?;
            let mut answer = send(&connection, &script.by_hash(keys, words)).await;
            if answer.as_ref().is_err_and(is_unknown_script) {
                answer = send(&connection, &script.by_text(keys, words)).await;
            }
            self.note(attempt, answer)
        })
        .await
    }

    /// Asks whether Redis is there.
    pub(crate) async fn ping(&self) -> Result<(), Away> {
        self.within_timeout(async {
            let (connection, attempt) = self.connection().await?;
            let answer = send(&connection, &redis::cmd("PING")).await;
            self.note(attempt, answer).map(drop)
        })
        .await
    }

    /// Goes on with an attempt to connect that takes longer than callers wait; for [`CONNECT_MAX`].
    pub(crate) async fn finish_connecting(&self) {
        let under_way = {
            let state = self.lock();
            match &state.phase {
                Phase::Connecting { attempt, .. } => Some((attempt.clone(), state.attempt)),
                _ => None,
            }
        };
        if let Some((attempt, number)) = under_way {
            let result = attempt.await;
            // Whoever asks next is told.
            let _ = self.settle(number, result);
        }
    }

    async fn within_timeout<T>(
        &self,
        question: impl Future<Output = Result<T, Away>>,
    ) -> Result<T, Away> {
        let _place = Place::take(&self.open).ok_or(Away::Busy)?;
        let Ok(answer) = tokio::time::timeout(self.timeout, question).await else {
            self.note_silence();
            return Err(Away::Late);
        };
        answer
    }

    /// The connection, and the number of the attempt that made it.
    async fn connection(&self) -> Result<(Connection, u64), Away> {
        let now = self.clock.now();
        let (attempt, number, since) = {
            let mut state = self.lock();
            match &state.phase {
                Phase::Up(connection) => return Ok((connection.clone(), state.attempt)),
                Phase::Down { until } if now < *until => return Err(Away::Gone),
                Phase::Down { .. } => {
                    let attempt = self.attempt();
                    state.phase = Phase::Connecting { since: now, attempt: attempt.clone() };
                    state.attempt += 1;
                    (attempt, state.attempt, now)
                }
                Phase::Connecting { since, attempt } => (attempt.clone(), state.attempt, *since),
            }
        };
        let result = if now.saturating_duration_since(since) < self.timeout {
            Some(attempt.await)
        } else {
            attempt.now_or_never()
        };
        self.settle(number, result.ok_or(Away::Gone)?)
    }

    /// An attempt to connect.
    fn attempt(&self) -> Attempt {
        let dial = self.dial.clone();
        let connect = async move {
            match tokio::time::timeout(CONNECT_MAX, dial.connect()).await {
                Ok(Ok(connection)) => Ok(connection),
                Ok(Err(error)) => Err(refusal(&error).unwrap_or(Away::Gone)),
                Err(_) => Err(Away::Gone),
            }
        };
        connect.boxed().shared()
    }

    /// Notes how an attempt ended; the first of those who waited for it does.
    fn settle(
        &self,
        number: u64,
        result: Result<Connection, Away>,
    ) -> Result<(Connection, u64), Away> {
        let now = self.clock.now();
        let mut state = self.lock();
        if state.attempt == number && matches!(state.phase, Phase::Connecting { .. }) {
            match &result {
                Ok(connection) => {
                    state.phase = Phase::Up(connection.clone());
                    state.heard = now;
                }
                Err(_) => state.fail(now),
            }
        }
        result.map(|connection| (connection, number))
    }

    /// Notes how a question ended on the connection that an attempt made.
    fn note(&self, attempt: u64, answer: Result<Value, RedisError>) -> Result<Value, Away> {
        let now = self.clock.now();
        let mut state = self.lock();
        let current = state.attempt == attempt && matches!(state.phase, Phase::Up(_));
        let refused = match answer {
            Ok(value) => {
                (state.heard, state.failures) = (now, 0);
                return Ok(value);
            }
            Err(error) => {
                // After a failover, the name leads to another Redis than this one.
                let elsewhere = error.code() == Some("READONLY");
                let refused = refusal(&error);
                if current && (refused.is_none() || elsewhere) {
                    state.fail(now);
                } else if refused.is_some() {
                    state.heard = now;
                }
                refused
            }
        };
        Err(refused.unwrap_or(Away::Lost))
    }

    /// Notes that a question had no answer in time.
    fn note_silence(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        let silent = now.saturating_duration_since(state.heard);
        if matches!(state.phase, Phase::Up(_)) && silent > self.timeout * SILENT_TIMEOUTS {
            state.fail(now);
        }
    }

    /// Nothing that holds it can panic half-way.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// There is no connection any more. One that was good is made again at once.
    fn fail(&mut self, now: Instant) {
        let pause = match self.failures.checked_sub(1) {
            Some(before) => PAUSE.delay(before, self.random.number()),
            None => Duration::ZERO,
        };
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Down { until: now + pause };
    }
}

impl<'a> Place<'a> {
    fn take(open: &'a AtomicUsize) -> Option<Self> {
        let place = Self(open);
        // Where there is no place, dropping it takes the number back.
        (open.fetch_add(1, Ordering::Relaxed) < OPEN_MAX).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn send(connection: &Connection, command: &Cmd) -> Result<Value, RedisError> {
    connection.redis.clone().send_packed_command(command).await?.extract_error()
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.code() == Some("NOSCRIPT")
}

/// What Redis itself said; `None` where the connection failed.
fn refusal(error: &RedisError) -> Option<Away> {
    let said = error.code().is_some() || error.kind() == ErrorKind::AuthenticationFailed;
    said.then(|| Away::Refused(error.to_string()))
}
