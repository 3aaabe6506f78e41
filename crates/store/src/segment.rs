//! Segments: immutable files of spans, valid Parquet for everybody, with an index for us.

mod bloom;
mod column;
mod index;
mod layout;
mod read;
mod write;

pub use read::SegmentError;
pub(crate) use read::{GroupReader, Mask, Parts, SegmentFile};
pub(crate) use write::{SegmentWriter, Written};

#[cfg(test)]
mod tests;
