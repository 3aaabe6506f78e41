//! `grpc.health.v1.Health/Check` over a connection of its own (gRPC health checking protocol).
//!
//! The two messages are small enough to be written and read by hand: a length-prefixed message with
//! one field each way.

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use hyper::Request;
use trunkline_net::tls;

use super::Place;

/// Bytes of an answer that a check reads at most.
const ANSWER_BYTES_MAX: usize = 4 << 10;

/// Of `HealthCheckResponse.ServingStatus`.
const SERVING: u8 = 1;

pub(super) async fn check(service: &str, place: &Place) -> Result<(), String> {
    let stream = match place.tls {
        Some(_) => place.secured(Some(tls::H2)).await?,
        None => place.open().await?,
    };
    let (client, connection) = h2::client::handshake(stream).await.map_err(|error| said(&error))?;
    let exchange = ask(client, service, place);
    // The exchange and the connection that carries it: the first to end decides.
    tokio::select! {
        answer = exchange => answer,
        ended = connection => match ended {
            Ok(()) => Err("the connection was closed".to_owned()),
            Err(error) => Err(said(&error)),
        },
    }
}

async fn ask(client: SendRequest<Bytes>, service: &str, place: &Place) -> Result<(), String> {
    let mut client = client.ready().await.map_err(|error| said(&error))?;
    let scheme = if place.tls.is_some() { "https" } else { "http" };
    let request =
        Request::post(format!("{scheme}://{}/grpc.health.v1.Health/Check", place.authority()))
            .version(hyper::Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| error.to_string())?;
    let (response, mut body) = client.send_request(request, false).map_err(|error| said(&error))?;
    body.send_data(question(service), true).map_err(|error| said(&error))?;
    let (head, mut body) = response.await.map_err(|error| said(&error))?.into_parts();
    if head.status != hyper::StatusCode::OK {
        return Err(format!("the health service answered {}", head.status.as_u16()));
    }
    let mut message = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data.map_err(|error| said(&error))?;
        // Only as much as fits may ever arrive: nothing beyond the first window is released.
        let _ = body.flow_control().release_capacity(data.len());
        message.extend_from_slice(&data);
        if message.len() > ANSWER_BYTES_MAX {
            return Err(format!("the health service answered more than {ANSWER_BYTES_MAX} bytes"));
        }
    }
    let trailers = body.trailers().await.map_err(|error| said(&error))?.unwrap_or_default();
    let status = trailers.get("grpc-status").or_else(|| head.headers.get("grpc-status"));
    match status.and_then(|status| status.to_str().ok()) {
        Some("0") => judge(&message),
        Some(status) => Err(format!("the health service answered with gRPC status {status}")),
        None => Err("the health service answered without a gRPC status".to_owned()),
    }
}

/// `HealthCheckRequest { service }`, with its prefix.
fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        let mut length = service.len();
        while length >= 0x80 {
            message.put_u8(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
            length >>= 7;
        }
        message.put_u8(u8::try_from(length).unwrap_or_default());
        message.extend_from_slice(service.as_bytes());
    }
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.extend_from_slice(&message);
    framed.freeze()
}

/// `HealthCheckResponse { status }`: an enum in one byte, absent when it is zero.
fn judge(framed: &[u8]) -> Result<(), String> {
    match framed.get(5..) {
        Some([0x08, SERVING, ..]) => Ok(()),
        Some([0x08, 2, ..]) => Err("the health service says NOT_SERVING".to_owned()),
        Some([0x08, 3, ..]) => Err("the health service does not know the service".to_owned()),
        Some(_) => Err("the health service says UNKNOWN".to_owned()),
        None => Err("the health service answered without a message".to_owned()),
    }
}

fn said(error: &h2::Error) -> String {
    crate::forward::whole(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_as_the_protocol_says() {
        assert_eq!(&*question(""), [0, 0, 0, 0, 0]);
        assert_eq!(&*question("a.B"), b"\0\0\0\0\x05\x0a\x03a.B");
        let long = "x".repeat(200);
        assert_eq!(question(&long).get(5..8), Some(&[0x0a, 0xc8, 1][..]));
        assert!(judge(&[0, 0, 0, 0, 2, 8, 1]).is_ok());
        for wrong in [&[0, 0, 0, 0, 2, 8, 2][..], &[0, 0, 0, 0, 0], &[], &[0, 0, 0, 0, 2, 8, 3]] {
            assert!(judge(wrong).is_err(), "{wrong:?}");
        }
    }
}
