//! Runs of this user: where each keeps its control socket, and how the other verbs find it.
//!
//! A run is one process of `up` or `serve`. It owns a folder named after its main configuration
//! file, so that a second run of the same file finds the first one and a forgotten `-C` is told
//! apart from "not running". Ownership is a lock that the kernel releases when the last process
//! that holds it ends: nothing has to be cleaned up after a crash, and an upgrade hands the lock
//! over as a file descriptor.

mod claim;
mod find;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use claim::{ClaimError, Run, remove_stale, stale};
pub(crate) use find::{Found, all, find, find_exact};

/// What is known of a run by looking at its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    /// Counts up when the shape of this file changes.
    pub schema: u32,
    /// Its process.
    pub pid: u32,
    /// `up` or `serve`.
    pub verb: String,
    /// The project's name.
    pub project: String,
    /// The folder of its main configuration file.
    pub directory: PathBuf,
    /// Its main configuration file.
    pub config: PathBuf,
    /// Version of its binary.
    pub version: String,
}

const LOCK: &str = "lock";
const CARD: &str = "run.json";
const CONTROL: &str = "control.sock";
const TAKEOVER: &str = "takeover.sock";
const NEXT_BINARY: &str = "next-binary";

/// The folder of the run of this configuration file, whether it runs or not. `config` is absolute
/// and without links.
fn folder_of(base: &Path, config: &Path) -> PathBuf {
    let name = config.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let name: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(24).collect();
    base.join(format!("{name}-{:016x}", fnv(config.as_os_str().as_encoded_bytes())))
}

/// FNV-1a, 64 bits: the same in every version of the binary, which the standard hasher is not.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The card in a run's folder, if it can be read.
fn read_card(folder: &Path) -> Option<Card> {
    serde_json::from_slice(&std::fs::read(folder.join(CARD)).ok()?).ok()
}

#[cfg(test)]
mod tests;
