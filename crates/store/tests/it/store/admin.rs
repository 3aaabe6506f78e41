//! Listing, checking, copying, exporting, rebuilding.

use std::path::Path;
use std::sync::Arc;

use trunkline_otlp::Span;
use trunkline_store::admin::{CopyError, RebuildError, fsck, list, rebuild, restore};
use trunkline_store::disk::{Disk, Recorder};
use trunkline_store::source::{Field, Filter, SpanSource, Test};

use super::rig::{append, batch, budget, check, found, open, small, trace, try_open};

/// A disk with four segments, the last of two traces, and two batches in the log.
fn disk() -> Recorder {
    let disk = Recorder::new();
    let store = open(&small(), &disk);
    for number in 0..5 {
        append(&store, &batch(number)).unwrap();
        if number != 3 {
            store.flush().unwrap();
        }
    }
    append(&store, &batch(5)).unwrap();
    append(&store, &batch(6)).unwrap();
    store.close();
    disk
}

#[test]
fn a_listing_tells_what_there_is() {
    let listing = list(&disk()).unwrap();
    let spans: Vec<u64> = listing.segments.iter().map(|segment| segment.spans).collect();
    assert_eq!(spans, [3, 3, 3, 6]);
    assert_eq!((listing.stored, listing.removed.len()), (15, 0));
    assert!(listing.log.iter().all(|(_, bytes)| *bytes > 0) && !listing.log.is_empty());
    let first = &listing.segments[0];
    assert_eq!(first.file, "segments/0-0000000000000001.parquet");
    assert_eq!(first.latest_unix_nanos - first.earliest_unix_nanos, 2_000);
    let names: Vec<&str> = first.services.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["service-0", "service-1", "service-2"]);
}

#[test]
fn a_check_names_what_is_damaged_and_how_much_is_concerned() {
    let disk = disk();
    let sound = fsck(&disk).unwrap();
    assert!(sound.is_sound());
    assert_eq!((sound.segments, sound.spans, sound.log_spans), (4, 15, 6));
    let name = "segments/0-0000000000000002.parquet";
    disk.damage(Path::new(name), |bytes| bytes[700] ^= 1).unwrap();
    disk.create(Path::new("segments/0-0000000000000099.parquet")).unwrap();
    let found = fsck(&disk).unwrap();
    assert!(!found.is_sound());
    assert!(found.faults.iter().all(|fault| fault.file == name && fault.spans == 3));
    assert!(!found.faults.is_empty());
    assert_eq!(found.unlisted, ["segments/0-0000000000000099.parquet"]);
    disk.remove(Path::new(name)).unwrap();
    assert_eq!(fsck(&disk).unwrap().faults.len(), 1);
}

#[test]
fn a_backup_is_a_store_and_becomes_one() {
    let disk = disk();
    let store = open(&small(), &disk);
    let backup = Recorder::new();
    let target: Arc<dyn Disk> = Arc::new(backup.clone());
    let copied = store.backup(&target).unwrap();
    assert_eq!(copied.spans, 21);
    assert!(matches!(store.backup(&target), Err(CopyError::NotEmpty)));
    // What comes later is not in it, and what is removed later is.
    append(&store, &batch(7)).unwrap();
    let all: Vec<u64> = (0..7).collect();
    // Even a power cut right after leaves it whole.
    let backup = backup.crash(3);
    let restored = Recorder::new();
    let target: Arc<dyn Disk> = Arc::new(restored.clone());
    assert_eq!(restore(&backup, &target).unwrap(), copied);
    let restored = open(&small(), &restored);
    check(&restored, &all, 7);
    append(&restored, &batch(8)).unwrap();
    assert_eq!(found(&restored).len(), 8);
    check(&open(&small(), &backup), &all, 7);
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let backup = disk();
    let name = Path::new("segments/0-0000000000000003.parquet");
    backup.damage(name, |bytes| bytes[900] ^= 1).unwrap();
    let target: Arc<dyn Disk> = Arc::new(Recorder::new());
    assert!(matches!(restore(&backup, &target), Err(CopyError::Damaged(_))));
}

#[test]
fn a_lost_manifest_is_made_of_the_segments() {
    let disk = disk();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    assert!(matches!(rebuild(&shared), Err(RebuildError::Exists)));
    disk.remove(Path::new("manifest.redb")).unwrap();
    let name = Path::new("segments/0-0000000000000002.parquet");
    disk.open(name).unwrap().set_length(200).unwrap();
    assert!(try_open(&small(), &disk).is_err());
    let rebuilt = rebuild(&shared).unwrap();
    assert_eq!((rebuilt.segments, rebuilt.spans, rebuilt.damaged.len()), (3, 12, 1));
    let store = open(&small(), &disk);
    // The log is still there, and was read again: what it has is found once.
    for number in [0, 2, 3, 4, 5, 6] {
        assert_eq!(store.traces(&[trace(number)], &mut budget()).unwrap(), [batch(number)]);
    }
    assert!(disk.list(Path::new("segments")).unwrap().iter().any(|one| one.ends_with(".damaged")));
}

#[test]
fn an_export_has_what_was_asked_for() {
    let store = open(&small(), &disk());
    let filter = Filter::Where(Field::Service, Test::Text("service-1".into()));
    let mut bytes = Vec::new();
    let spans = store.export(&filter, 0..=u64::MAX, &mut bytes, &mut budget()).unwrap();
    assert_eq!(spans, 7);
    // It is a segment like others.
    let disk = Recorder::new();
    disk.create_folder(Path::new("segments")).unwrap();
    let file = disk.create(Path::new("segments/0-0000000000000001.parquet")).unwrap();
    file.write_at(0, &bytes).unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    assert_eq!(rebuild(&shared).unwrap().spans, 7);
    let all: Vec<Span> = found(&open(&small(), &disk)).into_values().flatten().collect();
    assert_eq!(all.len(), 7);
    assert!(all.iter().all(|span| span.service() == "service-1"));
}
