//! The database, in redb's format.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{Builder, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use trunkline_model::trace::TraceId;

use super::{Change, Entry, ManifestError, State, VERSION};
use crate::disk::{Backend, Disk};
use crate::store::Rule;
use crate::wal::Position;

const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
const SEGMENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("segments");
const REMOVED: TableDefinition<'_, &str, u64> = TableDefinition::new("removed");
const PINNED: TableDefinition<'_, &[u8; 16], ()> = TableDefinition::new("pinned");

const FORMAT: &str = "format";
const MARK_FILE: &str = "mark.file";
const MARK_OFFSET: &str = "mark.offset";
const SENT_FILE: &str = "sent.file";
const SENT_OFFSET: &str = "sent.offset";
const NEXT: &str = "next";
const STORED: &str = "stored";

/// Memory that redb may use for its pages: all of it is in memory besides.
const CACHE_BYTES: usize = 1 << 20;

/// Largest database that is read as a whole, to be looked at.
const LOOK_BYTES_MAX: u64 = 1 << 30;

/// An open database.
pub(super) struct Database(redb::Database);

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

fn redb_error(error: impl Into<redb::Error>) -> ManifestError {
    ManifestError::Database(Box::new(error.into()))
}

fn open(backend: impl StorageBackend) -> Result<redb::Database, ManifestError> {
    let mut builder = Builder::new();
    // A damaged file is then an error, where it might be a panic. It is small.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder.create_with_backend(backend).map_err(redb_error)
}

impl Database {
    /// Makes a database of this state, complete and synced, and closes it.
    pub(super) fn create(disk: &dyn Disk, path: &Path, state: &State) -> Result<(), ManifestError> {
        let database = Self(open(Backend::open(disk, path)?)?);
        let change = Change {
            add: state.segments.values().cloned().collect(),
            pin: state.pinned.iter().copied().collect(),
            removed: state.removed.clone(),
            ..Change::default()
        };
        database.commit(&change, state)
    }

    /// Opens a database, and reads it.
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> Result<(Self, State), ManifestError> {
        let database = Self(open(Backend::open(disk, path)?)?);
        let state = database.read()?;
        Ok((database, state))
    }

    /// Reads a database that is not ours to change.
    pub(super) fn look(disk: &dyn Disk, path: &Path) -> Result<State, ManifestError> {
        let file = disk.open(path)?;
        let length = file.length()?;
        if length > LOOK_BYTES_MAX {
            return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge).into());
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(0, &mut bytes)?;
        let copy = InMemoryBackend::new();
        copy.set_len(length)?;
        copy.write(0, &bytes)?;
        Self(open(copy)?).read()
    }

    fn read(&self) -> Result<State, ManifestError> {
        let transaction = self.0.begin_read().map_err(redb_error)?;
        let numbers = transaction.open_table(NUMBERS).map_err(redb_error)?;
        let number = |name: &str| -> Result<u64, ManifestError> {
            let found = numbers.get(name).map_err(redb_error)?;
            Ok(found.map(|number| number.value()).unwrap_or_default())
        };
        let format = number(FORMAT)?;
        if format > u64::from(VERSION) {
            return Err(ManifestError::Newer(u32::try_from(format).unwrap_or(u32::MAX)));
        }
        let mark = Position { file: number(MARK_FILE)?, offset: number(MARK_OFFSET)? };
        // No position is in file 0.
        let sent = Position { file: number(SENT_FILE)?, offset: number(SENT_OFFSET)? };
        let sent = (sent.file > 0).then_some(sent);
        let (next, stored) = (number(NEXT)?, number(STORED)?);
        let mut state = State { mark, sent, next, stored, ..State::default() };
        let segments = transaction.open_table(SEGMENTS).map_err(redb_error)?;
        for entry in segments.iter().map_err(redb_error)? {
            let (number, bytes) = entry.map_err(redb_error)?;
            let number = number.value();
            let entry = Entry::decode(number, bytes.value()).map_err(ManifestError::Damaged)?;
            state.segments.insert(number, Arc::new(entry));
        }
        let removed = transaction.open_table(REMOVED).map_err(redb_error)?;
        for rule in Rule::ALL {
            if let Some(spans) = removed.get(rule.as_str()).map_err(redb_error)? {
                state.removed.insert(rule, spans.value());
            }
        }
        let pinned = transaction.open_table(PINNED).map_err(redb_error)?;
        for trace in pinned.iter().map_err(redb_error)? {
            let (trace, ()) = trace.map(|(trace, _)| (*trace.value(), ())).map_err(redb_error)?;
            state.pinned.extend(TraceId::new(trace));
        }
        Ok(state)
    }

    /// Writes a change that leads to this state.
    pub(super) fn commit(&self, change: &Change, state: &State) -> Result<(), ManifestError> {
        let mut transaction = self.0.begin_write().map_err(redb_error)?;
        // Its one-phase commit trusts checksums; two phases trust nothing that was not synced.
        transaction.set_two_phase_commit(true);
        {
            let mut numbers = transaction.open_table(NUMBERS).map_err(redb_error)?;
            let sent = state.sent.unwrap_or_default();
            for (name, number) in [
                (FORMAT, u64::from(VERSION)),
                (MARK_FILE, state.mark.file),
                (MARK_OFFSET, state.mark.offset),
                (SENT_FILE, sent.file),
                (SENT_OFFSET, sent.offset),
                (NEXT, state.next),
                (STORED, state.stored),
            ] {
                numbers.insert(name, number).map_err(redb_error)?;
            }
            let mut segments = transaction.open_table(SEGMENTS).map_err(redb_error)?;
            for number in &change.remove {
                segments.remove(number).map_err(redb_error)?;
            }
            for entry in &change.add {
                segments.insert(entry.number, &*entry.encode()).map_err(redb_error)?;
            }
            let mut removed = transaction.open_table(REMOVED).map_err(redb_error)?;
            for rule in change.removed.keys() {
                let spans = state.removed.get(rule).copied().unwrap_or_default();
                removed.insert(rule.as_str(), spans).map_err(redb_error)?;
            }
            let mut pinned = transaction.open_table(PINNED).map_err(redb_error)?;
            for trace in &change.pin {
                pinned.insert(trace.bytes(), ()).map_err(redb_error)?;
            }
            for trace in &change.unpin {
                pinned.remove(trace.bytes()).map_err(redb_error)?;
            }
        }
        transaction.commit().map_err(redb_error)
    }
}
