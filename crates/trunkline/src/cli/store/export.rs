//! `store export`.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use trunkline_model::units::parse_duration;
use trunkline_rt::Clock;
use trunkline_store::disk::{Disk, Folder, FolderError};
use trunkline_store::source::{Budget, Field, Filter, Limits, Test};
use trunkline_store::{Config, Retention, Store};

use super::super::Context;
use super::{look, no_store};
use crate::exit::{Exit, Failure, Verdict};

/// What is written where.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The Parquet file to write; it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only spans of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only spans that began from this time on: 15m, or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<u64>,
    /// Only spans that began up to this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<u64>,
}

/// A moment, or how long ago it is, in nanoseconds since 1970.
fn moment(text: &str) -> Result<u64, String> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(u64::try_from(time.unix_timestamp_nanos()).unwrap_or(0));
    }
    let ago = parse_duration(text)
        .map_err(|_| "expected a time such as 2026-01-31T12:00:00Z, or 15m for how long ago")?;
    let ago = u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX);
    Ok(Clock::system().wall_nanos().saturating_sub(ago))
}

/// Writes the file.
pub(super) fn run(folder: &Path, args: &Args, context: &Context) -> Verdict {
    let store = open(folder)?;
    let path = context.globals.dir.join(&args.file);
    let told = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let mut file = BufWriter::new(File::create_new(&path).map_err(told)?);
    let filter = match &args.service {
        Some(name) => Filter::Where(Field::Service, Test::Text(name.as_str().into())),
        None => Filter::default(),
    };
    let times = args.since.unwrap_or(0)..=args.until.unwrap_or(u64::MAX);
    // A person waits for it, and ends it when it takes too long.
    let limits = Limits { time: Duration::from_hours(24), rows: u64::MAX, bytes: u64::MAX };
    let mut budget = Budget::new(&Clock::system(), limits);
    let written = store.export(&filter, times, &mut file, &mut budget);
    store.close();
    let spans = match written {
        Ok(spans) => spans,
        Err(error) => {
            // A part of it is of no use to anybody.
            let _ = std::fs::remove_file(&path);
            return Err(Failure::from_error(&error));
        }
    };
    file.flush().and_then(|()| file.get_ref().sync_all()).map_err(told)?;
    if context.printer.is_json() {
        let document = json!({ "schema": 1, "file": path.display().to_string(), "spans": spans });
        context.printer.json(&document);
    } else {
        context.printer.data(format_args!("{spans} spans are in {}", path.display()));
    }
    Ok(Exit::Done)
}

/// Opens the store for this process, and removes nothing of it.
fn open(folder: &Path) -> Result<Arc<Store>, Failure> {
    // First: opening would make one where there is none.
    drop(look(folder)?);
    let disk = Folder::open(folder).map_err(|error| match &error {
        FolderError::InUse { .. } => Failure::from_error(&error).hint(
            "copy it with `trunkline store backup FOLDER`, and export with `--store FOLDER` from the copy",
        ),
        FolderError::Io { .. } => no_store(folder, &error),
    })?;
    let retention = Retention { age: None, bytes: None, free_bytes: 0, services: Vec::new() };
    let config = Config { retention, ..Config::default() };
    let disk: Arc<dyn Disk> = Arc::new(disk);
    Store::open(config, disk, Clock::system()).map_err(|error| Failure::from_error(&error))
}
