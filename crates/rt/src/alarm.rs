//! One timer for all the deadlines of a task.
//!
//! A task that has a deadline for each step would set and clear a timer of the runtime each time,
//! although hardly any deadline is ever reached. An [`Alarm`] is left set: when it rings too early,
//! for a step that is long over, it is set for the deadline that counts by then.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::TurnClock;

/// See the module's documentation. It belongs to one task: it wakes whoever polled it last.
#[derive(Debug, Default)]
pub struct Alarm(RefCell<Option<Pin<Box<Sleep>>>>);

impl Alarm {
    /// Runs `future`; `None` if it takes longer than `limit`. The future is polled first: what is
    /// ready in time is never late.
    pub async fn within<F: Future + Unpin>(
        &self,
        clock: &TurnClock,
        limit: Duration,
        mut future: F,
    ) -> Option<F::Output> {
        let deadline = clock.machine_now() + limit;
        poll_fn(|cx| {
            if let Poll::Ready(output) = Pin::new(&mut future).poll(cx) {
                return Poll::Ready(Some(output));
            }
            self.poll_due(cx, clock, deadline).map(|()| None)
        })
        .await
    }

    /// Gives its memory back; for a task that has no deadline for a while.
    pub fn rest(&self) {
        // Who is within a deadline polls it, and nobody else comes between.
        if let Ok(mut sleep) = self.0.try_borrow_mut() {
            *sleep = None;
        }
    }

    fn poll_due(&self, cx: &mut Context<'_>, clock: &TurnClock, deadline: Instant) -> Poll<()> {
        let mut sleep = self.0.borrow_mut();
        match &mut *sleep {
            // It rings in time, and the task looks again.
            Some(set) if !set.is_elapsed() && set.deadline().into_std() <= deadline => {
                Poll::Pending
            }
            _ if clock.machine_now() >= deadline => Poll::Ready(()),
            Some(set) => {
                set.as_mut().reset(deadline.into());
                set.as_mut().poll(cx)
            }
            None => {
                let set = Box::pin(tokio::time::sleep_until(deadline.into()));
                sleep.insert(set).as_mut().poll(cx)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;
    use std::pin::pin;

    const SHORT: Duration = Duration::from_millis(10);
    const LONG: Duration = Duration::from_mins(1);

    fn clock() -> TurnClock {
        TurnClock::new(Clock::system())
    }

    async fn never(alarm: &Alarm, limit: Duration) -> Duration {
        let begin = Clock::system().now();
        let waited = alarm.within(&clock(), limit, pin!(std::future::pending::<()>())).await;
        assert_eq!(waited, None);
        Clock::system().now() - begin
    }

    #[tokio::test]
    async fn what_is_late_ends_at_its_deadline_whatever_the_alarm_was_set_for() {
        let alarm = Alarm::default();
        assert!(never(&alarm, SHORT).await >= SHORT);
        // Set for later than the next deadline.
        let soon = pin!(tokio::time::sleep(Duration::from_millis(1)));
        assert_eq!(alarm.within(&clock(), LONG, soon).await, Some(()));
        let took = never(&alarm, SHORT).await;
        assert!(took >= SHORT && took < LONG);
        // Set for earlier than the next deadline.
        let soon = pin!(tokio::time::sleep(Duration::from_millis(1)));
        assert_eq!(alarm.within(&clock(), SHORT, soon).await, Some(()));
        assert!(never(&alarm, SHORT * 4).await >= SHORT * 4);
    }

    #[tokio::test]
    async fn the_inner_of_two_deadlines_rings_first() {
        let (alarm, clock) = (Alarm::default(), clock());
        let never = pin!(std::future::pending::<()>());
        let inner = pin!(alarm.within(&clock, SHORT, never));
        assert_eq!(alarm.within(&clock, LONG, inner).await, Some(None));
    }

    #[tokio::test]
    async fn what_is_ready_is_never_late() {
        let alarm = Alarm::default();
        assert_eq!(alarm.within(&clock(), Duration::ZERO, std::future::ready(1)).await, Some(1));
    }
}
