//! A stream of HTTP/2 as a stream of bytes: what an extended CONNECT (RFC 8441) becomes.
//!
//! Closing one direction ends that half of the stream; dropping it before both ended resets it, as
//! a broken TCP connection would be (RFC 8441 §5).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are taken at a time to be sent.
const WRITE_BYTES_MAX: usize = 16 << 10;

/// Both halves of a stream.
#[derive(Debug)]
pub struct Tunnel {
    input: RecvStream,
    output: SendStream<Bytes>,
    /// Arrived and not read yet.
    read: Bytes,
}

impl Tunnel {
    /// A tunnel through the stream that these are the halves of.
    pub fn new(input: RecvStream, output: SendStream<Bytes>) -> Self {
        Self { input, output, read: Bytes::new() }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.read.is_empty() {
            match ready!(this.input.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok(data)) => this.read = data,
                Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) => {
                    return Poll::Ready(Ok(()));
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        let count = this.read.len().min(buffer.remaining());
        buffer.put_slice(this.read.get(..count).unwrap_or_default());
        this.read.advance(count);
        // A stream that is over has no window to open.
        let _ = this.input.flow_control().release_capacity(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.reserve_capacity(bytes.len().min(WRITE_BYTES_MAX));
        while self.output.capacity() == 0 && !bytes.is_empty() {
            match ready!(self.output.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let count = bytes.len().min(self.output.capacity()).min(WRITE_BYTES_MAX);
        let data = Bytes::copy_from_slice(bytes.get(..count).unwrap_or_default());
        self.output.send_data(data, false).map_err(broken)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // One that is over already was shut down by its peer.
        let _ = self.output.send_data(Bytes::new(), true);
        Poll::Ready(Ok(()))
    }
}

fn broken(error: h2::Error) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, error)
}
