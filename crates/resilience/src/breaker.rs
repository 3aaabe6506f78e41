//! A circuit breaker: while too large a part of the calls fails or is slow, nobody is sent there.
//!
//! ```text
//!            rate at threshold                 wait is over
//!   CLOSED ────────────────────► OPEN ────────────────────────► HALF_OPEN
//!     ▲                           ▲   trials at threshold,         │
//!     │                           └── or they never ended ─────────┤
//!     └───────────────────────────────── trials below it ──────────┘
//!   DISABLED, METRICS_ONLY let everything pass, FORCED_OPEN nothing.
//! ```
//! States, rates, windows, events and defaults are those of Resilience4j 2.4
//! (`CircuitBreakerStateMachine`, `CircuitBreakerMetrics`), shown by a differential test. Known
//! defects are not copied; each deviation is one field of [`Config`] or one sentence here:
//! - `HALF_OPEN` never lasts for ever ([`Config::max_wait_in_half_open`] is 60 s unless told);
//! - a permit is given back by the call that took it and by nobody else, so that `HALF_OPEN` never
//!   has more calls than permitted;
//! - what timers would do there happens here with the next call that tells the time.
//!
//! It is not a retry, and it has no clock: `now` is the time since an origin of the caller's choice
//! that never goes back.
//!
//! ```
//! use std::time::Duration;
//! use trunkline_resilience::breaker::{Breaker, Config, Outcome, State, Window};
//!
//! let config = Config { window: Window::Calls(4), minimum_calls: 4, ..Config::default() };
//! let mut breaker = Breaker::new(config, Duration::ZERO).expect("the configuration is valid");
//! let now = Duration::from_secs(1);
//! for _ in 0..4 {
//!     let permit = breaker.try_acquire(now, &mut |_| ()).expect("it is closed");
//!     breaker.on_result(permit, Outcome::Error, Duration::from_millis(5), now, &mut |_| ());
//! }
//! assert_eq!(breaker.state(now, &mut |_| ()), State::Open);
//! assert!(breaker.try_acquire(now, &mut |_| ()).is_err());
//! ```

mod config;
mod event;
mod machine;
mod window;

#[cfg(test)]
mod tests;

pub use config::{AfterHalfOpen, Config, Invalid, OpenWait, Window};
pub use event::Event;
pub use machine::{
    Breaker, IllegalTransition, Metrics, NotPermitted, Outcome, Permit, Sink, State, Stay,
};
