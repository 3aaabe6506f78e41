//! Where on this machine a copy of a project is: its name and its ports.
//!
//! Several checkouts of one project run at once. Each linked worktree has a name of its own, and a
//! copy that finds a port of the usual set taken moves with all ports that nobody wrote to the next
//! set that is free. The choice is remembered for the folder, so that its URLs stay. Ports that
//! somebody wrote are never moved: who holds one is said when it is bound.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use trunkline_config::{Options, Profile};
use trunkline_local::plan::{Reservation, claim, is_free};
use trunkline_local::{checkout, processes, state};
use trunkline_model::Model;
use trunkline_net::socket;

use crate::cli::Globals;
use crate::exit::Failure;
use crate::loader::Loader;
use crate::{environment, privilege, runs};

/// How many sets of ports are tried; the last one is still below the ports of services.
const PORT_SETS_MAX: u16 = 64;

/// Most remembered places that are looked at.
const MEMORIES_MAX: usize = 4_096;

/// Folder of what is remembered, below all state.
const FOLDER: &str = "places";

/// What is remembered of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The folder of the main configuration file.
    pub directory: PathBuf,
    /// Its set of ports.
    pub port_set: u16,
}

/// The place that was found.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// What to say about it; `None` on the usual ports.
    pub told: Option<String>,
    memory: Option<(PathBuf, Memory)>,
    /// Holds the ports against other runs that choose at the same moment.
    held: Vec<Reservation>,
}

impl Place {
    /// Remembers the choice: called once the run serves there.
    pub(crate) fn remember(&mut self) -> Result<(), std::io::Error> {
        self.held.clear();
        let Some((file, memory)) = self.memory.take() else {
            return Ok(());
        };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        state::write_atomically(&file, &memory).map_err(|error| error.source)
    }
}

/// How a laptop reads its configuration.
pub(crate) fn options(globals: &Globals) -> Options {
    Options {
        env: globals.env.clone(),
        profile: Profile::Laptop,
        low_ports: privilege::may_bind_low_ports(),
        ..Options::default()
    }
}

/// The nearest configuration, with the name of its checkout, on the usual ports.
pub(crate) fn laptop(globals: &Globals) -> Result<Loader, Failure> {
    Ok(named(Loader::new(&globals.dir, &[], options(globals))?))
}

/// Gives a project the name of its checkout.
pub(crate) fn named(loader: Loader) -> Loader {
    let label = directory(&loader).and_then(|folder| checkout::label(&folder));
    loader.with(|options| options.checkout = label)
}

/// Finds the ports of this copy.
pub(crate) fn settle(loader: Loader) -> (Loader, Place) {
    let Some(usual) = loader.load().model else {
        // What is wrong with the file is said when it is loaded to be served.
        return (loader, Place::default());
    };
    let file = directory(&loader).and_then(|folder| Some((memory_file(&folder)?, folder)));
    let remembered = file.as_ref().and_then(|(file, _)| read(file)).map(|memory| memory.port_set);
    let mut in_the_way = None;
    for set in remembered.into_iter().chain(0..PORT_SETS_MAX) {
        let candidate = at(&loader, set);
        let Some(model) = candidate.load().model else {
            continue;
        };
        let Some(movable) = movable(&loader, &usual, &model, set) else {
            break;
        };
        match hold(&movable) {
            Ok(held) => {
                let told = (set > 0).then(|| tell(&movable, in_the_way.as_ref()));
                let changed = remembered.map_or(set > 0, |known| known != set);
                let memory = file
                    .filter(|_| changed)
                    .map(|(file, directory)| (file, Memory { directory, port_set: set }));
                return (candidate, Place { told, memory, held });
            }
            Err(busy) => in_the_way = in_the_way.or(Some(busy)),
        }
    }
    (loader, Place::default())
}

fn at(loader: &Loader, set: u16) -> Loader {
    loader.clone().with(|options| options.port_set = set)
}

