//! Host names to addresses, remembered for as long as the answer is good.
//!
//! An answer is fresh for its TTL, within bounds; where nobody says one, for a fixed time. After that it is asked for
//! again, and if nobody answers, the last answer serves on (stale) for a longer while: a DNS outage must not become
//! ours. Names below `localhost` are loopback without asking anybody (RFC 6761 §6.3). Resolution runs on the management
//! runtime.

mod memory;
mod source;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use trunkline_rt::clock::Clock;

use crate::dns::{Client, Settings};
use memory::{Look, Memory};
pub use source::{Found, Target};

/// Names that are remembered; beyond, the one that was asked for longest ago is forgotten.
pub const NAMES_MAX: usize = 4096;

/// Addresses that are taken from one answer.
pub const ADDRESSES_MAX: usize = 256;

/// Times of a [`Resolver`].
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// For how long an answer is used without asking again where nobody says its TTL.
    pub fresh: Duration,
    /// TTLs below are taken for this one: a name shall not be asked for all the time.
    pub fresh_min: Duration,
    /// TTLs above are taken for this one: an endpoint that moved shall be found.
    pub fresh_max: Duration,
    /// Nobody is asked again for so long after a failure, and at most so long after hearing that there is no such name.
    pub pause: Duration,
    /// For how long, from the answer, it is used although there is said to be no such name any more.
    pub gone: Duration,
    /// For how long, from the answer, it is used while the resolver fails.
    pub stale: Duration,
    /// How long one question may take.
    pub limit: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(5),
            fresh_min: Duration::from_secs(1),
            fresh_max: Duration::from_mins(5),
            pause: Duration::from_secs(5),
            gone: Duration::from_secs(30),
            stale: Duration::from_hours(1),
            limit: Duration::from_secs(3),
        }
    }
}

/// Why a name has no addresses.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The text is not `host:port`.
    #[error("`{0}` is not host:port")]
    NotHostPort(String),
    /// There is no such name, or the resolver failed.
    #[error("cannot resolve `{host}`")]
    Failed {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// The resolver did not answer in time.
    #[error("resolving `{host}` took longer than {limit:?}")]
    TimedOut {
        /// The name.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// There is no such name, or it has no addresses.
    #[error("`{host}` has no addresses")]
    Empty {
        /// The name.
        host: String,
    },
    /// It failed a moment ago, and it is too early to ask again.
    #[error("cannot resolve `{host}`, as a moment ago")]
    Paused {
        /// The name.
        host: String,
    },
}

/// Asks for the addresses of a host and port; [`Resolver::system`] asks as the system is set up.
pub type Lookup = Box<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Found>> + Send + Sync>;

/// A resolver with its memory; shared by everybody who resolves names in one process.
pub struct Resolver {
    config: Config,
    clock: Clock,
    lookup: Lookup,
    /// Who is asked for services; `None` for the servers of this machine.
    servers: Option<Client>,
    known: Memory<SocketAddr>,
    services: Memory<Target>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resolver").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Resolver {
    /// A resolver that asks as the system is set up.
    pub fn system(config: Config, clock: Clock) -> Self {
        let lookup = |host: String, port| -> BoxFuture<'static, _> {
            Box::pin(async move { source::by_system(&host, port).await })
        };
        Self::with_lookup(config, clock, Box::new(lookup))
    }

    /// A resolver that asks these name servers and nobody else.
    pub fn with_servers(config: Config, clock: Clock, servers: Settings) -> Self {
        let client = Client::new(servers);
        let asked = client.clone();
        let lookup = move |host: String, port| -> BoxFuture<'static, _> {
            let client = asked.clone();
            Box::pin(async move { source::by_servers(&client, &host, port).await })
        };
        Self { servers: Some(client), ..Self::with_lookup(config, clock, Box::new(lookup)) }
    }

    /// A resolver that asks `lookup`.
    pub fn with_lookup(config: Config, clock: Clock, lookup: Lookup) -> Self {
        let (known, services) = (Memory::new(), Memory::new());
        Self { config, clock, lookup, servers: None, known, services }
    }

    /// The addresses of `host` (a name or an address, IPv6 with or without brackets) with `port`; at least one.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Arc<[SocketAddr]>, ResolveError> {
        if let Some(addresses) = without_asking(host, port) {
            return Ok(addresses);
        }
        // A final dot keeps the suffixes of the search list away.
        let key = (host.to_ascii_lowercase(), port);
        let asked = key.0.clone();
        let asking = async { (self.lookup)(asked, port).await };
        self.recall(&self.known, key, asking).await
    }

    /// The hosts and ports of a service (`_http._tcp.orders.example`), by its SRV records; at least one.
    pub async fn services(&self, name: &str) -> Result<Arc<[Target]>, ResolveError> {
        let key = (name.to_ascii_lowercase(), 0);
        let asking = async {
            match &self.servers {
                Some(client) => source::services(client, name).await,
                None => source::services(&source::system_client().await, name).await,
            }
        };
        self.recall(&self.services, key, asking).await
    }

    /// What is remembered, or what `asking` says.
    async fn recall<T>(
        &self,
        memory: &Memory<T>,
        key: memory::Key,
        asking: impl Future<Output = io::Result<Found<T>>>,
    ) -> Result<Arc<[T]>, ResolveError> {
        let (now, config, host) = (self.clock.now(), &self.config, key.0.clone());
        match memory.look(&key, now, config) {
            Look::Use(answer) => return Ok(answer),
            Look::Nothing(true) => return Err(ResolveError::Empty { host }),
            Look::Nothing(false) => return Err(ResolveError::Paused { host }),
            Look::Ask => {}
        }
        let limit = config.limit;
        let error = match tokio::time::timeout(limit, asking).await {
            Ok(Ok(found)) if !found.all.is_empty() => {
                let fresh = found.ttl.map_or(config.fresh, |ttl| {
                    ttl.clamp(config.fresh_min, config.fresh_max.max(config.fresh_min))
                });
                let answer: Arc<[T]> = found.all.into();
                memory.answered(key, Arc::clone(&answer), now, fresh);
                return Ok(answer);
            }
            Ok(Ok(found)) => {
                let pause = found.ttl.unwrap_or(config.pause).min(config.pause);
                let pause = pause.max(config.fresh_min.min(config.pause));
                let left = memory.missed(key, (true, pause), now, config);
                return left.ok_or(ResolveError::Empty { host });
            }
            Ok(Err(source)) => ResolveError::Failed { host, source },
            Err(_) => ResolveError::TimedOut { host, limit },
        };
        memory.missed(key, (false, config.pause), now, config).ok_or(error)
    }

    /// Like [`Resolver::resolve`], for `host:port` in one text.
    pub async fn resolve_text(&self, text: &str) -> Result<Arc<[SocketAddr]>, ResolveError> {
        let (host, port) = split(text).ok_or_else(|| ResolveError::NotHostPort(text.to_owned()))?;
        self.resolve(host, port).await
    }
}

/// Splits `host:port`; an IPv6 host is in brackets, which are taken off.
pub fn split(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port =
        Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|host| host.parse::<Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|host| !host.contains([':', ']']))?,
    };
    (!host.is_empty()).then_some((host, port))
}

fn without_asking(host: &str, port: u16) -> Option<Arc<[SocketAddr]>> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Some(Arc::new([SocketAddr::new(ip, port)]));
    }
    let name = host.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or(name);
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    last.eq_ignore_ascii_case("localhost")
        .then(|| loopback.map(|ip| SocketAddr::new(ip, port)).into())
}

#[cfg(test)]
mod tests;
