//! Keeping a listener's certificate young.
//!
//! The loop looks at the calendar at least every minute rather than sleeping until the hour: a laptop that was asleep
//! for a day must not wake up with an expired certificate. A renewal that fails is tried again; the old certificate
//! serves until it ends.

use std::sync::Arc;
use std::time::Duration;

use trunkline_net::tls::CertificateStore;
use trunkline_rt::clock::Clock;

use crate::authority::{Authority, AuthorityError, Leaf};

/// The longest time between two looks at the calendar.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Replaces the certificate of `store` whenever two thirds of its life are over; never returns. `failed` is told of
/// every failure, once a minute at most.
pub async fn keep(
    authority: Arc<Authority>,
    names: Vec<String>,
    store: Arc<CertificateStore>,
    mut leaf: Leaf,
    clock: Clock,
    failed: impl Fn(&AuthorityError),
) {
    loop {
        let left = leaf
            .renew_at
            .duration_since(clock.wall())
            .unwrap_or_default();
        tokio::time::sleep(left.clamp(Duration::from_secs(1), LOOK_EVERY)).await;
        if clock.wall() < leaf.renew_at {
            continue;
        }
        match authority.issue_gateway(names.iter().map(String::as_str), clock.wall()) {
            Ok(renewed) => {
                store.replace(std::slice::from_ref(&renewed.certificate));
                leaf = renewed;
            }
            Err(error) => {
                failed(&error);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_rt::clock::ManualClock;

    use super::*;
    use crate::authority::Permitted;

    #[tokio::test(start_paused = true)]
    async fn a_certificate_is_replaced_after_two_thirds_of_its_life() {
        let folder = tempfile::tempdir().unwrap();
        let time = ManualClock::new();
        let clock = Clock::from(&time);
        let permitted = Permitted::new([], &"shop.localhost".parse().unwrap()).unwrap();
        let authority = Arc::new(Authority::open(folder.path(), permitted, clock.wall()).unwrap());
        let leaf = authority
            .issue_gateway(["shop.localhost"], clock.wall())
            .unwrap();
        let store = Arc::new(CertificateStore::new(std::slice::from_ref(
            &leaf.certificate,
        )));
        let first = store.find(None).unwrap();
        let names = vec!["shop.localhost".to_owned()];
        let kept = keep(authority, names, Arc::clone(&store), leaf, clock, |error| {
            panic!("{error}")
        });
        let turned = async {
            time.advance(Duration::from_hours(15));
            tokio::time::sleep(Duration::from_mins(5)).await;
            assert!(Arc::ptr_eq(&first, &store.find(None).unwrap()));
            time.advance(Duration::from_hours(2));
            tokio::time::sleep(Duration::from_mins(5)).await;
            assert!(!Arc::ptr_eq(&first, &store.find(None).unwrap()));
        };
        tokio::select! { () = kept => {} () = turned => {} }
    }
}
