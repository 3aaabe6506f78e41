//! Trusting the project's roots: each store of the machine on its own, each with its own result.
//!
//! Browsers, Java, Node and the system keep their roots in different places, most machines lack
//! some of them, and some need rights that we do not have. One that fails says so with the line
//! that mends it and stops none of the others. Nothing here asks for rights: what needs root is
//! printed as a command. A root is told from all others by its SHA-256, never by its name alone.

mod java;
mod nss;
mod system;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Most of a certificate file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    /// What `curl` and most programs use.
    System,
    /// NSS databases: Chromium and Firefox.
    Nss,
    /// Key stores of Java.
    Java,
    /// Node.js, which has no store but an environment variable.
    Node,
}

impl Store {
    /// Every kind, in the order they are told.
    pub const ALL: [Self; 4] = [Self::System, Self::Nss, Self::Java, Self::Node];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Nss => "nss",
            Self::Java => "java",
            Self::Node => "node",
        }
    }
}

/// A root certificate on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The PEM file.
    pub file: PathBuf,
    certificate: CertificateDer<'static>,
}

impl Root {
    /// Reads the first certificate of a PEM file.
    pub fn read(file: &Path) -> io::Result<Self> {
        let mut text = Vec::new();
        fs::File::open(file)?.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
        let certificate = first_certificate(&text)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "holds no certificate"))?;
        Ok(Self { file: file.to_owned(), certificate })
    }

    /// SHA-256, in lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        let digest = trunkline_net::tls::sha256(&self.certificate);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What it is called in stores: enough of its fingerprint to be unique.
    fn alias(&self) -> String {
        let fingerprint = self.fingerprint();
        format!("trunkline-{}", fingerprint.get(..16).unwrap_or_default())
    }

    /// Whether a text in PEM form is this certificate.
    fn is(&self, pem: &[u8]) -> bool {
        first_certificate(pem).is_some_and(|other| other == self.certificate)
    }
}

fn first_certificate(pem: &[u8]) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem).ok().map(CertificateDer::into_owned)
}

/// What is wanted of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It trusts the root.
    Install,
    /// It does not know it.
    Uninstall,
    /// Nothing: is it there?
    Look,
}

/// What became of the wish in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was put in.
    Installed,
    /// It is in there.
    There,
    /// It was taken out.
    Removed,
    /// It is not in there.
    NotThere,
    /// There is no such store on this machine.
    NoStore(&'static str),
    /// There is nothing to change; this says how the store is used.
    Note(String),
}

/// Why a store is not as wished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Problem {
    /// What happened.
    pub reason: String,
    /// The command that mends it.
    pub fix: String,
}

/// The result in one place of one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which kind.
    pub store: Store,
    /// Which one, for people.
    pub place: String,
    /// What became of it.
    pub result: Result<Done, Problem>,
}

/// The machine whose stores are meant.
#[derive(Clone, Debug)]
pub struct Machine {
    /// In front of every path of the system: `/`.
    pub root: PathBuf,
    /// The user's home folder.
    pub home: PathBuf,
    /// `$JAVA_HOME`.
    pub java_home: Option<PathBuf>,
    /// Key stores of Java to use instead of that of the JDK.
    pub truststores: Vec<PathBuf>,
    /// `$PATH`.
    pub path: OsString,
}

impl Machine {
    /// Where a program is.
    fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = std::env::split_paths(&self.path);
        // Administrators' tools are often not on the path of a user.
        let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        folders.chain(more).map(|folder| folder.join(name)).find(|file| file.is_file())
    }

    /// The line that installs a package, for the family of this system.
    fn install_line(&self, debian: &str, fedora: &str, arch: &str) -> String {
        match () {
            () if self.program("apt-get").is_some() => format!("sudo apt-get install {debian}"),
            () if self.program("dnf").is_some() => format!("sudo dnf install {fedora}"),
            () if self.program("pacman").is_some() => format!("sudo pacman -S {arch}"),
            () => format!("install {debian} with the package manager of this system"),
        }
    }
}

/// Carries out a wish for one root in the stores of these kinds. Each place has its own outcome.
pub async fn apply(machine: &Machine, root: &Root, stores: &[Store], wish: Wish) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for store in stores {
        match store {
            Store::System => outcomes.push(system::apply(machine, root, wish).await),
            Store::Nss => outcomes.extend(nss::apply(machine, root, wish).await),
            Store::Java => outcomes.extend(java::apply(machine, root, wish).await),
            Store::Node => outcomes.push(node(root)),
        }
    }
    outcomes
}

/// A word of a command line that a person copies into a shell: names of profiles have blanks in them.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Words as a command line.
fn line<A: AsRef<str>>(words: impl IntoIterator<Item = A>) -> String {
    words.into_iter().map(|each| word(each.as_ref())).collect::<Vec<_>>().join(" ")
}

/// Node reads an extra file of roots, and services of `up` are told which.
fn node(root: &Root) -> Outcome {
    let file = word(&root.file.to_string_lossy());
    let note =
        format!("services of `up` are given it; elsewhere: export NODE_EXTRA_CA_CERTS={file}");
    Outcome { store: Store::Node, place: "Node.js".to_owned(), result: Ok(Done::Note(note)) }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_line_to_copy_keeps_its_words() {
        assert_eq!(
            line(["certutil", "-t", "C,,", "-d", "sql:/h/.pki"]),
            "certutil -t C,, -d sql:/h/.pki"
        );
        assert_eq!(line(["rm", "/a b/$(x)'s"]), r"rm '/a b/$(x)'\''s'");
    }
}
