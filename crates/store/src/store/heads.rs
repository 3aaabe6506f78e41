//! The heads of a store: one that grows, and those that wait to become segments.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::head::Head;
use crate::table::Table;
use crate::wal::Position;

/// What the log's thread adds to, and what is cut.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) active: Active,
    /// Oldest first.
    pub(super) frozen: VecDeque<Frozen>,
    /// Memory of one that was cut, for the next.
    pub(super) spare: Option<Table>,
}

/// The head that grows.
#[derive(Debug, Default)]
pub(super) struct Active {
    pub(super) head: Arc<Head>,
    /// Of the last frame in it; whatever the log has before is in it, or before it.
    pub(super) mark: Position,
    /// When its first span came.
    pub(super) since: Option<Instant>,
    pub(super) bytes: usize,
    pub(super) spans: usize,
    /// Spans of its largest batch: as many may come next.
    pub(super) largest: usize,
}

/// A head that grows no more.
#[derive(Debug, Clone)]
pub(super) struct Frozen {
    pub(super) head: Arc<Head>,
    pub(super) mark: Position,
    pub(super) bytes: usize,
}

impl Heads {
    /// Lets a new head grow. Says whether there was something in the old one.
    pub(super) fn freeze(&mut self) -> bool {
        if self.active.spans == 0 {
            return false;
        }
        let active = std::mem::take(&mut self.active);
        self.active.mark = active.mark;
        if let Some(table) = self.spare.take() {
            self.active.head = Arc::new(Head::with(table));
        }
        self.frozen.push_back(Frozen { head: active.head, mark: active.mark, bytes: active.bytes });
        true
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Head>> {
        let frozen = self.frozen.iter().map(|frozen| Arc::clone(&frozen.head));
        frozen.chain([Arc::clone(&self.active.head)]).collect()
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.active.bytes + self.frozen.iter().map(|frozen| frozen.bytes).sum::<usize>()
    }
}
