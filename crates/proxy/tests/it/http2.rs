//! HTTP/2 on both sides: directions that do not wait for each other, ends that are passed on, and
//! what was not processed being sent again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use trunkline_model::service::Protocol;
use trunkline_testkit::Upstream;
use trunkline_testkit::wait::{until, within};

use crate::rig::{Rig, model, service, tcp};

async fn caller(address: SocketAddr) -> SendRequest<Bytes> {
    let (sender, connection) = h2::client::handshake(tcp(address).await).await.unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap()
}

fn post() -> Request<()> {
    Request::post("http://shop.localhost/").body(()).unwrap()
}

/// A service that does `serve` with each stream.
fn streams<F, Serving>(serve: F) -> Upstream
where
    F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> Serving + Clone + Send + 'static,
    Serving: Future<Output = ()> + Send + 'static,
{
    Upstream::tcp(move |stream| {
        let serve = serve.clone();
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, respond))) = connection.accept().await {
                tokio::spawn(serve(request, respond));
            }
        }
    })
}

async fn before(upstream: &Upstream) -> Rig {
    let mut web = service("web", &[upstream.address()]);
    web.protocol = Protocol::Http2;
    Rig::start_with(model(vec![web]), |deps| deps.workers = 1).await
}

/// Answers at once, then sends back what comes, and trailers that say how much it was.
async fn mirror(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let mut output = respond.send_response(Response::new(()), false).unwrap();
    let mut input = request.into_body();
    let mut count = 0;
    while let Some(Ok(data)) = input.data().await {
        let _ = input.flow_control().release_capacity(data.len());
        count += data.len();
        output.send_data(data, false).unwrap();
    }
    let asked = input.trailers().await.unwrap().unwrap_or_default();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-count", count.into());
    trailers.extend(asked);
    output.send_trailers(trailers).unwrap();
}

#[tokio::test]
async fn a_response_may_begin_before_its_request_ends_and_both_go_on() {
    let upstream = streams(mirror);
    let rig = before(&upstream).await;
    let (response, mut output) = caller(rig.address).await.send_request(post(), false).unwrap();
    let mut input = within("the head", response).await.unwrap().into_body();
    for message in ["one", "two", "three"] {
        output.send_data(message.into(), false).unwrap();
        let data = within("the message", input.data()).await.unwrap().unwrap();
        assert_eq!(data, message);
        input.flow_control().release_capacity(data.len()).unwrap();
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-asked", "yes".parse().unwrap());
    output.send_trailers(trailers).unwrap();
    assert!(within("the end", input.data()).await.is_none());
    let trailers = within("trailers", input.trailers()).await.unwrap().unwrap();
    assert_eq!(
        (&trailers["x-count"], &trailers["x-asked"]),
        (&"11".parse().unwrap(), &"yes".parse().unwrap())
    );
    until("nothing is in flight", async || rig.service("web").await.in_flight == 0).await;
}

#[tokio::test]
async fn a_caller_that_reads_nothing_does_not_hold_up_what_it_sends() {
    let received = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&received);
    let upstream = streams(move |request, mut respond| {
        let count = Arc::clone(&count);
        async move {
            let mut output = respond.send_response(Response::new(()), false).unwrap();
            // More than all windows on the way back.
            output.send_data(vec![0; 4 << 20].into(), false).unwrap();
            let mut input = request.into_body();
            while let Some(Ok(data)) = input.data().await {
                let _ = input.flow_control().release_capacity(data.len());
                count.fetch_add(data.len(), Ordering::Relaxed);
            }
        }
    });
    let rig = before(&upstream).await;
    let (response, mut output) = caller(rig.address).await.send_request(post(), false).unwrap();
    let _unread = within("the head", response).await.unwrap();
    output.send_data(vec![1; 2 << 20].into(), false).unwrap();
    until("all of it arrived", async || received.load(Ordering::Relaxed) == 2 << 20).await;
}

