//! `store`: what is kept of spans on disk, looked at, checked, taken out, copied.
//!
//! It works on the folder and asks nobody: a gateway may have it open, or none runs any more. What
//! only reads goes on beside it; what writes says who has it.

mod copy;
mod export;
mod look;

use std::path::{Path, PathBuf};

use trunkline_config::{Options, Profile};
use trunkline_store::disk::{Folder, FolderError};

use super::Context;
use crate::environment;
use crate::exit::{Failure, Verdict, chain};
use crate::keeping::{Place, usual_folder};
use crate::loader::{Loader, tell};

/// Arguments of `store`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline store ls --config /etc/trunkline/trunkline.yaml")]
pub(crate) struct Args {
    #[command(subcommand)]
    deed: Deed,
    #[command(flatten)]
    place: Which,
}

/// Which store.
#[derive(Debug, clap::Args)]
struct Which {
    /// The folder of the store, instead of the one that the configuration has
    #[arg(long, value_name = "FOLDER", global = true, conflicts_with = "config")]
    store: Option<PathBuf>,
    /// Configuration whose store it is; without it, the nearest trunkline.yaml
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Vec<PathBuf>,
}

/// What is done.
#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// List the files, their spans and what was removed
    Ls,
    /// Read everything, and name what is damaged
    Fsck,
    /// Write spans to one Parquet file that any tool reads
    Export(export::Args),
    /// Copy everything to a folder, while it is in use or not
    Backup(copy::Target),
    /// Make the store of a backup; there must be none yet
    Restore(copy::Source),
}

/// Does what is asked for.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let folder = args.place.folder(context)?;
    match &args.deed {
        Deed::Ls => look::list(&folder, context),
        Deed::Fsck => look::check(&folder, context),
        Deed::Export(wanted) => export::run(&folder, wanted, context),
        Deed::Backup(target) => copy::backup(&folder, target, context),
        Deed::Restore(source) => copy::restore(&folder, source, context),
    }
}

impl Which {
    /// The folder of the store.
    fn folder(&self, context: &Context) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.store {
            return Ok(context.globals.dir.join(folder));
        }
        let options = Options {
            env: context.globals.env.clone(),
            profile: Profile::Production,
            ..Options::default()
        };
        let loader = Loader::new(&context.globals.dir, &self.config, options)?;
        let loaded = loader.load();
        tell(&loaded, &context.printer)?;
        let model = loaded.model.ok_or_else(|| Failure::told(crate::exit::Exit::Usage))?;
        let config = loader.main_file()?;
        let data = environment::data_folder();
        let usual = data.map(|data| usual_folder(&data, model.name.as_str(), &config));
        let place = Place::of(&model.telemetry, usual.as_deref());
        place.folder.ok_or_else(|| {
            Failure::usage("this configuration keeps spans in memory only")
                .hint("name a folder with `--store`, or set `telemetry.store`")
        })
    }
}

/// Looks at a store that may be in use.
fn look(folder: &Path) -> Result<Folder, Failure> {
    Folder::look(folder).map_err(|error| no_store(folder, &error))
}

fn no_store(folder: &Path, error: &FolderError) -> Failure {
    let missing = matches!(error, FolderError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
    if missing {
        return Failure::new(format!("there is no store in {}", folder.display()))
            .hint("it is made when a gateway with this configuration first runs; `--store` names another folder");
    }
    Failure::new(chain(error))
}
