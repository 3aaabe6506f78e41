//! How large a message may be.

/// Bounds of one message's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, first line included.
    pub head_bytes: usize,
    /// Bytes of a request's target.
    pub target_bytes: usize,
    /// Fields of a head or of trailers; never more than [`Limits::FIELDS_MAX`].
    pub fields: usize,
    /// Bytes of trailers.
    pub trailer_bytes: usize,
}

impl Limits {
    /// The most fields that can be asked for.
    pub const FIELDS_MAX: usize = 128;
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_bytes: 64 << 10, target_bytes: 32 << 10, fields: 100, trailer_bytes: 8 << 10 }
    }
}
