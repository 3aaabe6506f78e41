//! Plain HTTP is answered with the same URL on HTTPS.

use trunkline_model::reason::{Kind, Reason};
use trunkline_net::http::{Exchange, Scheme};

use crate::{Hooks, Reply, Verdict};

/// 308 keeps method and body, so that a POST stays one (RFC 9110 §15.4.9).
const STATUS: u16 = 308;
/// The port that `https` URLs leave out.
const HTTPS_PORT: u16 = 443;

/// Sends plain HTTP to HTTPS on a port.
#[derive(Debug, Clone)]
pub struct RedirectToHttps {
    /// The port in the target; 443 is left out of it.
    pub port: u16,
}

impl Hooks for RedirectToHttps {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Verdict<'a> {
        if exchange.scheme == Scheme::Https {
            return Verdict::Continue;
        }
        let target = exchange.request.target();
        if exchange.host.is_empty() || !target.starts_with('/') {
            return Verdict::Respond(Reply::because(Reason::new(Kind::BadRequest)));
        }
        let host = &exchange.host;
        let location = match self.port {
            HTTPS_PORT => format!("https://{host}{target}"),
            port => format!("https://{host}:{port}{target}"),
        };
        Verdict::Respond(Reply::redirect(STATUS, &location))
    }
}
