//! The management listeners: bound one by one, served together, handed over on upgrade.
//!
//! A surface that cannot be bound is reported and left out: observing never harms serving. Sockets
//! stay bound here while [`Surfaces`] lives, apart from their serving, so that an upgrade can hand
//! them over and a failed upgrade can serve again.

mod answers;
mod connection;
mod local_socket;
mod patient;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use trunkline_model::ops::Ops;
use trunkline_model::ports::Surface;
use trunkline_model::trace::TraceSource;
use trunkline_model::{Management, ProjectName};
use trunkline_net::coding;
use trunkline_net::grpc::{Limits, Server};
use trunkline_net::memory::Memory;
use trunkline_net::socket::{BindError, Bound};
use trunkline_otlp::Span;
use trunkline_query::Reader;
use trunkline_rt::{Clock, Policy, Scope};

use crate::commands::Commands;
use crate::console::{self, Console};
use crate::guard::{self, Token, TokenError, Way};
use crate::jaeger::grpc::QueryService;

pub use local_socket::{LocalSocket, LocalSocketError};

/// Connections that one surface serves at a time; more wait in the listen queue.
pub const CONNECTIONS_MAX: usize = 256;

/// Bounds of a question over gRPC.
const GRPC_LIMITS: Limits = Limits {
    message_bytes_max: 64 << 10,
    decoded: coding::Limits { bytes_max: 256 << 10, ratio_max: 100 },
    read_limit: Duration::from_secs(10),
    call_limit: Duration::from_secs(120),
};

/// Bytes of all answers that are written and not taken yet, of all surfaces together.
pub const ANSWER_BYTES_MAX: usize = 512 << 20;

/// Bytes of all questions over gRPC that are read at a time.
const GRPC_BYTES_MAX: usize = 4 << 20;

/// Where the surfaces listen and whom they answer.
#[derive(Debug, Clone)]
pub struct Config {
    /// Each surface with its address; port 0 takes a free one.
    pub addresses: Vec<(Surface, SocketAddr)>,
    /// Whom they answer.
    pub guard: guard::Config,
    /// A connection is closed when its caller has not sent a whole request head for so long, or has
    /// taken nothing of its answer.
    pub idle: Duration,
    /// Bytes of all answers that are written and not taken yet: whoever asks for more comes again.
    pub answer_bytes_max: usize,
}

impl Config {
    /// The configuration of a Model. `domains` are the names of the gateway, whose sub-domains may
    /// lead here.
    pub fn of(
        management: &Management,
        project: &ProjectName,
        domains: &[String],
    ) -> Result<Self, TokenError> {
        let addresses = [
            (Surface::Console, management.control),
            (Surface::Metrics, management.metrics),
            (Surface::JaegerQuery, management.jaeger),
            (Surface::JaegerQueryGrpc, management.jaeger_grpc),
        ];
        let own = format!("{project}.localhost");
        let names: BTreeSet<String> = std::iter::once(own)
            .chain(domains.iter().map(|domain| domain.to_ascii_lowercase()))
            .flat_map(|name| [format!("*.{name}"), name])
            .collect();
        Ok(Self {
            addresses: addresses
                .into_iter()
                .filter_map(|(surface, address)| Some((surface, address?)))
                .collect(),
            guard: guard::Config {
                names: names.into_iter().collect(),
                origins: management.origins.clone(),
                token: management.token.as_deref().map(Token::resolve).transpose()?,
                ..guard::Config::default()
            },
            idle: management.idle,
            answer_bytes_max: ANSWER_BYTES_MAX,
        })
    }
}

/// What the surfaces read and command.
#[derive(Clone)]
pub struct Wiring {
    /// The proxy.
    pub ops: Arc<dyn Ops>,
    /// The binary.
    pub commands: Arc<dyn Commands>,
    /// The traces of this process's own spans, in memory.
    pub traces: Arc<dyn TraceSource>,
    /// Stored telemetry.
    pub reader: Arc<Reader>,
    /// Reads OTLP's JSON, for traces that a person has in a file; `None` where nobody can.
    pub read_json: Option<ReadJson>,
    /// What is remembered for people who watch; it outlives the surfaces.
    pub console: Arc<Console>,
    /// Numbers of what comes in and is kept; `None` where nothing is.
    pub telemetry: Option<Arc<dyn crate::metrics::Telemetry>>,
    /// What time it is.
    pub clock: Clock,
}

/// Reads an `ExportTraceServiceRequest` of OTLP's JSON; an error says what is wrong with it.
pub type ReadJson = Arc<dyn Fn(&[u8]) -> Result<Vec<Span>, String> + Send + Sync>;

/// A surface that is not served, and why.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    /// Its address cannot be had.
    #[error("the {} surface is not served: {source}", .surface.entry().name)]
    Bind {
        /// Which.
        surface: Surface,
        /// Why, and who holds the port.
        source: BindError,
    },
    /// It would be open to everybody.
    #[error("the {} surface is not served: {address} is beyond loopback and no token is configured", .surface.entry().name)]
    NoToken {
        /// Which.
        surface: Surface,
        /// Where it was to listen.
        address: SocketAddr,
    },
}

impl NotServed {
    /// Which surface.
    pub const fn surface(&self) -> Surface {
        match self {
            Self::Bind { surface, .. } | Self::NoToken { surface, .. } => *surface,
        }
    }
}

