//! Finding the services of a folder: what a person would write into `trunkline.yaml`, read from the
//! files that are there anyway.
//!
//! A [`Tree`] is what the folder holds, one small file per language looks for its markers and makes
//! candidates, and what is not certain becomes a [`Question`], never a guess. Nothing is run and
//! nothing outside the folder is read; every file, list and depth is bounded. What was found is
//! written as a file by `text`, so that `up` without a file and `init` mean the same.

mod assemble;
mod candidate;
mod code;
mod dotnet;
mod go;
mod hints;
mod java;
mod jvm;
mod links;
mod names;
mod node;
mod nx;
mod others;
mod python;
mod rust;
mod scripts;
mod text;
mod tree;

use std::io;
use std::path::{Path, PathBuf};

use trunkline_model::{ProjectName, ServiceName};

pub use assemble::Choices;
pub use candidate::{Candidate, Evidence};
pub use text::{entry, whole_file};
pub use tree::Tree;

/// Most services of one project that are found.
pub const SERVICES_MAX: usize = 500;

/// A service that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name, which no other has.
    pub name: ServiceName,
    /// How it is run.
    pub runs: Candidate,
    /// Whether the file must say that it takes up changes by itself, as its command does not show it.
    pub unwatched: bool,
    /// The services it calls, each with the place that says so.
    pub calls: Vec<(ServiceName, Evidence)>,
    /// Services it calls that it cannot wait for, because they wait for it.
    pub calls_back: Vec<ServiceName>,
}

/// What cannot be told from files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// One folder can be run in several ways.
    Several {
        /// The folder, below the project's.
        folder: String,
        /// The ways.
        options: Vec<Candidate>,
    },
    /// Services of several folders would have one name.
    SameName {
        /// The name.
        name: ServiceName,
        /// The services.
        options: Vec<Candidate>,
    },
    /// Services always listen on one port, so that only one of them can run.
    SamePort {
        /// The port.
        port: u16,
        /// The services.
        options: Vec<Candidate>,
    },
    /// A program that may be a service, but nothing shows that it listens where it is told.
    Port(Candidate),
}

impl Question {
    /// Whether it is about this folder.
    pub fn is_about(&self, folder: &str) -> bool {
        match self {
            Self::Several { folder: of, .. } => of == folder,
            Self::SameName { options, .. } | Self::SamePort { options, .. } => {
                options.iter().any(|one| one.folder == folder)
            }
            Self::Port(candidate) => candidate.folder == folder,
        }
    }
}

/// Something that is not started, and how it could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The file.
    pub file: String,
    /// What it is.
    pub what: &'static str,
}

/// What a folder holds.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// The folder.
    pub root: PathBuf,
    /// The name of the project.
    pub project: ProjectName,
    /// Its services, by folder.
    pub services: Vec<Found>,
    /// What is left open.
    pub questions: Vec<Question>,
    /// Files that name services in a way that is not run.
    pub hints: Vec<Hint>,
    /// Why not all of the folder was looked at, if so.
    pub cut_short: Option<String>,
}

/// Looks at a folder. What cannot be decided is left out and asked.
pub fn discover(root: &Path) -> io::Result<Discovery> {
    discover_with(root, &Choices::default())
}

/// Looks at a folder with what a person has decided.
pub fn discover_with(root: &Path, choices: &Choices) -> io::Result<Discovery> {
    let root = root.canonicalize()?;
    let tree = Tree::read(&root)?;
    let mut candidates = Vec::new();
    for folder in tree.folders() {
        node::find(&tree, folder, &mut candidates);
        go::find(&tree, folder, &mut candidates);
        rust::find(&tree, folder, &mut candidates);
        jvm::find(&tree, folder, &mut candidates);
        python::find(&tree, folder, &mut candidates);
        dotnet::find(&tree, folder, &mut candidates);
        others::find(&tree, folder, &mut candidates);
    }
    java::find(&tree, &mut candidates);
    let project = names::project(&tree);
    let (services, questions) = assemble::assemble(&tree, candidates, choices);
    let hints = hints::find(&tree, &services, &questions);
    let cut_short = tree.cut_short.clone();
    Ok(Discovery { root, project, services, questions, hints, cut_short })
}
