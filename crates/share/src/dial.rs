//! How a connection is made: over TCP or a unix socket by the `redis` crate, over TLS by what the
//! caller trusts. The crate's own TLS is not used: it reads the system's certificates with every
//! attempt, on the thread that serves, and takes the process-wide provider of cryptography.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisResult};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use crate::settings::{BadSettings, Settings};

/// Where Redis is.
#[derive(Clone)]
pub(crate) struct Dial {
    client: Client,
    tls: Option<Tls>,
}

#[derive(Clone)]
struct Tls {
    config: Arc<ClientConfig>,
    host: String,
    port: u16,
    name: ServerName<'static>,
}

/// A connection; cheap to clone. It ends with its last clone.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) redis: MultiplexedConnection,
    _driver: Option<Arc<Driver>>,
}

/// The task that reads and writes.
struct Driver(AbortHandle);

impl Dial {
    pub(crate) fn new(settings: &Settings) -> Result<Self, BadSettings> {
        let open = |url: &str| Client::open(url).map_err(|_| BadSettings::Url);
        let Some(rest) = settings.url.strip_prefix("rediss://") else {
            return Ok(Self { client: open(&settings.url)?, tls: None });
        };
        let config = Arc::clone(settings.tls.as_ref().ok_or(BadSettings::Tls)?);
        let client = open(&format!("redis://{rest}"))?;
        let ConnectionAddr::Tcp(host, port) = client.get_connection_info().addr() else {
            return Err(BadSettings::Url);
        };
        let (host, port) = (host.clone(), *port);
        let name = ServerName::try_from(host.clone()).map_err(|_| BadSettings::Url)?;
        Ok(Self { client, tls: Some(Tls { config, host, port, name }) })
    }

    /// Connects, says who we are, chooses the database. Takes as long as it takes.
    pub(crate) async fn connect(&self) -> RedisResult<Connection> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let Some(tls) = &self.tls else {
            let redis = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            return Ok(Connection { redis, _driver: None });
        };
        let stream = TcpStream::connect((tls.host.as_str(), tls.port)).await?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&tls.config));
        let stream = connector.connect(tls.name.clone(), stream).await?;
        let who = self.client.get_connection_info().redis_settings();
        let (redis, driver) = MultiplexedConnection::new_with_config(who, stream, config).await?;
        Ok(Connection { redis, _driver: Some(Arc::new(Driver::start(driver))) })
    }
}

impl Driver {
    #[expect(clippy::disallowed_methods, reason = "its owner is the connection, which ends it")]
    fn start(driver: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(driver).abort_handle())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
