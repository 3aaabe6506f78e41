//! From a head to a segment.
//!
//! The file is synced, then its name, then the manifest lists it and says that the log is in
//! segments up to there, in one transaction. Only then is it shown in place of the head.

use std::path::Path;
use std::sync::Arc;

use super::MaintainError;
use super::heads::Frozen;
use super::shared::Shared;
use crate::disk::Writer;
use crate::files::Segment;
use crate::head::Head;
use crate::manifest::{Change, Entry, FOLDER, path};
use crate::segment::{Chooser, GROUP_ROWS_MAX, GROUPS_MAX, Layout, SegmentWriter, Written};
use crate::table::{Table, Type};

/// Level of zstd for segments that will be merged soon.
const CUT_LEVEL: i32 = 1;

/// A file that is being written, and is removed unless it gets into the manifest.
pub(crate) struct NewFile<'a> {
    shared: &'a Shared,
    number: u64,
    level: u8,
    kept: bool,
}

impl<'a> NewFile<'a> {
    pub(crate) fn new(shared: &'a Shared, level: u8) -> Self {
        Self { shared, number: shared.manifest.number(), level, kept: false }
    }

    /// Writes the file; it is durable when this returns.
    pub(crate) fn write(
        &self,
        layout: Layout,
        zstd: i32,
        fill: impl FnOnce(&mut SegmentWriter<&mut Writer>) -> Result<(), MaintainError>,
    ) -> Result<Arc<Entry>, MaintainError> {
        let path = path(self.level, self.number);
        let mut file = Writer::new(self.shared.disk.create(&path)?);
        let written: Written = {
            let mut writer = SegmentWriter::new(&mut file, layout, zstd)?;
            fill(&mut writer)?;
            writer.finish()?
        };
        file.finish()?;
        self.shared.disk.sync_folder(Path::new(FOLDER))?;
        Ok(Arc::new(Entry::new(self.number, self.level, &written, self.shared.clock.wall_nanos())))
    }

    /// It is in the manifest.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }

    /// The manifest may list it: what of a change that failed is on the disk is not known. It stays
    /// until a later change is there, which does not list it.
    pub(crate) fn doubt(mut self) {
        self.kept = true;
        self.shared.doubted().push(path(self.level, self.number));
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // If that fails it is removed when the store is opened again.
            let _ = self.shared.disk.remove(&path(self.level, self.number));
        }
    }
}

impl Shared {
    /// Cuts the oldest head that waits for it. Says whether there was one.
    pub(super) fn cut(&self) -> Result<bool, MaintainError> {
        let Some(frozen) = self.heads().frozen.front().cloned() else { return Ok(false) };
        let _time = self.times.cut.begin();
        let file = NewFile::new(self, 0);
        let entry = {
            let table = frozen.head.table();
            file.write(layout_of(&table), CUT_LEVEL, |writer| write_table(writer, &table))?
        };
        let spans = entry.spans;
        let change = Change {
            add: vec![Arc::clone(&entry)],
            mark: Some(frozen.mark),
            stored: spans,
            ..Change::default()
        };
        if let Err(error) = self.manifest.commit(&change) {
            file.doubt();
            return Err(error.into());
        }
        file.keep();
        self.forget_doubted();
        self.shown_as(&frozen, Segment::new(entry, &self.files));
        self.spare(frozen);
        Ok(true)
    }

    /// Removes files of changes that failed: the manifest was written since, without them.
    pub(crate) fn forget_doubted(&self) {
        for path in std::mem::take(&mut *self.doubted()) {
            // If that fails it is removed when the store is opened again.
            let _ = self.disk.remove(&path);
        }
    }

    fn doubted(&self) -> std::sync::MutexGuard<'_, Vec<std::path::PathBuf>> {
        self.doubted.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Keeps the memory of a head for the next one, if spans come fast: it was full, and nobody reads
    /// it any more.
    fn spare(&self, frozen: Frozen) {
        let was_full = frozen.bytes >= self.config().memory.head_bytes_max / 2;
        let table = Arc::into_inner(frozen.head).map(Head::into_table).filter(|_| was_full);
        let former = std::mem::replace(&mut self.heads().spare, table);
        // Given back without the lock.
        drop(former);
    }

    fn shown_as(&self, frozen: &Frozen, segment: Segment) {
        let mut heads = self.heads();
        heads.frozen.retain(|other| !Arc::ptr_eq(&other.head, &frozen.head));
        let mut segments = self.view().segments.clone();
        segments.push(Arc::new(segment));
        self.show(&heads, Some(segments));
        self.head_bytes.store(heads.bytes(), std::sync::atomic::Ordering::Release);
        drop(heads);
        self.room.notify_waiters();
    }
}

/// The columns that suit a table.
fn layout_of(table: &Table) -> Layout {
    let mut chooser = Chooser::default();
    add_keys(table, &mut chooser);
    chooser.choose()
}

/// Lets a table have its say about columns.
pub(crate) fn add_keys(table: &Table, into: &mut Chooser) {
    into.add_rows(table.len() as u64);
    for ((level, key), counts) in table.key_counts() {
        let key = table.texts.text(key).into();
        for (kind, count) in Type::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            into.add(level, &key, kind, count);
        }
    }
}

/// Writes all rows of a table, in row groups of neighbours in time.
fn write_table(
    writer: &mut SegmentWriter<&mut Writer>,
    table: &Table,
) -> Result<(), MaintainError> {
    let mut rows: Vec<u32> = (0..table.len() as u32).collect();
    if rows.len() > GROUP_ROWS_MAX as usize {
        rows.sort_unstable_by_key(|row| table.rows.start.get(*row as usize));
    }
    // A head may have more spans than a file has room for only if a single batch has.
    let groups = rows.len().div_ceil(GROUP_ROWS_MAX as usize).max(1);
    debug_assert!(groups <= GROUPS_MAX, "batches are bounded");
    for part in rows.chunks_mut(table.len().div_ceil(groups).max(1)) {
        table.sort(part);
        writer.group(table, part)?;
    }
    Ok(())
}
