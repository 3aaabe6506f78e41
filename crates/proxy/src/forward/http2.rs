//! One attempt over HTTP/2.

use std::borrow::Cow;

use trunkline_net::http::wire;

use super::failure::{Failure, Processed};
use super::pool::{Lease, Stream};
use super::{Attempt, Sent, headers, unsendable};

pub(super) async fn send(
    attempt: &Attempt<'_>,
    stream: Stream,
    reused: bool,
) -> Result<Sent, Failure> {
    let tls = attempt.service.transport.tls.is_some();
    let scheme = if tls { "https" } else { "http" };
    let authority = attempt
        .head
        .get_text("host")
        .map_or_else(|| Cow::Owned(attempt.endpoint.address.to_string()), Cow::Borrowed);
    let head = wire::request_out(attempt.head, Some((scheme, &authority)));
    let mut head = head.map_err(|error| unsendable(&error))?;
    headers::frame_http2(head.headers_mut());
    let mut sender = stream.shared.sender();
    let body = attempt.body.lend(None);
    match sender.try_send_request(head.map(|()| body)).await {
        Ok(response) => Ok(Sent::new(response, Lease::Http2 { _stream: stream })),
        Err(mut error) => {
            let unsent = error.take_message().is_some();
            let mut failure = Failure::of_codec(error.error(), reused);
            if unsent {
                failure.processed = Processed::No;
            }
            Err(failure)
        }
    }
}
