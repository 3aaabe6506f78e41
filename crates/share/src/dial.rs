//! How a connection is made: over TCP, TLS or a unix socket. The `redis` crate speaks over it.
//!
//! The crate's own TLS is not used: it reads the system's certificates with every attempt, on the
//! thread that serves, and takes the process-wide provider of cryptography. Whom to trust is the
//! caller's word.

use std::path::PathBuf;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo,
    RedisResult,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use crate::settings::{BadSettings, Settings};

/// Where Redis is, and who we are to it.
#[derive(Clone)]
pub(crate) struct Dial {
    place: Place,
    who: RedisConnectionInfo,
}

#[derive(Clone)]
enum Place {
    Tcp(String, u16),
    Tls(String, u16, Arc<ClientConfig>, ServerName<'static>),
    Unix(PathBuf),
}

/// A connection; cheap to clone. It ends with its last clone.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) redis: MultiplexedConnection,
    _driver: Arc<Driver>,
}

/// The task that reads and writes.
struct Driver(AbortHandle);

impl Dial {
    pub(crate) fn new(settings: &Settings) -> Result<Self, BadSettings> {
        let over_tls = settings.url.strip_prefix("rediss://");
        let url = over_tls.map_or_else(|| settings.url.clone(), |rest| format!("redis://{rest}"));
        let told = url.into_connection_info().map_err(|_| BadSettings::Url)?;
        let place = match (told.addr, over_tls) {
            (ConnectionAddr::Tcp(host, port), None) => Place::Tcp(host, port),
            (ConnectionAddr::Tcp(host, port), Some(_)) => {
                let config = Arc::clone(settings.tls.as_ref().ok_or(BadSettings::Tls)?);
                let name = ServerName::try_from(host.clone()).map_err(|_| BadSettings::Url)?;
                Place::Tls(host, port, config, name)
            }
            (ConnectionAddr::Unix(path), None) => Place::Unix(path),
            _ => return Err(BadSettings::Url),
        };
        Ok(Self { place, who: told.redis })
    }

    /// Connects, says who we are, chooses the database. Takes as long as it takes.
    pub(crate) async fn connect(&self) -> RedisResult<Connection> {
        match &self.place {
            Place::Tcp(host, port) => self.speak(connect_tcp(host, *port).await?).await,
            Place::Tls(host, port, config, name) => {
                let stream = connect_tcp(host, *port).await?;
                let connector = TlsConnector::from(Arc::clone(config));
                self.speak(connector.connect(name.clone(), stream).await?).await
            }
            Place::Unix(path) => self.speak(UnixStream::connect(path).await?).await,
        }
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new();
        let (redis, driver) =
            MultiplexedConnection::new_with_config(&self.who, stream, config).await?;
        Ok(Connection { redis, _driver: Arc::new(Driver::start(driver)) })
    }
}

/// Questions are small, and none is to wait for the next one (Nagle).
async fn connect_tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
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
