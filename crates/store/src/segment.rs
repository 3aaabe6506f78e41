//! Segments: immutable files of spans, valid Parquet for everybody, with an index for us.

mod bloom;
mod column;
mod index;
mod layout;
mod read;
mod write;

pub(crate) use bloom::hash as trace_hash;
pub(crate) use column::GROUP_ROWS_MAX;
pub(crate) use index::{GROUPS_MAX, Group, Index, Place, Service};
pub(crate) use layout::{Chooser, Layout};
pub use read::SegmentError;
pub(crate) use read::{GroupReader, Mask, Parts, SegmentFile};
pub(crate) use write::{SegmentWriter, Written};

#[cfg(test)]
mod tests;
