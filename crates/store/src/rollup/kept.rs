//! Rollups in a redb database: one table by period, one row of state, one transaction a commit.
//!
//! redb checks what it reads against checksums and survives a crash at any point of a commit, but
//! not of making a database: that is done beside, under another name. After a write that failed a
//! database is not used again: the system may show what it will never write. The next one who asks
//! copies what can be read to another file, which takes its place. A file that is damaged is put aside, and another one begun: what is counted
//! from now on is worth more than what cannot be read.

use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable,
    StorageBackend, StorageError, TableDefinition,
};

use super::Period;
use super::keep::{Commit, Keep, KeepError, View};
use crate::disk::{Backend, Disk};

const ROLLUPS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("rollups");
const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("rollup_state");
const STATE_KEY: &str = "state";

/// Memory that redb may use for its pages, in bytes: most questions are about the last hour.
const CACHE_BYTES: usize = 4 << 20;

/// See the module's documentation.
#[derive(Debug)]
pub struct Kept {
    file: Option<(Arc<dyn Disk>, PathBuf)>,
    /// None after it failed.
    database: Mutex<Option<Arc<Database>>>,
}

impl Kept {
    /// Keeps rollups in a file, which is made where there is none.
    ///
    /// # Errors
    /// It cannot be used, or a newer version made it.
    pub fn in_file(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, KeepError> {
        let database = open_file(&disk, path)?;
        let file = Some((disk, path.to_owned()));
        Ok(Self { file, database: Mutex::new(Some(Arc::new(database))) })
    }

    /// Keeps rollups in memory, until the end of the process.
    ///
    /// # Errors
    /// There is no memory.
    pub fn in_memory() -> Result<Self, KeepError> {
        let database = open(InMemoryBackend::new()).map_err(error)?;
        make_tables(&database)?;
        Ok(Self { file: None, database: Mutex::new(Some(Arc::new(database))) })
    }

    fn database(&self) -> Result<Arc<Database>, KeepError> {
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*database, &self.file) {
            (Some(database), _) => Ok(Arc::clone(database)),
            (None, Some((disk, path))) => {
                let opened = open_file(disk, path)?;
                let opened = Arc::new(make_file(disk, path, Some(&opened))?);
                *database = Some(Arc::clone(&opened));
                Ok(opened)
            }
            (None, None) => Err(KeepError("an earlier commit failed".into())),
        }
    }
}

/// Opens a file; puts it aside if it is damaged.
fn open_file(disk: &Arc<dyn Disk>, path: &Path) -> Result<Database, KeepError> {
    if matches!(disk.open(path), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return make_file(disk, path, None);
    }
    match open(backend(disk, path)?) {
        Err(DatabaseError::Storage(failed)) if is_damage(&failed) => {
            disk.rename(path, &path.with_extension("redb.damaged")).map_err(io_error)?;
            make_file(disk, path, None)
        }
        opened => opened.map_err(error),
    }
}

fn is_damage(failed: &StorageError) -> bool {
    match failed {
        StorageError::Corrupted(_) => true,
        StorageError::Io(failed) => failed.kind() == io::ErrorKind::InvalidData,
        _ => false,
    }
}

/// Makes a file, with what another database has, and gives it its name when it is whole.
fn make_file(
    disk: &Arc<dyn Disk>,
    path: &Path,
    from: Option<&Database>,
) -> Result<Database, KeepError> {
    let new = path.with_extension("new");
    match disk.remove(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(error)),
        _ => {}
    }
    let database = open(backend(disk, &new)?).map_err(error)?;
    make_tables(&database)?;
    if let Some(from) = from {
        copy(from, &database)?;
    }
    drop(database);
    disk.rename(&new, path).map_err(io_error)?;
    disk.sync_folder(path.parent().unwrap_or(Path::new(""))).map_err(io_error)?;
    open(backend(disk, path)?).map_err(error)
}

