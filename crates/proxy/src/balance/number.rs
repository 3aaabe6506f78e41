//! A number that is written in the configuration and that a person may replace at run time.

use std::sync::atomic::{AtomicU32, Ordering};

/// No override.
const NONE: u32 = u32::MAX;

/// A written number and what is said instead of it.
#[derive(Debug)]
pub(super) struct Number {
    written: AtomicU32,
    instead: AtomicU32,
}

impl Number {
    pub(super) fn new(written: u32) -> Self {
        Self { written: AtomicU32::new(written), instead: AtomicU32::new(NONE) }
    }

    /// The one in force.
    pub(super) fn get(&self) -> u32 {
        match self.instead.load(Ordering::Relaxed) {
            NONE => self.written.load(Ordering::Relaxed),
            instead => instead,
        }
    }

    /// Takes over what is written now; an override stays.
    pub(super) fn write(&self, written: u32) {
        self.written.store(written, Ordering::Relaxed);
    }

    /// Overrides it, or takes the override away.
    pub(super) fn set(&self, instead: Option<u32>) {
        self.instead.store(instead.map_or(NONE, |number| number.min(NONE - 1)), Ordering::Relaxed);
    }
}
