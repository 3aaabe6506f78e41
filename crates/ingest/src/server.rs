//! Every way in, on sockets that somebody else has bound.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::net::{TcpListener, UdpSocket};
use trunkline_net::accept::Acceptor;
use trunkline_net::memory::Memory;
use trunkline_net::socket::{Bound, Transport};
use trunkline_net::{grpc, socket};
use trunkline_rt::{Clock, Policy, Scope};

use crate::http::{Door, Entrance, Guard};
use crate::intake::Intake;
use crate::limits::Limits;
use crate::metrics::Protocol;
use crate::sampling::{self, SamplingService, Strategies};
use crate::thrift::Flavor;
use crate::{jaeger, otlp, zipkin};

/// Bytes of datagrams that the system is asked to keep for us while we are busy.
const QUEUE_BYTES: usize = 4 << 20;

/// A port of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// OTLP over gRPC.
    OtlpGrpc,
    /// OTLP over HTTP.
    OtlpHttp,
    /// Jaeger, Thrift compact, UDP.
    JaegerCompact,
    /// Jaeger, Thrift binary, UDP.
    JaegerBinary,
    /// Jaeger, Thrift over HTTP.
    JaegerHttp,
    /// Jaeger over gRPC.
    JaegerGrpc,
    /// Zipkin.
    Zipkin,
    /// Strategies of sampling, HTTP.
    SamplingHttp,
    /// Strategies of sampling, gRPC.
    SamplingGrpc,
}

impl Surface {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::OtlpGrpc,
        Self::OtlpHttp,
        Self::JaegerCompact,
        Self::JaegerBinary,
        Self::JaegerHttp,
        Self::JaegerGrpc,
        Self::Zipkin,
        Self::SamplingHttp,
        Self::SamplingGrpc,
    ];

    /// The port that everybody expects it at.
    pub const fn port(self) -> u16 {
        match self {
            Self::OtlpGrpc => 4317,
            Self::OtlpHttp => 4318,
            Self::JaegerCompact => 6831,
            Self::JaegerBinary => 6832,
            Self::JaegerHttp => 14268,
            Self::JaegerGrpc => 14250,
            Self::Zipkin => 9411,
            Self::SamplingHttp => 5778,
            Self::SamplingGrpc => 5779,
        }
    }

    /// Its name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "otlp grpc",
            Self::OtlpHttp => "otlp http",
            Self::JaegerCompact => "jaeger compact",
            Self::JaegerBinary => "jaeger binary",
            Self::JaegerHttp => "jaeger http",
            Self::JaegerGrpc => "jaeger grpc",
            Self::Zipkin => "zipkin",
            Self::SamplingHttp => "sampling http",
            Self::SamplingGrpc => "sampling grpc",
        }
    }

    /// What its socket takes.
    pub const fn transport(self) -> Transport {
        match self {
            Self::JaegerCompact | Self::JaegerBinary => Transport::Udp,
            _ => Transport::Tcp,
        }
    }
}

/// Whoever takes spans, on any number of sockets.
#[derive(Debug)]
pub struct Server {
    intake: Arc<Intake>,
    guard: Arc<Guard>,
    limits: Limits,
    memory: Arc<Memory>,
    strategies: Arc<ArcSwap<Strategies>>,
    clock: Clock,
}

impl Server {
    /// A server that gives everything to `intake`.
    pub fn new(
        intake: Arc<Intake>,
        guard: Guard,
        limits: Limits,
        strategies: Strategies,
        clock: Clock,
    ) -> Arc<Self> {
        let memory = Memory::new(limits.memory_bytes_max);
        let strategies = Arc::new(ArcSwap::from_pointee(strategies));
        Arc::new(Self { intake, guard: Arc::new(guard), limits, memory, strategies, clock })
    }

    /// Replaces the strategies of sampling.
    pub fn replace_strategies(&self, strategies: Strategies) {
        self.strategies.store(Arc::new(strategies));
    }

