//! The state folder of a project: chosen ports, logs, the bundle of certificates.
//!
//! It lies in the user's state folder, not in the project, so that nothing is left behind there.
//! Who may run a project, and how others reach that run, is the binary's to say.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Where a project's state lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFolder {
    root: PathBuf,
}

/// The folder or a file in it cannot be made, read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}", path.display())]
pub struct StateError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The folder that holds all state folders: `$XDG_STATE_HOME/trunkline`, else
/// `~/.local/state/trunkline`. `variable` reads the environment. `None` if there is no home.
pub fn base(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME");
    let state = state.or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("trunkline"))
}

impl StateFolder {
    /// The folder of the project `name` in `directory`, below `base`. Two checkouts of one project
    /// have two folders.
    pub fn of(base: &Path, name: &str, directory: &Path) -> Self {
        let mut hasher = DefaultHasher::new();
        directory.canonicalize().unwrap_or_else(|_| directory.to_owned()).hash(&mut hasher);
        Self { root: base.join(format!("{name}-{:08x}", hasher.finish() & 0xffff_ffff)) }
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

    /// Where its services put what they build.
    pub fn builds(&self) -> PathBuf {
        self.root.join("build")
    }

    /// Where the certificates are bundled for children.
    pub fn certificates(&self) -> PathBuf {
        self.root.join("certificates.pem")
    }
}

/// Writes a value as JSON into a file that is never seen half written. Its folder must be there.
pub fn write_atomically(path: &Path, value: &impl Serialize) -> Result<(), StateError> {
    let at = |source| StateError { path: path.to_owned(), source };
    let fresh = path.with_extension("new");
    let text = serde_json::to_vec_pretty(value).map_err(|error| at(error.into()))?;
    fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path)).map_err(at)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(base(environment), Some("/home/ann/.local/state/trunkline".into()));
        assert_eq!(base(|_| Some("/state".into())), Some("/state/trunkline".into()));
        assert_eq!(base(|_| Some("relative".into())), None);
    }
}
