//! The first bytes of a connection, looked at before the codec gets it.
//!
//! Whoever sends HTTP/1 to a port of gRPC would only see the connection end; a sentence in HTTP/1
//! spares an hour of searching. And a connection on which nothing is ever said does not keep its place.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::stream::Stream;

/// How long the first bytes may take: a client of HTTP/2 sends them at once.
const PATIENCE: Duration = Duration::from_secs(20);
/// The beginning of what a client of HTTP/2 sends first (RFC 9113 §3.4).
const PREFACE: &[u8; 4] = b"PRI ";
const TOLD: &str = "this port speaks gRPC, which needs HTTP/2\n";

/// Gives the connection back if HTTP/2 is spoken on it. Where TLS agreed on a protocol, that is known.
pub(super) async fn check(stream: Stream) -> io::Result<Stream> {
    let Stream::Tcp(mut socket) = stream else { return Ok(stream) };
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let mut first = [0; PREFACE.len()];
    let seen = tokio::time::timeout(PATIENCE, socket.peek(&mut first)).await.map_err(late)??;
    // Few bytes are the beginning of either; the codec will see.
    if first.get(..seen) == PREFACE.get(..seen) {
        return Ok(Stream::Tcp(socket));
    }
    let head =
        "HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-type: text/plain";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{TOLD}", TOLD.len());
    let _ = tokio::time::timeout(PATIENCE, socket.write_all(answer.as_bytes())).await;
    let _ = socket.shutdown().await;
    Err(io::Error::new(io::ErrorKind::InvalidData, "HTTP/1 on a port of gRPC"))
}
