//! `store backup` and `store restore`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use trunkline_store::admin::{self, Copied, CopyError};
use trunkline_store::disk::{Disk, Folder};

use super::super::Context;
use super::look;
use crate::exit::{Exit, Failure, Verdict};
use crate::screen::store as screen;

/// Where a copy goes.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// A folder that has no store; it is made where it is missing
    #[arg(value_name = "FOLDER")]
    to: PathBuf,
}

/// Where a copy is.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// The folder of a backup
    #[arg(value_name = "FOLDER")]
    from: PathBuf,
}

/// Copies the store.
pub(super) fn backup(folder: &Path, target: &Target, context: &Context) -> Verdict {
    let to = context.globals.dir.join(&target.to);
    let copied = admin::backup(&look(folder)?, &open(&to)?).map_err(|error| failed(&error, &to))?;
    tell(&copied, &to, context);
    Ok(Exit::Done)
}

/// Makes the store of a copy.
pub(super) fn restore(folder: &Path, source: &Source, context: &Context) -> Verdict {
    let from = context.globals.dir.join(&source.from);
    let backup = look(&from)?;
    let copied = admin::restore(&backup, &open(folder)?).map_err(|error| failed(&error, folder))?;
    tell(&copied, folder, context);
    Ok(Exit::Done)
}

fn open(folder: &Path) -> Result<Arc<dyn Disk>, Failure> {
    let folder = Folder::open(folder).map_err(|error| {
        Failure::from_error(&error).hint("end the gateway that has it, or name another folder")
    })?;
    Ok(Arc::new(folder))
}

fn failed(error: &CopyError, to: &Path) -> Failure {
    let failure = Failure::new(format!("{}: {}", to.display(), crate::exit::chain(error)));
    match error {
        CopyError::NotEmpty => failure.hint("name a folder that has none, or move it away"),
        CopyError::Damaged(_) => {
            failure.hint("`trunkline store fsck` names everything that is damaged")
        }
        _ => failure,
    }
}

fn tell(copied: &Copied, to: &Path, context: &Context) {
    if context.printer.is_json() {
        context.printer.json(&json!({
            "schema": 1,
            "folder": to.display().to_string(),
            "segments": copied.segments,
            "spans": copied.spans,
            "bytes": copied.bytes,
            "log_bytes": copied.log_bytes,
        }));
    } else {
        context.printer.data(screen::copied(copied, to));
    }
}
