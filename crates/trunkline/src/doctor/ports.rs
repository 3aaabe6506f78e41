//! Ports: of the gateway, the surfaces and the services, and who holds them.

use std::net::{Ipv4Addr, SocketAddr};

use trunkline_local::plan::is_free;
use trunkline_local::processes;
use trunkline_model::ports::{Surface, TABLE};
use trunkline_model::service::Source;
use trunkline_net::socket;

use super::{Check, Project};
use crate::{environment, place, privilege, runs};

pub(super) fn look(project: Option<&Project>) -> Vec<Check> {
    let mut checks = vec![low_ports()];
    match project {
        Some(project) => checks.extend(of_project(project)),
        None => {
            checks.extend(usual().into_iter().map(|(name, at)| {
                if is_free(at.port()) { free(&name, at) } else { moves(&name, at) }
            }))
        }
    }
    checks
}

/// Whether URLs need no port.
fn low_ports() -> Check {
    Check::good(if privilege::may_bind_low_ports() {
        "ports 80 and 443 are permitted: URLs need no port"
    } else {
        "ports 80 and 443 need rights; 8000 and 8443 are used"
    })
}

fn usual() -> Vec<(String, SocketAddr)> {
    let low = privilege::may_bind_low_ports();
    let row = |entry: &trunkline_model::ports::Entry| {
        let is_gateway = matches!(entry.surface, Surface::GatewayHttp | Surface::GatewayHttps);
        let port = entry.privileged.filter(|_| low && is_gateway).unwrap_or(entry.port);
        (entry.name.to_owned(), SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    TABLE.iter().map(row).collect()
}

fn of_project(project: &Project) -> Vec<Check> {
    let own = runs::all(&environment::runtime_folder())
        .into_iter()
        .find(|run| run.card.directory == project.directory)
        .map(|run| run.card.pid);
    let movable = place::movable_names(&project.loader, &project.model);
    let mut checks = Vec::new();
    for (name, at) in place::addresses(&project.model) {
        checks.push(match () {
            () if at.port() == 0 || is_free(at.port()) => free(&name, at),
            () if own.is_some() && holder_run(at) == own => runs_there(&name, at),
            () if movable.contains(&name) => moves(&name, at),
            () => held(&name, at, "another port in `gateway`, `management` or `ports`"),
        });
    }
    for service in &project.model.services {
        let Source::Process(process) = &service.source else {
            continue;
        };
        let Some(port) = process.port else {
            continue;
        };
        let (name, at) = (service.name.as_str(), SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        checks.push(match holder_run(at) {
            _ if is_free(port) => free(name, at),
            Some(pid) if Some(pid) == own => runs_there(name, at),
            Some(_) => Check::good(format!(
                "port {port} of {name} is held by {}: it is given another as PORT",
                place::holder(at)
            )),
            None => held(name, at, &format!("`{name}` another `port`, or none")),
        });
    }
    checks
}

/// The run that a listening process is or belongs to.
fn holder_run(at: SocketAddr) -> Option<u32> {
    let pid = socket::holder(at)?.pid;
    let owner = processes::marks(pid).map_or(pid, |marks| marks.run.pid);
    let runs = runs::all(&environment::runtime_folder());
    runs.iter().any(|run| run.card.pid == owner).then_some(owner)
}

fn free(name: &str, at: SocketAddr) -> Check {
    Check::good(format!("port {} ({name}) is free", at.port()))
}

fn runs_there(name: &str, at: SocketAddr) -> Check {
    Check::good(format!("port {} ({name}) is this project's own", at.port()))
}

/// A port that nobody wrote moves out of the way.
fn moves(name: &str, at: SocketAddr) -> Check {
    let who = place::holder(at);
    Check::good(format!(
        "port {} ({name}) is held by {who}: `up` takes the next free set",
        at.port()
    ))
}

fn held(name: &str, at: SocketAddr, give: &str) -> Check {
    let what = format!("port {} ({name}) is held by {}", at.port(), place::holder(at));
    let fix = match socket::holder(at) {
        Some(holder) => format!("kill {}, or give {give}", holder.pid),
        None => format!("free it, or give {give}"),
    };
    Check::failed(what, fix)
}
