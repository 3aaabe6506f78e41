//! Bytes that were flipped, zeroed or cut: everything outside of them is found, and they are named.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use trunkline_rt::Random;
use trunkline_store::disk::{Call, Disk, Fault, Recorder};
use trunkline_store::wal::{Config, Damage, Position, Report, Signal, Wal};

use super::rig::{acknowledged, base, below, open, payload, seed, small};

const START: Position = Position { file: 0, offset: 0 };

/// Where frames begin.
const DATA_START: u64 = 8192;

/// What a frame has besides its payload.
const HEADER_BYTES: u64 = 36;

/// A log, and where each of its frames is.
struct Written {
    disk: Recorder,
    config: Config,
    frames: Vec<(PathBuf, Range<u64>)>,
}

fn file(number: u64) -> PathBuf {
    PathBuf::from(format!("wal/{number:016}.wal"))
}

fn write(random: &mut Random, count: u64, file_bytes: u64) -> Written {
    let disk = Recorder::new();
    let config = Config { file_bytes, ..small() };
    let (wal, head, _) = open(base(&disk, config.clone()), START).unwrap();
    let mut lengths = Vec::new();
    let mut tickets = Vec::new();
    for id in 0..count {
        let bytes = payload(id, below(random, 3_000));
        lengths.push(bytes.len() as u64 + HEADER_BYTES);
        tickets.push(wal.append(Signal::Spans, Bytes::from(bytes)));
        if below(random, 4) == 0 {
            tickets.drain(..).for_each(acknowledged);
        }
    }
    drop(wal);
    let ends = head.positions().into_iter().zip(lengths);
    let frames = ends.map(|(end, length)| (file(end.file), end.offset - length..end.offset));
    Written { frames: frames.collect(), disk, config }
}

type Harmed = BTreeMap<PathBuf, Vec<Range<u64>>>;

fn one(path: &Path, range: Range<u64>) -> Harmed {
    BTreeMap::from([(path.to_owned(), Vec::from([range]))])
}

/// Opens it and compares what is there with what the damage left.
fn check(written: &Written, harmed: &Harmed, what: &str) -> Report {
    let hit = |(path, frame): &(PathBuf, Range<u64>)| {
        let ranges = harmed.get(path).into_iter().flatten();
        ranges.into_iter().any(|range| range.start < frame.end && frame.start < range.end)
    };
    let hits: Vec<_> = written.frames.iter().filter(|frame| hit(frame)).collect();
    let sound = (0..).zip(&written.frames).filter(|(_, frame)| !hit(frame)).map(|(id, _)| id);
    let base = base(&written.disk, written.config.clone());
    let (wal, head, report) = open(base, START).unwrap();
    drop(wal);
    assert_eq!(head.after(START), sound.collect::<Vec<u64>>(), "{what}: {report:?}");
    let named = report.lost.iter().chain(&report.unfinished);
    let covers = |damage: &Damage, (path, frame): &(PathBuf, Range<u64>)| {
        let range = damage.offset..damage.offset + damage.length;
        Path::new(&damage.file) == path && range.start <= frame.start && frame.end <= range.end
    };
    for frame in &hits {
        assert!(named.clone().any(|damage| covers(damage, frame)), "{what}: {frame:?} {report:?}");
    }
    for frame in written.frames.iter().filter(|frame| !hit(frame)) {
        assert!(!named.clone().any(|damage| covers(damage, frame)), "{what}: {frame:?} {report:?}");
    }
    if report.unfinished.is_empty() {
        assert_eq!(report.lost_frames, hits.len() as u64, "{what}: {report:?}");
    }
    report
}

/// Flips a bit in the range of each file, and notes where.
fn flip(written: &Written, random: &mut Random) -> (PathBuf, Range<u64>) {
    let (path, frame) = &written.frames[below(random, written.frames.len())];
    let at = frame.start + random.number() % (frame.end - frame.start);
    let bit = below(random, 8);
    written.disk.damage(path, |bytes| bytes[usize::try_from(at).unwrap()] ^= 1 << bit).unwrap();
    (path.clone(), at..at + 1)
}