/// The bound surfaces.
#[derive(Debug)]
pub struct Surfaces {
    guard: Arc<guard::Config>,
    idle: Duration,
    /// Room for the answers of all of them.
    answers: Arc<Memory>,
    bound: Vec<(Surface, Bound)>,
}

impl Surfaces {
    /// Binds every surface that can be. `inherited` are sockets of the process before this one:
    /// those at an address of ours are taken out of it and used.
    pub fn bind(config: &Config, inherited: &mut Vec<Bound>) -> (Self, Vec<NotServed>) {
        let mut bound = Vec::new();
        let mut missing = Vec::new();
        for &(surface, address) in &config.addresses {
            if !address.ip().is_loopback() && config.guard.token.is_none() {
                missing.push(NotServed::NoToken { surface, address });
                continue;
            }
            let known = inherited.iter().position(|bound| bound.address() == address);
            let socket = match known {
                Some(index) => Ok(inherited.swap_remove(index)),
                None => Bound::bind(address, 1),
            };
            match socket {
                Ok(socket) => bound.push((surface, socket)),
                Err(source) => missing.push(NotServed::Bind { surface, source }),
            }
        }
        let guard = Arc::new(config.guard.clone());
        let answers = Memory::new(config.answer_bytes_max);
        (Self { guard, idle: config.idle, answers, bound }, missing)
    }

    /// Each surface with the address that it is bound to.
    pub fn addresses(&self) -> Vec<(Surface, SocketAddr)> {
        self.bound.iter().map(|(surface, bound)| (*surface, bound.address())).collect()
    }

    /// All sockets, to be handed to the next process.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.bound.iter().flat_map(|(_, bound)| bound.descriptors())
    }

    /// Serves on the current runtime until the scope stops; open requests then have a moment to end.
    /// The sockets stay bound, so that it can be called again.
    pub fn serve(&self, scope: &Scope, wiring: &Wiring) -> std::io::Result<()> {
        scope.spawn("console", Policy::Best, console::watch(wiring.clone(), scope.clone()));
        for (surface, bound) in &self.bound {
            if *surface == Surface::JaegerQueryGrpc {
                self.serve_grpc(bound, scope, wiring)?;
                continue;
            }
            let way = Way::Tcp {
                local: bound.address(),
                loopback_only: bound.address().ip().is_loopback(),
            };
            let listener = tokio::net::TcpListener::from_std(bound.share(0)?)?;
            let server = connection::Server {
                router: self.guarded(*surface, wiring),
                way,
                idle: self.idle,
                scope: scope.child(surface.entry().name),
            };
            scope.spawn(
                format!("accept {}", surface.entry().name),
                Policy::Best,
                server.run(connection::Listener::Tcp(listener)),
            );
        }
        Ok(())
    }

    /// Jaeger's query API over gRPC. A browser cannot call it, so that a token beyond loopback is
    /// all that keeps strangers out.
    fn serve_grpc(&self, bound: &Bound, scope: &Scope, wiring: &Wiring) -> std::io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(bound.share(0)?)?;
        let loopback = bound.address().ip().is_loopback();
        let token = if loopback { None } else { self.guard.token.clone() };
        let (reader, answers) = (Arc::clone(&wiring.reader), Arc::clone(&self.answers));
        let service = QueryService { reader, answers, token };
        let server = Server {
            service: Arc::new(service),
            limits: GRPC_LIMITS,
            memory: Memory::new(GRPC_BYTES_MAX),
        };
        let name = Surface::JaegerQueryGrpc.entry().name;
        let serving = server.run(listener, None, CONNECTIONS_MAX, scope.child(name));
        scope.spawn(format!("accept {name}"), Policy::Best, serving);
        Ok(())
    }

    /// Serves the control API on the run's unix socket, for the command line.
    pub fn serve_local(
        &self,
        socket: &LocalSocket,
        scope: &Scope,
        wiring: &Wiring,
    ) -> std::io::Result<()> {
        let server = connection::Server {
            router: self.guarded(Surface::Console, wiring),
            way: Way::Unix,
            idle: self.idle,
            scope: scope.child("local"),
        };
        let listener = connection::Listener::Unix(socket.share()?);
        scope.spawn("accept local", Policy::Best, server.run(listener));
        Ok(())
    }

    fn guarded(&self, surface: Surface, wiring: &Wiring) -> Router {
        let refuse = match surface {
            Surface::JaegerQuery => crate::jaeger::busy,
            _ => answers::busy,
        };
        let answers = answers::Answers { memory: Arc::clone(&self.answers), refuse };
        let held = axum::middleware::from_fn_with_state(answers, answers::hold);
        let guard = axum::middleware::from_fn_with_state(Arc::clone(&self.guard), guard::guard);
        router(surface, wiring).layer(held).layer(guard)
    }
}

fn router(surface: Surface, wiring: &Wiring) -> Router {
    match surface {
        Surface::Metrics => crate::metrics::router(wiring),
        Surface::JaegerQuery => crate::jaeger::router(wiring),
        Surface::Console => crate::control::router(wiring),
        // Not management: whoever asks is told that nothing is here.
        _ => Router::new(),
    }
}
