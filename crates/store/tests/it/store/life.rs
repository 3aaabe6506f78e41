//! What becomes of segments: they are merged, they are removed, and every span is accounted for.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use trunkline_otlp::{Resource, Span, StatusCode, Value};
use trunkline_rt::{Clock, ManualClock};
use trunkline_store::disk::{Disk, Recorder};
use trunkline_store::source::SpanSource;
use trunkline_store::{Removed, Retention, Rule, Sampling, ServiceRetention, Store};

use super::rig::{append, batch, budget, check, found, open, small, span};

fn files(disk: &Recorder) -> usize {
    disk.list(Path::new("segments")).unwrap().len()
}

#[test]
fn eight_small_segments_become_one() {
    let disk = Recorder::new();
    let store = open(&small(), &disk);
    for number in 0..7 {
        append(&store, &batch(number)).unwrap();
        store.flush().unwrap();
        assert_eq!(store.stats().segments, number + 1);
    }
    append(&store, &batch(7)).unwrap();
    store.flush().unwrap();
    let stats = store.stats();
    assert_eq!((stats.segments, stats.compaction_debt, stats.stored), (1, 0, 24));
    assert_eq!(files(&disk), 1);
    check(&store, &(0..8).collect::<Vec<_>>(), 8);
}

#[test]
fn questions_are_answered_while_segments_are_merged_and_removed() {
    let disk = Recorder::new();
    let store = open(&small(), &disk);
    let done = AtomicBool::new(false);
    let (mut asked, mut newest) = (0, 0);
    let last = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                // What was acknowledged before the question is in the answer.
                let there = last.load(Ordering::SeqCst);
                let ids: Vec<_> = (0..there).map(super::rig::trace).collect();
                let traces = store.traces(&ids, &mut budget()).unwrap();
                let expected: Vec<_> = (0..there).map(batch).collect();
                assert_eq!(traces, expected);
                (asked, newest) = (asked + 1, there);
            }
        });
        for number in 0..80 {
            append(&store, &batch(number)).unwrap();
            last.store(number + 1, Ordering::SeqCst);
            store.flush().unwrap();
        }
        done.store(true, Ordering::SeqCst);
        asking.join().unwrap();
    });
    assert!(asked > 0 && newest > 0);
    assert_eq!(store.stats().damaged, Vec::<String>::new());
    assert_eq!(files(&disk) as u64, store.stats().segments);
}

#[test]
fn a_batch_that_was_sent_twice_is_there_once() {
    let store = open(&small(), &Recorder::new());
    for number in [0, 0, 1, 2, 0, 3, 4, 1] {
        append(&store, &batch(number)).unwrap();
        store.flush().unwrap();
    }
    let stats = store.stats();
    assert_eq!(stats.removed, [Removed { rule: Rule::Duplicate, spans: 9 }]);
    assert_eq!((stats.stored, stats.spans), (24, 15));
    check(&store, &[0, 1, 2, 3, 4], 5);
}

/// A store whose clock is so long after the first span.
fn at(seconds: u64, retention: Retention) -> (Arc<Store>, ManualClock, Recorder) {
    let clock = ManualClock::new();
    let mut config = small();
    config.retention = retention;
    let disk = Recorder::new();
    let wall = Clock::from(&clock).wall_nanos();
    let wanted = super::rig::BASE + seconds * 1_000_000_000;
    clock.advance(Duration::from_nanos(wanted.checked_sub(wall).unwrap()));
    let store = Store::open(config, Arc::new(disk.clone()), Clock::from(&clock)).unwrap();
    (store, clock, disk)
}

fn none() -> Retention {
    Retention { age: None, bytes: None, free_bytes: 0, services: Vec::new() }
}

#[test]
fn what_is_too_old_goes_and_is_counted() {
    let hour = Duration::from_hours(1);
    let (store, clock, disk) = at(10, Retention { age: Some(hour), ..none() });
    append(&store, &batch(0)).unwrap();
    store.flush().unwrap();
    clock.advance(hour / 2);
    store.maintain().unwrap();
    assert_eq!(store.stats().spans, 3);
    clock.advance(hour / 2);
    store.maintain().unwrap();
    let stats = store.stats();
    assert_eq!((stats.spans, stats.segments, stats.stored), (0, 0, 3));
    assert_eq!(stats.removed, [Removed { rule: Rule::Age, spans: 3 }]);
    assert_eq!(files(&disk), 0);
    assert_eq!(store.services(&mut budget()).unwrap(), Vec::<Arc<str>>::new());
}

