//! Whether a service may have its port now.
//!
//! A process that ends gives back its memory, by which it is known to be ours, before its sockets:
//! the port of a former instance may be busy for another moment. A stranger keeps it for longer.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::plan::is_free;

/// A port that is busy for longer than this has another owner.
const FREED_MAX: Duration = Duration::from_secs(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Says whether the port is free, or becomes so within a moment.
pub(super) async fn becomes_free(port: u16) -> bool {
    let freed = async {
        while !is_free(port) {
            sleep(LOOK).await;
        }
    };
    timeout(FREED_MAX, freed).await.is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[tokio::test]
    async fn a_port_that_is_freed_a_moment_later_is_free_and_a_kept_one_is_not() {
        let kept = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = kept.local_addr().unwrap().port();
        assert!(!becomes_free(port).await);
        let (free, ()) = tokio::join!(becomes_free(port), async {
            // The first look finds it busy.
            sleep(LOOK / 2).await;
            drop(kept);
        });
        assert!(free);
    }
}
