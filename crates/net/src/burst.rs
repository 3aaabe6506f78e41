//! Sends of a thread, made in bursts.
//!
//! The dearest part of sending a small message is waking who waits for it. A peer that is awake
//! need not be woken, so that messages that follow each other closely cost less than the same ones
//! spread over time. A connection that has something to send therefore lets the others go first that
//! have something to do. All send when there is nothing else to do, when many wait already, or when
//! the others had many turns: a connection that always has something to do holds up nobody.
//!
//! Only a thread that says when it has nothing to do has bursts ([`begin`], [`release`], and [`turn`]
//! before each turn of a connection); on others everything is sent at once.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// Sends that wait at one time: more would only make them late.
const SENDS_MAX: usize = 64;

/// Turns that others have before those who wait. One takes a few dozen microseconds at most.
const TURNS_MAX: u32 = 128;

thread_local! {
    static HAS_BURSTS: Cell<bool> = const { Cell::new(false) };
    /// Turns that others have still; 0 while nobody waits.
    static TURNS_LEFT: Cell<u32> = const { Cell::new(0) };
    static WAITING: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// This thread calls [`release`] from now on whenever it has nothing else to do.
pub fn begin() {
    HAS_BURSTS.set(true);
}

/// A connection has its turn.
pub fn turn() {
    match TURNS_LEFT.get() {
        0 => {}
        1 => release(),
        left => TURNS_LEFT.set(left - 1),
    }
}

/// Lets all send that wait.
pub fn release() {
    TURNS_LEFT.set(0);
    let mut waiting = WAITING.take();
    waiting.drain(..).for_each(Waker::wake);
    // Its room is used again, unless somebody came meanwhile.
    WAITING.with_borrow_mut(|other| {
        if other.is_empty() {
            *other = waiting;
        }
    });
}

/// One connection's place in the bursts.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    waited: bool,
}

impl Turn {
    /// Ready when it is time to send, if it waited; a task that is woken for something else sends
    /// earlier.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.waited || !HAS_BURSTS.get() {
            self.waited = false;
            return Poll::Ready(());
        }
        self.waited = true;
        let count = WAITING.with_borrow_mut(|waiting| {
            waiting.push(cx.waker().clone());
            waiting.len()
        });
        if count == 1 {
            TURNS_LEFT.set(TURNS_MAX);
        }
        if count >= SENDS_MAX {
            release();
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Count(AtomicUsize);

    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_thread_without_bursts_sends_at_once() {
        let waker = noop_waker();
        assert!(Turn::default().poll(&Context::from_waker(&waker)).is_ready());
    }

    #[test]
    fn who_sends_waits_for_the_others_and_not_for_ever() {
        begin();
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        let mut turn = Turn::default();
        assert!(turn.poll(&cx).is_pending());
        release();
        let woken = || count.0.load(Ordering::Relaxed);
        assert_eq!(woken(), 1);
        assert!(turn.poll(&cx).is_ready());
        let mut turns: Vec<_> = (0..SENDS_MAX).map(|_| Turn::default()).collect();
        assert!(turns.iter_mut().all(|turn| turn.poll(&cx).is_pending()));
        assert_eq!(woken(), 1 + SENDS_MAX, "the last one was the last to wait");
        assert!(Turn::default().poll(&cx).is_pending());
        (1..TURNS_MAX).for_each(|_| super::turn());
        assert_eq!(woken(), 1 + SENDS_MAX, "others have turns still");
        super::turn();
        assert_eq!(woken(), 2 + SENDS_MAX, "others had theirs");
    }
}
