//! HTTP/1.1 requests: no bytes make the codec panic or read two things in one message, and a head
//! that was taken goes out as a head that says the same.
#![no_main]

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt;
use trunkline_net::buffer::Buffer;
use trunkline_net::http1::{Arrived, Limits, Server, encode_request, parse_request};
use trunkline_net::stream::Stream;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { head_bytes: 2_048, target_bytes: 512, fields: 16, trailer_bytes: 256 };
    let mut cx = Context::from_waker(Waker::noop());
    let (mut caller, stream) = Stream::pair(64 << 10);
    {
        let mut sending = std::pin::pin!(caller.write_all(bytes));
        if sending.as_mut().poll(&mut cx).is_pending() {
            return;
        }
    }
    drop(caller);
    let mut server = Server::new(stream, b"", limits);
    let mut running = std::pin::pin!(async {
        while let Arrived::Request(request) = poll_fn(|cx| server.poll_request(cx, || {})).await {
            let mut out = Buffer::default();
            encode_request(&request.head, &[], &mut out).expect("what was taken can be sent");
            let again = parse_request(out.data(), &limits).expect("what was sent can be taken");
            assert_eq!(again.head.target(), request.head.target());
            assert_eq!(again.framing, request.framing);
            assert!(again.head.fields().eq(request.head.fields()));
            while let Some(Ok(_)) = poll_fn(|cx| server.poll_body(cx)).await {}
            if !server.is_body_ended() {
                return;
            }
        }
    });
    assert!(matches!(running.as_mut().poll(&mut cx), Poll::Ready(())), "all bytes are there");
});
