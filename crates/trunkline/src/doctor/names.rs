//! Names: whether those of the gateway and the services lead to this machine.
//!
//! The system is asked as every program asks it (getaddrinfo). Browsers and `curl` know
//! `*.localhost` without asking; others, such as Java and Node, do not. A name that does not end in
//! `.localhost` leads nowhere until somebody says so, in DNS or in the hosts file.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::task::JoinSet;
use trunkline_model::Model;
use trunkline_model::route::HostPattern;

use super::{Check, Project, State};

/// Most names that are asked for.
const NAMES_MAX: usize = 256;
/// How long the system may take for one.
const LIMIT: Duration = Duration::from_secs(5);
/// Names on one line of a hosts file: resolvers bound the length of a line.
const NAMES_PER_LINE: usize = 8;

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Here,
    Elsewhere(IpAddr),
    Nowhere,
}

pub(super) async fn look(project: Option<&Project>) -> Vec<Check> {
    let names = match project {
        Some(project) => names(&project.model),
        None => BTreeSet::from(["localhost".to_owned()]),
    };
    let answers = ask(&names).await;
    let mut checks = Vec::new();
    let here = answers.values().filter(|answer| **answer == Answer::Here).count();
    if here > 0 {
        let s = if here == 1 { " leads" } else { "s lead" };
        checks.push(Check::good(format!("{here} name{s} to this machine")));
    }
    for (name, answer) in &answers {
        if let Answer::Elsewhere(address) = answer {
            let what = format!("{name} leads to {address}, which is not this machine");
            let mut check = Check::failed(what, "sudo nano /etc/hosts");
            check.fix = hosts_lines(std::slice::from_ref(name));
            checks.push(check);
        }
    }
    let nowhere = |is_localhost: bool| -> Vec<String> {
        let lost = answers.iter().filter(|(_, answer)| **answer == Answer::Nowhere);
        let lost = lost.map(|(name, _)| name.clone());
        lost.filter(|name| is_below_localhost(name) == is_localhost).collect()
    };
    checks.extend(lost(
        &nowhere(true),
        State::Warning,
        "unknown to the system; browsers and curl know them, Java and Node do not",
    ));
    checks.extend(lost(&nowhere(false), State::Failed, "unknown to the system"));
    checks
}

fn lost(names: &[String], state: State, why: &str) -> Option<Check> {
    let first = names.first()?;
    let which = match names.len() {
        1 => first.clone(),
        count => format!("{first} and {} more", count - 1),
    };
    let mut fix = vec!["trunkline doctor --hosts | sudo tee -a /etc/hosts, which adds".to_owned()];
    fix.extend(hosts_lines(names));
    Some(Check { state, what: format!("{which}: {why}"), fix })
}

/// The names of a project that do not lead to this machine.
pub(crate) async fn unresolved(model: &Model) -> Vec<String> {
    let answers = ask(&names(model)).await;
    answers
        .into_iter()
        .filter(|(_, answer)| *answer != Answer::Here)
        .map(|(name, _)| name)
        .collect()
}

/// Lines of a hosts file that make names lead to this machine.
pub(crate) fn hosts_lines(names: &[String]) -> Vec<String> {
    // The gateway of a laptop listens on IPv4 loopback.
    names.chunks(NAMES_PER_LINE).map(|names| format!("127.0.0.1 {}", names.join(" "))).collect()
}

fn is_below_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The gateway's names, those below them that routes name, and those of the surfaces.
fn names(model: &Model) -> BTreeSet<String> {
    let domains = || model.domains.iter().filter(|name| !name.starts_with("*."));
    let hosts = model.routes.iter().flat_map(|route| &route.matching.hosts);
    let below = hosts.filter_map(|host| match host {
        HostPattern::Exact(host) => {
            let is_below = |domain: &&String| {
                host.strip_suffix(domain.as_str()).is_some_and(|front| front.ends_with('.'))
            };
            domains().find(is_below).map(|_| host.clone())
        }
        HostPattern::Wildcard(_) => None,
    });
    let management = &model.management;
    let surfaces = [("console", management.control), ("jaeger", management.jaeger)];
    let surfaces = surfaces.into_iter().filter(|(_, address)| address.is_some());
    let surfaces =
        surfaces.flat_map(|(label, _)| domains().map(move |domain| format!("{label}.{domain}")));
    domains().cloned().chain(below).chain(surfaces).take(NAMES_MAX).collect()
}

/// Asks the system for all of them at once.
async fn ask(names: &BTreeSet<String>) -> BTreeMap<String, Answer> {
    let mut asked = JoinSet::new();
    for name in names.iter().cloned() {
        asked.spawn_blocking(move || {
            let addresses = (name.as_str(), 0).to_socket_addrs();
            let addresses = addresses.map(|all| all.map(|address| address.ip()).collect());
            (name, addresses.unwrap_or_else(|_| Vec::new()))
        });
    }
    // A name without an answer in time leads nowhere.
    let mut answers: BTreeMap<_, _> =
        names.iter().map(|name| (name.clone(), Answer::Nowhere)).collect();
    let all = async {
        while let Some(answered) = asked.join_next().await {
            if let Ok((name, addresses)) = answered {
                answers.insert(name, judge(&addresses));
            }
        }
    };
    let _ = tokio::time::timeout(LIMIT, all).await;
    answers
}

fn judge(addresses: &[IpAddr]) -> Answer {
    match addresses.iter().find(|address| !address.to_canonical().is_loopback()) {
        Some(foreign) => Answer::Elsewhere(*foreign),
        None if addresses.is_empty() => Answer::Nowhere,
        None => Answer::Here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_hosts_file_are_of_a_bounded_length() {
        let names: Vec<String> = (0..=NAMES_PER_LINE).map(|at| format!("n{at}.test")).collect();
        let lines = hosts_lines(&names);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1], "127.0.0.1 n8.test");
        assert!(hosts_lines(&[]).is_empty());
    }

    #[test]
    fn a_name_that_leads_away_once_leads_away() {
        let [here, six, away] = ["127.0.0.2", "::1", "192.0.2.1"].map(|ip| ip.parse().unwrap());
        assert_eq!(judge(&[here, six]), Answer::Here);
        assert_eq!(judge(&[here, away]), Answer::Elsewhere(away));
        assert_eq!(judge(&[]), Answer::Nowhere);
    }
}
