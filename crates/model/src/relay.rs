//! Relays: what arrives is passed on as it is, without being understood.

use std::time::Duration;

use crate::route::Target;

/// What arrives at a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// How datagrams are passed on: those of one source are a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Datagrams {
    /// So many answers end a session; `None` for no such end.
    pub responses: Option<u32>,
}

/// Where what arrives at a listener is passed on to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Relay {
    /// Which host name of a TLS greeting goes where, each name once; empty if nobody looks.
    pub names: Vec<NamedTargets>,
    /// Where connections go that no name takes; empty if they are closed.
    pub targets: Vec<Target>,
    /// How long a greeting is waited for, where names are looked at.
    pub greeting: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
    /// Datagrams arrive; `None` where connections do.
    pub datagrams: Option<Datagrams>,
}

/// Where connections go that ask for a name by SNI.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedTargets {
    /// A host name in lower case, or `*.` and one: any number of labels in front of it, at least one.
    pub name: String,
    /// Where they go.
    pub targets: Vec<Target>,
}

impl Relay {
    /// Every list of targets that is not empty.
    pub fn all_targets(&self) -> impl Iterator<Item = &[Target]> {
        let named = self.names.iter().map(|named| named.targets.as_slice());
        named.chain((!self.targets.is_empty()).then_some(self.targets.as_slice()))
    }
}

/// A form of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary, with the name that the caller asked TLS for.
    V2,
}
