//! Groups, marks and bounds of a log on a disk that works.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use trunkline_rt::Random;
use trunkline_store::disk::{Call, Disk, Recorder};
use trunkline_store::wal::{Config, Frame, OpenError, Position, Refused, Signal, Wal};

use super::rig::{Head, acknowledged, base, below, open, payload, small};

const START: Position = Position { file: 0, offset: 0 };

/// Holds the calls of a kind until it is opened.
#[derive(Default)]
struct Gate {
    open: Flag,
    reached: Flag,
}

#[derive(Default)]
struct Flag(Mutex<bool>, Condvar);

impl Flag {
    fn raise(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        let raised = self.0.lock().unwrap();
        let long = Duration::from_secs(30);
        let waited = self.1.wait_timeout_while(raised, long, |raised| !*raised).unwrap();
        assert!(!waited.1.timed_out(), "it never came to that");
    }
}

impl Gate {
    fn hold(disk: &Recorder, held: Call) -> Arc<Self> {
        let gate = Arc::new(Self::default());
        let inside = Arc::clone(&gate);
        disk.watch(move |call, _| {
            if call == held {
                inside.reached.raise();
                inside.open.wait();
            }
        });
        gate
    }

    fn wait_for_arrival(&self) {
        self.reached.wait();
    }

    fn open(&self) {
        self.open.raise();
    }
}

fn append(wal: &Wal, id: u64) -> trunkline_store::wal::Ticket {
    wal.append(Signal::Spans, Bytes::from(payload(id, 300)))
}

/// Some frames in several files.
fn fill(disk: &Recorder, frames: u64) -> (Config, Head) {
    let config = Config { file_bytes: 12_000, ..small() };
    let (wal, head, _) = open(base(disk, config.clone()), START).unwrap();
    (0..frames).for_each(|id| acknowledged(append(&wal, id)));
    (config, head)
}

#[test]
fn what_waits_during_a_sync_shares_the_next_one() {
    let disk = Recorder::new();
    let (wal, head, _) = open(base(&disk, small()), START).unwrap();
    append(&wal, 0).wait().unwrap();
    let gate = Gate::hold(&disk, Call::SyncData);
    let before = disk.calls().len();
    let first = append(&wal, 1);
    gate.wait_for_arrival();
    let waiting: Vec<_> = (2..42).map(|id| append(&wal, id)).collect();
    gate.open();
    first.wait().unwrap();
    let positions: Vec<_> = waiting.into_iter().map(|ticket| ticket.wait().unwrap()).collect();
    assert!(positions.is_sorted());
    let calls: Vec<_> = disk.calls()[before..].iter().map(|(call, _)| *call).collect();
    assert_eq!(calls, [Call::Write, Call::SyncData, Call::Write, Call::SyncData]);
    assert_eq!(head.after(START), (0..42).collect::<Vec<_>>());
    assert_eq!((wal.stats().groups, wal.stats().frames), (3, 42));
}

#[test]
fn more_than_may_wait_is_refused_at_once() {
    let disk = Recorder::new();
    let config = Config { queue_frames_max: 10, queue_bytes_max: 3_000, ..small() };
    let (wal, _, _) = open(base(&disk, config), START).unwrap();
    append(&wal, 0).wait().unwrap();
    let gate = Gate::hold(&disk, Call::SyncData);
    let first = append(&wal, 1);
    gate.wait_for_arrival();
    let large = wal.append(Signal::Spans, Bytes::from(payload(2, 10_000)));
    assert!(matches!(append(&wal, 3).wait(), Err(Refused::Busy { .. })), "bytes");
    gate.open();
    first.wait().unwrap();
    large.wait().unwrap();
    let gate = Gate::hold(&disk, Call::SyncData);
    let first = append(&wal, 4);
    gate.wait_for_arrival();
    let waiting: Vec<_> =
        (5..15).map(|id| wal.append(Signal::Spans, Bytes::from(payload(id, 16)))).collect();
    let refused = wal.append(Signal::Spans, Bytes::from(payload(15, 16))).wait().unwrap_err();
    assert!(matches!(refused, Refused::Busy { .. }), "frames");
    assert!(refused.retry_after().is_some());
    gate.open();
    first.wait().unwrap();
    waiting.into_iter().for_each(acknowledged);
}

#[test]
fn the_head_has_a_frame_before_its_sender_knows() {
    let disk = Recorder::new();
    let (wal, head, _) = open(base(&disk, small()), START).unwrap();
    for id in 0..200 {
        let position = append(&wal, id).wait().unwrap();
        assert_eq!(head.positions().last(), Some(&position));
    }
}

#[test]
fn closing_writes_what_waits() {
    let disk = Recorder::new();
    let (wal, _, _) = open(base(&disk, small()), START).unwrap();
    let gate = Gate::hold(&disk, Call::SyncData);
    let waiting: Vec<_> = (0..30).map(|id| append(&wal, id)).collect();
    gate.open();
    wal.close();
    waiting.into_iter().for_each(acknowledged);
}

