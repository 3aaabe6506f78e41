//! Wakes a connection's task for its codec, but not for what the task itself does.
//!
//! Each answer that a stream queues rings for the codec, so that it is sent. The task that runs the
//! streams turns to the codec right after them: what rings meanwhile would only have it run again
//! for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use futures_util::task::AtomicWaker;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Bell {
    inner: Arc<Inner>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Inner {
    task: AtomicWaker,
    muted: AtomicBool,
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.muted.load(Ordering::Relaxed) {
            self.task.wake();
        }
    }
}

impl Bell {
    pub(super) fn new() -> Self {
        let inner = Arc::<Inner>::default();
        Self { waker: Waker::from(Arc::clone(&inner)), inner }
    }

    /// Does `work`, after which the codec has its turn whoever rings. Nobody else can ring: all that
    /// does is on this thread.
    pub(super) fn muted(&self, work: impl FnOnce()) {
        self.inner.muted.store(true, Ordering::Relaxed);
        work();
        self.inner.muted.store(false, Ordering::Relaxed);
    }

    /// What the codec is polled with by the task of `cx`.
    pub(super) fn context(&self, cx: &Context<'_>) -> Context<'_> {
        self.inner.task.register(cx.waker());
        Context::from_waker(&self.waker)
    }
}
