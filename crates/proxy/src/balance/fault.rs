//! Faults that a person injects into the calls of a service.
//!
//! They are for trying out what protects a service: they count as its failures everywhere, in
//! breakers, retries and metrics, and go when the process goes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use trunkline_model::ops::Fault;
use trunkline_model::units::Share;

use super::ground::lock;

/// The fault in force. Without one, a request looks at one flag.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    any: AtomicBool,
    fault: Mutex<Fault>,
}

/// What happens to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Injected {
    pub(crate) delay: Option<Duration>,
    pub(crate) status: Option<u16>,
}

impl Faults {
    /// Has this happen from now on.
    pub(crate) fn set(&self, fault: Fault) {
        *lock(&self.fault) = fault;
        self.any.store(fault != Fault::default(), Ordering::Release);
    }

    /// What happens to an attempt; `random` gives evenly spread numbers.
    pub(crate) fn draw(&self, random: impl Fn() -> u64) -> Option<Injected> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let fault = *lock(&self.fault);
        let falls = |share: Share| random() % 10_000 < u64::from(share.basis_points());
        Some(Injected {
            delay: fault.latency.filter(|latency| falls(latency.share)).map(|l| l.delay),
            status: fault.abort.filter(|abort| falls(abort.share)).map(|abort| abort.status),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_model::ops::Abort;

    #[test]
    fn a_share_of_attempts_fails() {
        let faults = Faults::default();
        assert_eq!(faults.draw(|| 0), None);
        let share = Share::from_basis_points(2_500).unwrap();
        faults.set(Fault { abort: Some(Abort { status: 500, share }), latency: None });
        let failed = (0..10_000).filter(|number| {
            faults.draw(|| *number).is_some_and(|injected| injected.status == Some(500))
        });
        assert_eq!(failed.count(), 2_500);
        faults.set(Fault::default());
        assert_eq!(faults.draw(|| 0), None);
    }
}