fn zero(written: &Written, random: &mut Random) -> (PathBuf, Range<u64>) {
    let (path, frame) = &written.frames[below(random, written.frames.len())];
    let length = 1 + random.number() % 5_000;
    let range = frame.start..frame.start + length;
    written
        .disk
        .damage(path, |bytes| {
            let start = usize::try_from(range.start).unwrap();
            let end = usize::try_from(range.end).unwrap().min(bytes.len());
            bytes[start..end].fill(0);
        })
        .unwrap();
    (path.clone(), range)
}

#[test]
fn flipped_and_zeroed_bytes_cost_the_frames_they_are_in() {
    let seed = seed();
    let mut random = Random::from_seed(seed);
    for run in 0..200 {
        let written = write(&mut random, 60, 20_000);
        let mut harmed = BTreeMap::<_, Vec<_>>::new();
        for _ in 0..=below(&mut random, 6) {
            let harm = if below(&mut random, 3) == 0 { zero } else { flip };
            let (path, range) = harm(&written, &mut random);
            harmed.entry(path).or_default().push(range);
        }
        // Two flips of one bit are none.
        let report = check(&written, &harmed, &format!("run {run} of {seed}: {harmed:?}"));
        let kept = report.lost.iter().filter_map(|damage| damage.kept.as_deref());
        for path in kept.clone() {
            assert!(written.disk.open(Path::new(path)).unwrap().length().unwrap() > 0);
        }
        assert_eq!(kept.count(), report.lost.len());
    }
}

#[test]
fn a_file_that_was_cut_costs_what_was_cut_off() {
    let seed = seed();
    let mut random = Random::from_seed(seed);
    for run in 0..100 {
        let written = write(&mut random, 60, 20_000);
        let last = &written.frames.last().unwrap().0;
        let (path, frame) = loop {
            let (path, frame) = &written.frames[below(&mut random, written.frames.len())];
            if path != last {
                break (path, frame);
            }
        };
        let end = frame.start + random.number() % (frame.end - frame.start);
        written.disk.damage(path, |bytes| bytes.truncate(usize::try_from(end).unwrap())).unwrap();
        let harmed = one(path, end..u64::MAX);
        let report = check(&written, &harmed, &format!("run {run} of {seed}: {path:?} at {end}"));
        assert_eq!(report.lost_places, 1);
        assert_eq!(report.unfinished, []);
    }
}

#[test]
fn the_last_group_is_named_too_when_it_is_damaged() {
    let mut random = Random::from_seed(1);
    let written = write(&mut random, 20, 1 << 20);
    // Closed in order: it is known that everything was synced, and so that this was lost.
    let (path, frame) = written.frames.last().unwrap();
    let at = usize::try_from(frame.end - 1).unwrap();
    written.disk.damage(path, |bytes| bytes[at] ^= 1).unwrap();
    let harmed = one(path, frame.clone());
    let report = check(&written, &harmed, "closed");
    assert_eq!((report.lost_frames, report.unfinished.len()), (1, 0));
    // Not closed: it may have been what was being written.
    let cut = usize::try_from(frame.end).unwrap();
    written.disk.damage(path, |bytes| bytes.truncate(cut)).unwrap();
    let disk = written.disk.crash(0);
    let names = disk.list(Path::new("wal")).unwrap();
    for name in names.iter().filter(|name| !path.ends_with(name)) {
        disk.remove(&Path::new("wal").join(name)).unwrap();
    }
    let written = Written { disk, ..written };
    let report = check(&written, &harmed, "not closed");
    assert_eq!((report.lost_frames, report.unfinished.len()), (0, 1));
}

#[test]
fn one_header_of_a_file_may_be_lost() {
    let mut random = Random::from_seed(2);
    for headers in [0..64, 4096..4160] {
        let written = write(&mut random, 60, 20_000);
        let mut harmed = Harmed::new();
        for name in written.disk.list(Path::new("wal")).unwrap() {
            // With the first frame as well, so that it does not help out.
            let path = Path::new("wal").join(name);
            harmed.extend(one(&path, DATA_START..DATA_START + 1));
            let harm = |bytes: &mut Vec<u8>| {
                bytes[headers.clone()].fill(0x5a);
                bytes.iter_mut().skip(8192).take(1).for_each(|byte| *byte ^= 1);
            };
            written.disk.damage(&path, harm).unwrap();
        }
        check(&written, &harmed, "headers");
    }
}