/// The addresses of a copy that nobody wrote: those that differ from set to set. `None` if there
/// are none.
fn movable(
    loader: &Loader,
    usual: &Model,
    model: &Model,
    set: u16,
) -> Option<BTreeMap<String, SocketAddr>> {
    let other = if set > 0 {
        addresses(usual)
    } else {
        let mut others = (1..PORT_SETS_MAX).filter_map(|set| at(loader, set).load().model);
        addresses(&*others.next()?)
    };
    let movable = addresses(model);
    let movable: BTreeMap<_, _> =
        movable.into_iter().filter(|(name, at)| other.get(name) != Some(at)).collect();
    (!movable.is_empty()).then_some(movable)
}

/// What of a Model, wherever this copy is, would move with its set of ports.
pub(crate) fn movable_names(loader: &Loader, model: &Model) -> BTreeSet<String> {
    let Some(usual) = at(loader, 0).load().model else {
        return BTreeSet::new();
    };
    let is_usual = addresses(&usual) == addresses(model);
    let movable = movable(loader, &usual, model, u16::from(!is_usual));
    movable.unwrap_or_default().into_keys().collect()
}

/// Every address that a Model listens on, by what is there.
pub(crate) fn addresses(model: &Model) -> BTreeMap<String, SocketAddr> {
    let listeners = model.listeners.iter().map(|one| (one.id.to_string(), Some(one.address)));
    let management = &model.management;
    let surfaces = [
        ("console", management.control),
        ("metrics", management.metrics),
        ("jaeger", management.jaeger),
    ];
    let surfaces = surfaces.map(|(name, address)| (name.to_owned(), address));
    listeners.chain(surfaces).filter_map(|(name, at)| Some((name, at?))).collect()
}

/// Reserves all, or says which is taken.
fn hold(addresses: &BTreeMap<String, SocketAddr>) -> Result<Vec<Reservation>, SocketAddr> {
    let ports = addresses.values().filter(|address| address.port() != 0);
    ports.map(|address| claim(address.port()).ok_or(*address)).collect()
}

fn tell(movable: &BTreeMap<String, SocketAddr>, in_the_way: Option<&SocketAddr>) -> String {
    let now: Vec<_> =
        movable.iter().map(|(name, address)| format!("{name} {}", address.port())).collect();
    let now = now.join(", ");
    match in_the_way {
        Some(address) => {
            format!("port {} is held by {}: {now}", address.port(), holder(*address))
        }
        None => format!("as before: {now}"),
    }
}

/// Who is at an address, as a person knows it.
pub(crate) fn holder(address: SocketAddr) -> String {
    let Some(holder) = socket::holder(address) else {
        let starting = is_free(address.port());
        let who = if starting { "a copy that is starting" } else { "a process of another user" };
        return who.to_owned();
    };
    let runs = runs::all(&environment::runtime_folder());
    // A service carries the id of the run it belongs to.
    let owner = processes::marks(holder.pid).map_or(holder.pid, |marks| marks.run.pid);
    match runs.iter().find(|run| run.card.pid == owner) {
        Some(run) => {
            let card = &run.card;
            format!("`{}` of {} (process {})", card.project, card.directory.display(), card.pid)
        }
        None => holder.to_string(),
    }
}

/// Every place that is remembered.
pub(crate) fn memories() -> Vec<(PathBuf, Memory)> {
    let folder = state::base(environment::read).map(|base| base.join(FOLDER));
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
    let files = entries.take(MEMORIES_MAX).filter_map(Result::ok).map(|entry| entry.path());
    files.filter_map(|file| Some((file.clone(), read(&file)?))).collect()
}

/// The folder of the main configuration file.
pub(crate) fn directory(loader: &Loader) -> Option<PathBuf> {
    Some(loader.main_file().ok()?.parent()?.to_owned())
}

/// Where a folder's place is remembered.
pub(crate) fn memory_file(directory: &Path) -> Option<PathBuf> {
    let base = state::base(environment::read)?;
    let digest = runs::fnv(directory.as_os_str().as_encoded_bytes());
    Some(base.join(FOLDER).join(format!("{digest:016x}.json")))
}

/// What is remembered in a file; a damaged one is nothing.
pub(crate) fn read(file: &Path) -> Option<Memory> {
    let memory: Memory = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (memory.port_set < PORT_SETS_MAX).then_some(memory)
}
