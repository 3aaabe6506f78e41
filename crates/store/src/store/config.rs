//! What a store is told.

use std::time::Duration;

/// How a store behaves. Where the files are is the disk's matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The head is cut when it has so many bytes.
    pub head_bytes_max: usize,
    /// The head is cut when its oldest span was acknowledged so long ago.
    pub head_age_max: Duration,
    /// What is removed, and when.
    pub retention: Retention,
}

/// When segments are removed. Every limit holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Spans older than this are removed.
    pub age: Option<Duration>,
    /// The oldest segments are removed while there are more bytes.
    pub bytes: Option<u64>,
    /// The oldest segments are removed while fewer bytes of the disk are free.
    pub free_bytes: u64,
    /// Other ages for some services.
    pub services: Vec<ServiceRetention>,
}

/// How long the spans of one service are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRetention {
    /// Its name.
    pub service: String,
    /// Spans older than this are removed.
    pub age: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            head_bytes_max: 48 << 20,
            head_age_max: Duration::from_secs(60),
            retention: Retention::default(),
        }
    }
}

impl Default for Retention {
    /// A week, while 1 GiB of the disk is free.
    fn default() -> Self {
        Self {
            age: Some(Duration::from_hours(7 * 24)),
            bytes: None,
            free_bytes: 1 << 30,
            services: Vec::new(),
        }
    }
}
