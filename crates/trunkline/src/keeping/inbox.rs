//! Spans that one process leaves for the next: after an upgrade the old one still answers requests,
//! and the store is no longer its own. They lie in a folder beside the store's files, a batch a
//! file, and are taken in by whoever has the store.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use trunkline_ingest::Refused;

use super::Keeping;
use crate::exit::chain;

/// Below the store's folder.
const FOLDER: &str = "inbox";
/// What a finished file ends with.
const FINISHED: &str = ".otlp";
/// How often it is looked whether something was left.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A larger file is none of ours.
const BYTES_MAX: u64 = 64 << 20;

/// Leaves a batch. A store in memory has nobody to leave it for: it ends with the process.
pub(super) async fn leave(keeping: &Keeping, batch: Bytes) -> Result<(), String> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let Some(folder) = keeping.folder.as_ref().map(|folder| folder.join(FOLDER)) else {
        return Ok(());
    };
    let batch = ruled(keeping, batch);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}", std::process::id());
    let written = tokio::task::spawn_blocking(move || write(&folder, &name, &batch)).await;
    let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
    written.map_err(|error| chain(&error))
}

/// The batch after the rules: what they take out is nowhere on disk.
fn ruled(keeping: &Keeping, batch: Bytes) -> Bytes {
    let applied = keeping.intake.load().as_ref().map(|intake| intake.rules().apply(&batch));
    match applied {
        Some(Ok(Some(applied))) => applied.request.into(),
        _ => batch,
    }
}

/// Whole or not at all: the name says that it is finished.
fn write(folder: &Path, name: &str, batch: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let unfinished = folder.join(name);
    let mut file = File::create(&unfinished)?;
    file.write_all(batch)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, folder.join(format!("{name}{FINISHED}")))?;
    File::open(folder)?.sync_all()
}

/// Takes in what is left, now and again.
pub(super) async fn collect_until(keeping: &Arc<Keeping>, end: impl Future<Output = ()>) {
    let mut end = std::pin::pin!(end);
    let mut taken = HashSet::new();
    loop {
        tokio::select! {
            () = end.as_mut() => return,
            () = tokio::time::sleep(LOOK_EVERY) => collect(keeping, &mut taken).await,
        }
    }
}

/// Takes in what is left. What the store does not take now stays; what was `taken` and cannot be
/// removed is not taken again.
async fn collect(keeping: &Keeping, taken: &mut HashSet<PathBuf>) {
    let Some(folder) = keeping.folder.as_ref().map(|folder| folder.join(FOLDER)) else { return };
    if keeping.store().is_none() {
        return;
    }
    let listed = tokio::task::spawn_blocking(move || list(&folder)).await;
    for file in listed.unwrap_or_default() {
        if taken.contains(&file) {
            continue;
        }
        let from = file.clone();
        let read = tokio::task::spawn_blocking(move || std::fs::read(from)).await;
        let Ok(Ok(batch)) = read else { continue };
        match keeping.keep(batch.into()).await {
            Ok(_) => {}
            Err(error @ (Refused::Invalid(_) | Refused::TooLarge)) => {
                tracing::warn!(%error, file = %file.display(), "spans that were left are no batch");
            }
            Err(_) => return,
        }
        let done = file.clone();
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_file(done)).await;
        if let Ok(Err(error)) = removed {
            tracing::error!(%error, file = %file.display(), "spans that were taken cannot be removed");
            taken.insert(file);
        }
    }
}

/// Files that are finished. Nearly always there is none, and no folder.
fn list(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let finished = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        let fits = entry.metadata().is_ok_and(|about| about.is_file() && about.len() <= BYTES_MAX);
        fits && name.to_str().is_some_and(|name| name.ends_with(FINISHED))
    };
    let mut files: Vec<_> = entries.flatten().filter(finished).map(|entry| entry.path()).collect();
    files.sort_unstable();
    files
}
