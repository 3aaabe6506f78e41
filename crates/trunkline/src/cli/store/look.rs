//! `store ls` and `store fsck`.

use std::path::Path;

use serde_json::json;
use trunkline_store::admin::{self, Fsck, Listing};

use super::super::Context;
use super::look;
use crate::exit::{Exit, Failure, Verdict};
use crate::screen::store as screen;

/// Lists what is there.
pub(super) fn list(folder: &Path, context: &Context) -> Verdict {
    let listing = admin::list(&look(folder)?).map_err(|error| Failure::from_error(&error))?;
    if context.printer.is_json() {
        context.printer.json(&document(folder, &listing));
    } else {
        let columns = context.printer.data_columns();
        context.printer.raw(&screen::list(folder, &listing, context.printer.data, columns));
    }
    Ok(Exit::Done)
}

fn document(folder: &Path, listing: &Listing) -> serde_json::Value {
    let segments = listing.segments.iter().map(|segment| {
        let services =
            segment.services.iter().map(|(name, spans)| (name.to_string(), json!(spans)));
        json!({
            "file": segment.file,
            "level": segment.level,
            "spans": segment.spans,
            "row_groups": segment.row_groups,
            "bytes": segment.bytes,
            "earliest": screen::moment(segment.earliest_unix_nanos),
            "latest": screen::moment(segment.latest_unix_nanos),
            "services": services.collect::<serde_json::Map<_, _>>(),
        })
    });
    let log = listing.log.iter().map(|(file, bytes)| json!({ "file": file, "bytes": bytes }));
    let removed =
        listing.removed.iter().map(|one| (one.rule.as_str().to_owned(), json!(one.spans)));
    json!({
        "schema": 1,
        "folder": folder.display().to_string(),
        "segments": segments.collect::<Vec<_>>(),
        "log": log.collect::<Vec<_>>(),
        "stored": listing.stored,
        "removed": removed.collect::<serde_json::Map<_, _>>(),
    })
}

/// Reads everything; ends with 1 when something is damaged.
pub(super) fn check(folder: &Path, context: &Context) -> Verdict {
    let found = admin::fsck(&look(folder)?).map_err(|error| Failure::from_error(&error))?;
    if context.printer.is_json() {
        context.printer.json(&report(folder, &found));
    } else {
        context.printer.raw(&screen::check(folder, &found, context.printer.data));
    }
    Ok(if found.is_sound() { Exit::Done } else { Exit::Failed })
}

fn report(folder: &Path, found: &Fsck) -> serde_json::Value {
    let faults = found.faults.iter().map(
        |fault| json!({ "file": fault.file, "spans_at_most": fault.spans, "what": fault.what }),
    );
    let damages = found.log.lost.iter().map(|damage| {
        json!({
            "file": damage.file, "offset": damage.offset, "bytes": damage.length,
            "frames": damage.frames, "kept": damage.kept,
        })
    });
    json!({
        "schema": 1,
        "folder": folder.display().to_string(),
        "sound": found.is_sound(),
        "segments": found.segments,
        "spans": found.spans,
        "faults": faults.collect::<Vec<_>>(),
        "unlisted": found.unlisted,
        "log": {
            "frames": found.log.frames,
            "spans": found.log_spans,
            "unreadable": found.log_unreadable,
            "damages": damages.collect::<Vec<_>>(),
        },
    })
}
