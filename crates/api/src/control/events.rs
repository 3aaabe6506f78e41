//! `/v1/events`: what changes, as it changes (Server-Sent Events, WHATWG HTML §9.2).

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, StatusCode, Uri, header};

use crate::Wiring;
use crate::console::feed::{READERS_MAX, Reader};
use crate::parameters::Parameters;
use crate::problem::Problem;

pub(super) async fn events(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Problem> {
    Parameters::strict(&uri, &[])?;
    let reader = wiring.console.feed.join().ok_or_else(|| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_readers",
            "too many read the events",
        )
        .detail(format!("{READERS_MAX} streams are open already"))
        .hint("close a console, or ask the other paths instead")
    })?;
    let mut response = Response::new(body(reader));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn body(reader: Reader) -> Body {
    Body::from_stream(stream::unfold(reader, async |mut reader| {
        let piece = reader.next().await?;
        Some((Ok::<_, Infallible>(piece), reader))
    }))
}
