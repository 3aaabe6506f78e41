//! One question, server after server, until one of them answers.
//!
//! Each question has its own port and a random id, and only an answer from the server that was asked
//! counts (RFC 5452): that is what makes forging one hard.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::message::{self, Answer, Kind, Malformed};
use super::settings::Settings;

/// The largest answer over UDP that is read: without EDNS no server sends more than 512 bytes.
const DATAGRAM_BYTES_MAX: usize = 4_096;

/// Server failure, and a name that does not exist (RFC 1035 §4.1.1).
const NO_SUCH_NAME: u8 = 3;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The name does not exist, or has no records of this kind; for so many seconds, if it says so.
    #[error("there is no such name")]
    Absent(Option<u32>),
    /// The name cannot be asked for.
    #[error("this is not a name")]
    NotAName,
    /// There is nobody to ask.
    #[error("no name server is known")]
    NoServers,
    /// No server answered in time.
    #[error("no name server answers")]
    Silent,
    /// Servers answered, but not the question.
    #[error("the name server answered with code {0}")]
    Refused(u8),
    /// An answer cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The system refused.
    #[error("the name server cannot be asked")]
    System(#[from] io::Error),
}

/// Asks name servers.
#[derive(Debug, Clone)]
pub struct Client {
    settings: Settings,
}

impl Client {
    /// A client with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Whether there is anybody to ask.
    pub fn has_servers(&self) -> bool {
        !self.settings.servers.is_empty()
    }

    /// Asks for a name as people write it: with the suffixes of the search list.
    pub async fn search(&self, name: &str, kind: Kind) -> Result<Answer, AskError> {
        let mut absent = AskError::NotAName;
        for name in self.settings.names(name) {
            match self.ask(&name, kind).await {
                Err(error @ (AskError::Absent(_) | AskError::NotAName)) => absent = error,
                other => return other,
            }
        }
        Err(absent)
    }

    /// Asks for exactly this name. An answer has records.
    pub async fn ask(&self, name: &str, kind: Kind) -> Result<Answer, AskError> {
        let mut last = AskError::NoServers;
        for _ in 0..self.settings.attempts {
            for server in &self.settings.servers {
                let asked = timeout(self.settings.patience, once(*server, name, kind)).await;
                match asked.unwrap_or(Err(AskError::Silent)) {
                    Ok(answer) if answer.code == 0 && !answer.records.is_empty() => {
                        return Ok(answer);
                    }
                    Ok(answer) if answer.code == 0 || answer.code == NO_SUCH_NAME => {
                        return Err(AskError::Absent(answer.negative_ttl));
                    }
                    Ok(answer) => last = AskError::Refused(answer.code),
                    Err(AskError::NotAName) => return Err(AskError::NotAName),
                    Err(error) => last = error,
                }
            }
        }
        Err(last)
    }
}

async fn once(server: SocketAddr, name: &str, kind: Kind) -> Result<Answer, AskError> {
    // Every `RandomState` is keyed by the system's randomness.
    let [high, low, ..] = RandomState::new().hash_one(name).to_ne_bytes();
    let id = u16::from_ne_bytes([high, low]);
    let question = message::question(id, name, kind).ok_or(AskError::NotAName)?;
    let own: SocketAddr = if server.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(own).await?;
    // Connected: the kernel drops what others send.
    socket.connect(server).await?;
    socket.send(&question).await?;
    let mut bytes = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let length = socket.recv(&mut bytes).await?;
        let datagram = bytes.get(..length).unwrap_or_default();
        // What does not fit the question may be forged or late: the real one may still come.
        match message::answer(datagram, id, name, kind) {
            Ok(answer) if answer.truncated => {
                return by_tcp(server, &question, id, (name, kind)).await;
            }
            Ok(answer) => return Ok(answer),
            Err(Malformed) => {}
        }
    }
}

/// Messages over TCP have their length in front (RFC 1035 §4.2.2): at most 65 535 bytes.
async fn by_tcp(
    server: SocketAddr,
    question: &[u8],
    id: u16,
    (name, kind): (&str, Kind),
) -> Result<Answer, AskError> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(|_| AskError::NotAName)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Ok(message::answer(&bytes, id, name, kind)?)
}

impl AskError {
    /// How long the answer says that it is good for, where it is one.
    pub fn negative_ttl(&self) -> Option<Duration> {
        match self {
            Self::Absent(seconds) => seconds.map(|seconds| Duration::from_secs(seconds.into())),
            _ => None,
        }
    }
}
