//! The certificates children trust: the system's and Trunkline's own, in one file.
//!
//! `SSL_CERT_FILE` and its like *replace* the system's roots. Pointing them at our root alone would
//! break every call to the internet, so children get both in one bundle, or the variable not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use trunkline_net::tls::SYSTEM_BUNDLES;

/// Writes the system's roots and `root` to `into`. `system` is the bundle the user named by
/// `SSL_CERT_FILE`, if any. Returns `None`, and writes nothing, when no system bundle is found.
pub fn bundle(root: &Path, system: Option<PathBuf>, into: &Path) -> io::Result<Option<PathBuf>> {
    let known = SYSTEM_BUNDLES.iter().map(PathBuf::from);
    let Some(system) = system.into_iter().chain(known).find(|path| path.is_file()) else {
        return Ok(None);
    };
    let mut text = fs::read(system)?;
    text.push(b'\n');
    text.extend(fs::read(root)?);
    fs::write(into, text)?;
    Ok(Some(into.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_keeps_the_systems_roots() {
        let folder = tempfile::tempdir().unwrap();
        let [system, root, into] = ["system", "root", "into"].map(|name| folder.path().join(name));
        fs::write(&system, "SYSTEM").unwrap();
        fs::write(&root, "OURS").unwrap();
        assert_eq!(bundle(&root, Some(system), &into).unwrap(), Some(into.clone()));
        assert_eq!(fs::read_to_string(into).unwrap(), "SYSTEM\nOURS");
    }
}
