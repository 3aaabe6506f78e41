//! Calls that fail: refused is refused, the log goes on by itself, and says why it does not.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use trunkline_rt::{Clock, ManualClock};
use trunkline_store::disk::{Call, Disk, Fault, Recorder};
use trunkline_store::wal::{Base, Config, Durability, Position, Refused, Signal, Wal};

use super::rig::{base, open, payload, small};

const START: Position = Position { file: 0, offset: 0 };

fn append(wal: &Wal, id: u64) -> Result<Position, Refused> {
    wal.append(Signal::Spans, Bytes::from(payload(id, 300))).wait()
}

fn with_clock(disk: &Recorder, clock: &ManualClock, config: Config) -> Base {
    Base { clock: Clock::from(clock), ..base(disk, config) }
}

/// Appends some payloads while call number `after` and some more fail, then more of them when the
/// disk is well. What is refused must never be replayed, what is acknowledged always.
fn check_fault_at(after: u64, times: u64, error: ErrorKind) {
    let (disk, clock) = (Recorder::new(), ManualClock::new());
    let config = Config { file_bytes: 9_000, ..small() };
    disk.fail(Fault { call: None, after, times, error });
    let (wal, _, _) = open(with_clock(&disk, &clock, config.clone()), START).unwrap();
    let mut acknowledged = Vec::new();
    for id in 0..12 {
        match append(&wal, id) {
            Ok(_) => acknowledged.push(id),
            Err(refused) => {
                let retry_after = refused.retry_after().unwrap();
                let full = matches!(refused, Refused::Full { .. });
                assert_eq!(full, error == ErrorKind::StorageFull, "{refused:?}");
                clock.advance(retry_after / 2);
            }
        }
    }
    disk.heal();
    clock.advance(Duration::from_secs(5));
    for id in 100..103 {
        append(&wal, id).unwrap();
        acknowledged.push(id);
    }
    drop(wal);
    let (_, head, report) = open(base(&disk, config), START).unwrap();
    assert_eq!(head.after(START), acknowledged, "{error:?} at {after} for {times}");
    assert_eq!(report.lost_places, 0, "{error:?} at {after} for {times}: {report:?}");
}

#[test]
fn a_disk_that_is_full_at_any_point_loses_nothing_and_is_recovered_from() {
    for after in 0..40 {
        for times in [1, 2, 7, 1_000] {
            check_fault_at(after, times, ErrorKind::StorageFull);
        }
    }
}

#[test]
fn a_disk_that_fails_at_any_point_loses_nothing_and_is_recovered_from() {
    for after in 0..40 {
        for times in [1, 3, 1_000] {
            check_fault_at(after, times, ErrorKind::Other);
        }
    }
}

#[test]
fn a_file_is_left_alone_after_a_failed_sync() {
    let disk = Recorder::new();
    let (wal, _, _) = open(base(&disk, small()), START).unwrap();
    let first = append(&wal, 0).unwrap();
    disk.fail(Fault { call: Some(Call::SyncData), after: 0, times: 1, error: ErrorKind::Other });
    let before = disk.calls().len();
    assert!(matches!(append(&wal, 1), Err(Refused::Failing { .. })));
    let second = append(&wal, 2).unwrap();
    assert!(second.file > first.file);
    let old = PathBuf::from(format!("wal/{:016}.wal", first.file));
    let calls: Vec<_> = disk.calls()[before..]
        .iter()
        .filter_map(|(call, path)| (*path == old).then_some(*call))
        .collect();
    assert_eq!(calls, [Call::Write, Call::SyncData, Call::SetLength]);
    assert_eq!(wal.stats().failures, 1);
}

#[test]
fn a_log_opens_on_a_full_disk_and_refuses_until_there_is_room() {
    let (disk, clock) = (Recorder::new(), ManualClock::new());
    let (wal, _, _) = open(base(&disk, small()), START).unwrap();
    append(&wal, 0).unwrap();
    drop(wal);
    disk.set_capacity(0);
    let (wal, head, _) = open(with_clock(&disk, &clock, small()), START).unwrap();
    assert_eq!(head.after(START), [0]);
    let refused = append(&wal, 1).unwrap_err();
    assert!(matches!(refused, Refused::Full { free_bytes: 0, .. }), "{refused:?}");
    assert!(!wal.stats().writable);
    disk.set_capacity(1 << 20);
    clock.advance(Duration::from_secs(5));
    append(&wal, 2).unwrap();
    assert!(wal.stats().writable);
    assert_eq!(head.after(START), [0, 2]);
}

