//! One health check of one endpoint.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use trunkline_model::service::Probe;
use trunkline_net::client::{Client, Connect};

/// Bytes of an answer that a check reads at most.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where a check goes.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) host: Box<str>,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) server_name: Option<String>,
}

/// Checks once; an error says what is wrong, for people.
pub(super) async fn probe(probe: &Probe, place: &Place, limit: Duration) -> Result<(), String> {
    let address = place.address;
    match probe {
        Probe::Tcp => match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("{address}: {error}")),
            Err(_) => Err(format!("{address}: no connection within {limit:?}")),
        },
        Probe::Http { path } => get(path, place, limit).await,
    }
}

async fn get(path: &str, place: &Place, limit: Duration) -> Result<(), String> {
    let address = place.address;
    let scheme = if place.tls.is_some() { "https" } else { "http" };
    let host =
        if place.host.contains(':') { format!("[{}]", place.host) } else { place.host.to_string() };
    let url = format!("{scheme}://{host}:{}{path}", address.port());
    let url = url.parse().map_err(|_| format!("`{path}` cannot be asked for"))?;
    let client = Client {
        connect: Connect::Address(address),
        tls: place.tls.clone(),
        server_name: place.server_name.clone(),
        connect_limit: limit,
        limit,
        body_bytes_max: ANSWER_BYTES_MAX,
    };
    match client.get(&url).await {
        Ok(answer) if answer.status().as_u16() < 400 => Ok(()),
        Ok(answer) => Err(format!("{address}: GET {path} answered {}", answer.status().as_u16())),
        Err(error) => Err(format!("{address}: {}", crate::forward::whole(&error))),
    }
}