#[test]
fn a_service_may_be_kept_longer_or_shorter_than_others() {
    let hour = Duration::from_hours(1);
    let services = vec![ServiceRetention { service: "service-1".into(), age: hour }];
    let week = Duration::from_hours(168);
    let (store, clock, _) = at(10, Retention { age: Some(week), services, ..none() });
    for number in 0..2 {
        append(&store, &batch(number)).unwrap();
    }
    store.flush().unwrap();
    clock.advance(hour);
    store.maintain().unwrap();
    let stats = store.stats();
    assert_eq!(stats.removed, [Removed { rule: Rule::Age, spans: 2 }]);
    let left: Vec<Span> = found(&store).into_values().flatten().collect();
    assert_eq!(left.len(), 4);
    assert!(left.iter().all(|span| span.service() != "service-1"));
    clock.advance(week);
    store.maintain().unwrap();
    assert_eq!(store.stats().removed, [Removed { rule: Rule::Age, spans: 6 }]);
}

#[test]
fn the_oldest_go_when_there_is_too_much() {
    let (store, clock, disk) = at(10, Retention { bytes: Some(60_000), ..none() });
    for number in 0..7 {
        let large: Vec<Span> = (0..300).map(|nth| span(number, number * 300 + nth)).collect();
        append(&store, &large).unwrap();
        store.flush().unwrap();
    }
    let before = store.stats();
    assert!(before.segment_bytes > 60_000);
    clock.advance(Duration::from_secs(61));
    store.maintain().unwrap();
    let stats = store.stats();
    assert!(stats.segment_bytes <= 60_000 && stats.segments > 1, "{stats:?}");
    let gone = 7 - stats.segments;
    assert_eq!(stats.removed, [Removed { rule: Rule::Bytes, spans: gone * 300 }]);
    assert_eq!(files(&disk) as u64, stats.segments);
    // The newest are there.
    let newest = super::rig::trace(6);
    assert_eq!(store.traces(&[newest], &mut budget()).unwrap()[0].len(), 300);
}

#[test]
fn the_oldest_go_when_the_disk_is_nearly_full_but_never_all() {
    let (store, clock, disk) = at(10, Retention { free_bytes: 1 << 30, ..none() });
    for number in 0..4 {
        append(&store, &batch(number)).unwrap();
        store.flush().unwrap();
    }
    disk.set_capacity(1 << 28);
    clock.advance(Duration::from_secs(61));
    store.maintain().unwrap();
    let stats = store.stats();
    assert_eq!(stats.segments, 1);
    assert_eq!(stats.removed, [Removed { rule: Rule::FreeDisk, spans: 9 }]);
    check(&store, &[3], 4);
}

#[test]
fn what_is_removed_can_be_changed_while_it_is_open() {
    let hour = Duration::from_hours(1);
    let (store, clock, _) = at(10, none());
    append(&store, &batch(0)).unwrap();
    store.flush().unwrap();
    clock.advance(2 * hour);
    store.maintain().unwrap();
    assert_eq!(store.stats().spans, 3);
    store.replace_retention(Retention { age: Some(hour), ..none() });
    clock.advance(Duration::from_secs(61));
    store.maintain().unwrap();
    assert_eq!(store.stats().spans, 0);
}

#[test]
fn a_head_is_cut_when_it_is_old() {
    let (store, clock, _) = at(10, none());
    append(&store, &batch(0)).unwrap();
    store.maintain().unwrap();
    assert_eq!(store.stats().segments, 0);
    clock.advance(Duration::from_secs(60));
    store.maintain().unwrap();
    assert_eq!((store.stats().segments, store.stats().head_spans), (1, 0));
}

#[test]
fn the_log_is_as_long_as_what_no_segment_has() {
    let (store, clock, _) = at(10, none());
    for number in 0..300 {
        append(&store, &batch(number)).unwrap();
        if number % 10 == 0 {
            store.maintain().unwrap();
        }
    }
    store.flush().unwrap();
    // What was counted is kept every ten seconds.
    clock.advance(Duration::from_secs(10));
    store.maintain().unwrap();
    assert!(store.stats().log.bytes <= 16 * 1024, "{:?}", store.stats().log);
}

