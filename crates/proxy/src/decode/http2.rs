//! HTTP/2 from callers.
//!
//! One task per connection does it all: it takes the streams, runs their exchanges and sends what
//! they answer, so that all that is ready goes out together. Streams end with their connection. A
//! caller that resets a stream takes the exchange, and all upstream work, with it. What the guard
//! finds too much ends the connection with `ENHANCE_YOUR_CALM`.

mod answer;
mod bell;
mod stream;
mod websocket;

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::Request;
use trunkline_net::http2::{Excess, Guarded, Watch};

use super::Connection;
use super::io::Watched;
use crate::limits;
use crate::worker::Told;

use bell::Bell;

pub(crate) use stream::Interim;

type Codec = h2::server::Connection<Guarded<Watched>, Bytes>;
type Arrived = (Request<RecvStream>, SendResponse<Bytes>);

/// Serves a connection until its end.
pub(super) async fn serve(connection: &Rc<Connection>, io: Watched) {
    let clock = connection.worker.clock.clone();
    let bounds = limits::of_callers(&connection.listening.plan().model.guard);
    let io = Guarded::server(io, limits::http2_guard(bounds.head_bytes), clock);
    let watch = io.watch();
    let Some(mut codec) = shake_hands(connection, io, (&watch, limits::header_list(&bounds))).await
    else {
        return;
    };
    let mut streams = FuturesUnordered::new();
    let mut ending = false;
    let bell = Bell::new();
    let ended = poll_fn(|cx| {
        if !ending && connection.orders.told() >= Told::End {
            ending = true;
            codec.graceful_shutdown();
        }
        loop {
            // Answers first, so that what they queue leaves with the codec's next turn.
            bell.muted(|| while let Poll::Ready(Some(())) = streams.poll_next_unpin(cx) {});
            let mut arrived = false;
            let closed = loop {
                match poll_arrived(&mut codec, &watch, &mut bell.context(cx)) {
                    Poll::Ready(Ok((request, respond))) => {
                        arrived = true;
                        let connection = Rc::clone(connection);
                        streams.push(stream::serve(connection, request, respond));
                    }
                    Poll::Ready(Err(ended)) => break Some(ended),
                    Poll::Pending => break None,
                }
            };
            match closed {
                Some(ended) => return Poll::Ready(ended),
                None if !arrived => return Poll::Pending,
                None => {}
            }
        }
    })
    .await;
    drop(streams);
    match ended {
        Ended::Closed => {}
        Ended::Broken(error) => {
            if error.is_library() && error.reason() == Some(Reason::ENHANCE_YOUR_CALM) {
                count(connection, Excess::Codec);
            }
            tracing::debug!(peer = %connection.peer.address, %error, "connection broke");
        }
        Ended::Excess(excess) => calm(connection, codec, excess).await,
    }
}

/// How a connection ends.
enum Ended {
    Closed,
    Broken(h2::Error),
    Excess(Excess),
}

async fn shake_hands(
    connection: &Connection,
    io: Guarded<Watched>,
    (watch, header_list): (&Watch, u32),
) -> Option<Codec> {
    let mut shaking = h2::server::Builder::new()
        .max_concurrent_streams(limits::DOWNSTREAM_STREAMS_MAX)
        .initial_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .enable_connect_protocol()
        .max_send_buffer_size(limits::STREAM_SEND_BYTES)
        .max_pending_accept_reset_streams(limits::HTTP2_RESETS_MAX)
        .max_local_error_reset_streams(Some(limits::HTTP2_RESETS_MAX))
        .max_header_list_size(header_list)
        .handshake::<_, Bytes>(io);
    poll_fn(|cx| match std::pin::Pin::new(&mut shaking).poll(cx) {
        Poll::Ready(shaken) => Poll::Ready(shaken.ok()),
        Poll::Pending if connection.orders.told() >= Told::End => Poll::Ready(None),
        Poll::Pending => match watch.excess() {
            Some(excess) => {
                count(connection, excess);
                Poll::Ready(None)
            }
            None => Poll::Pending,
        },
    })
    .await
}

fn poll_arrived(
    codec: &mut Codec,
    watch: &Watch,
    cx: &mut Context<'_>,
) -> Poll<Result<Arrived, Ended>> {
    let polled = codec.poll_accept(cx);
    if let Some(excess) = watch.excess() {
        return Poll::Ready(Err(Ended::Excess(excess)));
    }
    polled.map(|arrived| match arrived {
        None => Err(Ended::Closed),
        Some(Err(error)) => Err(Ended::Broken(error)),
        Some(Ok(arrived)) => Ok(arrived),
    })
}

/// Tells a peer to calm down, and leaves.
async fn calm(connection: &Connection, mut codec: Codec, excess: Excess) {
    count(connection, excess);
    tracing::debug!(peer = %connection.peer.address, %excess, "connection was ended");
    codec.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
    let leaving = poll_fn(|cx| codec.poll_closed(cx));
    let _ = tokio::time::timeout(limits::LINGER_TIME, leaving).await;
}

fn count(connection: &Connection, excess: Excess) {
    let plan = connection.listening.plan();
    plan.counters.of(connection.worker.index).excesses.count(excess);
}