#[test]
fn bytes_that_cannot_be_read_cost_the_frames_of_their_pages() {
    let mut random = Random::from_seed(8);
    let written = write(&mut random, 60, 40_000);
    let (path, frame) = &written.frames[20];
    written.disk.spoil(path, frame.start..frame.start + 1).unwrap();
    // Pages are counted from where a read began.
    let from = frame.start - (frame.start % 4096);
    let (wal, head, report) = open(base(&written.disk, written.config.clone()), START).unwrap();
    drop(wal);
    let near = |(of, range): &(PathBuf, Range<u64>)| {
        of == path && range.end > from.saturating_sub(4096) && range.start < from + 2 * 4096
    };
    let far = (0..).zip(&written.frames).filter(|(_, frame)| !near(frame)).map(|(id, _)| id);
    let replayed = head.after(START);
    assert!(far.into_iter().all(|id: u64| replayed.contains(&id)), "{report:?}");
    assert!(!replayed.contains(&20));
    assert_eq!(report.lost_frames, 60 - replayed.len() as u64);
    assert!(replayed.is_sorted());
}

#[test]
fn a_file_of_which_nothing_can_be_read_is_named_whole() {
    let mut random = Random::from_seed(10);
    let written = write(&mut random, 60, 20_000);
    let path = file(3);
    let length = written.disk.open(&path).unwrap().length().unwrap();
    written.disk.damage(&path, |bytes| bytes.fill(0)).unwrap();
    let report = check(&written, &one(&path, 0..length), "zeroed");
    assert_eq!(report.lost_places, 1);
    // And of the last one, of which no other file tells.
    let written = write(&mut random, 20, 1 << 20);
    written.disk.damage(&file(1), |bytes| bytes.fill(0)).unwrap();
    let (_, _, report) = open(base(&written.disk, written.config.clone()), START).unwrap();
    assert_eq!((report.lost_places, report.frames), (1, 0));
}

#[test]
fn a_cut_is_noticed_after_restarts_without_work() {
    let mut random = Random::from_seed(9);
    let written = write(&mut random, 20, 1 << 20);
    for _ in 0..3 {
        drop(open(base(&written.disk, written.config.clone()), START).unwrap());
    }
    let (path, frame) = written.frames.last().unwrap();
    let end = usize::try_from(frame.start).unwrap();
    written.disk.damage(path, |bytes| bytes.truncate(end)).unwrap();
    let report = check(&written, &one(path, frame.clone()), "cut");
    assert_eq!(report.lost_places, 1);
}

#[test]
fn whatever_the_bytes_are_nothing_is_invented() {
    let seed = seed();
    let mut random = Random::from_seed(seed);
    for _ in 0..300 {
        let written = write(&mut random, 30, 20_000);
        let names = written.disk.list(Path::new("wal")).unwrap();
        for _ in 0..below(&mut random, 8) {
            let path = Path::new("wal").join(&names[below(&mut random, names.len())]);
            let (at, from) = (random.number(), random.number());
            let (length, kind) = (below(&mut random, 9_000), below(&mut random, 5));
            let byte = random.bytes8()[0];
            let harm = move |bytes: &mut Vec<u8>| {
                let at = usize::try_from(at).unwrap() % (bytes.len() + 1);
                let from = usize::try_from(from).unwrap() % (bytes.len() + 1);
                let end = (at + length).min(bytes.len());
                let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
                match kind {
                    0 => bytes[at..end].fill(byte),
                    1 => bytes.truncate(at),
                    2 => drop(bytes.splice(at..at, piece)),
                    3 => drop(bytes.splice(at..end, [])),
                    _ => drop(bytes.splice(at..end, piece)),
                }
            };
            written.disk.damage(&path, harm).unwrap();
        }
        // The head looks at every byte of every payload.
        let (_, head, _) = open(base(&written.disk, written.config.clone()), START).unwrap();
        assert!(head.after(START).iter().all(|id| *id < 30));
    }
}

