//! Host names to addresses, through the system's resolver, remembered for a short while.
//!
//! The system's resolver hides TTLs, so answers are fresh for a fixed time; after that they are asked for again, and if
//! the resolver fails, the last answer serves on (stale) for a longer while: a DNS outage must not become ours. Names
//! below `localhost` are loopback without asking anybody (RFC 6761 §6.3). Resolution runs on the management runtime.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use trunkline_rt::clock::Clock;

/// Names that are remembered; beyond, the one that was asked for longest ago is forgotten.
pub const NAMES_MAX: usize = 4096;

/// Addresses that are taken from one answer.
pub const ADDRESSES_MAX: usize = 256;

/// Times of a [`Resolver`].
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// For how long an answer is used without asking again.
    pub fresh: Duration,
    /// For how long, from the answer, it is used while the resolver fails.
    pub stale: Duration,
    /// How long one question may take.
    pub limit: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(5),
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
    /// The name exists without addresses.
    #[error("`{host}` has no addresses")]
    Empty {
        /// The name.
        host: String,
    },
}

/// Asks for the addresses of a host and port; [`Resolver::system`] uses the system's.
pub type Lookup =
    Box<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// A resolver with its memory; shared by everybody who resolves names in one process.
pub struct Resolver {
    config: Config,
    clock: Clock,
    lookup: Lookup,
    known: Mutex<HashMap<(String, u16), Known>>,
}

