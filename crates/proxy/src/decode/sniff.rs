//! HTTP/1 or HTTP/2 by the first bytes, where nothing else told.

use std::future::poll_fn;
use std::task::{Poll, ready};

use trunkline_net::buffer::Buffer;
use trunkline_net::stream::Stream;

use super::Connection;
use crate::worker::Told;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Room for the first read: most requests are there at once.
const ROOM_BYTES: usize = 2 << 10;

/// Whether HTTP/2 is spoken, and the bytes that were read to know; `None` when the caller went away
/// or the connection is to end. Most HTTP/1 requests differ in their first or second byte. Whoever
/// sends nothing, or a beginning of the preface and then nothing, is ended by the worker's sweep.
pub(super) async fn sniff(stream: &mut Stream, connection: &Connection) -> Option<(bool, Buffer)> {
    let mut read = Buffer::default();
    poll_fn(|cx| {
        loop {
            if connection.orders.told() >= Told::End && read.is_empty() {
                return Poll::Ready(None);
            }
            match ready!(read.poll_fill(stream, cx, ROOM_BYTES)) {
                Ok(0) | Err(_) => return Poll::Ready(None),
                Ok(_) => connection.activity.received(),
            }
            if let Some(http2) = is_http2(read.data()) {
                return Poll::Ready(Some((http2, std::mem::take(&mut read))));
            }
        }
    })
    .await
}

/// Whether these first bytes are HTTP/2; `None` if they can still become both.
fn is_http2(read: &[u8]) -> Option<bool> {
    if read.starts_with(PREFACE) {
        return Some(true);
    }
    (!PREFACE.starts_with(read)).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preface_is_told_from_every_request() {
        assert_eq!(is_http2(PREFACE), Some(true));
        assert_eq!(is_http2(&[PREFACE, b"\0\0"].concat()), Some(true));
        assert_eq!(is_http2(b"GET / HTTP/1.1\r\n"), Some(false));
        assert_eq!(is_http2(b"PRIDE / HTTP/1.1\r\n"), Some(false));
        assert_eq!(is_http2(b"PRI * HTTP/1.1\r\n"), Some(false));
        for end in 0..PREFACE.len() {
            assert_eq!(is_http2(&PREFACE[..end]), None);
        }
    }
}
