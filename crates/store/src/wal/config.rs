//! What is asked of a log, and the bounds that it keeps.

/// What is held before an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On the disk: survives a power cut.
    Fsync,
    /// With the system, which writes it within about a second: survives the end of the process.
    Os,
    /// In memory until the next segment. Nothing is written to the log.
    None,
}

/// How a log behaves, and the bounds that it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What an acknowledgement means.
    pub durability: Durability,
    /// A new file is begun before one is larger than this; a group may be larger by itself.
    pub file_bytes: u64,
    /// A group takes no further frame when it has so many bytes.
    pub group_bytes: usize,
    /// Largest payload.
    pub payload_bytes_max: usize,
    /// What may wait to be written, in bytes of payload. A single payload may be larger.
    pub queue_bytes_max: usize,
    /// What may wait to be written, in payloads.
    pub queue_frames_max: usize,
    /// The log leaves so many bytes of the disk free, for segments.
    pub free_bytes_min: u64,
    /// Largest log. It is as large as what no segment has yet.
    pub bytes_max: u64,
    /// What is kept of damaged frames.
    pub quarantine_bytes_max: u64,
}

impl Config {
    /// The house's bounds.
    pub const fn new(durability: Durability) -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            durability,
            file_bytes: 64 * MIB as u64,
            group_bytes: MIB,
            payload_bytes_max: 64 * MIB,
            queue_bytes_max: 32 * MIB,
            queue_frames_max: 4_096,
            free_bytes_min: 256 * MIB as u64,
            bytes_max: 4_096 * MIB as u64,
            quarantine_bytes_max: 64 * MIB as u64,
        }
    }
}
