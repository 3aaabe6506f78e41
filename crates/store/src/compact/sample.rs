//! Tail sampling: which traces stay when more come than are wanted.
//!
//! Until its segments are merged every trace is there, so that what is decided on is the trace as
//! a whole, and nothing waits in memory for it.

use super::Source;
use crate::store::{MaintainError, Shared};
use crate::table::Table;

/// Decides on traces.
#[derive(Debug)]
pub(super) struct Sampler {}

impl Sampler {
    pub(super) fn new(_shared: &Shared, _sources: &[Source]) -> Result<Self, MaintainError> {
        Ok(Self {})
    }

    /// Takes the rows away whose trace is not to stay.
    pub(super) fn drop(&self, _table: &Table, _rows: &mut Vec<u32>) {}
}
