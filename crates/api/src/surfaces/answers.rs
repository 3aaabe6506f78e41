//! Room for the answers of a surface: what is written and not taken yet.
//!
//! A reader may take its answer as slowly as it likes, within the patience of its connection; many
//! of them together must not fill the memory. Streams, which are written as they are taken, and
//! small answers need no room.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, Uri};
use http_body_util::BodyExt as _;
use trunkline_net::memory::{Exhausted, Memory};

use crate::problem::{Problem, QUERY_BUSY};

/// An answer up to this size needs no room: connections are few.
const SMALL_BYTES: u64 = 64 << 10;

/// See the module's documentation.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) memory: Arc<Memory>,
    /// What is answered when there is no room, in the surface's own shape.
    pub(super) refuse: fn(&Uri) -> Response,
}

/// Holds room for an answer until its last byte is taken.
pub(super) async fn hold(State(answers): State<Answers>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let response = next.run(request).await;
    if response.body().size_hint().exact().is_none_or(|length| length <= SMALL_BYTES) {
        return response;
    }
    let (head, body) = response.into_parts();
    // Its length is known: it is there as a whole, and nothing is waited for.
    let Ok(whole) = body.collect().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match answers.memory.charge(whole.to_bytes()) {
        Ok(bytes) => Response::from_parts(head, Body::from(bytes)),
        Err(Exhausted) => (answers.refuse)(&uri),
    }
}

/// What our own surfaces answer.
pub(super) fn busy(_: &Uri) -> Response {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        QUERY_BUSY,
        "too many questions are asked at once",
    )
    .detail("the answers to others take all the room that there is")
    .hint("ask again in a moment")
    .into_response()
}