#[tokio::test]
async fn a_reset_by_the_caller_reaches_the_service() {
    let resets = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&resets);
    let upstream = streams(move |_request, mut respond| {
        let seen = Arc::clone(&seen);
        async move {
            let reason = std::future::poll_fn(|cx| respond.poll_reset(cx)).await.unwrap();
            assert_eq!(reason, Reason::CANCEL);
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    let rig = before(&upstream).await;
    let (response, mut output) = caller(rig.address).await.send_request(post(), false).unwrap();
    until("it is under way", async || rig.service("web").await.in_flight == 1).await;
    output.send_reset(Reason::CANCEL);
    assert!(within("the end", response).await.is_err());
    until("the service is told", async || resets.load(Ordering::Relaxed) == 1).await;
    until("nothing is in flight", async || rig.service("web").await.in_flight == 0).await;
}

#[tokio::test]
async fn a_response_that_breaks_is_reset_and_not_ended() {
    let upstream = streams(|_request, mut respond| async move {
        let mut output = respond.send_response(Response::new(()), false).unwrap();
        output.send_data("half".into(), false).unwrap();
        output.reserve_capacity(1);
        // What was queued leaves before the reset.
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        output.send_reset(Reason::CANCEL);
    });
    let rig = before(&upstream).await;
    let (response, _output) = caller(rig.address).await.send_request(post(), true).unwrap();
    let mut input = within("the head", response).await.unwrap().into_body();
    assert_eq!(within("a half", input.data()).await.unwrap().unwrap(), "half");
    let error = within("the end", input.data()).await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
}

#[tokio::test]
async fn an_early_response_ends_the_request_without_an_error() {
    let upstream = streams(|_request, mut respond| async move {
        let _ = respond.send_response(Response::new(()), true);
    });
    let rig = before(&upstream).await;
    let (response, mut output) = caller(rig.address).await.send_request(post(), false).unwrap();
    let response = within("the head", response).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(within("the end", response.into_body().data()).await.is_none());
    let reason = std::future::poll_fn(|cx| output.poll_reset(cx));
    assert_eq!(within("the reset", reason).await.unwrap(), Reason::NO_ERROR);
}

#[tokio::test]
async fn a_refused_stream_is_sent_again() {
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let upstream = streams(move |_request, mut respond| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first {
                respond.send_reset(Reason::REFUSED_STREAM);
            } else {
                respond.send_response(Response::new(()), true).unwrap();
            }
        }
    });
    let other = streams(|_request, mut respond| async move {
        respond.send_response(Response::new(()), true).unwrap();
    });
    let mut web = service("web", &[upstream.address(), other.address()]);
    web.protocol = Protocol::Http2;
    let rig = Rig::start_with(model(vec![web]), |deps| deps.workers = 1).await;
    for _ in 0..4 {
        let (response, _) = caller(rig.address).await.send_request(post(), true).unwrap();
        assert_eq!(within("an answer", response).await.unwrap().status(), 200);
    }
    assert!(refused.load(Ordering::Relaxed) >= 1);
}

#[tokio::test]
async fn interim_responses_reach_the_caller() {
    let upstream = streams(|_request, mut respond| async move {
        let mut hints = Response::builder().status(103);
        hints = hints.header("link", "</a.css>; rel=preload");
        respond.send_informational(hints.body(()).unwrap()).unwrap();
        respond.send_response(Response::new(()), true).unwrap();
    });
    let rig = before(&upstream).await;
    let (mut response, _) = caller(rig.address).await.send_request(post(), true).unwrap();
    let interim = std::future::poll_fn(|cx| response.poll_informational(cx));
    let interim = within("hints", interim).await.unwrap().unwrap();
    assert_eq!((interim.status().as_u16(), interim.headers().contains_key("link")), (103, true));
    assert_eq!(within("an answer", response).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_caller_that_waits_is_asked_for_its_body() {
    let upstream = streams(|request, mut respond| async move {
        let data = request.into_body().data().await.unwrap().unwrap();
        let mut output = respond.send_response(Response::new(()), false).unwrap();
        output.send_data(data, true).unwrap();
    });
    let rig = before(&upstream).await;
    let mut request = post();
    request.headers_mut().insert("expect", "100-continue".parse().unwrap());
    let (mut response, mut output) =
        caller(rig.address).await.send_request(request, false).unwrap();
    let interim = std::future::poll_fn(|cx| response.poll_informational(cx));
    let interim = within("to be asked", interim).await.unwrap().unwrap();
    assert_eq!(interim.status(), 100);
    output.send_data("body".into(), true).unwrap();
    let mut input = within("an answer", response).await.unwrap().into_body();
    assert_eq!(within("the body", input.data()).await.unwrap().unwrap(), "body");
}
