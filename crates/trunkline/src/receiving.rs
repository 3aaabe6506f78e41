//! Where services send their spans: sockets, the server on them, and what is sent on.
//!
//! A surface that cannot be bound is said in the log and left out: observing never harms serving.
//! The sockets stay bound while this lives, apart from their serving, so that an upgrade can hand
//! them over.

mod forwarding;
mod rules;
mod strategies;

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use trunkline_api::guard::{Token, TokenError};
use trunkline_ingest::{Accepted, Guard, Intake, Limits, Refused, Server, Sink, Surface as Way};
use trunkline_model::Model;
use trunkline_model::ports::Surface;
use trunkline_net::socket::{Bound, Transport};
use trunkline_rt::{Clock, Scope};

use crate::exit::{Failure, chain};
use crate::keeping::Keeping;

/// See the module's documentation.
pub(crate) struct Receiving {
    bound: Vec<(Surface, Bound)>,
    /// For callers of this machine, and for all others.
    servers: [Arc<Server>; 2],
}

/// Whoever keeps batches.
struct Kept(Arc<Keeping>);

impl Sink for Kept {
    fn append(&self, batch: Bytes) -> BoxFuture<'static, Result<Accepted, Refused>> {
        let keeping = Arc::clone(&self.0);
        Box::pin(async move { keeping.keep(batch).await })
    }
}

impl Receiving {
    /// Binds the surfaces of this Model, with the sockets that there are, and begins to send on.
    pub(crate) fn bind(
        model: &Model,
        inherited: &mut Vec<Bound>,
        keeping: &Arc<Keeping>,
        clock: &Clock,
        scope: &Scope,
    ) -> Result<Self, Failure> {
        let metrics = Arc::clone(keeping.metrics());
        match &model.telemetry.forward {
            Some(forward) => forwarding::start(forward, keeping, &metrics, (clock, scope))?,
            None => keeping.no_backlog(),
        }
        let kept = Kept(Arc::clone(keeping));
        let rules = rules::of(&model.telemetry.rules, keeping.folder())?;
        let intake = Intake::new(Arc::new(kept), rules, Arc::clone(&metrics));
        keeping.take_by(&intake);
        let token = token(model).map_err(|error| Failure::from_error(&error))?;
        let origins = model.management.origins.clone();
        let strategies = strategies::of(model);
        let server = |token| {
            let guard = Guard { origins: origins.clone(), token };
            Server::new(
                Arc::clone(&intake),
                guard,
                Limits::default(),
                strategies.clone(),
                clock.clone(),
            )
        };
        let mut bound = Vec::new();
        for &(surface, address) in &model.telemetry.receive {
            match bind(surface, address, inherited) {
                Ok(socket) => bound.push((surface, socket)),
                Err(error) => not_taken(surface, address, &chain(&error)),
            }
        }
        Ok(Self { bound, servers: [server(None), server(token)] })
    }

    /// Reads the strategies of sampling anew.
    pub(crate) fn read_strategies(&self, model: &Model) {
        for server in &self.servers {
            server.replace_strategies(strategies::of(model));
        }
    }

    /// Serves until the scope stops.
    pub(crate) fn serve(&self, scope: &Scope) -> Result<(), Failure> {
        let [near, far] = &self.servers;
        for (surface, bound) in &self.bound {
            let Some(way) = way(*surface) else { continue };
            let is_near = bound.address().ip().to_canonical().is_loopback();
            let server = if is_near { near } else { far };
            server.serve(way, bound, None, scope).map_err(|error| Failure::from_error(&error))?;
        }
        Ok(())
    }

    /// All sockets, to be handed to the next process.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.bound.iter().flat_map(|(_, bound)| bound.descriptors())
    }
}

fn bind(
    surface: Surface,
    address: SocketAddr,
    inherited: &mut Vec<Bound>,
) -> Result<Bound, trunkline_net::socket::BindError> {
    let transport = if surface.is_udp() { Transport::Udp } else { Transport::Tcp };
    let known = inherited
        .iter()
        .position(|bound| bound.address() == address && bound.transport() == transport);
    match known {
        Some(index) => Ok(inherited.swap_remove(index)),
        None => Bound::bind_to(transport, address, 1),
    }
}

/// A port that nobody asked for by name may be somebody else's: another run has it, or a collector.
fn not_taken(surface: Surface, address: SocketAddr, error: &str) {
    let surface_name = surface.entry().name;
    if address.port() == surface.port() {
        tracing::info!(error, surface = surface_name, "spans are not taken here");
    } else {
        tracing::warn!(error, surface = surface_name, "spans are not taken here");
    }
}

fn token(model: &Model) -> Result<Option<trunkline_ingest::Token>, TokenError> {
    let reference = model.management.token.as_deref();
    let token = reference.map(Token::resolve).transpose()?;
    Ok(token.map(|token| trunkline_ingest::Token::new(token.secret())))
}

const fn way(surface: Surface) -> Option<Way> {
    Some(match surface {
        Surface::OtlpGrpc => Way::OtlpGrpc,
        Surface::OtlpHttp => Way::OtlpHttp,
        Surface::Zipkin => Way::Zipkin,
        Surface::JaegerGrpc => Way::JaegerGrpc,
        Surface::JaegerThrift => Way::JaegerHttp,
        Surface::JaegerCompact => Way::JaegerCompact,
        Surface::JaegerBinary => Way::JaegerBinary,
        Surface::SamplingHttp => Way::SamplingHttp,
        Surface::SamplingGrpc => Way::SamplingGrpc,
        _ => return None,
    })
}
