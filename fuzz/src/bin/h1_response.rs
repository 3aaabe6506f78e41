//! HTTP/1.1 responses: no bytes of a service make the codec panic, loop or take more than was sent.
#![no_main]

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt;
use trunkline_net::http::{Body, Head, Version};
use trunkline_net::http1::{Answered, Client, Framing, Limits, Part};
use trunkline_net::stream::Stream;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { head_bytes: 2_048, target_bytes: 512, fields: 16, trailer_bytes: 256 };
    let mut cx = Context::from_waker(Waker::noop());
    let (stream, mut service) = Stream::pair(64 << 10);
    {
        let mut sending = std::pin::pin!(service.write_all(bytes));
        if sending.as_mut().poll(&mut cx).is_pending() {
            return;
        }
        let mut ending = std::pin::pin!(service.shutdown());
        let _ = ending.as_mut().poll(&mut cx);
    }
    let mut head = Head::request("GET", "/", Version::Http11);
    head.append("host", b"a");
    let mut client = Client::new(stream, limits);
    client.begin(&head, &[], Body::Empty, Framing::Empty).expect("a sound head");
    let mut content = 0;
    let mut running = std::pin::pin!(async {
        loop {
            match poll_fn(|cx| client.poll_answer(cx, "GET")).await {
                Ok(Answered::Interim(_)) => {}
                Ok(Answered::Final(_)) => break,
                Ok(Answered::Switched(_)) | Err(_) => return,
            }
        }
        while let Ok(Part::Data(count)) = poll_fn(|cx| client.poll_part(cx)).await {
            assert!(count > 0 && client.data(count).len() == count);
            content += count;
            client.consume(count);
        }
    });
    assert!(matches!(running.as_mut().poll(&mut cx), Poll::Ready(())), "all bytes are there");
    assert!(content <= bytes.len());
});
