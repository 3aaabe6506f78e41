//! Where ordered certificates and accounts are kept: a folder for each authority, a file for each name.
//!
//! A file holds the chain and its key, is readable by its owner alone, and is written as a whole or not at all.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use instant_acme::AccountCredentials;
use trunkline_model::tls::Acme;
use trunkline_net::tls::{self, Certificate};

use super::AcmeError;

/// Stand-ins that are remembered, so that a listener does not change what it shows without need.
const STAND_INS_MAX: usize = 1_024;
const ACCOUNT: &str = "account.json";

/// A folder with everything that authorities gave.
#[derive(Debug, Clone)]
pub struct Storage {
    folder: PathBuf,
    stand_ins: Arc<Mutex<HashMap<String, Certificate>>>,
}

impl Storage {
    /// Keeps everything below this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, stand_ins: Arc::default() }
    }

    /// The folder of one authority: two of them may issue for one name.
    fn authority(&self, acme: &Acme) -> PathBuf {
        let digest = tls::sha256(acme.directory.as_bytes());
        let host = acme.directory.split('/').nth(2).unwrap_or_default();
        let host: String = host
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(60)
            .collect();
        let [a, b, c, d, ..] = digest;
        self.folder.join(format!("{host}-{a:02x}{b:02x}{c:02x}{d:02x}"))
    }

    /// The file of a name: names are host names, but nothing of a file must lead out of the folder.
    pub(super) fn file(&self, acme: &Acme, name: &str) -> PathBuf {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let name: String = name.chars().map(|c| if plain(c) { c } else { '_' }).take(200).collect();
        self.authority(acme).join(format!("{name}.pem"))
    }

    /// The certificate of a name that was ordered last, unless it has ended.
    pub fn certificate(&self, acme: &Acme, name: &str, now: SystemTime) -> Option<Certificate> {
        let file = self.file(acme, name);
        Certificate::from_files(&file, &file, now).ok()
    }

    /// The same, or what stands in for it.
    pub fn certificate_or_stand_in(
        &self,
        acme: &Acme,
        name: &str,
        now: SystemTime,
    ) -> Result<Certificate, AcmeError> {
        if let Some(certificate) = self.certificate(acme, name, now) {
            return Ok(certificate);
        }
        let mut known = self.stand_ins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certificate) = known.get(name) {
            return Ok(certificate.clone());
        }
        let made = super::stand_in(name)?;
        if known.len() >= STAND_INS_MAX {
            known.clear();
        }
        known.insert(name.to_owned(), made.clone());
        Ok(made)
    }

    pub(super) fn account(&self, acme: &Acme) -> Option<AccountCredentials> {
        let text = tls::read(&self.authority(acme).join(ACCOUNT)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    pub(super) fn keep_account(
        &self,
        acme: &Acme,
        account: &AccountCredentials,
    ) -> Result<(), AcmeError> {
        let path = self.authority(acme).join(ACCOUNT);
        let text = serde_json::to_string(account).map_err(io::Error::from);
        let written = text.and_then(|text| write(&path, &text));
        written.map_err(|source| AcmeError::Disk { path, source })
    }

    pub(super) fn forget_account(&self, acme: &Acme) {
        // Without the file there is nothing to forget.
        let _ = std::fs::remove_file(self.authority(acme).join(ACCOUNT));
    }

    pub(super) fn keep(&self, acme: &Acme, name: &str, text: &str) -> Result<(), AcmeError> {
        let path = self.file(acme, name);
        write(&path, text).map_err(|source| AcmeError::Disk { path, source })
    }
}

/// Writes beside the place and renames: a reader finds the former file or the new one.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    // One that a former process of this number left is in the way.
    let _ = std::fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}
