//! What keeps this machine from running a project well: looked at, never changed.
//!
//! Each section looks at one thing and says what it found as checks; a check that is not good has
//! the lines that mend it. Nothing needs a run or a project; with a project its own ports, names,
//! root and toolchains are looked at. What is wrong with the file itself is `check`'s to say.

mod leftovers;
mod machine;
mod names;
mod ports;
mod roots;
mod tools;

use std::path::PathBuf;
use std::sync::Arc;

use trunkline_config::Loaded;
use trunkline_local::discover::{self, Choices};
use trunkline_model::Model;

use crate::cli::Context;
use crate::exit::Failure;
use crate::loader::{self, Loader};
use crate::{environment, found, place};

pub(crate) use leftovers::mend;
pub(crate) use names::{hosts_lines, unresolved};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// It works, but not as well as it could.
    Warning,
    /// Something will not work.
    Failed,
}

impl State {
    /// Its word in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    /// How it went.
    pub state: State,
    /// What was found.
    pub what: String,
    /// The lines that mend it.
    pub fix: Vec<String>,
}

impl Check {
    fn good(what: impl Into<String>) -> Self {
        Self { state: State::Good, what: what.into(), fix: Vec::new() }
    }

    fn warning(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warning, what: what.into(), fix: vec![fix.into()] }
    }

    fn failed(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Failed, what: what.into(), fix: vec![fix.into()] }
    }
}

/// Checks about one thing.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// What they are about.
    pub title: &'static str,
    /// What was found.
    pub checks: Vec<Check>,
}

/// The project that is looked at.
#[derive(Clone)]
pub(crate) struct Project {
    /// How it is read.
    pub loader: Loader,
    /// What it wants.
    pub model: Arc<Model>,
    /// Its folder.
    pub directory: PathBuf,
}

/// The project here, as `up` would run it.
pub(crate) enum Here {
    /// There is one.
    Project(Box<Project>),
    /// Its file is wrong.
    Wrong(Box<Loaded>),
    /// There is none.
    Nothing,
}

impl Here {
    /// Looks for the project of the folder that the command line means.
    pub(crate) fn look(context: &Context) -> Result<Self, Failure> {
        let globals = &context.globals;
        let loader = match loader::find_nearest(&globals.dir)? {
            Some(_) => place::laptop(globals)?,
            None => match without_a_file(context) {
                Some(text) => {
                    let options = place::options(globals);
                    place::named(Loader::of_text(&globals.dir, &text, options))
                }
                None => return Ok(Self::Nothing),
            },
        };
        let directory = place::directory(&loader).unwrap_or_default();
        let remembered = place::memory_file(&directory).and_then(|file| place::read(&file));
        let set = remembered.map_or(0, |memory| memory.port_set);
        let loader = loader.with(|options| options.port_set = set);
        let loaded = loader.load();
        Ok(match loaded.model.clone() {
            Some(model) => Self::Project(Box::new(Project { loader, model, directory })),
            None => Self::Wrong(Box::new(loaded)),
        })
    }

    /// The project, if it can be read.
    pub(crate) fn project(&self) -> Option<&Project> {
        match self {
            Self::Project(project) => Some(project),
            Self::Wrong(_) | Self::Nothing => None,
        }
    }
}

/// The file that `up` would make up here. A home folder or the root of the disk is no project.
fn without_a_file(context: &Context) -> Option<String> {
    let dir = std::fs::canonicalize(&context.globals.dir).ok()?;
    let home = environment::read("HOME").and_then(|home| std::fs::canonicalize(home).ok());
    if dir.parent().is_none() || Some(&dir) == home.as_ref() {
        return None;
    }
    let found = found::look(&dir, &Choices::default()).ok()?;
    (!found.services.is_empty()).then(|| discover::whole_file(&found))
}

/// Looks at everything.
pub(crate) async fn examine(here: &Here) -> Vec<Section> {
    let project = here.project();
    let mut sections = vec![
        file(here),
        Section { title: "Ports", checks: ports::look(project) },
        Section { title: "Names", checks: names::look(project).await },
        Section { title: "Certificates", checks: roots::look(project).await },
        Section { title: "Toolchains", checks: tools::look(project).await },
        Section { title: "Machine", checks: machine::look() },
        Section { title: "Leftovers", checks: leftovers::look(project) },
    ];
    sections.retain(|section| !section.checks.is_empty());
    sections
}

/// Which project is looked at.
fn file(here: &Here) -> Section {
    let checks = match here {
        Here::Project(project) => {
            let (name, folder) = (&project.model.name, project.directory.display());
            vec![Check::good(format!("`{name}` in {folder} can be read"))]
        }
        Here::Wrong(loaded) => {
            let errors = loaded.diagnostics.errors();
            let s = if errors == 1 { "" } else { "s" };
            vec![Check::failed(format!("its file has {errors} error{s}"), "trunkline check")]
        }
        Here::Nothing => Vec::new(),
    };
    Section { title: "Project", checks }
}
