//! A timer of the kernel, which keeps microseconds: a timer wheel of one millisecond would be the latency.

use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use crate::Failure;

/// Reading it waits until it is due; to tokio it is like a pipe.
pub(crate) struct Timer(pipe::Receiver);

impl Timer {
    pub(crate) fn new() -> Result<Self, Failure> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self(pipe::Receiver::from_owned_fd_unchecked(timer)?))
    }

    pub(crate) async fn wait_until(&mut self, due: Instant) -> Result<(), Failure> {
        let left = due.saturating_duration_since(Instant::now());
        if left < Duration::from_nanos(1) {
            return Ok(());
        }
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs())?,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let once = Itimerspec { it_interval: zero, it_value: left };
        rustix::time::timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
        // The count of expirations, which is 1.
        self.0.read_exact(&mut [0; 8]).await?;
        Ok(())
    }
}
