//! One type for every byte stream, so that the codec above is compiled once and never boxed.
//!
//! `Mem` is a pair of pipes in memory, for simulations with a seed. `Tls` wraps any other stream, itself included,
//! which is what TLS inside a tunnel needs. Nothing here reads a byte of HTTP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

use crate::http2::Tunnel;
use crate::socket::Liveness;
use crate::tls::Facts;

/// A connection to a caller or to an endpoint.
#[derive(Debug)]
pub enum Stream {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A connection over a unix socket.
    Unix(UnixStream),
    /// TLS, either side, over another stream.
    Tls(Box<TlsStream<Stream>>),
    /// A stream of an HTTP/2 connection.
    H2Tunnel(Box<Tunnel>),
    /// One end of a pipe in memory.
    Mem(DuplexStream),
}

impl Stream {
    /// Takes an accepted or connected TCP socket and turns off Nagle's delay, which would hold back small replies.
    pub fn tcp(socket: TcpStream) -> Self {
        // A socket whose peer already reset the connection refuses the option; the first read will report that.
        let _ = socket.set_nodelay(true);
        Self::Tcp(socket)
    }

    /// Two connected ends; each holds at most `capacity` bytes that the other has not read.
    pub fn pair(capacity: usize) -> (Self, Self) {
        let (one, other) = tokio::io::duplex(capacity);
        (Self::Mem(one), Self::Mem(other))
    }

    /// The peer's address, where the stream (or what TLS runs on) is TCP.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr().ok(),
            Self::Tls(tls) => tls.get_ref().0.peer_address(),
            Self::Unix(_) | Self::H2Tunnel(_) | Self::Mem(_) => None,
        }
    }

    /// Our own address, where the stream (or what TLS runs on) is TCP.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok(),
            Self::Tls(tls) => tls.get_ref().0.local_address(),
            Self::Unix(_) | Self::H2Tunnel(_) | Self::Mem(_) => None,
        }
    }

    /// Pending while it is known that there is nothing to read; the task is woken when there may be. Ready says
    /// nothing: reading is what tells. Asks no system call and needs no room, as reading would.
    pub(crate) fn poll_may_read(&self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(socket) => socket.poll_read_ready(context).map(drop),
            Self::Unix(socket) => socket.poll_read_ready(context).map(drop),
            Self::Tls(_) | Self::H2Tunnel(_) | Self::Mem(_) => Poll::Ready(()),
        }
    }

    /// Has the system tell the peer, when the stream is closed, that it broke: a peer that saw it end in order would
    /// take what it has for all there is. TLS says that by itself: its end is announced, or it is none.
    pub fn reset_on_close(&self) {
        if let Self::Tcp(socket) = self {
            // One that is broken already refuses the option.
            let _ = socket2::SockRef::from(socket).set_linger(Some(std::time::Duration::ZERO));
        }
    }

    /// Has the system notice a peer that is gone without a word, where the stream (or what TLS runs on) is TCP.
    pub fn keep_watch(&self, liveness: &Liveness) {
        match self {
            Self::Tcp(socket) => crate::socket::watch(socket, liveness),
            Self::Tls(tls) => tls.get_ref().0.keep_watch(liveness),
            Self::H2Tunnel(_) | Self::Unix(_) | Self::Mem(_) => {}
        }
    }

    /// What the TLS handshake agreed on; `None` for a stream without TLS.
    pub fn tls(&self) -> Option<Facts> {
        match self {
            Self::Tls(tls) => Some(Facts::of(tls)),
            Self::Tcp(_) | Self::Unix(_) | Self::H2Tunnel(_) | Self::Mem(_) => None,
        }
    }

    /// The protocol that ALPN chose, such as `h2`.
    pub fn alpn(&self) -> Option<&[u8]> {
        match self {
            Self::Tls(tls) => tls.get_ref().1.alpn_protocol(),
            Self::Tcp(_) | Self::Unix(_) | Self::H2Tunnel(_) | Self::Mem(_) => None,
        }
    }
}

macro_rules! forward {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
            Stream::Unix(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
            Stream::Tls(inner) => {
                let $stream = Pin::new(inner.as_mut());
                $call
            }
            Stream::H2Tunnel(inner) => {
                let $stream = Pin::new(inner.as_mut());
                $call
            }
            Stream::Mem(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(inner) => inner.is_write_vectored(),
            Self::Unix(inner) => inner.is_write_vectored(),
            Self::Tls(inner) => inner.is_write_vectored(),
            Self::H2Tunnel(inner) => inner.is_write_vectored(),
            Self::Mem(inner) => inner.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::{TlsAcceptor, TlsConnector};
    use trunkline_testkit::{Pki, Upstream};

    use super::*;
    use crate::tls::{CertificateStore, ServerSettings, server_config, server_name};

    async fn talk(mut one: Stream, mut other: Stream) {
        let talking = async {
            one.write_all(b"ping").await.unwrap();
            one.flush().await.unwrap();
            one.read_u32().await.unwrap()
        };
        let answering = async {
            let ping = other.read_u32().await.unwrap();
            other.write_u32(ping + 1).await.unwrap();
            other.flush().await.unwrap();
            ping
        };
        let (answer, ping) = tokio::join!(talking, answering);
        assert_eq!(answer, ping + 1);
        one.shutdown().await.unwrap();
        assert_eq!(other.read(&mut [0]).await.unwrap(), 0);
    }

    /// Both ends of TLS over both ends of another stream.
    async fn secured(pki: &Pki, near: Stream, far: Stream) -> (Stream, Stream) {
        let store = Arc::new(CertificateStore::new(&[to_own(pki)]));
        let server = server_config(store, &ServerSettings::default()).unwrap();
        let roots = crate::tls::Roots::Files(vec![pki.root_file()]);
        let settings =
            crate::tls::ClientSettings { roots, ..crate::tls::ClientSettings::default() };
        let client = crate::tls::client_config(&settings).unwrap();
        let name = server_name("shop.test").unwrap();
        let (accepted, connected) = tokio::join!(
            TlsAcceptor::from(server).accept(far),
            TlsConnector::from(client).connect(name, near)
        );
        let tls = |stream: TlsStream<Stream>| Stream::Tls(Box::new(stream));
        (tls(connected.unwrap().into()), tls(accepted.unwrap().into()))
    }

    /// Unit tests see this crate twice, so what testkit makes of the other one goes through files.
    fn to_own(pki: &Pki) -> crate::tls::Certificate {
        let (certificate, key) = pki.issue_files(&["shop.test"]);
        let now = trunkline_rt::Clock::system().wall();
        crate::tls::Certificate::from_files(&certificate, &key, now).unwrap()
    }

    #[tokio::test]
    async fn pipes_tls_and_tls_in_tls_carry_bytes() {
        let (near, far) = Stream::pair(64);
        talk(near, far).await;
        let pki = Pki::new();
        let (near, far) = Stream::pair(1024);
        let (near, far) = secured(&pki, near, far).await;
        assert_eq!(far.tls().unwrap().server_name.as_deref(), Some("shop.test"));
        let (near, far) = secured(&pki, near, far).await;
        talk(near, far).await;
    }

    #[tokio::test]
    async fn a_tcp_stream_knows_both_addresses() {
        let upstream = Upstream::tcp_echo();
        let mut stream = Stream::tcp(TcpStream::connect(upstream.address()).await.unwrap());
        assert_eq!(stream.peer_address(), Some(upstream.address()));
        assert!(stream.local_address().is_some() && stream.tls().is_none());
        stream.write_all(b"x").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
    }
}