#[test]
fn frames_are_found_without_any_header_of_their_file() {
    let mut random = Random::from_seed(3);
    let written = write(&mut random, 60, 20_000);
    for name in written.disk.list(Path::new("wal")).unwrap() {
        let path = Path::new("wal").join(name);
        written.disk.damage(&path, |bytes| bytes[..8192].fill(0)).unwrap();
    }
    check(&written, &BTreeMap::new(), "no headers");
}

#[test]
fn a_file_that_is_missing_is_named_with_what_was_in_it() {
    let mut random = Random::from_seed(4);
    let written = write(&mut random, 60, 20_000);
    let path = file(2);
    written.disk.remove(&path).unwrap();
    let end = written.frames.iter().filter(|(of, _)| *of == path).map(|(_, frame)| frame.end);
    let harmed = one(&path, DATA_START..end.max().unwrap());
    let report = check(&written, &harmed, "missing");
    assert_eq!(report.lost_places, 1);
    assert_eq!(report.lost[0].kept, None);
}

#[test]
fn a_payload_cannot_pass_for_frames_of_its_log() {
    let mut random = Random::from_seed(5);
    // What someone sends are the bytes of a log, and then the header before them is damaged.
    let other = write(&mut random, 30, 1 << 20);
    let mut stolen = vec![0; 20_000];
    other.disk.open(&file(1)).unwrap().read_at(DATA_START, &mut stolen).unwrap();
    let mut sent = payload(7, 16);
    sent.extend(stolen);
    let disk = Recorder::new();
    let (wal, _) = Wal::open(base(&disk, small()), START, &mut |_| Ok(()), |_| {}).unwrap();
    let before = wal.append(Signal::Spans, Bytes::from(payload(0, 100))).wait().unwrap();
    wal.append(Signal::Spans, Bytes::from(sent)).wait().unwrap();
    wal.append(Signal::Spans, Bytes::from(payload(1, 100))).wait().unwrap();
    drop(wal);
    let at = usize::try_from(before.offset).unwrap() + 10;
    disk.damage(&file(1), |bytes| bytes[at] ^= 1).unwrap();
    let (_, head, report) = open(base(&disk, small()), START).unwrap();
    assert_eq!(head.after(START), [0, 1]);
    assert_eq!((report.lost_places, report.lost_frames), (1, 1));
}

#[test]
fn damage_is_kept_before_its_file_is_forgotten_and_no_more_than_may_be() {
    let mut random = Random::from_seed(6);
    let mut written = write(&mut random, 60, 20_000);
    written.config.quarantine_bytes_max = 4_000;
    for (path, frame) in written.frames.iter().step_by(3) {
        let at = usize::try_from(frame.start).unwrap() + 40;
        written.disk.damage(path, |bytes| bytes[at] ^= 1).unwrap();
    }
    let (wal, _, report) = open(base(&written.disk, written.config.clone()), START).unwrap();
    drop(wal);
    let (kept, dropped): (Vec<_>, Vec<_>) =
        report.lost.iter().partition(|damage| damage.kept.is_some());
    assert!(!kept.is_empty() && !dropped.is_empty());
    assert!(kept.iter().map(|damage| damage.length).sum::<u64>() <= 4_000);
    // The same damage is the same file the next time.
    let files = written.disk.list(Path::new("quarantine")).unwrap();
    let (_, _, again) = open(base(&written.disk, written.config.clone()), START).unwrap();
    assert_eq!(again.lost, report.lost);
    assert_eq!(written.disk.list(Path::new("quarantine")).unwrap(), files);
}

#[test]
fn a_disk_that_cannot_keep_damage_does_not_hinder_the_opening() {
    let mut random = Random::from_seed(7);
    let written = write(&mut random, 20, 1 << 20);
    let (path, range) = flip(&written, &mut random);
    let error = std::io::ErrorKind::StorageFull;
    written.disk.fail(Fault { call: Some(Call::Create), after: 0, times: 10, error });
    let report = check(&written, &one(&path, range), "full");
    assert_eq!(report.lost[0].kept, None);
}
