//! HTTP/1.1 and HTTP/1.0 from callers, by hyper until our own codec takes its place.

use std::pin::pin;
use std::rc::Rc;

use hyper::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use trunkline_model::listener::ListenerTimeouts;
use trunkline_net::hyper_io::{HyperIo, HyperTimer};

use super::http2::respond;
use super::io::Watched;
use super::{Connection, supervise};
use crate::limits;

pub(super) async fn serve(
    connection: &Rc<Connection>,
    io: HyperIo<Watched>,
    times: ListenerTimeouts,
) {
    let arriving = Rc::clone(connection);
    let service = service_fn(move |request| respond(Rc::clone(&arriving), request));
    let served = http1::Builder::new()
        .timer(HyperTimer)
        .header_read_timeout(None)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .serve_connection(io, service)
        .with_upgrades();
    let mut served = pin!(served);
    // Until it must close, a caller is told by `Connection: close` on its next response: closing an
    // idle connection could cross with a request.
    let told = connection.drain.closing();
    supervise(connection, served.as_mut(), told, times, true, |served| {
        served.graceful_shutdown();
    })
    .await;
}

/// An upgrade is asked for by HTTP/1.1 alone (RFC 9110 §7.8). One to a protocol that carries
/// further requests is ignored, which is always allowed: in its tunnel they would reach the service
/// without being routed, checked or seen.
pub(super) fn wants_upgrade<B>(request: &Request<B>) -> bool {
    let fields = request.headers();
    let elements = |name| {
        let values = fields.get_all(name).iter();
        values.flat_map(|value| value.to_str().unwrap_or_default().split(',').map(str::trim))
    };
    request.version() == hyper::Version::HTTP_11
        && fields.contains_key(hyper::header::UPGRADE)
        && !elements(hyper::header::UPGRADE).any(carries_requests)
        && elements(hyper::header::CONNECTION)
            .any(|element| element.eq_ignore_ascii_case("upgrade"))
}

/// Whether HTTP is spoken after a switch to this protocol: `h2c` (RFC 7540 §3.2), `HTTP/2.0`,
/// `TLS/1.0` (RFC 2817).
fn carries_requests(protocol: &str) -> bool {
    let name = protocol.split('/').next().unwrap_or_default();
    ["h2", "h2c", "http", "tls"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_protocol_without_further_requests_is_switched_to() {
        let wants = |protocol| {
            let request = Request::get("/").header("upgrade", protocol);
            let request = request.header("connection", "keep-alive, Upgrade, HTTP2-Settings");
            wants_upgrade(&request.body(()).unwrap())
        };
        assert!(wants("websocket") && wants("echo/2"));
        for protocol in ["h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0"] {
            assert!(!wants(protocol), "{protocol}");
        }
    }
}
