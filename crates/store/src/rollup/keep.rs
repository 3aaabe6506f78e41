//! Where rollups are kept: what [`Rollups`](super::Rollups) asks of it.

use std::fmt;
use std::ops::{ControlFlow, Range};

use super::Period;

/// Rollups cannot be kept, or what is kept cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("rollups cannot be kept or read")]
pub struct KeepError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What is changed together.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// Rollups that replace those of the same period.
    pub rollups: &'a [(Period, Vec<u8>)],
    /// Rollups before this one are forgotten.
    pub first: Period,
    /// What a restart goes on from.
    pub state: &'a [u8],
}

/// Keeps rollups, by period, and one state.
pub trait Keep: Send + Sync + fmt::Debug {
    /// What is kept now. It stays the same while others commit.
    ///
    /// # Errors
    /// It cannot be read.
    fn view(&self) -> Result<Box<dyn View>, KeepError>;

    /// Changes everything or nothing, and returns when it is durable.
    ///
    /// # Errors
    /// It may be durable, or not: look at the state before trying again.
    fn commit(&self, commit: &Commit<'_>) -> Result<(), KeepError>;
}

/// What was kept at one moment.
pub trait View: Send {
    /// The state of the last commit; `None` before the first.
    ///
    /// # Errors
    /// It cannot be read.
    fn state(&self) -> Result<Option<Vec<u8>>, KeepError>;

    /// The rollup of a period.
    ///
    /// # Errors
    /// It cannot be read.
    fn get(&self, period: Period) -> Result<Option<Vec<u8>>, KeepError>;

    /// Shows rollups, the oldest first, until it is told to stop.
    ///
    /// # Errors
    /// They cannot be read.
    fn range(
        &self,
        periods: Range<Period>,
        see: &mut dyn FnMut(Period, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), KeepError>;
}
