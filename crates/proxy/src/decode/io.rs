//! A downstream stream that begins with bytes already read, and notes when more arrive and whether
//! the caller takes what it is sent.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use trunkline_net::stream::Stream;

use super::Activity;

/// The stream that the codec reads.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    /// Read earlier, to know the protocol.
    read: Bytes,
    activity: Rc<Activity>,
}

impl Watched {
    pub(super) fn new(stream: Stream, read: &[u8], activity: Rc<Activity>) -> Self {
        Self { stream, read: Bytes::copy_from_slice(read), activity }
    }

    fn note_sent(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(written) => {
                self.activity.took(written.as_ref().map_or(0, |count| *count));
                self.activity.sent();
            }
            Poll::Pending => self.activity.stalled(),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.has_remaining() {
            let count = self.read.remaining().min(buffer.remaining());
            buffer.put_slice(&self.read.split_to(count));
            self.activity.received();
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_sent(&polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if polled.is_pending() {
            self.activity.stalled();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_sent(&polled);
        polled
    }
}