#[test]
fn a_replay_begins_after_the_mark_wherever_that_is() {
    let disk = Recorder::new();
    let (config, head) = fill(&disk, 100);
    let positions = head.positions();
    assert!(positions.last().unwrap().file > 2, "several files");
    for (index, mark) in positions.iter().enumerate() {
        let (wal, head, report) = open(base(&disk.crash(0), config.clone()), *mark).unwrap();
        let expected: Vec<_> = (index as u64 + 1..100).collect();
        assert_eq!(head.after(START), expected, "after {mark}");
        assert_eq!(report.lost_places, 0, "after {mark}: {report:?}");
        assert!(append(&wal, 1_000).wait().unwrap() > *positions.last().unwrap());
    }
}

#[test]
fn files_are_forgotten_once_all_of_them_is_before_the_mark() {
    let disk = Recorder::new();
    let config = Config { file_bytes: 12_000, ..small() };
    let (wal, head, _) = open(base(&disk, config.clone()), START).unwrap();
    (0..100).for_each(|id| acknowledged(append(&wal, id)));
    let files = || disk.list(Path::new("wal")).unwrap().len() as u64;
    for mark in head.positions() {
        wal.forget(mark).unwrap();
        let needed = head.positions().iter().filter(|position| **position > mark).count();
        let oldest = head.positions().into_iter().find(|position| *position > mark);
        let active = head.positions().last().unwrap().file;
        let oldest = oldest.map_or(active, |position| position.file);
        assert_eq!(files(), active - oldest + 1, "mark {mark}, {needed} needed");
    }
    assert_eq!(wal.stats().files, 1);
    assert!(wal.bytes() < 13_000);
}

#[test]
fn restarts_without_work_leave_no_files_behind() {
    let disk = Recorder::new();
    let (config, head) = fill(&disk, 10);
    let files = disk.list(Path::new("wal")).unwrap().len();
    let mut newest = 0;
    for _ in 0..20 {
        let (wal, replayed, _) = open(base(&disk, config.clone()), START).unwrap();
        assert_eq!(replayed.after(START), head.after(START));
        drop(wal);
        assert!(disk.list(Path::new("wal")).unwrap().len() <= files + 1);
        let names = disk.list(Path::new("wal")).unwrap();
        let last = names.last().unwrap()[..16].parse::<u64>().unwrap();
        assert!(last > newest, "a number is used once");
        newest = last;
    }
    let (wal, _, _) = open(base(&disk, config), *head.positions().last().unwrap()).unwrap();
    append(&wal, 10).wait().unwrap();
    assert_eq!(wal.stats().files, 1, "what is done is removed");
}

#[test]
fn numbers_of_frames_grow_by_one_over_files_and_restarts() {
    let disk = Recorder::new();
    let mut sequences = Vec::new();
    for _ in 0..5 {
        fill(&disk, 40);
    }
    let mut replay = |frame: Frame| {
        sequences.push(frame.sequence);
        Ok(())
    };
    Wal::check(&disk, START, &mut replay).unwrap();
    assert_eq!(sequences, (1..=200).collect::<Vec<_>>());
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let disk = Recorder::new();
    let (config, _) = fill(&disk, 40);
    let path = Path::new("wal").join(&disk.list(Path::new("wal")).unwrap()[1]);
    disk.damage(&path, |bytes| {
        for start in [0, 4096] {
            bytes[start + 8..start + 12].copy_from_slice(&2_u32.to_le_bytes());
            let crc = crc32c::crc32c(&bytes[start..start + 12]).to_le_bytes();
            bytes[start + 12..start + 16].copy_from_slice(&crc);
        }
    })
    .unwrap();
    let before = disk.calls().len();
    match open(base(&disk, config), START) {
        Err(OpenError::Newer { file, version: 2 }) => assert_eq!(Path::new(&file), path),
        other => panic!("{other:?}"),
    }
    assert_eq!(disk.calls().len(), before);
}

#[test]
fn who_does_not_take_a_frame_stops_the_opening() {
    let disk = Recorder::new();
    let (config, head) = fill(&disk, 10);
    let mut count = 0;
    let mut replay = |_| {
        count += 1;
        if count == 4 { Err("no room".into()) } else { Ok(()) }
    };
    let error = Wal::open(base(&disk, config), START, &mut replay, |_| {}).unwrap_err();
    match error {
        OpenError::Replay { position, .. } => assert_eq!(position, head.positions()[3]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn payloads_of_all_sizes_come_back_whole() {
    let disk = Recorder::new();
    let config = Config { file_bytes: 4 << 20, group_bytes: 1 << 20, ..small() };
    let (wal, _, _) = open(base(&disk, config.clone()), START).unwrap();
    let mut random = Random::from_seed(3);
    let mut tickets = Vec::new();
    for id in 0..200 {
        let length = match below(&mut random, 10) {
            0 => 1_200_000 + below(&mut random, 1_000_000),
            1 => 200_000 + below(&mut random, 200_000),
            _ => below(&mut random, 3_000),
        };
        tickets.push(wal.append(Signal::Spans, Bytes::from(payload(id, length))));
        if tickets.len() == 20 {
            tickets.drain(..).for_each(acknowledged);
        }
    }
    drop(wal);
    let (_, head, report) = open(base(&disk, config), START).unwrap();
    assert_eq!(head.after(START), (0..200).collect::<Vec<_>>());
    assert_eq!(report.lost_places, 0);
    assert_eq!(report.unfinished, []);
}
