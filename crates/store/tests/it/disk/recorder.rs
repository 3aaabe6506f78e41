//! The recorder breaks what may break, and nothing else.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

use trunkline_store::disk::{Call, Disk, Fault, File, Recorder};

fn read(disk: &Recorder, path: &str) -> Option<Vec<u8>> {
    let file = disk.open(Path::new(path)).ok()?;
    let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_exact_at(0, &mut bytes).unwrap();
    Some(bytes)
}

/// A file that is durable with its name.
fn durable(disk: &Recorder, path: &str, bytes: &[u8]) -> Box<dyn File> {
    let file = disk.create(Path::new(path)).unwrap();
    file.write_at(0, bytes).unwrap();
    file.sync_data().unwrap();
    disk.sync_folder(Path::new("")).unwrap();
    file
}

#[test]
fn what_was_synced_survives_every_crash() {
    let disk = Recorder::new();
    let file = durable(&disk, "a", &[1; 3_000]);
    file.write_at(3_000, &[2; 5_000]).unwrap();
    for seed in 0..100 {
        let bytes = read(&disk.crash(seed), "a").unwrap();
        assert_eq!(bytes[..3_000], [1; 3_000]);
    }
}

#[test]
fn what_was_not_synced_survives_in_any_part_by_sectors() {
    let disk = Recorder::new();
    let file = durable(&disk, "a", &[1; 2_048]);
    file.write_at(0, &[2; 2_048]).unwrap();
    let images: HashSet<_> = (0..1_000).map(|seed| read(&disk.crash(seed), "a").unwrap()).collect();
    // Four sectors, each old or new.
    assert_eq!(images.len(), 16);
    for image in images {
        assert!(image.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
    }
}

#[test]
fn a_file_may_grow_without_its_bytes() {
    let disk = Recorder::new();
    let file = durable(&disk, "a", &[1; 512]);
    file.write_at(512, &[2; 1_024]).unwrap();
    let grown = |seed| {
        let bytes = read(&disk.crash(seed), "a").unwrap();
        bytes.len() > 512 && bytes[512..1_024] == [0; 512]
    };
    assert!((0..200).any(grown));
}

#[test]
fn names_that_were_not_synced_may_be_lost_from_the_last_one_on() {
    let disk = Recorder::new();
    durable(&disk, "a", b"old");
    let file = disk.create(Path::new("b")).unwrap();
    file.write_at(0, b"new").unwrap();
    file.sync_data().unwrap();
    disk.rename(Path::new("b"), Path::new("a")).unwrap();
    disk.remove(Path::new("a")).unwrap();
    let text =
        |name, disk: &Recorder| read(disk, name).map(|bytes| String::from_utf8(bytes).unwrap());
    let images: HashSet<_> = (0..100)
        .map(|seed| disk.crash(seed))
        .map(|image| (text("a", &image), text("b", &image)))
        .collect();
    let (old, new) = (Some("old".to_owned()), Some("new".to_owned()));
    let expected = [(old.clone(), None), (old, new.clone()), (new, None), (None, None)];
    assert_eq!(images, HashSet::from(expected));
}

#[test]
fn the_sync_after_one_that_failed_says_all_is_well_and_lies() {
    let disk = Recorder::new();
    let file = durable(&disk, "a", b"old");
    file.write_at(0, b"new").unwrap();
    let error = ErrorKind::Other;
    disk.fail(Fault { call: Some(Call::SyncData), after: 0, times: 1, error });
    assert_eq!(file.sync_data().unwrap_err().kind(), error);
    file.sync_data().unwrap();
    assert_eq!(read(&disk, "a").unwrap(), b"new", "as long as the machine runs");
    let lied = |run: u64| {
        let disk = Recorder::new();
        let file = durable(&disk, "a", b"old");
        // Other random numbers in each run.
        (0..run).for_each(|_| {
            disk.fail(Fault { call: Some(Call::Write), after: 0, times: 1, error });
            file.write_at(0, b"old").unwrap_err();
        });
        file.sync_data().unwrap();
        file.write_at(0, b"new").unwrap();
        disk.fail(Fault { call: Some(Call::SyncData), after: 0, times: 1, error });
        file.sync_data().unwrap_err();
        file.sync_data().unwrap();
        read(&disk.crash(1), "a").unwrap() == b"old"
    };
    assert!((0..50).any(lied));
}

#[test]
fn a_full_disk_takes_a_part_and_says_so() {
    let disk = Recorder::new();
    let file = durable(&disk, "a", b"12345");
    disk.set_capacity(10);
    assert_eq!(disk.free_bytes().unwrap(), 5);
    assert_eq!(file.write_at(5, &[7; 6]).unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(file.length().unwrap() <= 10);
    file.write_at(0, &[7; 10]).unwrap();
    disk.remove(Path::new("a")).unwrap();
    assert_eq!(disk.free_bytes().unwrap(), 10);
}

#[test]
fn the_end_of_the_process_loses_nothing() {
    let disk = Recorder::new();
    disk.create(Path::new("a")).unwrap().write_at(0, b"text").unwrap();
    let after = disk.kill();
    assert_eq!(read(&after, "a").unwrap(), b"text");
    assert!((0..100).any(|seed| read(&after.crash(seed), "a").is_none()), "a power cut may");
}
