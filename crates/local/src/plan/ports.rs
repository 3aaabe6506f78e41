//! Ports for services that wrote none: chosen once, remembered, and checked to be free.
//!
//! They come from a range below the ports the kernel gives to outgoing connections (from 32768 on
//! Linux), because one of those may be taken at any moment. A service's search begins at a place
//! derived from its name and its project's folder, so that even a forgotten choice is likely to be
//! made again, and two projects of one name rarely meet.
//!
//! A port that is free now may be chosen by another run at the same moment, before either service
//! listens. A chosen port is therefore reserved until its book ends. A port that a file names is
//! reserved too: where another copy of the project has it, the service is given another one.

mod reservation;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;

use serde::{Deserialize, Serialize};

use trunkline_net::socket;

use crate::processes;
use crate::run::RunId;
use crate::state::{StateError, write_atomically};
pub use reservation::Reservation;

/// First port to choose from.
const FIRST: u16 = 21_000;
/// How many ports there are to choose from.
const COUNT: u16 = 3_000;

/// The ports chosen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBook {
    /// Mixed into the place where searches begin, so that two projects rarely meet.
    #[serde(default)]
    project: String,
    ports: BTreeMap<String, u16>,
    /// Ports of services of a run that goes on: they are busy, and right.
    #[serde(skip)]
    joined: BTreeMap<String, u16>,
    /// Services whose port was found free in this run: it may be theirs that listen there now.
    #[serde(skip)]
    claimed: BTreeMap<String, Reservation>,
    /// Services whose written port another run has.
    #[serde(skip)]
    moved: BTreeMap<String, Moved>,
}

/// A service that listens elsewhere than its file says, because another run of ours is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The written port.
    pub from: u16,
    /// The one it is given.
    pub to: u16,
    /// Who listens on the written one; `None` while nobody does.
    pub holder: Option<socket::Holder>,
}

impl PortBook {
    /// An empty book for a project.
    pub fn new(project: &str) -> Self {
        Self { project: project.to_owned(), ..Self::default() }
    }

    /// Reads what an earlier run remembered; an absent or damaged file is an empty book. `project`
    /// is where the project is kept, or another text that no other project has.
    pub fn load(path: &Path, project: &str) -> Self {
        let text = fs::read(path).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_else(|_| Self::new(project))
    }

    /// Remembers the choices.
    pub fn store(&self, path: &Path) -> Result<(), StateError> {
        write_atomically(path, self)
    }

    /// The port of a service: the remembered one if it is still free, else a free one that is
    /// remembered from now on. `None` if there is none. One book serves a whole run: a port that it
    /// gave once stays its service's, because a reload must not take a running service for a
    /// stranger.
    pub fn choose(&mut self, service: &str, taken: &BTreeSet<u16>) -> Option<u16> {
        let remembered = self.ports.get(service).copied();
        let remembered = remembered.filter(|port| !taken.contains(port));
        if let Some(port) = remembered {
            if self.claimed.get(service).map(Reservation::port) == Some(port) {
                return Some(port);
            }
            if let Some(reserved) = claim(port) {
                self.claimed.insert(service.to_owned(), reserved);
                return Some(port);
            }
        }
        let begin = self.begin(service);
        let others: BTreeSet<u16> =
            self.ports.iter().filter(|(name, _)| *name != service).map(|(_, p)| *p).collect();
        let reserved = (0..COUNT)
            .map(|step| FIRST + (begin + step) % COUNT)
            .filter(|port| !others.contains(port) && !taken.contains(port))
            .find_map(claim)?;
        let port = reserved.port();
        self.claimed.insert(service.to_owned(), reserved);
        self.ports.insert(service.to_owned(), port);
        Some(port)
    }

    /// The port of a service that has one written: that one, or another where a different run of
    /// ours has it. A stranger's is given as written: the start then says who it is.
    pub fn written(
        &mut self,
        service: &str,
        port: u16,
        taken: &BTreeSet<u16>,
        run: RunId,
    ) -> Option<u16> {
        if self.joined.get(service) == Some(&port) {
            return Some(port);
        }
        let known = self.moved.get(service).filter(|moved| moved.from == port);
        if known.is_none() {
            if self.claimed.get(service).map(Reservation::port) == Some(port) {
                return Some(port);
            }
            let (reserved, holder) = (Reservation::of(port), holder(port));
            let is_theirs = holder.as_ref().is_some_and(|holder| is_another_run(holder.pid, run));
            match reserved {
                Some(reserved) if !is_theirs => {
                    self.moved.remove(service);
                    self.claimed.insert(service.to_owned(), reserved);
                    return Some(port);
                }
                _ => {}
            }
            self.claimed.remove(service);
            self.moved.insert(service.to_owned(), Moved { from: port, to: port, holder });
        }
        let to = self.choose(service, taken)?;
        if let Some(moved) = self.moved.get_mut(service) {
            moved.to = to;
        }
        Some(to)
    }

    /// Takes a written port of a service as it is: a run that goes on has it there.
    pub fn join(&mut self, service: &str, port: u16) {
        self.joined.insert(service.to_owned(), port);
    }

    /// Lets go of the ports of all that is not used any more: other runs may have them.
    pub fn keep(&mut self, is_used: impl Fn(&str) -> bool) {
        self.claimed.retain(|name, _| is_used(name));
        self.moved.retain(|name, _| is_used(name));
    }

    /// The services that listen elsewhere than their file says.
    pub fn moved(&self) -> &BTreeMap<String, Moved> {
        &self.moved
    }

    /// The port that was chosen for a service.
    pub fn remembered(&self, service: &str) -> Option<u16> {
        self.ports.get(service).copied()
    }

