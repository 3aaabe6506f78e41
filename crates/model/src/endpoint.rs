//! Endpoints: the addresses behind a service, published apart from the Model.

use std::net::SocketAddr;

use crate::{EndpointId, ServiceName};

/// All endpoints of one service at one moment. Publishing a set replaces the former one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSet {
    /// Whose endpoints these are.
    pub service: ServiceName,
    /// The endpoints, in the order they were written or found.
    pub endpoints: Vec<Endpoint>,
}

/// One address that serves a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Stable id.
    pub id: EndpointId,
    /// Where it listens.
    pub address: SocketAddr,
    /// The host it was named by, for TLS; the address's text if it has no name.
    pub host: String,
    /// Its part of the traffic, relative to its siblings; zero gets none.
    pub weight: u32,
    /// Its place among its siblings.
    pub place: EndpointPlace,
    /// Requests that it is given at one time; `None` for the service's limit.
    pub limit: Option<u32>,
    /// What its owner says of it. Health is kept apart, by the proxy.
    pub state: EndpointState,
}

/// Where an endpoint stands among its siblings. The default is a usual one, nowhere in particular.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct EndpointPlace {
    /// 0 is used first; those with a greater number help when too few of the former can serve.
    pub priority: u8,
    /// Only used when no endpoint that is not a backup can serve.
    pub backup: bool,
    /// The zone it is in; empty for none.
    pub zone: String,
}

/// What the owner of an endpoint says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointState {
    /// It takes requests.
    Ready,
    /// It is coming up: requests are held for it, within limits.
    Starting,
    /// It finishes what it has and gets nothing new.
    Draining,
    /// Taken out by a person.
    Maint,
    /// It is not there.
    Down,
}

impl EndpointState {
    /// The word for people, metrics and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Draining => "draining",
            Self::Maint => "maint",
            Self::Down => "down",
        }
    }
}

impl Endpoint {
    /// The endpoint of `service` at `address`, ready, with weight 1.
    pub fn ready(service: &ServiceName, address: SocketAddr) -> Self {
        Self {
            id: Self::id_of(service, address),
            address,
            host: address.ip().to_string(),
            weight: 1,
            place: EndpointPlace::default(),
            limit: None,
            state: EndpointState::Ready,
        }
    }

    /// The id of the endpoint of `service` at `address`.
    pub fn id_of(service: &ServiceName, address: SocketAddr) -> EndpointId {
        EndpointId::new(format!("{service}@{address}"))
    }
}