/// A trace of two spans; every third of its kind has a failed one.
fn two(number: u64) -> Vec<Span> {
    (0..2)
        .map(|nth| {
            let mut one = span(number, number * 2 + nth);
            one.start_unix_nanos = super::rig::BASE + number * 1_000_000;
            one.end_unix_nanos =
                one.start_unix_nanos + if number % 50 == 7 { 5_000_000 } else { 9 };
            one.name = if number % 100 == 3 { "rare" } else { "common" }.into();
            let failed = number % 40 == 1;
            one.status.code = if failed { StatusCode::Error } else { StatusCode::Unset };
            one.resource = Arc::new(Resource {
                attributes: vec![("service.name".into(), Value::Text("busy".into()))],
                ..Resource::default()
            });
            one
        })
        .collect()
}

#[test]
fn sampling_keeps_what_failed_was_slow_is_rare_or_pinned_and_a_share_of_the_rest() {
    let clock = ManualClock::new();
    let mut config = small();
    config.memory.head_spans_max = 10_000;
    let after = Duration::from_mins(10);
    config.sampling = Some(Sampling {
        after,
        // Four seconds, in which 2000 spans a second come.
        spans_per_second: 200.0,
        slow: Some(Duration::from_millis(1)),
        rare: 100,
    });
    let wanted = super::rig::BASE + 10_000_000_000;
    let wall = Clock::from(&clock).wall_nanos();
    clock.advance(Duration::from_nanos(wanted.checked_sub(wall).unwrap()));
    let disk = Recorder::new();
    let open = |config: &trunkline_store::Config| {
        Store::open(config.clone(), Arc::new(disk.clone()), Clock::from(&clock)).unwrap()
    };
    let store = open(&config);
    for part in 0..4 {
        let spans: Vec<Span> = (part * 1_000..part * 1_000 + 1_000).flat_map(two).collect();
        append(&store, &spans).unwrap();
        store.flush().unwrap();
    }
    let pinned = super::rig::trace(1_234);
    store.pin(pinned).unwrap();
    assert_eq!(store.stats().spans, 8_000);
    clock.advance(after);
    store.maintain().unwrap();
    let stats = store.stats();
    let left = found(&store);
    let count = left.len() as u64;
    assert_eq!((stats.segments, stats.compaction_debt), (1, 0));
    assert_eq!(stats.removed, [Removed { rule: Rule::Sampling, spans: 8_000 - count * 2 }]);
    assert!(left.values().all(|spans| spans.len() == 2), "traces stay as a whole");
    for number in 0..4_000 {
        let stays = number % 50 == 7 || number % 100 == 3 || number % 40 == 1 || number == 1_234;
        assert!(!stays || left.contains_key(&super::rig::trace(number)), "{number}");
    }
    // 240 of 4000 stay for a reason, and a tenth of the rest by their ids.
    assert!((500..750).contains(&count), "{count}");
    // It is done once, and is the same after a restart.
    store.maintain().unwrap();
    store.close();
    drop(store);
    let store = open(&config);
    clock.advance(after);
    store.maintain().unwrap();
    assert_eq!(found(&store), left);
    assert_eq!(store.pinned(), [pinned]);
    store.unpin(pinned).unwrap();
    assert_eq!(store.pinned(), []);
}

#[test]
fn what_is_within_the_budget_is_not_written_anew() {
    let clock = ManualClock::new();
    let mut config = small();
    config.memory.head_spans_max = 10_000;
    let after = Duration::from_mins(10);
    config.sampling = Some(Sampling { after, spans_per_second: 1e6, slow: None, rare: 0 });
    let disk = Recorder::new();
    let store = Store::open(config, Arc::new(disk.clone()), Clock::from(&clock)).unwrap();
    append(&store, &(0..100).flat_map(two).collect::<Vec<_>>()).unwrap();
    store.flush().unwrap();
    let wanted = super::rig::BASE + 1_000_000_000_000;
    let wall = Clock::from(&clock).wall_nanos();
    clock.advance(Duration::from_nanos(wanted.checked_sub(wall).unwrap()));
    store.maintain().unwrap();
    assert_eq!(disk.list(Path::new("segments")).unwrap(), ["0-0000000000000001.parquet"]);
    assert_eq!((store.stats().spans, found(&store).len()), (200, 100));
}
