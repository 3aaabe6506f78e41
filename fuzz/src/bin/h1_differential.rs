//! HTTP/1.1 requests, ours against hyper's: what both take means the same to both, and what we take
//! hyper takes too. The other way round we may refuse more; `net::http1::Refusal` lists why. The one
//! thing that we take and hyper does not: targets with bytes that RFC 3986 wants escaped, which
//! browsers and scripts send all the same, and every other proxy passes on.
#![no_main]

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt;
use trunkline_net::buffer::Buffer;
use trunkline_net::http1::{Arrived, Limits, Server};
use trunkline_net::hyper_io::HyperIo;
use trunkline_net::stream::Stream;

/// Turns that hyper is given; a body has few parts, the input being short.
const POLLS: usize = 4_096;

/// What a reader made of a message: method, fields in order of their names, content.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    method: String,
    target: String,
    fields: Vec<(String, Vec<u8>)>,
    content: Vec<u8>,
}

/// A stream on which these bytes arrived, and its other end: if that were closed, hyper would see
/// its caller gone and answer nothing.
fn stream_of(bytes: &[u8]) -> Option<(Stream, Stream)> {
    let (mut caller, stream) = Stream::pair(64 << 10);
    let mut cx = Context::from_waker(Waker::noop());
    let sent = std::pin::pin!(caller.write_all(bytes)).poll(&mut cx).is_ready();
    sent.then_some((stream, caller))
}

fn sorted(mut fields: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    // hyper groups fields of one name; the order among those is what counts.
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}

/// Our reading of the first message, if it is taken whole.
fn ours(bytes: &[u8]) -> Option<Meaning> {
    let (stream, _caller) = stream_of(bytes)?;
    let mut server = Server::new(stream, Buffer::default(), Limits::default());
    let mut cx = Context::from_waker(Waker::noop());
    let mut reading = std::pin::pin!(async {
        let Arrived::Request(request) = poll_fn(|cx| server.poll_request(cx, || {})).await else {
            return None;
        };
        let mut content = Vec::new();
        while let Some(frame) = poll_fn(|cx| server.poll_body(cx)).await {
            content.extend_from_slice(frame.ok()?.data_ref().unwrap_or(&Bytes::new()));
        }
        let fields = request.head.fields();
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()));
        let (method, target) = (request.head.method().to_owned(), request.head.target().to_owned());
        let fields = sorted(fields.collect());
        Some((Meaning { method, target, fields, content }, request.upgrade))
    });
    match reading.as_mut().poll(&mut cx) {
        // An upgrade and an absolute target are told to later steps in another form.
        std::task::Poll::Ready(Some((meaning, false))) => Some(meaning),
        _ => None,
    }
}

/// hyper's reading of the first message, if it is taken whole.
fn theirs(bytes: &[u8]) -> Option<Meaning> {
    let seen = Arc::new(Mutex::new(None));
    let told = Arc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let told = Arc::clone(&told);
        async move {
            let (head, body) = request.into_parts();
            let content = body.collect().await.ok().map(|all| all.to_bytes().to_vec());
            let fields = head.headers.iter();
            let fields = fields.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
            let (method, target) = (head.method.to_string(), head.uri.to_string());
            let fields = sorted(fields.collect());
            let mut seen = told.lock().expect("one thread");
            if let (Some(content), true) = (content, seen.is_none()) {
                *seen = Some(Meaning { method, target, fields, content });
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    let (stream, _caller) = stream_of(bytes)?;
    let serving = builder.header_read_timeout(None).serve_connection(HyperIo(stream), service);
    let mut cx = Context::from_waker(Waker::noop());
    let mut serving = std::pin::pin!(serving);
    // Connection and service wake each other for each part of a body: nobody else does here.
    for _ in 0..POLLS {
        let ended = serving.as_mut().poll(&mut cx).is_ready();
        let meaning = seen.lock().expect("one thread").take();
        if meaning.is_some() || ended {
            return meaning;
        }
    }
    None
}

fuzz_target!(|bytes: &[u8]| {
    let Some(ours) = ours(bytes) else { return };
    // Only hyper holds targets to the letter (see above).
    if ours.target.bytes().any(|byte| b"\"<>\\^`{|}".contains(&byte)) {
        return;
    }
    // A target in absolute form becomes another `Host`: that is compared by tests of its own.
    if bytes.windows(3).any(|three| three == b"://") {
        return;
    }
    let theirs = theirs(bytes).expect("what we take, hyper takes");
    assert_eq!(ours, theirs);
});
