//! Who is asked for a name: the `hosts` file, name servers, and the system's own resolver.
//!
//! Name servers say for how long their answer is good, so they come before the system's resolver,
//! which hides that. It has the last word about names that they do not know: multicast DNS and
//! whatever else this machine is set up for.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::ADDRESSES_MAX;
use crate::dns::{Answer, AskError, Client, Kind, Settings, Value, hosts};

/// The largest file of settings that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What was found for a name; nothing means that it is said not to exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found<T = SocketAddr> {
    /// What was found.
    pub all: Vec<T>,
    /// For how long that is good, if somebody said so.
    pub ttl: Option<Duration>,
}

impl From<Vec<SocketAddr>> for Found {
    fn from(all: Vec<SocketAddr>) -> Self {
        Self { all, ttl: None }
    }
}

/// A host and port of a service (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Lower is used first.
    pub priority: u16,
    /// Its part of the traffic among those of the same priority.
    pub weight: u16,
}

/// Addresses of a host, from these servers alone.
pub(super) async fn by_servers(client: &Client, host: &str, port: u16) -> io::Result<Found> {
    let (four, six) = tokio::join!(client.search(host, Kind::A), client.search(host, Kind::Aaaa));
    // One family may be absent; what is missing because of a failure would be an endpoint that
    // comes and goes.
    let absent = |error: &AskError| matches!(error, AskError::Absent(_));
    let (four, six) = match (four, six) {
        (Err(four), Err(six)) if absent(&four) && absent(&six) => {
            let ttl = four.negative_ttl().into_iter().chain(six.negative_ttl()).min();
            return Ok(Found { all: Vec::new(), ttl });
        }
        (Err(error), _) | (_, Err(error)) if !absent(&error) => {
            return Err(io::Error::other(error));
        }
        (four, six) => (four.unwrap_or_default(), six.unwrap_or_default()),
    };
    let ttl = lifetime(&four).into_iter().chain(lifetime(&six)).min();
    let addresses = four.records.into_iter().chain(six.records);
    let all = addresses.filter_map(|record| match record.value {
        Value::Address(ip) => Some(SocketAddr::new(ip, port)),
        Value::Srv { .. } => None,
    });
    Ok(Found { all: all.take(ADDRESSES_MAX).collect(), ttl })
}

/// Hosts and ports of a service, from these servers.
pub(super) async fn services(client: &Client, name: &str) -> io::Result<Found<Target>> {
    let answer = match client.search(name, Kind::Srv).await {
        Ok(answer) => answer,
        Err(error @ AskError::Absent(_)) => {
            return Ok(Found { all: Vec::new(), ttl: error.negative_ttl() });
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    let ttl = lifetime(&answer);
    let targets = answer.records.into_iter().filter_map(|record| match record.value {
        // A single dot says that there is no such service.
        Value::Srv { target, .. } if target.is_empty() => None,
        Value::Srv { priority, weight, port, target } => {
            Some(Target { host: target, port, priority, weight })
        }
        Value::Address(_) => None,
    });
    Ok(Found { all: targets.take(ADDRESSES_MAX).collect(), ttl })
}

fn lifetime(answer: &Answer) -> Option<Duration> {
    let ttl = answer.records.iter().map(|record| record.ttl).min();
    ttl.map(|seconds| Duration::from_secs(seconds.into()))
}

/// Addresses of a host, as this machine is set up.
pub(super) async fn by_system(host: &str, port: u16) -> io::Result<Found> {
    let written = hosts(&read("/etc/hosts").await, host);
    if !written.is_empty() {
        let at = |ip: IpAddr| SocketAddr::new(ip, port);
        return Ok(written.into_iter().take(ADDRESSES_MAX).map(at).collect::<Vec<_>>().into());
    }
    let client = system_client().await;
    let asked = by_servers(&client, host, port).await;
    match asked {
        Ok(found) if !found.all.is_empty() => Ok(found),
        // A server that is there and fails would only fail once more.
        Err(error) if client.has_servers() => Err(error),
        asked => {
            let last = tokio::net::lookup_host((host, port)).await;
            match last {
                Ok(addresses) => Ok(addresses.take(ADDRESSES_MAX).collect::<Vec<_>>().into()),
                // Name servers have said that there is no such name, and for how long.
                Err(_) if asked.is_ok() => asked,
                Err(error) => Err(error),
            }
        }
    }
}

/// A client for the servers of this machine; they may change while we run.
pub(super) async fn system_client() -> Client {
    Client::new(Settings::parse(&read("/etc/resolv.conf").await))
}

/// A file of the system; one that cannot be read says nothing.
async fn read(path: &'static str) -> String {
    use tokio::io::AsyncReadExt as _;
    let mut text = Vec::new();
    if let Ok(file) = tokio::fs::File::open(path).await {
        let _ = file.take(FILE_BYTES_MAX).read_to_end(&mut text).await;
    }
    String::from_utf8_lossy(&text).into_owned()
}
