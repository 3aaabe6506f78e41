//! Starting a failed task again, with back-off, a limited number of times.

use std::future::Future;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use trunkline_resilience::backoff;

use crate::Clock;

use super::{Failure, Outcome, Policy, outcome};

/// How a task is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The wait before each further start.
    pub backoff: backoff::Config,
    /// After this many failures in a row it is over. A run longer than the longest wait begins a
    /// new row.
    pub failures_max: u32,
    /// What the last failure means.
    pub then: Policy,
}

/// Runs what `make` makes until it ends well, fails for good or `stop` is given while it waits.
pub(super) async fn run<F: Future<Output: Outcome>>(
    path: &str,
    restart: Restart,
    mut make: impl FnMut() -> F,
    mut again: impl FnMut(u32, &Failure),
    stop: CancellationToken,
) -> Result<(), Failure> {
    let clock = Clock::system();
    let mut failures = 0;
    loop {
        let begin = clock.now();
        let failed = |reason| Failure { task: path.to_owned(), reason };
        let Err(failure) = outcome::caught(make()).await.map_err(failed) else {
            return Ok(());
        };
        if clock.now() - begin > restart.backoff.max {
            failures = 0;
        }
        failures += 1;
        if failures >= restart.failures_max || stop.is_cancelled() {
            return Err(failure);
        }
        again(failures, &failure);
        // Tasks of one scope rarely fail together, so a spread derived from the name is enough.
        let random = path.bytes().fold(u64::from(failures), |sum, byte| {
            sum.wrapping_mul(1_099_511_628_211) ^ u64::from(byte)
        });
        tokio::select! {
            () = sleep(restart.backoff.delay(failures - 1, random)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
