//! One health check of one endpoint: a connection, and what is said on it.
//!
//! Every check has its own connection and one limit for all of it. An error is a sentence for
//! people: it is shown by `status`, in the log and in the reason of a refused request.

mod grpc;
mod http;
mod talk;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use trunkline_model::service::Probe;
use trunkline_net::stream::Stream;
use trunkline_net::tls;

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
    let checked = timeout(limit, async {
        match probe {
            Probe::Tcp => connect(place).await.map(drop),
            Probe::Tls => place.secured(None).await.map(drop),
            Probe::Http(request) => http::check(request, place, limit).await,
            Probe::Grpc { service } => grpc::check(service, place).await,
            Probe::Redis => talk::redis(place).await,
            Probe::Postgres => talk::postgres(place).await,
            Probe::Smtp => talk::smtp(place).await,
        }
    });
    match checked.await {
        Ok(checked) => checked.map_err(|error| format!("{address}: {error}")),
        Err(_) if *probe == Probe::Tcp => Err(format!("{address}: no connection within {limit:?}")),
        Err(_) => Err(format!("{address}: no answer within {limit:?}")),
    }
}

async fn connect(place: &Place) -> Result<TcpStream, String> {
    TcpStream::connect(place.address).await.map_err(|error| error.to_string())
}

impl Place {
    /// A connection as the check wants it: plain, or over TLS.
    async fn open(&self) -> Result<Stream, String> {
        match self.tls {
            Some(_) => self.secured(None).await,
            None => Ok(Stream::tcp(connect(self).await?)),
        }
    }

    /// A connection over TLS that offers `alpn` instead of the usual.
    async fn secured(&self, alpn: Option<&[u8]>) -> Result<Stream, String> {
        let mut config = self.tls.clone().ok_or("the check has no settings for TLS")?;
        if let Some(alpn) = alpn {
            Arc::make_mut(&mut config).alpn_protocols = vec![alpn.to_vec()];
        }
        let name = self.server_name.as_deref().unwrap_or(&self.host);
        let name = tls::server_name(name).ok_or_else(|| format!("`{name}` is not a host"))?;
        let stream = Stream::tcp(connect(self).await?);
        let secured = TlsConnector::from(config).connect(name, stream).await;
        let secured = secured.map_err(|error: io::Error| format!("the TLS handshake: {error}"))?;
        Ok(Stream::Tls(Box::new(secured.into())))
    }

    /// The host and port as a URL writes them.
    fn authority(&self) -> String {
        let port = self.address.port();
        if self.host.contains(':') {
            format!("[{}]:{port}", self.host)
        } else {
            format!("{}:{port}", self.host)
        }
    }
}