#[test]
fn a_disk_that_keeps_failing_is_asked_again_with_growing_pauses() {
    let (disk, clock) = (Recorder::new(), ManualClock::new());
    let (wal, _, _) = open(with_clock(&disk, &clock, small()), START).unwrap();
    append(&wal, 0).unwrap();
    disk.fail(Fault { call: None, after: 0, times: u64::MAX, error: ErrorKind::Other });
    let attempts =
        |disk: &Recorder| disk.calls().iter().filter(|(call, _)| *call == Call::Create).count();
    append(&wal, 1).unwrap_err();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let before = attempts(&disk);
        let pause = append(&wal, 2).unwrap_err().retry_after().unwrap();
        clock.advance(pause / 2);
        (0..5).for_each(|id| assert!(append(&wal, id).is_err()));
        assert_eq!(attempts(&disk), before, "it is not asked during the pause");
        clock.advance(pause / 2);
        append(&wal, 3).unwrap_err();
        assert_eq!(attempts(&disk), before + 1);
        pauses.push(pause);
    }
    assert!(pauses.is_sorted(), "{pauses:?}");
    assert_eq!(*pauses.last().unwrap(), Duration::from_secs(5));
    let files = disk.list(std::path::Path::new("wal")).unwrap().len();
    assert_eq!(files, 1, "failed attempts leave nothing");
}

#[test]
fn the_last_bytes_of_the_disk_are_left_to_segments() {
    let disk = Recorder::new();
    disk.set_capacity(100_000);
    let config = Config { free_bytes_min: 50_000, ..small() };
    let (wal, _, _) = open(base(&disk, config), START).unwrap();
    let taken = (0..1_000).take_while(|id| append(&wal, *id).is_ok()).count();
    assert!(taken > 50, "{taken}");
    assert!(disk.free_bytes().unwrap() >= 50_000);
    assert!(matches!(append(&wal, 0), Err(Refused::Full { .. })));
    assert_eq!(wal.stats().failures, 0, "it was not even tried");
}

#[test]
fn a_log_that_no_segment_relieves_is_bounded() {
    let disk = Recorder::new();
    let config = Config { bytes_max: 60_000, file_bytes: 20_000, ..small() };
    let (wal, head, _) = open(base(&disk, config), START).unwrap();
    let taken = (0..1_000).take_while(|id| append(&wal, *id).is_ok()).count();
    assert!(taken > 50, "{taken}");
    assert!(wal.bytes() <= 60_000);
    assert!(matches!(append(&wal, 0), Err(Refused::Behind { .. })));
    wal.forget(*head.positions().last().unwrap()).unwrap();
    append(&wal, 1_000).unwrap();
}

#[test]
fn a_payload_that_is_too_large_is_refused_for_good() {
    let config = Config { payload_bytes_max: 1_000, ..small() };
    let (wal, _, _) = open(base(&Recorder::new(), config), START).unwrap();
    let refused = wal.append(Signal::Spans, Bytes::from(payload(0, 1_001))).wait().unwrap_err();
    assert!(matches!(refused, Refused::TooLarge { bytes: 1_008, bytes_max: 1_000 }));
    assert_eq!(refused.retry_after(), None);
    append(&wal, 1).unwrap();
}

#[test]
fn a_closed_log_refuses() {
    let (wal, _, _) = open(base(&Recorder::new(), small()), START).unwrap();
    wal.close();
    assert_eq!(append(&wal, 0), Err(Refused::Closed));
}

#[test]
fn a_log_whose_head_panics_refuses_instead_of_waiting_for_ever() {
    let committed = |_: &[_]| panic!("the head is broken");
    let base = base(&Recorder::new(), small());
    let (wal, _) = Wal::open(base, START, &mut |_| Ok(()), committed).unwrap();
    assert_eq!(append(&wal, 0), Err(Refused::Closed));
    assert_eq!(append(&wal, 1), Err(Refused::Closed));
}

#[test]
fn without_sync_everything_survives_the_end_of_the_process() {
    let disk = Recorder::new();
    let config = Config { durability: Durability::Os, file_bytes: 20_000, ..small() };
    let (wal, _, _) = open(base(&disk, config.clone()), START).unwrap();
    let before = disk.calls().len();
    (0..100).for_each(|id| assert!(append(&wal, id).is_ok()));
    let calls = disk.calls();
    let syncs = calls[before..].iter().filter(|(call, _)| *call == Call::SyncData).count();
    assert!(syncs < 20, "{syncs} syncs");
    let (_, head, report) = open(base(&disk.kill(), config), START).unwrap();
    assert_eq!(head.after(START), (0..100).collect::<Vec<_>>());
    assert_eq!(report.lost_places, 0);
}

#[test]
fn without_durability_nothing_is_written_and_marks_still_grow() {
    let disk = Recorder::new();
    let config = Config { durability: Durability::None, ..small() };
    let (wal, head, _) = open(base(&disk, config), START).unwrap();
    let first = append(&wal, 0).unwrap();
    let second = append(&wal, 1).unwrap();
    assert!(second > first);
    assert_eq!(head.after(START), [0, 1]);
    assert_eq!(disk.calls(), []);
    drop(wal);
    // What is appended later is after the mark, though that was only imagined.
    let (wal, _, _) = open(base(&disk, small()), second).unwrap();
    assert!(append(&wal, 2).unwrap() > second);
    drop(wal);
    let (_, head, report) = open(base(&disk, small()), second).unwrap();
    assert_eq!(head.after(START), [2]);
    assert_eq!((report.lost_places, report.frames), (0, 1));
}
