//! HTTP/2: no bytes make the guard, or the codec behind it, panic or run on without an end.
//!
//! The preface is given, as all else fails at once without it.
#![no_main]

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt;
use trunkline_net::http2::{Guarded, Limits};
use trunkline_net::stream::Stream;
use trunkline_rt::{Clock, TurnClock};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The codec may give way to others in between.
const TURNS: usize = 16;
/// Small, so that few bytes are too much.
const LIMITS: Limits = Limits {
    window: Duration::from_secs(10),
    rapid_resets: 8,
    continuations: 4,
    head_bytes: 1_024,
    settings: 8,
    pings: 8,
    priorities: 8,
    window_updates: 8,
    empty_data: 8,
    unknown: 8,
    provoked: 8,
};

fuzz_target!(|bytes: &[u8]| {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut caller, stream) = Stream::pair(64 << 10);
    let sent = [PREFACE, bytes].concat();
    {
        let mut sending = std::pin::pin!(caller.write_all(&sent));
        if sending.as_mut().poll(&mut cx).is_pending() {
            return;
        }
    }
    let io = Guarded::server(stream, LIMITS, TurnClock::new(Clock::system()));
    let watch = io.watch();
    let mut running = std::pin::pin!(async {
        let Ok(mut codec) = h2::server::handshake(io).await else { return };
        while let Some(Ok((request, mut respond))) = poll_fn(|cx| codec.poll_accept(cx)).await {
            let mut body = request.into_body();
            let _ = respond.send_response(http::Response::new(()), true);
            while let Poll::Ready(Some(Ok(data))) =
                body.poll_data(&mut Context::from_waker(Waker::noop()))
            {
                let _ = body.flow_control().release_capacity(data.len());
            }
        }
    });
    // All bytes are there: what waits after a few turns, waits for more of them.
    for _ in 0..TURNS {
        if running.as_mut().poll(&mut cx).is_ready() || watch.excess().is_some() {
            return;
        }
    }
});
