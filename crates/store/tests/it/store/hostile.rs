//! Batches that are small and sound, and cost a lot where nobody thought of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline_otlp::wire::{put_bytes, put_message};
use trunkline_otlp::{Resource, Value, write};
use trunkline_rt::Clock;
use trunkline_store::disk::Recorder;
use trunkline_store::{Refused, Removed, Rule, Store};

use super::rig::{append, batch, check, open, small, span, try_open};

/// What would take minutes if it were quadratic; machines are slow.
const SOON: Duration = Duration::from_secs(20);

fn soon(work: impl FnOnce()) {
    let begun = Instant::now();
    work();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

fn append_bytes(store: &Store, bytes: Vec<u8>) -> Result<trunkline_store::Accepted, Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(store.append(Bytes::from(bytes)))
}

#[test]
fn a_process_with_very_many_attributes_is_cut_soon() {
    let store = open(&small(), &Recorder::new());
    let mut one = span(0, 0);
    let attributes = (0..300_000_u32).map(|n| (format!("{n:06}").into(), Value::Empty));
    one.resource = Arc::new(Resource { attributes: attributes.collect(), ..Resource::default() });
    append(&store, &[one]).unwrap();
    soon(|| store.flush().unwrap());
    assert_eq!(store.stats().segments, 1);
}

#[test]
fn many_processes_with_attributes_of_their_own_are_cut_soon() {
    let mut config = small();
    config.memory.head_spans_max = 50_000;
    let store = open(&config, &Recorder::new());
    let spans: Vec<_> = (0..20_000)
        .map(|number| {
            let mut one = span(number, number);
            let key = format!("key-{}", number % 400);
            let attributes = vec![(key.into(), Value::Int(number.cast_signed()))];
            one.resource = Arc::new(Resource { attributes, ..Resource::default() });
            one
        })
        .collect();
    append(&store, &spans).unwrap();
    soon(|| store.flush().unwrap());
    assert_eq!(store.stats().spans, 20_000);
}

#[test]
fn very_many_spans_with_one_id_are_merged_soon() {
    let mut config = small();
    config.memory.head_spans_max = 50_000;
    let store = open(&config, &Recorder::new());
    for round in 0..8_u64 {
        let spans: Vec<_> = (0..5_000)
            .map(|number| {
                let mut one = span(0, 0);
                one.attributes.push(("n".into(), Value::Int(number)));
                // In each batch one is the same as in the one before.
                let mine = if number == 0 { 0 } else { round.cast_signed() };
                one.attributes.push(("round".into(), Value::Int(mine)));
                one
            })
            .collect();
        append(&store, &spans).unwrap();
        soon(|| store.flush().unwrap());
    }
    let stats = store.stats();
    assert_eq!((stats.segments, stats.spans), (1, 8 * 4_999 + 1));
    assert_eq!(stats.removed, [Removed { rule: Rule::Duplicate, spans: 7 }]);
}

#[test]
fn a_batch_that_is_small_and_would_be_gigabytes_is_refused() {
    // One span with five million empty events: ten million bytes.
    let mut request = write::request(&batch(0));
    put_message(&mut request, 1, |into| {
        put_message(into, 2, |into| {
            put_message(into, 2, |into| {
                put_bytes(into, 1, &[7; 16]);
                put_bytes(into, 2, &[7; 8]);
                // Field 11, of no length.
                into.extend([0x5a, 0x00].repeat(5_000_000));
            });
        });
    });
    let store = open(&small(), &Recorder::new());
    let refused = append_bytes(&store, request).unwrap_err();
    assert!(matches!(refused, Refused::TooLarge { .. }), "{refused}");
    assert_eq!(store.stats().spans, 0);
}

#[test]
fn the_smallest_number_has_no_hundreds_of_digits() {
    let disk = Recorder::new();
    let store = open(&small(), &disk);
    let mut one = span(0, 0);
    let numbers = [5e-324, -1e300, 1.5, f64::INFINITY];
    let array = numbers.repeat(1_000).into_iter().map(Value::Double).collect();
    one.attributes.insert(1, ("numbers".into(), Value::Array(array)));
    append(&store, std::slice::from_ref(&one)).unwrap();
    store.flush().unwrap();
    assert!(super::rig::found(&store).into_values().next() == Some(vec![one]));
    assert!(store.stats().segment_bytes < 20_000, "{}", store.stats().segment_bytes);
}

#[test]
fn clocks_that_are_wrong_keep_nothing_for_ever() {
    use trunkline_rt::ManualClock;
    let clock = ManualClock::new();
    let wall = Clock::from(&clock).wall_nanos();
    clock.advance(Duration::from_nanos(super::rig::BASE - wall));
    let mut config = small();
    config.retention.age = Some(Duration::from_secs(3600));
    let store = Store::open(config, Arc::new(Recorder::new()), Clock::from(&clock)).unwrap();
    let mut ahead = span(0, 0);
    (ahead.start_unix_nanos, ahead.end_unix_nanos) = (u64::MAX - 5, u64::MAX - 1);
    append(&store, &[ahead]).unwrap();
    append(&store, &batch(1)).unwrap();
    store.flush().unwrap();
    clock.advance(Duration::from_secs(3700));
    store.maintain().unwrap();
    assert_eq!((store.stats().segments, store.stats().spans), (0, 0));
}

#[test]
fn a_change_of_the_manifest_that_seemed_to_fail_loses_nothing() {
    use trunkline_store::disk::{Call, Fault};
    // Whatever call fails, at whatever point: a cut, then a merge of eight.
    for merge in [false, true] {
        for after in 0..60 {
            let disk = Recorder::new();
            let store = open(&small(), &disk);
            let before = if merge { 7 } else { 0 };
            for number in 0..before {
                append(&store, &batch(number)).unwrap();
                store.flush().unwrap();
            }
            append(&store, &batch(before)).unwrap();
            let error = std::io::ErrorKind::Other;
            disk.fail(Fault { call: Some(Call::SyncData), after, times: 1_000, error });
            drop(store.flush());
            // It ends without another change.
            let left = [disk.crash(after), disk.clone()];
            drop(store);
            disk.heal();
            for disk in left {
                let store = try_open(&small(), &disk);
                let store = store.unwrap_or_else(|error| panic!("{merge} {after}: {error:?}"));
                check(&store, &(0..=before).collect::<Vec<_>>(), before + 1);
            }
        }
    }
}
