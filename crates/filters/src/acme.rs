//! What an ACME authority asks for while it checks that a name is ours (RFC 8555 §8.3).
//!
//! Only a token of an open order is answered; every other path goes on, so that a service behind us can have orders
//! of its own.

use bytes::Bytes;
use trunkline_net::http::Exchange;
use trunkline_net::tls::challenge;

use crate::{Hooks, Reply, Verdict};

/// Answers tokens of open orders.
#[derive(Debug, Clone)]
pub struct AcmeChallenge;

impl Hooks for AcmeChallenge {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        let token = exchange.request.path().strip_prefix(challenge::PATH);
        match token.and_then(challenge::text) {
            Some(text) => {
                let body = Bytes::copy_from_slice(text.as_bytes());
                let form = "application/octet-stream".parse().ok();
                Verdict::Respond(Reply::given(200, form, body))
            }
            None => Verdict::Continue,
        }
    }
}
