//! The gateway is killed at any moment while spans come in, are written to files and merged: what it
//! acknowledged is there, once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trunkline_testkit::Upstream;

use crate::support::until;
use crate::telemetry::{Gateway, trace};

/// How often; `TRUNKLINE_KILLS` says otherwise.
const KILLS: u32 = 20;
/// Who sends at one time.
const SENDERS: usize = 3;
/// Small, so that files are written and merged all the time.
const STORE: &str = "store: { memory: 64KiB }";
/// A sender tells of its fate after so long at most.
const PAUSE: Duration = Duration::from_millis(5);

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// `SplitMix64`: when the next kill comes.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn every_acknowledged_span_is_there_once_after_kills() {
    let mut seed = number("TRUNKLINE_SEED", std::process::id().into());
    println!("TRUNKLINE_SEED={seed}");
    let kills = u32::try_from(number("TRUNKLINE_KILLS", KILLS.into())).unwrap();
    let gateway = Arc::new(Gateway::new(Upstream::answering(200, "ok")));
    let (sent, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (gateway, sent) = (Arc::clone(&gateway), Arc::clone(&sent));
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            std::thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    // What is refused, or of which nothing is heard, is not sent again.
                    let number = sent.fetch_add(1, Ordering::SeqCst);
                    if gateway.try_send(number) {
                        acknowledged.lock().unwrap().push(number);
                    } else {
                        std::thread::sleep(PAUSE);
                    }
                }
            })
        })
        .collect();
    for _ in 0..kills {
        let mut serving = gateway.start_with(STORE);
        let before = acknowledged.lock().unwrap().len();
        let some = || acknowledged.lock().unwrap().len() > before;
        until("an acknowledgement", some, || serving.text());
        std::thread::sleep(Duration::from_millis(next(&mut seed) % 300));
        serving.child.kill().unwrap();
        serving.ended();
    }
    stop.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.join().unwrap();
    }

    let mut serving = gateway.start_with(STORE);
    until("the store", || gateway.number("trunkline_store_open") == Some(1), || serving.text());
    let submitted = sent.load(Ordering::SeqCst);
    let found: HashSet<u32> =
        (0..submitted).filter(|number| gateway.spans(&trace(*number)) == 1).collect();
    let acknowledged = acknowledged.lock().unwrap();
    let lost: Vec<_> = acknowledged.iter().filter(|number| !found.contains(number)).collect();
    assert!(lost.is_empty(), "{lost:?} were acknowledged");
    // Others were kept and nobody was told, which is no harm; twice would be.
    let kept = gateway.number("trunkline_store_kept_spans").unwrap();
    assert_eq!(kept, found.len() as u64, "spans that are kept, and spans that are found");
    let merged = gateway.number("trunkline_store_removed_spans_total{rule=\"duplicate\"}");
    assert_eq!(merged, Some(0), "none was there twice and had to be taken out");
    println!("{kills} kills, {} spans acknowledged, {kept} kept", acknowledged.len());
    serving.signal("TERM");
    assert!(serving.ended().success());
}
