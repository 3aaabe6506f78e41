//! What an exchange has of its caller's connection: the request's body, and the way for interim
//! responses.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use trunkline_net::http::{BodyError, Head};
use trunkline_net::http1::encode_response;

use super::Shared;
use crate::forward::headers;

/// The body of the request under way.
pub(super) struct CallerBody(Shared);

impl CallerBody {
    pub(super) fn new(server: &Shared) -> Self {
        Self(Rc::clone(server))
    }
}

impl HttpBody for CallerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.borrow_mut().poll_body(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.borrow().is_body_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.borrow().body_left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Takes interim responses (1xx) for the caller: early hints, for example (RFC 8297).
pub(crate) struct Interim(Shared);

impl Interim {
    pub(super) fn new(server: &Shared) -> Self {
        Self(Rc::clone(server))
    }

    /// Has it sent before anything else; the connection's loop does that.
    pub(crate) fn send(&self, mut head: Head) {
        headers::prepare_response(&mut head);
        encode_response(&head, &[], self.0.borrow_mut().output());
    }
}

impl std::fmt::Debug for Interim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interim")
    }
}
