//! The moments at which a filter may act, and what it may say.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use trunkline_model::reason::Reason;
use trunkline_net::http::Exchange;

use crate::Reply;

/// What a filter says about a head.
pub enum Verdict<'a> {
    /// The next one may act.
    Continue,
    /// The exchange is answered with this; nothing is forwarded.
    Respond(Reply),
    /// The filter must wait, and holds the exchange meanwhile. The future has a time limit of its
    /// own: the chain adds none.
    Wait(Pin<Box<dyn Future<Output = Verdict<'a>> + 'a>>),
}

impl fmt::Debug for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue => f.write_str("Continue"),
            Self::Respond(reply) => f.debug_tuple("Respond").field(reply).finish(),
            Self::Wait(_) => f.write_str("Wait"),
        }
    }
}

/// What a filter says about a part of a body.
#[derive(Debug, Clone, PartialEq)]
pub enum BodyVerdict {
    /// It goes on, as it is now.
    Continue,
    /// The exchange ends: with an answer for this reason while the response's head is not sent
    /// yet, else by cutting the stream.
    Abort(Reason),
}

/// The moments at which a filter may act. Every one does nothing unless a filter says otherwise.
pub trait Hooks {
    /// The request's head is there; its body may still be on the way.
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        let _ = exchange;
        Verdict::Continue
    }

    /// A part of the request's body passes. The filter may change it, or empty it to drop it.
    fn on_request_body(&self, exchange: &mut Exchange, chunk: &mut Bytes) -> BodyVerdict {
        let _ = (exchange, chunk);
        BodyVerdict::Continue
    }

    /// The response's head is there ([`Exchange::response`]), the service's or Trunkline's own.
    fn on_response<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        let _ = exchange;
        Verdict::Continue
    }

    /// A part of the response's body passes. The filter may change it, or empty it to drop it.
    fn on_response_body(&self, exchange: &mut Exchange, chunk: &mut Bytes) -> BodyVerdict {
        let _ = (exchange, chunk);
        BodyVerdict::Continue
    }

    /// The exchange is over, however it ended.
    fn on_end(&self, exchange: &Exchange) {
        let _ = exchange;
    }
}