    /// Bytes of bodies and messages under way.
    pub fn held_bytes(&self) -> usize {
        self.memory.used()
    }

    /// Serves a surface on the current runtime until the scope stops. The socket stays bound. A
    /// configuration of TLS is to offer `h2` for gRPC and `http/1.1` for HTTP; datagrams have none.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub fn serve(
        &self,
        surface: Surface,
        bound: &Bound,
        tls: Option<Arc<ServerConfig>>,
        scope: &Scope,
    ) -> io::Result<()> {
        let scope = scope.child(surface.name());
        let name = format!("serve {}", surface.name());
        if surface.transport() == Transport::Udp {
            let socket = bound.share_datagrams(0)?;
            socket::widen_queue(&socket, QUEUE_BYTES);
            let serving = self.datagrams(surface).run(UdpSocket::from_std(socket)?, scope.clone());
            scope.spawn(name, Policy::Best, serving);
            return Ok(());
        }
        let listener = TcpListener::from_std(bound.share(0)?)?;
        if let Some(service) = self.service(surface) {
            let limits = self.limits.grpc();
            let server = grpc::Server { service, limits, memory: Arc::clone(&self.memory) };
            let serving = server.run(listener, tls, self.limits.connections_max, scope.clone());
            scope.spawn(name, Policy::Best, serving);
        } else if let Some(door) = self.door(surface) {
            let entrance = self.entrance(door);
            let connections_max = self.limits.connections_max;
            let acceptor = Acceptor { scope: scope.clone(), connections_max, tls };
            let of_connections = scope.clone();
            let serving = acceptor.run(listener, move |stream| {
                entrance.clone().connection(stream, of_connections.clone())
            });
            scope.spawn(name, Policy::Best, serving);
        }
        Ok(())
    }

    fn datagrams(&self, surface: Surface) -> jaeger::Datagrams {
        let (protocol, flavor) = match surface {
            Surface::JaegerCompact => (Protocol::JaegerCompact, Flavor::Compact),
            _ => (Protocol::JaegerBinary, Flavor::Binary),
        };
        jaeger::Datagrams {
            intake: Arc::clone(&self.intake),
            protocol,
            flavor,
            memory: Arc::clone(&self.memory),
            under_way_max: self.limits.datagrams_max,
        }
    }

    fn sampling(&self) -> Arc<SamplingService> {
        Arc::new(SamplingService {
            strategies: Arc::clone(&self.strategies),
            metrics: Arc::clone(self.intake.metrics()),
            guard: Arc::clone(&self.guard),
        })
    }

    fn service(&self, surface: Surface) -> Option<Arc<dyn grpc::Service>> {
        let (intake, guard) = (Arc::clone(&self.intake), Arc::clone(&self.guard));
        Some(match surface {
            Surface::OtlpGrpc => Arc::new(otlp::grpc::TraceService { intake, guard }),
            Surface::JaegerGrpc => {
                Arc::new(jaeger::Collector { intake, guard, sampling: self.sampling() })
            }
            Surface::SamplingGrpc => self.sampling(),
            _ => return None,
        })
    }

    fn door(&self, surface: Surface) -> Option<Arc<dyn Door>> {
        let intake = Arc::clone(&self.intake);
        Some(match surface {
            Surface::OtlpHttp => Arc::new(otlp::http::Door { intake }),
            Surface::JaegerHttp => Arc::new(jaeger::Door { intake }),
            Surface::Zipkin => Arc::new(zipkin::Door { intake, clock: self.clock.clone() }),
            Surface::SamplingHttp => Arc::new(sampling::Door {
                strategies: Arc::clone(&self.strategies),
                metrics: Arc::clone(intake.metrics()),
            }),
            _ => return None,
        })
    }

    fn entrance(&self, door: Arc<dyn Door>) -> Entrance {
        Entrance {
            door,
            guard: Arc::clone(&self.guard),
            limits: self.limits,
            memory: Arc::clone(&self.memory),
            metrics: Arc::clone(self.intake.metrics()),
        }
    }
}
