//! The system's store: a file in a folder of anchors, then the distribution's own tool.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Done, Machine, Outcome, Problem, Root, Store, Wish, line};
use crate::tool;

/// Where a family of systems keeps anchors of the administrator, and how it takes them up.
struct Layout {
    folder: &'static str,
    ending: &'static str,
    update: &'static [&'static str],
}

/// The first whose folder exists is used.
const LAYOUTS: &[Layout] = &[
    // Fedora, RHEL
    Layout {
        folder: "etc/pki/ca-trust/source/anchors",
        ending: "pem",
        update: &["update-ca-trust", "extract"],
    },
    // Arch
    Layout {
        folder: "etc/ca-certificates/trust-source/anchors",
        ending: "crt",
        update: &["trust", "extract-compat"],
    },
    // openSUSE
    Layout {
        folder: "usr/share/pki/trust/anchors",
        ending: "pem",
        update: &["update-ca-certificates"],
    },
    // Debian, Ubuntu, Alpine
    Layout {
        folder: "usr/local/share/ca-certificates",
        ending: "crt",
        update: &["update-ca-certificates"],
    },
];

/// The one place of this store.
struct Place<'a> {
    machine: &'a Machine,
    layout: &'static Layout,
    file: PathBuf,
}

pub(super) async fn apply(machine: &Machine, root: &Root, wish: Wish) -> Outcome {
    let layout = LAYOUTS.iter().find(|layout| machine.root.join(layout.folder).is_dir());
    let Some(layout) = layout else {
        let result = Ok(Done::NoStore("this system keeps no folder of extra roots that is known"));
        return Outcome { store: Store::System, place: "system".to_owned(), result };
    };
    let folder = machine.root.join(layout.folder);
    let file = folder.join(format!("{}.{}", root.alias(), layout.ending));
    let place = Place { machine, layout, file };
    let shown = format!("system ({})", folder.display());
    let result = place.apply(root, wish).await;
    Outcome { store: Store::System, place: shown, result }
}

impl Place<'_> {
    async fn apply(&self, root: &Root, wish: Wish) -> Result<Done, Problem> {
        let is_there = fs::read(&self.file).is_ok_and(|found| root.is(&found));
        match (wish, is_there) {
            (Wish::Look | Wish::Install, true) => Ok(Done::There),
            (Wish::Look | Wish::Uninstall, false) => Ok(Done::NotThere),
            (Wish::Install, false) => {
                let copied = fs::copy(&root.file, &self.file).map(drop);
                let copy =
                    line(["cp".into(), root.file.to_string_lossy(), self.file.to_string_lossy()]);
                self.settle(copied, &copy).await.map(|()| Done::Installed)
            }
            (Wish::Uninstall, true) => {
                let remove = line(["rm".into(), self.file.to_string_lossy()]);
                self.settle(fs::remove_file(&self.file), &remove).await.map(|()| Done::Removed)
            }
        }
    }

    /// Lets the system take up the change, or says what somebody with more rights has to do.
    async fn settle(&self, changed: io::Result<()>, command: &str) -> Result<(), Problem> {
        let [program, arguments @ ..] = self.layout.update else {
            return Ok(());
        };
        let update = self.layout.update.join(" ");
        if let Err(error) = changed {
            let fix = format!("sudo {command} && sudo {update}");
            return Err(Problem { reason: format!("{}: {error}", self.file.display()), fix });
        }
        if self.machine.root.as_path() != Path::new("/") {
            // Another system's tool is for that system to run.
            return Ok(());
        }
        let failed = |reason| Problem { reason, fix: format!("sudo {update}") };
        let found = self.machine.program(program);
        let program = found.ok_or_else(|| failed(format!("{program} is not installed")))?;
        tool::run(&program, arguments).await.map(drop).map_err(failed)
    }
}
