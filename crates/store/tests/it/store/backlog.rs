//! Batches wait in the log until they are sent on: over restarts, in order, within a bound.

use std::time::Duration;

use bytes::Bytes;
use trunkline_otlp::write;
use trunkline_store::Store;
use trunkline_store::disk::Recorder;
use trunkline_store::wal::Position;

use super::rig::{append, batch, open, small};

const PLENTY: Option<u64> = Some(1 << 30);

/// What waits after a place, as far as it fits, and up to where that is.
fn unsent(store: &std::sync::Arc<Store>, after: Position, bytes: usize) -> (Vec<Bytes>, Position) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let frames = runtime.block_on(store.unsent(after, bytes));
    let end = frames.last().unwrap().position;
    (frames.into_iter().map(|frame| frame.payload).collect(), end)
}

fn sent(numbers: std::ops::Range<u64>) -> Vec<Bytes> {
    numbers.map(|number| Bytes::from(write::request(&batch(number)))).collect()
}

#[test]
fn what_was_not_sent_waits_in_the_log_over_a_restart() {
    let disk = Recorder::new();
    let store = open(&small(), &disk);
    store.keep_backlog(PLENTY);
    for number in 0..40 {
        append(&store, &batch(number)).unwrap();
    }
    let (first, end) = unsent(&store, store.sent(), sent(0..10).iter().map(Bytes::len).sum());
    assert_eq!(first, sent(0..10));
    store.note_sent(end);
    // All of it is in segments, and still waits.
    store.flush().unwrap();
    store.close();
    drop(store);
    let store = open(&small(), &disk);
    store.keep_backlog(PLENTY);
    assert_eq!(store.recovery().frames, 0, "what is in segments is not read again");
    let (rest, end) = unsent(&store, store.sent(), usize::MAX);
    assert_eq!(rest, sent(10..40));
    store.note_sent(end);
    store.rollups().flush(0).unwrap();
    append(&store, &batch(40)).unwrap();
    store.flush().unwrap();
    assert!(store.stats().log.files <= 2, "what was sent goes: {:?}", store.stats().log);
}

#[test]
fn a_receiver_that_is_away_for_long_costs_no_more_than_its_bound() {
    const BOUND: u64 = 64 * 1024;
    let store = open(&small(), &Recorder::new());
    store.keep_backlog(Some(BOUND));
    for number in 0..300 {
        append(&store, &batch(number)).unwrap();
        store.rollups().flush(0).unwrap();
        store.flush().unwrap();
    }
    assert!(store.stats().log.bytes <= BOUND + 16 * 1024, "{:?}", store.stats().log);
    let (left, _) = unsent(&store, store.sent(), usize::MAX);
    assert!((2..300).contains(&left.len()));
    assert_eq!(left, sent(300 - left.len() as u64..300), "the oldest went");
    // Nobody sends any more.
    store.keep_backlog(None);
    append(&store, &batch(300)).unwrap();
    store.rollups().flush(0).unwrap();
    store.flush().unwrap();
    assert!(store.stats().log.files <= 2, "{:?}", store.stats().log);
}

#[test]
fn who_sends_waits_for_the_next_batch() {
    let store = open(&small(), &Recorder::new());
    store.keep_backlog(PLENTY);
    let appended = {
        let store = std::sync::Arc::clone(&store);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            append(&store, &batch(0)).unwrap();
        })
    };
    assert_eq!(unsent(&store, store.sent(), 1).0, sent(0..1));
    appended.join().unwrap();
}
