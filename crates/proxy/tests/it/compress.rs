//! Compressed responses: what callers read back is what the service sent, and as soon.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use flate2::write::GzDecoder as Reading;
use hyper::Response;
use trunkline_model::filter::{Coding, Filter};
use trunkline_testkit::raw::RawResponse;
use trunkline_testkit::{Upstream, body};

use crate::rig::{Rig, model, service};

async fn rig(upstream: &Upstream) -> Rig {
    let mut model = model(vec![service("web", &[upstream.address()])]);
    model.listeners[0].filters.push(Filter::Compress(vec![Coding::Gzip]));
    Rig::start(model).await
}

fn plain(response: &RawResponse) -> String {
    let mut text = String::new();
    GzDecoder::new(&response.body[..]).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn a_page_is_smaller_on_the_way_and_the_same_at_its_end() {
    let page = "all the same words; ".repeat(10_000);
    let sent = page.clone();
    let upstream = Upstream::http(move |_| {
        let response = Response::builder()
            .header("content-type", "text/html")
            .header("etag", "\"v1\"")
            .body(body::full(sent.clone()));
        async move { response.unwrap() }
    });
    let rig = rig(&upstream).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br, gzip;q=0.8\r\n\r\n").await;
    let coded = caller.response().await;
    assert_eq!(coded.header("content-encoding"), Some("gzip"));
    assert_eq!(coded.header("content-length"), None);
    assert_eq!(coded.header("vary"), Some("Accept-Encoding"));
    assert_eq!(coded.header("etag"), Some("W/\"v1\""));
    assert!(coded.body.len() < page.len() / 20, "{} bytes", coded.body.len());
    assert_eq!(plain(&coded), page);

    let whole = caller.get("a", "/").await;
    assert_eq!(whole.header("content-encoding"), None);
    assert_eq!(whole.header("vary"), Some("Accept-Encoding"));
    assert_eq!(whole.header("etag"), Some("\"v1\""));
    assert_eq!(whole.text(), page);

    caller.send("HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n").await;
    assert_eq!(caller.response_to("HEAD").await.header("content-encoding"), None);
}

#[tokio::test]
async fn events_arrive_before_the_next_is_sent() {
    let (events, stream) = body::channel();
    let stream = Arc::new(Mutex::new(Some(stream)));
    let upstream = Upstream::http(move |_| {
        let stream = stream.lock().unwrap().take().unwrap();
        let response = Response::builder().header("content-type", "text/event-stream").body(stream);
        async move { response.unwrap() }
    });
    let rig = rig(&upstream).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n").await;
    let head = caller.until(b"\r\n\r\n").await;
    assert!(String::from_utf8(head).unwrap().contains("content-encoding: gzip"));
    let mut reading = Reading::new(Vec::new());
    for event in ["data: one\n\n", "data: two\n\n"] {
        assert!(events.data(event).await);
        // Nothing follows until this one was read: one that is held back ends in a time-out.
        while !reading.get_ref().ends_with(event.as_bytes()) {
            let size = String::from_utf8(caller.until(b"\r\n").await).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let chunk = caller.exactly(size + 2).await;
            reading.write_all(&chunk[..size]).unwrap();
            reading.flush().unwrap();
        }
    }
}
