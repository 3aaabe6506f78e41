//! Response bodies of fake upstreams: whole, empty, or fed by the test piece by piece.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// The body of every fake response; an error breaks the connection in the middle of the body.
pub type ReplyBody = UnsyncBoxBody<Bytes, io::Error>;

/// A body that is known from the beginning (sent with its length).
pub fn full(bytes: impl Into<Bytes>) -> ReplyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
pub fn empty() -> ReplyBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body of unknown length that the test feeds; it ends when the sender is dropped.
pub fn channel() -> (BodySender, ReplyBody) {
    let (sender, receiver) = mpsc::channel(16);
    (BodySender(sender), Channel(receiver).boxed_unsync())
}

/// Feeds a body made by [`channel`].
#[derive(Clone, Debug)]
pub struct BodySender(mpsc::Sender<io::Result<Frame<Bytes>>>);

impl BodySender {
    /// Sends a piece; waits while 16 pieces have not been taken. False once nobody reads any more.
    pub async fn data(&self, bytes: impl Into<Bytes>) -> bool {
        self.0.send(Ok(Frame::data(bytes.into()))).await.is_ok()
    }

    /// Sends trailers, after which the body has to end.
    pub async fn trailers(&self, trailers: HeaderMap) -> bool {
        self.0.send(Ok(Frame::trailers(trailers))).await.is_ok()
    }

    /// Breaks the connection.
    pub async fn abort(self) {
        let _ = self.0.send(Err(io::ErrorKind::ConnectionAborted.into())).await;
    }
}

struct Channel(mpsc::Receiver<io::Result<Frame<Bytes>>>);

impl hyper::body::Body for Channel {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context)
    }
}
