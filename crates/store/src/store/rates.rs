//! Rates and calls, counted of every frame of the log, beside the head.
//!
//! They have a database of their own, so that neither waits for the other, and a mark of their own
//! in the log: after a crash each counts on from where it was, and the log is kept from the earlier
//! of the two.

use std::path::Path;
use std::sync::Arc;

use super::shared::Shared;
use super::{Config, OpenError, Store};
use crate::disk::Disk;
use crate::rollup::kept::Kept;
use crate::rollup::{Mark, Rollups};
use crate::wal::{Durability, Frame, Position, Signal};

/// The database, below the store's folder.
const FILE: &str = "rollups.redb";

/// Opens what was counted. `from` is the mark of the manifest.
pub(super) fn open(
    config: &Config,
    disk: &Arc<dyn Disk>,
    from: Position,
    now: u64,
) -> Result<Arc<Rollups>, OpenError> {
    let keep =
        Kept::in_file(Arc::clone(disk), Path::new(FILE)).map_err(crate::rollup::OpenError::from)?;
    Ok(Arc::new(Rollups::open(config.rollups.clone(), Arc::new(keep), from.into(), now)?))
}

impl Store {
    /// Rates and calls.
    pub fn rollups(&self) -> &Arc<Rollups> {
        &self.shared.rollups
    }
}

impl Shared {
    /// Counts a frame. One that holds no spans only moves the mark.
    pub(super) fn count(&self, frame: &Frame) {
        let spans: &[u8] = if frame.signal == Signal::Spans { &frame.payload } else { &[] };
        self.rollups.take(frame.position.into(), spans, self.clock.wall_nanos());
    }

    /// Keeps what was counted, if it is time for that; says whether the mark moved. A failure is in
    /// what rollups tell of themselves: nothing else waits for it.
    pub(super) fn keep_rates(&self) -> bool {
        let before = self.rollups.mark();
        let _ = self.rollups.maintain(self.clock.wall_nanos());
        self.rollups.mark() != before
    }

    /// Up to where the log is in segments and counted.
    pub(super) fn settled(&self) -> Position {
        let listed: Mark = self.manifest.with(|state| state.mark).into();
        listed.min(self.rollups.mark()).into()
    }

    /// From where the log is to be replayed. Where it is not written there is nothing to replay, and
    /// its numbers go on after all that were given.
    pub(super) fn replayed_from(&self) -> Position {
        let listed: Mark = self.manifest.with(|state| state.mark).into();
        let counted = self.rollups.mark();
        let unwritten = self.config.log.durability == Durability::None;
        if unwritten { listed.max(counted).into() } else { listed.min(counted).into() }
    }
}
