//! The clock of the layers: the time since a layer was made, which never goes back.
//!
//! It is tokio's, so that a test that pauses the time of its runtime pauses the layers too.

use std::time::Duration;

use tokio::time::Instant;

/// Tells the time since it was started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { origin: instant() }
    }

    pub(super) fn now(&self) -> Duration {
        instant().saturating_duration_since(self.origin)
    }
}

#[expect(clippy::disallowed_methods, reason = "a service that uses the layers has no rt::clock")]
fn instant() -> Instant {
    Instant::now()
}
