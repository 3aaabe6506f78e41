//! How a rollup and a checkpoint are written: compact, complete in themselves, with a version.
//!
//! ```text
//! rollup      version u8 = 1, compression u8 (0 none, 1 zstd), length of the body, body
//! body        names, groups of series, edges
//! names       count, texts
//! group       service (number of its name), recorder u8, length of what follows: operations
//! operation   text, series: count, (kind * 3 + status u8, cell)
//! cell        spans, bytes, sum of microseconds, histogram
//! edge        caller, callee, kind * 2 + recorder u8, seen, calls, failed, caller's and callee's
//!             sum of microseconds with histogram
//! histogram   count, (bucket u8, weight)
//! weight      whole calls * 2 + 1 if a fraction follows, fraction u16
//! ```
//!
//! Numbers are varints, least significant part first, texts have their length before them. A group
//! whose service nobody wants is skipped. What is read may be damaged: it is an error then, and
//! never more memory than the body may have.

mod bytes;
mod checkpoint;
mod read;
mod write;

pub(super) use checkpoint::{State, read_state, write_state};
pub use read::read;
pub use write::write;

/// The version that is written. Newer ones are refused.
const VERSION: u8 = 1;

/// Greatest body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A rollup cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It was written by a newer version.
    #[error("it has version {0}, and {VERSION} is the newest that this one reads")]
    Newer(u8),
    /// It ends too early, or a number in it is out of its bounds.
    #[error("it is damaged")]
    Damaged,
}

/// What of rollups is wanted.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Whether the series of a service are.
    pub series: &'a dyn Fn(&str) -> bool,
    /// Whether edges are.
    pub edges: bool,
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted").field("edges", &self.edges).finish_non_exhaustive()
    }
}

impl Wanted<'_> {
    /// Everything.
    pub const ALL: Wanted<'static> = Wanted { series: &|_| true, edges: true };
    /// All edges and no series.
    pub const EDGES: Wanted<'static> = Wanted { series: &|_| false, edges: true };
}

#[cfg(test)]
mod tests;
