//! A request, and whether its answer is what was expected.

use std::time::Duration;

use bytes::Bytes;
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
    let (method, path) = (&probe.method, &probe.path);
    let answer = client.request(request(probe, place)?).await;
    let answer = answer.map_err(|error| crate::forward::whole(&error))?;
    let status = answer.status().as_u16();
    if !probe.passes(status) {
        return Err(format!("{method} {path} answered {status}"));
    }
    match &probe.contains {
        Some(text) if !holds(answer.body(), text.as_bytes()) => {
            Err(format!("{method} {path} answered without `{text}`"))
        }
        _ => Ok(()),
    }
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
