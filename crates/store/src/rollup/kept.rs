//! Rollups in a redb database: one table by period, one row of state, one transaction a commit.
//!
//! redb checks what it reads against checksums and survives a crash at any point of a commit. The
//! database may be shared with others: tables are named after what is in them.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};

use super::Period;
use super::keep::{Commit, Keep, KeepError, View};

const ROLLUPS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("rollups");
const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("rollup_state");
const STATE_KEY: &str = "state";

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Kept(Arc<Database>);

impl Kept {
    /// Keeps rollups in this database.
    ///
    /// # Errors
    /// The tables cannot be made, or hold something else.
    pub fn open(database: Arc<Database>) -> Result<Self, KeepError> {
        let transaction = database.begin_write().map_err(error)?;
        drop(transaction.open_table(ROLLUPS).map_err(error)?);
        drop(transaction.open_table(STATE).map_err(error)?);
        transaction.commit().map_err(error)?;
        Ok(Self(database))
    }

    /// Keeps rollups in memory, until the end of the process.
    ///
    /// # Errors
    /// As [`Kept::open`].
    pub fn in_memory() -> Result<Self, KeepError> {
        let database = Database::builder().create_with_backend(InMemoryBackend::new());
        Self::open(Arc::new(database.map_err(error)?))
    }
}

fn error(error: impl Into<redb::Error>) -> KeepError {
    KeepError(Box::new(error.into()))
}

impl Keep for Kept {
    fn view(&self) -> Result<Box<dyn View>, KeepError> {
        Ok(Box::new(Shown(self.0.begin_read().map_err(error)?)))
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), KeepError> {
        let transaction = self.0.begin_write().map_err(error)?;
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