struct Known {
    addresses: Arc<[SocketAddr]>,
    since: Instant,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resolver").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Resolver {
    /// A resolver that asks the system.
    pub fn system(config: Config, clock: Clock) -> Self {
        let lookup = |host: String, port| -> BoxFuture<'static, _> {
            Box::pin(async move {
                Ok(tokio::net::lookup_host((host, port)).await?.take(ADDRESSES_MAX).collect())
            })
        };
        Self::with_lookup(config, clock, Box::new(lookup))
    }

    /// A resolver that asks `lookup`.
    pub fn with_lookup(config: Config, clock: Clock, lookup: Lookup) -> Self {
        Self { config, clock, lookup, known: Mutex::default() }
    }

    /// The addresses of `host` (a name or an address, IPv6 with or without brackets) with `port`; at least one.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Arc<[SocketAddr]>, ResolveError> {
        if let Some(addresses) = without_asking(host, port) {
            return Ok(addresses);
        }
        let key = (host.trim_end_matches('.').to_ascii_lowercase(), port);
        let now = self.clock.now();
        if let Some(addresses) = self.known(&key, now, self.config.fresh) {
            return Ok(addresses);
        }
        match self.ask(key.0.clone(), port).await {
            Ok(addresses) => {
                self.remember(key, Arc::clone(&addresses), now);
                Ok(addresses)
            }
            Err(error) => self.known(&key, now, self.config.stale).ok_or(error),
        }
    }

    /// Like [`Resolver::resolve`], for `host:port` in one text.
    pub async fn resolve_text(&self, text: &str) -> Result<Arc<[SocketAddr]>, ResolveError> {
        let (host, port) = split(text).ok_or_else(|| ResolveError::NotHostPort(text.to_owned()))?;
        self.resolve(host, port).await
    }

    async fn ask(&self, host: String, port: u16) -> Result<Arc<[SocketAddr]>, ResolveError> {
        let limit = self.config.limit;
        let addresses = match tokio::time::timeout(limit, (self.lookup)(host.clone(), port)).await {
            Err(_) => return Err(ResolveError::TimedOut { host, limit }),
            Ok(Err(source)) => return Err(ResolveError::Failed { host, source }),
            Ok(Ok(addresses)) => addresses,
        };
        if addresses.is_empty() {
            return Err(ResolveError::Empty { host });
        }
        Ok(addresses.into_iter().take(ADDRESSES_MAX).collect())
    }

    fn known(
        &self,
        key: &(String, u16),
        now: Instant,
        age_max: Duration,
    ) -> Option<Arc<[SocketAddr]>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(key).filter(|known| now.duration_since(known.since) < age_max);
        found.map(|known| Arc::clone(&known.addresses))
    }

    fn remember(&self, key: (String, u16), addresses: Arc<[SocketAddr]>, since: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES_MAX && !known.contains_key(&key) {
            let oldest =
                known.iter().min_by_key(|(_, known)| known.since).map(|(key, _)| key.clone());
            oldest.map(|oldest| known.remove(&oldest));
        }
        known.insert(key, Known { addresses, since });
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
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;
    use trunkline_rt::clock::ManualClock;

    use super::*;

    const CONFIG: Config = Config {
        fresh: Duration::from_secs(5),
        stale: Duration::from_secs(60),
        limit: Duration::from_secs(1),
    };

    /// Answers the first question, fails afterwards; counts.
    fn failing_after_one(asked: &Arc<AtomicUsize>, clock: &ManualClock) -> Resolver {
        let asked = Arc::clone(asked);
        Resolver::with_lookup(
            CONFIG,
            Clock::from(clock),
            Box::new(move |_, port| {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                Box::pin(async move {
                    if number == 0 {
                        Ok(vec![SocketAddr::from(([10, 0, 0, 1], port))])
                    } else {
                        Err(io::ErrorKind::TimedOut.into())
                    }
                })
            }),
        )
    }

    #[tokio::test]
    async fn an_answer_is_fresh_then_stale_then_gone() {
        let asked = Arc::new(AtomicUsize::new(0));
        let clock = ManualClock::new();
        let resolver = failing_after_one(&asked, &clock);
        for expect_asked in [1, 1, 2] {
            assert_eq!(resolver.resolve_text("db.test:5432").await.unwrap()[0].port(), 5432);
            assert_eq!(asked.load(Ordering::Relaxed), expect_asked);
            clock.advance(Duration::from_secs(3));
        }
        clock.advance(Duration::from_secs(60));
        assert!(matches!(
            resolver.resolve("DB.test.", 5432).await,
            Err(ResolveError::Failed { .. })
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_resolver_is_left_after_its_limit() {
        let resolver = Resolver::with_lookup(
            CONFIG,
            Clock::system(),
            Box::new(|_, _| Box::pin(std::future::pending())),
        );
        assert!(matches!(resolver.resolve("db.test", 1).await, Err(ResolveError::TimedOut { .. })));
    }

    #[tokio::test]
    async fn addresses_and_localhost_are_never_asked_for() {
        let resolver = Resolver::with_lookup(
            CONFIG,
            Clock::system(),
            Box::new(|host, _| panic!("asked for {host}")),
        );
        let check = async |host: &str, expect: &str| {
            assert_eq!(
                resolver.resolve(host, 80).await.unwrap()[0],
                expect.parse().unwrap(),
                "{host}"
            );
        };
        check("127.0.0.9", "127.0.0.9:80").await;
        check("[::1]", "[::1]:80").await;
        check("::1", "[::1]:80").await;
        check("orders.shop.LOCALHOST.", "127.0.0.1:80").await;
    }

    #[tokio::test]
    async fn the_memory_is_bounded() {
        let one = |_, port| -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            Box::pin(async move { Ok(vec![SocketAddr::from(([10, 0, 0, 1], port))]) })
        };
        let resolver = Resolver::with_lookup(CONFIG, Clock::system(), Box::new(one));
        for number in 0..NAMES_MAX + 10 {
            resolver.resolve(&format!("n{number}.test"), 1).await.unwrap();
        }
        assert_eq!(resolver.known.lock().unwrap().len(), NAMES_MAX);
    }

    #[test]
    fn host_and_port_are_told_apart() {
        let check =
            |text: &str, expect: Option<(&str, u16)>| assert_eq!(split(text), expect, "{text}");
        check("db:5432", Some(("db", 5432)));
        check("[::1]:80", Some(("::1", 80)));
        for text in ["db", "db:", ":80", "::1:80", "[db]:80", "db:+80", "db:65536", "a]:1"] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn splitting_never_panics_and_takes_the_text_apart(text in ".{0,40}") {
            if let Some((host, port)) = split(&text) {
                prop_assert!(text.contains(host));
                prop_assert!(port.to_string().len() <= 5);
            }
        }
    }
}
