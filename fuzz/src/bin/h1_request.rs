//! HTTP/1.1 requests: no bytes make the codec panic or read two things in one message, and a head
//! that was taken goes out as a head that says the same.
#![no_main]

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt;
use trunkline_net::buffer::Buffer;
use trunkline_net::http::Version;
use trunkline_net::http1::{Arrived, Limits, Request, Server, encode_request, parse_request};
use trunkline_net::stream::Stream;

/// What was taken is sent as a head that says the same.
fn check(request: &Request) {
    let mut out = Buffer::default();
    encode_request(&request.head, &[], &mut out).expect("what was taken can be sent");
    // It is sent as HTTP/1.1, where fields mean something that HTTP/1.0 ignores: the proxy takes
    // those away before, and this harness does not.
    if request.head.version() == Version::Http10 {
        return;
    }
    // An absolute target may have become a further field.
    let again = parse_request(out.data(), &Limits::default());
    let again = again.expect("what was sent can be taken");
    assert_eq!(again.head.target(), request.head.target());
    assert_eq!(again.framing, request.framing);
    assert!(again.head.fields().eq(request.head.fields()));
}

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
    let mut server = Server::new(stream, Buffer::default(), limits);
    let mut running = std::pin::pin!(async {
        while let Arrived::Request(request) = poll_fn(|cx| server.poll_request(cx, || {})).await {
            check(&request);
            while let Some(Ok(_)) = poll_fn(|cx| server.poll_body(cx)).await {}
            if !server.is_body_ended() {
                return;
            }
        }
    });
    assert!(matches!(running.as_mut().poll(&mut cx), Poll::Ready(())), "all bytes are there");
});