/// Copies everything, in one transaction.
fn copy(from: &Database, to: &Database) -> Result<(), KeepError> {
    let reading = from.begin_read().map_err(error)?;
    let writing = to.begin_write().map_err(error)?;
    {
        let rollups = reading.open_table(ROLLUPS).map_err(error)?;
        let mut copies = writing.open_table(ROLLUPS).map_err(error)?;
        for row in rollups.iter().map_err(error)? {
            let (period, bytes) = row.map_err(error)?;
            copies.insert(period.value(), bytes.value()).map_err(error)?;
        }
        let state = reading.open_table(STATE).map_err(error)?;
        let mut copies = writing.open_table(STATE).map_err(error)?;
        if let Some(state) = state.get(STATE_KEY).map_err(error)? {
            copies.insert(STATE_KEY, state.value()).map_err(error)?;
        }
    }
    writing.commit().map_err(error)
}

fn backend(disk: &Arc<dyn Disk>, path: &Path) -> Result<Backend, KeepError> {
    Backend::open(&**disk, path).map_err(io_error)
}

fn open(backend: impl StorageBackend) -> Result<Database, DatabaseError> {
    let mut builder = Builder::new();
    // A damaged file is then an error, where it might be a panic.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder.create_with_backend(backend)
}

/// Makes the tables, if they are not there.
fn make_tables(database: &Database) -> Result<(), KeepError> {
    let there = database.begin_read().map_err(error)?.open_table(STATE).is_ok();
    if there {
        return Ok(());
    }
    let transaction = database.begin_write().map_err(error)?;
    drop(transaction.open_table(ROLLUPS).map_err(error)?);
    drop(transaction.open_table(STATE).map_err(error)?);
    transaction.commit().map_err(error)
}

fn error(error: impl Into<redb::Error>) -> KeepError {
    KeepError(Box::new(error.into()))
}

fn io_error(error: io::Error) -> KeepError {
    KeepError(Box::new(error))
}

impl Keep for Kept {
    fn view(&self) -> Result<Box<dyn View>, KeepError> {
        Ok(Box::new(Shown(self.database()?.begin_read().map_err(error)?)))
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), KeepError> {
        let database = self.database()?;
        let made = make(&database, commit);
        if made.is_err() && self.file.is_some() {
            *self.database.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        made
    }
}

fn make(database: &Database, commit: &Commit<'_>) -> Result<(), KeepError> {
    let transaction = database.begin_write().map_err(error)?;
    {
        let mut rollups = transaction.open_table(ROLLUPS).map_err(error)?;
        rollups.retain_in(..commit.first.0, |_, _| false).map_err(error)?;
        for (period, bytes) in commit.rollups {
            rollups.insert(period.0, bytes.as_slice()).map_err(error)?;
        }
        let mut state = transaction.open_table(STATE).map_err(error)?;
        state.insert(STATE_KEY, commit.state).map_err(error)?;
    }
    transaction.commit().map_err(error)
}

struct Shown(ReadTransaction);

impl View for Shown {
    fn state(&self) -> Result<Option<Vec<u8>>, KeepError> {
        let table = self.0.open_table(STATE).map_err(error)?;
        Ok(table.get(STATE_KEY).map_err(error)?.map(|found| found.value().to_vec()))
    }

    fn get(&self, period: Period) -> Result<Option<Vec<u8>>, KeepError> {
        let table = self.0.open_table(ROLLUPS).map_err(error)?;
        Ok(table.get(period.0).map_err(error)?.map(|found| found.value().to_vec()))
    }

    fn range(
        &self,
        periods: Range<Period>,
        see: &mut dyn FnMut(Period, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), KeepError> {
        let table = self.0.open_table(ROLLUPS).map_err(error)?;
        for row in ReadableTable::range(&table, periods.start.0..periods.end.0).map_err(error)? {
            let (period, bytes) = row.map_err(error)?;
            if see(Period(period.value()), bytes.value()).is_break() {
                break;
            }
        }
        Ok(())
    }
}
