//! Waiting for something that another thread does: by asking again until a deadline, never by sleeping and hoping.

use std::time::{Duration, Instant};

/// How long anything on this machine may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Asks every few milliseconds until `condition` holds; panics with `what` after [`PATIENCE`].
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// [`until`] for tests without a runtime.
pub fn until_blocking(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a future, and panics with `what` if it takes longer than [`PATIENCE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let value = tokio::time::timeout(PATIENCE, future).await;
    value.unwrap_or_else(|_elapsed| panic!("waited in vain for {what}"))
}
