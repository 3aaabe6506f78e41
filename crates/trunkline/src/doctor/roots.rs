//! The root certificate: whether it is sound, and which stores trust it.

use std::path::PathBuf;

use trunkline_local::trust::{self, Done, Root, Store, Wish};
use trunkline_mesh::{Authority, root_file};
use trunkline_rt::Clock;

use super::{Check, Project};
use crate::cli::trust::{all_root_files, machine};
use crate::exit::chain;
use crate::{environment, issuer};

pub(super) async fn look(project: Option<&Project>) -> Vec<Check> {
    let (files, mut checks) = match project {
        Some(project) => of_project(project),
        None => (all_root_files(), Vec::new()),
    };
    let Ok(machine) = machine() else {
        return checks;
    };
    for file in files {
        let root = match Root::read(&file) {
            Ok(root) => root,
            Err(error) => {
                let fix = "trunkline up, which makes a new one once its folder is removed";
                checks.push(Check::failed(format!("{}: {error}", file.display()), fix));
                continue;
            }
        };
        for outcome in trust::apply(&machine, &root, &Store::ALL, Wish::Look).await {
            let place = outcome.place;
            let store = outcome.store.name();
            checks.extend(match outcome.result {
                Ok(Done::NoStore(_) | Done::Note(_)) => None,
                Ok(Done::NotThere) => Some(Check::warning(
                    format!("{place} does not trust the root"),
                    format!("trunkline trust --store {store}"),
                )),
                Ok(_) => Some(Check::good(format!("{place} trusts the root"))),
                Err(problem) => {
                    Some(Check::warning(format!("{place}: {}", problem.reason), problem.fix))
                }
            });
        }
    }
    checks
}

/// The file of a project's root, if it was made, and what is to say of it.
fn of_project(project: &Project) -> (Vec<PathBuf>, Vec<Check>) {
    let nothing = |check| (Vec::new(), vec![check]);
    let permitted = match issuer::permitted(&project.model) {
        Ok(Some(permitted)) => permitted,
        Ok(None) => return nothing(Check::good("the gateway needs no certificate of ours")),
        Err(problem) => return nothing(Check::failed(problem, "write other names into `gateway`")),
    };
    let Some(data) = environment::data_folder() else {
        return nothing(Check::failed("there is no home folder for the root", "export HOME=…"));
    };
    let file = root_file(&data, &permitted);
    if !file.is_file() {
        return nothing(Check::good("the root certificate is made by the first `up`"));
    }
    match Authority::open(&data, permitted, Clock::system().wall()) {
        Ok(_) => {
            let check = Check::good(format!("root certificate {}", file.display()));
            (vec![file], vec![check])
        }
        Err(error) => {
            let folder = file.parent().map(|folder| folder.display().to_string());
            let fix = format!("rm -r {}, then trust the new one", folder.unwrap_or_default());
            nothing(Check::failed(chain(&error), fix))
        }
    }
}
