//! redb upon the recorder: a transaction that was committed is there after every crash.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use trunkline_rt::Random;
use trunkline_store::disk::{Backend, Call, Fault, Recorder};

const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("table");

fn open(disk: &Recorder) -> Result<Database, redb::DatabaseError> {
    let backend = Backend::open(disk, Path::new("manifest")).unwrap();
    Database::builder().create_with_backend(backend)
}

fn commit(database: &Database, key: u64, length: usize) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(TABLE)?.insert(key, vec![1; length].as_slice())?;
    Ok(transaction.commit()?)
}

fn keys(database: &Database) -> Vec<u64> {
    let transaction = database.begin_read().unwrap();
    let Ok(table) = transaction.open_table(TABLE) else {
        return Vec::new();
    };
    table.iter().unwrap().map(|row| row.unwrap().0.value()).collect()
}

#[test]
fn committed_transactions_survive_power_cuts() {
    let disk = Recorder::new();
    let committed = Arc::new(Mutex::new(0));
    let images = Arc::new(Mutex::new(Vec::new()));
    let (seen, taken, source) = (Arc::clone(&committed), Arc::clone(&images), disk.clone());
    let random = Mutex::new(Random::from_seed(1));
    disk.watch(move |_, _| {
        let number = random.lock().unwrap().number();
        if number.is_multiple_of(3) {
            let committed: u64 = *seen.lock().unwrap();
            taken.lock().unwrap().push((number, committed, source.crash(number)));
        }
    });
    let database = open(&disk).unwrap();
    for key in 0..60 {
        commit(&database, key, 700).unwrap();
        *committed.lock().unwrap() = key + 1;
    }
    drop(database);
    let images = std::mem::take(&mut *images.lock().unwrap());
    assert!(images.len() > 60, "{}", images.len());
    for (seed, committed, image) in images {
        let keys = keys(&open(&image).unwrap());
        let count = keys.len() as u64;
        assert!(count == committed || count == committed + 1, "{seed}: {count} of {committed}");
        assert_eq!(keys, (0..count).collect::<Vec<_>>(), "{seed}");
    }
}

#[test]
fn after_a_failed_sync_nothing_more_is_written() {
    let disk = Recorder::new();
    let database = open(&disk).unwrap();
    commit(&database, 0, 100).unwrap();
    let error = ErrorKind::Other;
    disk.fail(Fault { call: Some(Call::SyncData), after: 0, times: 1, error });
    commit(&database, 1, 100).unwrap_err();
    let before = disk.calls().len();
    commit(&database, 2, 100).unwrap_err();
    drop(database);
    assert_eq!(disk.calls()[before..], []);
    for seed in 0..50 {
        let keys = keys(&open(&disk.crash(seed)).unwrap());
        assert!(keys == [0] || keys == [0, 1], "{seed}: {keys:?}");
    }
}
