//! Waiting until a service has no request in flight.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use trunkline_model::ServiceName;
use trunkline_model::ops::Ops;

/// How often the proxy is asked.
const POLL: Duration = Duration::from_millis(10);

/// Waits until nothing is in flight to `service`, at most `max`. Says how much was left.
pub(super) async fn in_flight_zero(ops: &dyn Ops, service: &ServiceName, max: Duration) -> u64 {
    let empty = async {
        while ops.in_flight(service.clone()).await > 0 {
            sleep(POLL).await;
        }
    };
    if timeout(max, empty).await.is_ok() {
        return 0;
    }
    ops.in_flight(service.clone()).await
}