    fn begin(&self, service: &str) -> u16 {
        let mut hasher = DefaultHasher::new();
        (&self.project, service).hash(&mut hasher);
        u16::try_from(hasher.finish() % u64::from(COUNT)).unwrap_or(0)
    }
}

/// Who listens on a port of loopback.
fn holder(port: u16) -> Option<socket::Holder> {
    socket::holder(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .or_else(|| socket::holder(SocketAddr::from((Ipv6Addr::LOCALHOST, port))))
}

/// Whether a process is a run of ours other than `run`, or belongs to one.
fn is_another_run(pid: u32, run: RunId) -> bool {
    if let Some(marks) = processes::marks(pid) {
        return marks.run != run && marks.run.is_here() && marks.run.is_alive();
    }
    // The process of a run itself carries no mark; its children carry its id.
    let is_run = |id: RunId| {
        let all = processes::of_this_user();
        all.iter().any(|stat| processes::marks(stat.pid).is_some_and(|marks| marks.run == id))
    };
    RunId::of(pid).is_some_and(|id| id != run && is_run(id))
}

/// Reserves a port on which nobody listens. Reserved first: whoever had it reserved may have begun
/// to listen meanwhile.
pub fn claim(port: u16) -> Option<Reservation> {
    Reservation::of(port).filter(|_| is_free(port))
}

/// Whether nobody listens on a port of this machine: neither on loopback nor on all addresses.
pub fn is_free(port: u16) -> bool {
    let in_use = |address: IpAddr| {
        let bound = TcpListener::bind((address, port));
        // Without IPv6 there is no such address, which is no reason to refuse the port.
        bound.is_err_and(|error| error.kind() != io::ErrorKind::AddrNotAvailable)
    };
    let busy = in_use(Ipv4Addr::LOCALHOST.into());
    !busy && (!has_ipv6() || !in_use(Ipv6Addr::LOCALHOST.into()))
}

/// A machine without IPv6 cannot even make such a socket.
fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_kept_until_its_port_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ports.json");
        let mut book = PortBook::load(&path, "shop");
        let chosen = book.choose("orders", &BTreeSet::new()).unwrap();
        book.store(&path).unwrap();
        drop(book);

        let mut again = PortBook::load(&path, "shop");
        assert_eq!(again.choose("orders", &BTreeSet::new()), Some(chosen));
        let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, chosen)).unwrap();
        assert_eq!(again.choose("orders", &BTreeSet::new()), Some(chosen), "its own by now");
        drop(again);

        let mut next = PortBook::load(&path, "shop");
        let other = next.choose("orders", &BTreeSet::new()).unwrap();
        assert_ne!(other, chosen);
        drop(busy);
        assert_eq!(next.remembered("orders"), Some(other), "the new choice is remembered");
    }

    #[test]
    fn a_damaged_book_is_an_empty_book() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ports.json");
        fs::write(&path, "{oops").unwrap();
        assert_eq!(PortBook::load(&path, "shop"), PortBook::new("shop"));
    }

    #[test]
    fn two_services_never_share_a_port() {
        let mut book = PortBook::new("shop");
        let first = book.choose("a", &BTreeSet::new()).unwrap();
        let taken: BTreeSet<u16> = (FIRST..FIRST + COUNT).filter(|port| *port != first).collect();
        assert_eq!(book.choose("b", &taken), None, "the only port left belongs to `a`");
    }

    #[test]
    fn runs_that_choose_at_the_same_moment_choose_differently() {
        let choose = |mut book: PortBook| (book.choose("a", &BTreeSet::new()).unwrap(), book);
        let (first, held) = choose(PortBook::new("twin"));
        let (second, _) = choose(PortBook::new("twin"));
        assert_ne!(first, second, "nobody listens on either yet");
        drop(held);
        assert_eq!(choose(PortBook::new("twin")).0, first);
    }

    #[test]
    fn what_is_not_used_any_more_is_free_for_other_runs() {
        let (none, mut first) = (BTreeSet::new(), PortBook::new("twin"));
        let (kept, left) = (first.choose("a", &none).unwrap(), first.choose("b", &none).unwrap());
        first.keep(|name| name == "a");
        let mut second = PortBook::new("twin");
        assert_ne!(second.choose("a", &none), Some(kept));
        assert_eq!(second.choose("b", &none), Some(left));
    }

    fn of_this_process() -> RunId {
        RunId::of_this_process().unwrap()
    }

    #[test]
    fn a_written_port_that_another_run_has_reserved_is_left_to_it() {
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut first = PortBook::new("one");
        let taken = BTreeSet::from([port]);
        assert_eq!(first.written("web", port, &taken, of_this_process()), Some(port));
        assert_eq!(
            first.written("web", port, &taken, of_this_process()),
            Some(port),
            "at a reload"
        );
        let mut second = PortBook::new("two");
        let other = second.written("web", port, &taken, of_this_process()).unwrap();
        assert_ne!(other, port);
        assert_eq!(second.moved()["web"], Moved { from: port, to: other, holder: None });
        drop(first);
        assert_eq!(
            second.written("web", port, &taken, of_this_process()),
            Some(other),
            "it runs there"
        );
        assert_eq!(
            PortBook::new("three").written("web", port, &taken, of_this_process()),
            Some(port)
        );
    }

    #[test]
    fn a_strangers_port_stays_as_written() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        let mut book = PortBook::new("one");
        let taken = BTreeSet::from([port]);
        assert_eq!(book.written("web", port, &taken, of_this_process()), Some(port));
        assert!(book.moved().is_empty());
    }

    #[test]
    fn projects_of_one_name_begin_their_search_at_different_places() {
        assert_ne!(
            PortBook::new("/one/shop").begin("web"),
            PortBook::new("/two/shop").begin("web")
        );
    }
}
