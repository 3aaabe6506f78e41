//! A header from a connection, and not one byte more.
//!
//! What follows may be the first bytes of TLS, which belong to somebody else: nothing beyond the header is taken out of
//! the socket. Version 2 says its length; the end of version 1's line is looked for before it is taken.

use std::io;

use tokio::io::{AsyncReadExt, Interest};
use tokio::net::TcpStream;

use super::{Header, Invalid, Parsed, V1_BYTES_MAX, V1_BYTES_MIN, V1_START, parse};

/// Why no header came.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What came is none.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The connection ended or broke before.
    #[error("the connection ended within its PROXY header")]
    Io(#[from] io::Error),
}

/// Reads the header that `socket` begins with. Has no time limit of its own.
pub async fn read(socket: &mut TcpStream) -> Result<Header, ReadError> {
    let mut bytes = vec![0; V1_BYTES_MIN];
    socket.read_exact(&mut bytes).await?;
    loop {
        let more = match parse(&bytes)? {
            Parsed::Header(header, _) => return Ok(header),
            Parsed::More(more) => more,
        };
        if bytes.starts_with(V1_START) {
            line(socket, &mut bytes).await?;
        } else {
            let had = bytes.len();
            bytes.resize(more.max(had + 1), 0);
            socket.read_exact(bytes.get_mut(had..).unwrap_or_default()).await?;
        }
    }
}

/// Takes what is there of the line, at most up to its end.
async fn line(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut seen = [0; V1_BYTES_MAX];
    let room = V1_BYTES_MAX.saturating_sub(bytes.len()).max(1);
    let window = seen.get_mut(..room).unwrap_or_default();
    socket.ready(Interest::READABLE).await?;
    let count = socket.peek(window).await?;
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let seen = window.get(..count).unwrap_or_default();
    let own = seen.iter().position(|byte| *byte == b'\n').map_or(count, |end| end + 1);
    let had = bytes.len();
    bytes.resize(had + own, 0);
    socket.read_exact(bytes.get_mut(had..).unwrap_or_default()).await?;
    Ok(())
}
