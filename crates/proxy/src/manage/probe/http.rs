//! A request, and whether its answer is what was expected.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::Request;
use trunkline_model::service::HttpProbe;
use trunkline_net::client::{Client, Connect};

use super::Place;

/// Bytes of an answer that a check reads at most.
const ANSWER_BYTES_MAX: usize = 64 << 10;

pub(super) async fn check(probe: &HttpProbe, place: &Place, limit: Duration) -> Result<(), String> {
    let client = Client {
        connect: Connect::Address(place.address),
        tls: place.tls.clone(),
        server_name: place.server_name.clone(),
        connect_limit: limit,
        limit,
        body_bytes_max: ANSWER_BYTES_MAX,
    };
    let asked = tokio::time::timeout(limit, ask(probe, &client, request(probe, place)?));
    asked.await.unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
}

/// A status alone is judged by the head: the body may be of any size.
async fn ask(probe: &HttpProbe, client: &Client, request: Request<Bytes>) -> Result<(), String> {
    let (method, path) = (&probe.method, &probe.path);
    let answer = client.stream(request).await.map_err(|error| crate::forward::whole(&error))?;
    let status = answer.status().as_u16();
    if !probe.passes(status) {
        return Err(format!("{method} {path} answered {status}"));
    }
    let Some(text) = &probe.contains else { return Ok(()) };
    let (mut body, mut read) = (answer.into_body(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| crate::forward::whole(&error))?;
        if let Some(data) = frame.data_ref() {
            let room = ANSWER_BYTES_MAX - read.len();
            read.extend_from_slice(data.get(..room).unwrap_or(data));
        }
        if holds(&read, text.as_bytes()) {
            return Ok(());
        }
        if read.len() == ANSWER_BYTES_MAX {
            break;
        }
    }
    Err(format!("{method} {path} answered without `{text}`"))
}

fn request(probe: &HttpProbe, place: &Place) -> Result<Request<Bytes>, String> {
    let scheme = if place.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}{}", place.authority(), probe.path);
    let mut request = Request::builder().method(probe.method.as_str()).uri(url);
    if let Some(host) = &probe.host {
        request = request.header(hyper::header::HOST, host);
    }
    for (name, value) in &probe.headers {
        request = request.header(name, value);
    }
    let wrong = |error| format!("`{} {}` cannot be asked for: {error}", probe.method, probe.path);
    request.body(Bytes::new()).map_err(wrong)
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len().max(1)).any(|window| window == text)
}
