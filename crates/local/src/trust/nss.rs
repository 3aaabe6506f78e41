//! NSS databases: Chromium's, which is one to a user, and one to each profile of Firefox.
//!
//! They are changed with `certutil`, NSS's own tool, whether the browser runs or not. Chromium's
//! database is made where there is none yet: the browser uses it from its first start on.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Done, Machine, Outcome, Problem, Root, Store, Wish, line};
use crate::tool;

/// Most profiles that are looked at.
const PROFILES_MAX: usize = 64;

/// Folders of profiles of Firefox, below the home folder: as packaged, as a snap, as a flatpak.
const FIREFOX: &[&str] = &[
    ".mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
];

/// Databases of Chromium, below the home folder. The first is made if it is missing.
const CHROMIUM: &[&str] = &[".pki/nssdb", "snap/chromium/current/.pki/nssdb"];

/// What a database of NSS is called in its folder.
const DATABASE: &str = "cert9.db";

pub(super) async fn apply(machine: &Machine, root: &Root, wish: Wish) -> Vec<Outcome> {
    let databases = databases(machine);
    let Some(certutil) = machine.program("certutil") else {
        let install = machine.install_line("libnss3-tools", "nss-tools", "nss");
        let fix = format!("{install} && trunkline trust --store nss");
        let reason = "certutil, the tool of NSS, is not installed".to_owned();
        return vec![Outcome {
            store: Store::Nss,
            place: "Chromium, Firefox".to_owned(),
            result: Err(Problem { reason, fix }),
        }];
    };
    let mut outcomes = Vec::new();
    for (browser, folder) in databases {
        let database = Database { certutil: &certutil, folder: &folder };
        let place = format!("{browser} ({})", folder.display());
        let result = database.apply(root, wish).await;
        outcomes.push(Outcome { store: Store::Nss, place, result });
    }
    outcomes
}

fn databases(machine: &Machine) -> Vec<(&'static str, PathBuf)> {
    let mut found = Vec::new();
    for (index, place) in CHROMIUM.iter().enumerate() {
        let folder = machine.home.join(place);
        if index == 0 || folder.join(DATABASE).is_file() {
            found.push(("Chromium", folder));
        }
    }
    for profiles in FIREFOX {
        let entries = fs::read_dir(machine.home.join(profiles)).into_iter().flatten();
        let folders = entries.take(PROFILES_MAX).filter_map(Result::ok).map(|entry| entry.path());
        let mut folders: Vec<_> =
            folders.filter(|folder| folder.join(DATABASE).is_file()).collect();
        folders.sort();
        found.extend(folders.into_iter().map(|folder| ("Firefox", folder)));
    }
    found
}

struct Database<'a> {
    certutil: &'a Path,
    folder: &'a Path,
}

impl Database<'_> {
    async fn apply(&self, root: &Root, wish: Wish) -> Result<Done, Problem> {
        let alias = root.alias();
        let is_made = self.folder.join(DATABASE).is_file();
        let is_there = is_made
            && self.run(&["-L", "-n", &alias, "-a"]).await.is_ok_and(|found| root.is(&found));
        let file = root.file.to_string_lossy().into_owned();
        match (wish, is_there) {
            (Wish::Look | Wish::Install, true) => Ok(Done::There),
            (Wish::Look | Wish::Uninstall, false) => Ok(Done::NotThere),
            (Wish::Install, false) => {
                let add = ["-A", "-t", "C,,", "-n", &alias, "-i", &file];
                if !is_made {
                    self.make().await.map_err(|reason| self.problem(reason, &add))?;
                }
                let added = self.run(&add).await;
                added.map(|_| Done::Installed).map_err(|reason| self.problem(reason, &add))
            }
            (Wish::Uninstall, true) => {
                let delete = ["-D", "-n", &alias];
                let deleted = self.run(&delete).await;
                deleted.map(|_| Done::Removed).map_err(|reason| self.problem(reason, &delete))
            }
        }
    }

    async fn make(&self) -> Result<(), String> {
        fs::create_dir_all(self.folder).map_err(|error| error.to_string())?;
        self.run(&["-N", "--empty-password"]).await.map(drop)
    }

    fn name(&self) -> String {
        format!("sql:{}", self.folder.display())
    }

    async fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let name = self.name();
        let all = arguments.iter().copied().chain(["-d", name.as_str()]);
        tool::run(self.certutil, all).await
    }

    fn problem(&self, reason: String, arguments: &[&str]) -> Problem {
        let name = self.name();
        let words = ["certutil"].iter().chain(arguments).copied().chain(["-d", name.as_str()]);
        Problem { reason, fix: line(words) }
    }
}
