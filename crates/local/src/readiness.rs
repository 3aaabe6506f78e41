//! When a service is ready: its port accepts, then its health path answers below 400.
//!
//! Both loopback addresses are tried, because servers that listen on `localhost` often take only
//! the IPv6 one. Polling starts fast and slows down: a quick service is seen within milliseconds,
//! a slow one costs nothing. Whoever calls also watches the process, so an exit is noticed at once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use trunkline_net::client::{Client, ClientError, Connect};
use trunkline_resilience::backoff;

/// Between two looks.
const POLL: backoff::Config = backoff::Config {
    first: Duration::from_millis(10),
    max: Duration::from_millis(100),
    jitter_percent: 0,
};
/// One connection.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// One answer of the health path.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Why a service was found ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Its port accepts connections, and nothing more was asked for.
    Accepts,
    /// Its health path answered.
    Answered {
        /// The path.
        path: String,
        /// The status.
        status: u16,
    },
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepts => f.write_str("accepts connections"),
            Self::Answered { path, status } => write!(f, "{path} {status}"),
        }
    }
}

/// What the last look at a service that is not ready saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// Nobody accepts.
    #[default]
    Nothing,
    /// The health path answered with this status.
    Status(u16),
    /// It accepts, but the health path gave no HTTP answer.
    NoAnswer,
}

/// Waits until the service on `port` is ready. Never returns otherwise: the caller has the deadline
/// and the process. `seen` is kept up to date, for the message when the caller gives up.
pub async fn wait(port: u16, health: Option<&str>, seen: &mut Seen) -> (SocketAddr, Evidence) {
    let mut attempt = 0;
    loop {
        match look(port, health).await {
            Ok(found) => return found,
            Err(now) => *seen = now,
        }
        sleep(POLL.delay(attempt, 0)).await;
        attempt = attempt.saturating_add(1);
    }
}

async fn look(port: u16, health: Option<&str>) -> Result<(SocketAddr, Evidence), Seen> {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    for address in loopback.map(|ip| SocketAddr::new(ip, port)) {
        let seen = match health {
            None => connect(address).await.map(|()| Evidence::Accepts),
            Some(path) => ask(address, path).await,
        };
        match seen {
            Ok(evidence) => return Ok((address, evidence)),
            Err(Seen::Nothing) => {}
            Err(seen) => return Err(seen),
        }
    }
    Err(Seen::Nothing)
}

async fn connect(address: SocketAddr) -> Result<(), Seen> {
    let connected = timeout(CONNECT_MAX, TcpStream::connect(address)).await;
    connected.ok().and_then(Result::ok).map(drop).ok_or(Seen::Nothing)
}

/// Makes one `GET`. No connection is opened beforehand: a server that serves one at a time would
/// still be busy with it.
async fn ask(address: SocketAddr, path: &str) -> Result<Evidence, Seen> {
    let client = Client {
        connect_limit: CONNECT_MAX,
        limit: ANSWER_MAX,
        ..Client::new(Connect::Address(address))
    };
    let request = Request::get(format!("http://{address}{path}")).body(Bytes::new());
    match client.stream(request.map_err(|_| Seen::NoAnswer)?).await {
        Ok(answer) if answer.status().as_u16() < 400 => {
            Ok(Evidence::Answered { path: path.to_owned(), status: answer.status().as_u16() })
        }
        Ok(answer) => Err(Seen::Status(answer.status().as_u16())),
        Err(ClientError::Connect { .. }) => Err(Seen::Nothing),
        Err(_) => Err(Seen::NoAnswer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers each connection with the next text.
    async fn answer(listener: TcpListener, answers: &[&str]) {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /healthz HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_service_without_health_path_is_ready_when_it_accepts() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let found = wait(address.port(), None, &mut Seen::default()).await;
        assert_eq!(found, (address, Evidence::Accepts));
    }

    #[tokio::test]
    async fn a_service_on_the_other_loopback_address_is_found_there() {
        let Ok(listener) = TcpListener::bind("[::1]:0").await else {
            return;
        };
        let address = listener.local_addr().unwrap();
        let found = wait(address.port(), None, &mut Seen::default()).await;
        assert_eq!(found.0, address);
    }

    #[tokio::test]
    async fn a_bad_status_or_no_status_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = ["HTTP/1.1 503 no\r\n\r\n", "SSH-2.0\r\n", "HTTP/1.1 204 \r\n\r\n"];
        let mut seen = Seen::default();
        let asked = wait(port, Some("/healthz"), &mut seen);
        let ((), (_, evidence)) = tokio::join!(answer(listener, &answers), asked);
        assert_eq!(evidence.to_string(), "/healthz 204");
        assert_eq!(seen, Seen::NoAnswer, "the last look before the good one");
    }
}
