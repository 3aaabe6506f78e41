//! Bytes of files that change behind the store's back.

use std::path::Path;

use trunkline_store::disk::{Disk, Recorder};
use trunkline_store::source::{Filter, QueryError, Search, SpanSource};

use super::rig::{append, batch, budget, found, open, small, trace, try_open};

fn segments(disk: &Recorder) -> Vec<String> {
    disk.list(Path::new("segments")).unwrap()
}

#[test]
fn a_flipped_bit_of_a_segment_costs_no_other_segment() {
    for place in [10, 500, 1_500, 3_000, 5_000] {
        let disk = Recorder::new();
        let config = small();
        let store = open(&config, &disk);
        for number in 0..4 {
            append(&store, &batch(number)).unwrap();
            store.flush().unwrap();
        }
        store.close();
        drop(store);
        let name = segments(&disk)[1].clone();
        disk.damage(&Path::new("segments").join(&name), |bytes| bytes[place] ^= 16).unwrap();
        let store = open(&config, &disk);
        let search = Search {
            filter: Filter::default(),
            start_unix_nanos: 0..=u64::MAX,
            limit: 10,
            after: None,
        };
        let hits = store.search(&search, &mut budget()).unwrap();
        for number in [0, 2, 3] {
            assert!(hits.hits.iter().any(|hit| hit.trace == trace(number)), "at {place}");
            let traces = store.traces(&[trace(number)], &mut budget()).unwrap();
            assert_eq!(traces, [batch(number)], "at {place}");
        }
        match store.traces(&[trace(1)], &mut budget()) {
            Ok(traces) => assert_eq!(traces, [batch(1)], "at {place}"),
            Err(QueryError::Unreadable { file, .. }) => {
                assert!(file.ends_with(&name));
                assert_eq!(store.stats().damaged, [format!("segments/{name}")]);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_manifest_that_is_lost_or_damaged_is_said_so() {
    let disk = Recorder::new();
    let config = small();
    let store = open(&config, &disk);
    append(&store, &batch(0)).unwrap();
    store.flush().unwrap();
    store.close();
    drop(store);
    let damaged = disk.crash(1);
    let harm = |bytes: &mut Vec<u8>| bytes.iter_mut().for_each(|byte| *byte ^= 1);
    damaged.damage(Path::new("manifest.redb"), harm).unwrap();
    let error = try_open(&config, &damaged).unwrap_err();
    assert_eq!(error.to_string(), "cannot use the manifest");
    disk.remove(Path::new("manifest.redb")).unwrap();
    let error = try_open(&config, &disk).unwrap_err();
    assert_eq!(error.to_string(), "there are 1 segments and no manifest: rebuild it from them");
}

#[test]
fn a_damaged_segment_stays_out_of_merges_and_the_others_go_on() {
    let disk = Recorder::new();
    let config = small();
    let store = open(&config, &disk);
    for number in 0..7 {
        append(&store, &batch(number)).unwrap();
        store.flush().unwrap();
    }
    let name = segments(&disk)[3].clone();
    disk.damage(&Path::new("segments").join(name), |bytes| {
        bytes[4..2_000].iter_mut().for_each(|byte| *byte ^= 1);
    })
    .unwrap();
    for number in 7..9 {
        append(&store, &batch(number)).unwrap();
        store.flush().unwrap();
    }
    let stats = store.stats();
    assert_eq!((stats.segments, stats.compaction_debt, stats.failing), (2, 0, None));
    for number in [0, 1, 2, 4, 5, 6, 7, 8] {
        let traces = store.traces(&[trace(number)], &mut budget()).unwrap();
        assert_eq!(traces, [batch(number)]);
    }
}

#[test]
fn a_log_that_is_replayed_twice_brings_nothing_twice() {
    let disk = Recorder::new();
    let config = small();
    for number in 0..12 {
        let store = open(&config, &disk);
        append(&store, &batch(number)).unwrap();
        if number % 3 == 0 {
            store.flush().unwrap();
        }
        assert_eq!(found(&store).len(), number as usize + 1);
    }
}
