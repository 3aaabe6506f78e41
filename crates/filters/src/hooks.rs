//! The moments at which a filter may act, and what it may say.

use std::fmt;
use std::pin::Pin;

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

/// The moments at which a filter may act. Every one does nothing unless a filter says otherwise.
pub trait Hooks {
    /// The request's head is there; its body may still be on the way.
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        let _ = exchange;
        Verdict::Continue
    }

    /// The response's head is there ([`Exchange::response`]), the service's or Trunkline's own.
    fn on_response<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        let _ = exchange;
        Verdict::Continue
    }
}
