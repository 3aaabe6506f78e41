//! The state folder of a project: what must outlast one run of `up`, and who runs now.
//!
//! It lies in the user's state folder, not in the project, so that nothing is left behind there.
//! One run holds its lock; the run file says who that is and how to reach it, and is removed at a
//! clean end. A run file without a living run is a leftover and is ignored.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::run::RunId;

/// Where a project's state lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFolder {
    root: PathBuf,
}

/// What a run tells others about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// Text of the [`RunId`].
    pub run: String,
    /// The file or folder it was started for.
    pub project: PathBuf,
    /// Address of its control API, `127.0.0.1:20001`, once it listens.
    pub control: Option<String>,
    /// When it started, RFC 3339.
    pub started: String,
}

/// The right to run a project; given back when dropped, or when the process ends however it ends.
#[derive(Debug)]
pub struct Lock {
    run_file: PathBuf,
    _held: File,
}

/// Why the state folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another run holds the project.
    #[error("the project is already running{}", held_by(.0.as_ref()))]
    Held(Option<RunFile>),
    /// The folder or a file in it cannot be made, read or written.
    #[error("cannot use {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn held_by(run: Option<&RunFile>) -> String {
    let pid = run
        .and_then(|run| run.run.parse::<RunId>().ok())
        .map(|run| run.pid);
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

/// The folder that holds all state folders: `$XDG_STATE_HOME/trunkline`, else
/// `~/.local/state/trunkline`. `variable` reads the environment. `None` if there is no home.
pub fn base(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME");
    let state = state.or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("trunkline"))
}

impl StateFolder {
    /// The folder of the project `name` in `directory`, below `base`. Two checkouts of one project
    /// have two folders.
    pub fn of(base: &Path, name: &str, directory: &Path) -> Self {
        let mut hasher = DefaultHasher::new();
        directory
            .canonicalize()
            .unwrap_or_else(|_| directory.to_owned())
            .hash(&mut hasher);
        Self {
            root: base.join(format!("{name}-{:08x}", hasher.finish() & 0xffff_ffff)),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Where the logs of its services lie.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Where the chosen ports are remembered.
    pub fn ports(&self) -> PathBuf {
        self.root.join("ports.json")
    }

    /// Where the certificates are bundled for children.
    pub fn certificates(&self) -> PathBuf {
        self.root.join("certificates.pem")
    }

    /// Takes the project for this run, or says who has it.
    pub fn lock(&self, run: &RunFile) -> Result<Lock, StateError> {
        self.create()?;
        let path = self.root.join("lock");
        let at = |source| StateError::Io {
            path: path.clone(),
            source,
        };
        let mut open = OpenOptions::new();
        open.create(true).truncate(false).write(true).mode(0o600);
        let held = open.open(&path).map_err(at)?;
        match flock(&held, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(StateError::Held(self.running())),
            Err(error) => return Err(at(error.into())),
        }
        let lock = Lock {
            run_file: self.run_file(),
            _held: held,
        };
        lock.write(run)?;
        Ok(lock)
    }

    /// The run that holds the project now; `None` if nobody does.
    pub fn running(&self) -> Option<RunFile> {
        let text = fs::read(self.run_file()).ok()?;
        let run: RunFile = serde_json::from_slice(&text).ok()?;
        run.run.parse::<RunId>().ok()?.is_alive().then_some(run)
    }

    fn create(&self) -> Result<(), StateError> {
        let at = |source| StateError::Io {
            path: self.root.clone(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.root)
            .map_err(at)
    }

    fn run_file(&self) -> PathBuf {
        self.root.join("run.json")
    }
}

impl Lock {
    /// Replaces what others read about this run, for instance when the control API listens.
    pub fn write(&self, run: &RunFile) -> Result<(), StateError> {
        write_atomically(&self.run_file, run)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A leftover run file is recognised as such.
        let _ = fs::remove_file(&self.run_file);
    }
}

/// Writes a file that is never seen half written.
pub(crate) fn write_atomically(path: &Path, value: &impl Serialize) -> Result<(), StateError> {
    let at = |source| StateError::Io {
        path: path.to_owned(),
        source,
    };
    let fresh = path.with_extension("new");
    let text = serde_json::to_vec_pretty(value).map_err(|error| at(error.into()))?;
    fs::write(&fresh, text)
        .and_then(|()| fs::rename(&fresh, path))
        .map_err(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this_run() -> RunFile {
        RunFile {
            run: RunId::of_this_process().unwrap().to_string(),
            project: "/shop/trunkline.yaml".into(),
            control: None,
            started: "2026-01-01T00:00:00Z".into(),
        }
    }

    #[test]
    fn a_second_run_is_told_who_holds_the_project() {
        let base = tempfile::tempdir().unwrap();
        let folder = StateFolder::of(base.path(), "shop", Path::new("/shop"));
        let lock = folder.lock(&this_run()).unwrap();
        let error = folder.lock(&this_run()).unwrap_err();
        let expected = format!(
            "the project is already running (pid {})",
            std::process::id()
        );
        assert_eq!(error.to_string(), expected);
        drop(lock);
        assert_eq!(folder.running(), None);
        folder.lock(&this_run()).unwrap();
    }

    #[test]
    fn the_run_file_of_a_dead_run_is_ignored() {
        let base = tempfile::tempdir().unwrap();
        let folder = StateFolder::of(base.path(), "shop", Path::new("/shop"));
        let dead = RunId {
            started_ticks: 1,
            ..RunId::of_this_process().unwrap()
        };
        let _lock = folder
            .lock(&RunFile {
                run: dead.to_string(),
                ..this_run()
            })
            .unwrap();
        assert_eq!(folder.running(), None);
    }

    #[test]
    fn two_checkouts_have_two_folders() {
        let of = |directory| StateFolder::of(Path::new("/state"), "shop", Path::new(directory));
        assert_ne!(of("/one"), of("/two"));
        assert_eq!(of("/one"), of("/one"));
    }

    #[test]
    fn the_base_follows_xdg_and_falls_back_to_home() {
        let environment = |name: &str| match name {
            "HOME" => Some("/home/ann".into()),
            _ => None,
        };
        assert_eq!(
            base(environment),
            Some("/home/ann/.local/state/trunkline".into())
        );
        assert_eq!(
            base(|_| Some("/state".into())),
            Some("/state/trunkline".into())
        );
        assert_eq!(base(|_| Some("relative".into())), None);
    }
}
