//! From candidates to services: one for each folder, one for each name, calls between them. What
//! is not certain becomes a question, unless a person has answered it.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_model::ServiceName;

use super::candidate::Candidate;
use super::tree::Tree;
use super::{Found, Question, SERVICES_MAX, links, names};
use crate::sources::reloads_by_itself;

/// What a person has decided. Candidates are named by their folder and command.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Candidates that are services, although the folder has others or nothing shows that they
    /// listen; with the port they listen on, if it cannot be told them.
    pub taken: Vec<(Candidate, Option<u16>)>,
    /// Candidates that are none.
    pub dropped: Vec<Candidate>,
    /// Names of candidates whose own is another's as well.
    pub named: Vec<(Candidate, ServiceName)>,
    /// Names of services that may be called as well, although they are not found here.
    pub others: Vec<ServiceName>,
}

impl Choices {
    /// Whether a candidate was chosen.
    pub fn takes(&self, candidate: &Candidate) -> bool {
        self.taken.iter().any(|(taken, _)| is_same(taken, candidate))
    }

    fn name_of(&self, candidate: &Candidate) -> ServiceName {
        let named = self.named.iter().find(|(of, _)| is_same(of, candidate));
        named.map_or_else(|| names::service(&candidate.called), |(_, name)| name.clone())
    }
}

fn is_same(one: &Candidate, other: &Candidate) -> bool {
    one.folder == other.folder && one.command == other.command && one.build == other.build
}

/// See the module's documentation.
pub(super) fn assemble(
    tree: &Tree,
    candidates: Vec<Candidate>,
    choices: &Choices,
) -> (Vec<Found>, Vec<Question>) {
    let mut questions = Vec::new();
    let certain = one_for_each_folder(candidates, choices, &mut questions);
    let certain = one_for_each_port(certain, &mut questions);
    let named = one_for_each_name(certain, choices, &mut questions);
    let mut all = choices.others.clone();
    all.extend(named.iter().map(|(name, _)| name.clone()));
    let mut services: Vec<Found> = Vec::new();
    for (name, mut runs) in named {
        links::add_health(tree, &mut runs);
        let calls = links::calls(tree, &runs, &name, &all);
        let shown = reloads_by_itself(&runs.command, &tree.root().join(&runs.folder));
        let unwatched = runs.reloads && !shown;
        services.push(Found { name, runs, unwatched, calls, calls_back: Vec::new() });
    }
    open_circles(&mut services);
    (services, questions)
}

fn one_for_each_folder(
    candidates: Vec<Candidate>,
    choices: &Choices,
    questions: &mut Vec<Question>,
) -> Vec<Candidate> {
    let mut folders: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates.into_iter().take(SERVICES_MAX) {
        if !choices.dropped.iter().any(|dropped| is_same(dropped, &candidate)) {
            folders.entry(candidate.folder.clone()).or_default().push(candidate);
        }
    }
    let mut certain = Vec::new();
    for (folder, options) in folders {
        let taken = |candidate: &Candidate| {
            let taken = choices.taken.iter().find(|(taken, _)| is_same(taken, candidate));
            taken.map(|(_, port)| Candidate { port: port.or(candidate.port), ..candidate.clone() })
        };
        let chosen: Vec<Candidate> = options.iter().filter_map(taken).collect();
        if !chosen.is_empty() {
            certain.extend(chosen);
            continue;
        }
        // A tool beside a service is no question: those that listen go before those that may.
        let (listening, others): (Vec<_>, Vec<_>) =
            options.into_iter().partition(|candidate| candidate.listens);
        match listening.len() {
            0 => questions.extend(others.into_iter().map(Question::Port)),
            1 => certain.extend(listening),
            _ if are_apart(&listening) => certain.extend(listening),
            _ => questions.push(Question::Several { folder, options: listening }),
        }
    }
    certain
}

/// Whether candidates of one folder are several programs and not several ways to run one: each is
/// made of sources of its own.
fn are_apart(options: &[Candidate]) -> bool {
    let sources: BTreeSet<&str> = options.iter().map(|option| option.sources.as_str()).collect();
    let languages: BTreeSet<&str> = options.iter().map(|option| option.language).collect();
    sources.len() == options.len() && languages.len() == 1
}

fn one_for_each_port(candidates: Vec<Candidate>, questions: &mut Vec<Question>) -> Vec<Candidate> {
    let mut by_port: BTreeMap<u16, Vec<Candidate>> = BTreeMap::new();
    let (fixed, mut certain): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.port.is_some());
    for candidate in fixed {
        by_port.entry(candidate.port.unwrap_or_default()).or_default().push(candidate);
    }
    for (port, mut options) in by_port {
        match options.len() {
            1 => certain.append(&mut options),
            _ => questions.push(Question::SamePort { port, options }),
        }
    }
    certain
}

fn one_for_each_name(
    candidates: Vec<Candidate>,
    choices: &Choices,
    questions: &mut Vec<Question>,
) -> Vec<(ServiceName, Candidate)> {
    let mut by_name: BTreeMap<ServiceName, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        by_name.entry(choices.name_of(&candidate)).or_default().push(candidate);
    }
    let mut named = Vec::new();
    for (name, mut options) in by_name {
        match options.len() {
            1 => named.extend(options.pop().map(|candidate| (name, candidate))),
            _ => questions.push(Question::SameName { name, options }),
        }
    }
    named.sort_by(|(one, a), (other, b)| (&a.folder, one).cmp(&(&b.folder, other)));
    named
}

/// Takes calls out until no service waits for itself: of a circle, the call that closes it.
fn open_circles(services: &mut [Found]) {
    let mut waits: BTreeMap<ServiceName, Vec<ServiceName>> = BTreeMap::new();
    for service in services {
        let calls = std::mem::take(&mut service.calls);
        for (callee, evidence) in calls {
            if reaches(&waits, &callee, &service.name) {
                service.calls_back.push(callee);
            } else {
                waits.entry(service.name.clone()).or_default().push(callee.clone());
                service.calls.push((callee, evidence));
            }
        }
    }
}

fn reaches(
    waits: &BTreeMap<ServiceName, Vec<ServiceName>>,
    from: &ServiceName,
    to: &ServiceName,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut left = vec![from];
    while let Some(name) = left.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            left.extend(waits.get(name).into_iter().flatten());
        }
    }
    false
}
