//! The way for interim responses (1xx) to a caller: early hints, for example (RFC 8297).

use trunkline_net::http::Head;

use super::{http1, http2};

/// Takes interim responses for the caller.
#[derive(Debug)]
pub(crate) enum Interim {
    Http1(http1::Interim),
    Http2(http2::Interim),
}

impl Interim {
    /// Has it sent before the response.
    pub(crate) fn send(&self, head: Head) {
        match self {
            Self::Http1(interim) => interim.send(head),
            Self::Http2(interim) => interim.send(head),
        }
    }
}
