//! What a connection is told by its worker: to end, or to be gone.
//!
//! One place for drains, limits of time and people: the connection's task looks at it whenever it is
//! polled, which costs nothing, and is woken when it is told something.

use std::cell::{Cell, RefCell};
use std::task::{Context, Waker};

/// What a connection is told. Only what is more can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Told {
    /// Serve on.
    #[default]
    Serve,
    /// Finish what is open, and take nothing more.
    End,
    /// Drop everything now.
    Gone,
}

/// The orders of one connection.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    told: Cell<Told>,
    waker: RefCell<Option<Waker>>,
}

impl Orders {
    /// What it was told so far.
    pub(crate) fn told(&self) -> Told {
        self.told.get()
    }

    /// The same, and wakes the task of `cx` when more follows. One task watches.
    pub(crate) fn watch(&self, cx: &Context<'_>) -> Told {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.told.get()
    }

    /// Tells it. Returns whether that is news.
    pub(crate) fn tell(&self, told: Told) -> bool {
        let news = told > self.told.get();
        if news {
            self.told.set(told);
            if let Some(waker) = &*self.waker.borrow() {
                waker.wake_by_ref();
            }
        }
        news
    }
}
