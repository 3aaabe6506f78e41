//! How a store is doing, in numbers.

/// Why spans were removed that had been acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// Older than they are kept.
    Age,
    /// The store had more bytes than it may.
    Bytes,
    /// The disk had fewer bytes free than it must.
    FreeDisk,
    /// Their trace was not picked when more came than the budget allows.
    Sampling,
    /// Equal to another span, attribute by attribute: a batch that was sent twice.
    Duplicate,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Age, Self::Bytes, Self::FreeDisk, Self::Sampling, Self::Duplicate];

    /// Its name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Bytes => "bytes",
            Self::FreeDisk => "free_disk",
            Self::Sampling => "sampling",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Spans that a rule removed, since the store was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Which rule.
    pub rule: Rule,
    /// How many.
    pub spans: u64,
}

/// How a store is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Spans that can be found.
    pub spans: u64,
    /// Of those, spans that are in memory and in the log alone.
    pub head_spans: u64,
    /// Memory of the heads, in bytes.
    pub head_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Their bytes.
    pub segment_bytes: u64,
    /// Segments that wait to be merged.
    pub compaction_debt: u64,
    /// Spans that were removed, by rule.
    pub removed: Vec<Removed>,
}
