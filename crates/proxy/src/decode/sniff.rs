//! HTTP/1 or HTTP/2 by the first bytes, where nothing else told.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use trunkline_net::stream::Stream;

use crate::limits::PREFACE_TIME;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether HTTP/2 is spoken, and the bytes that were read to know; `None` when the caller sent
/// nothing in time or went away. Most HTTP/1 requests differ in their first or second byte.
pub(super) async fn sniff(stream: &mut Stream, idle: Duration) -> Option<(bool, Vec<u8>)> {
    let mut read = Vec::with_capacity(PREFACE.len());
    let mut limit = idle;
    while PREFACE.starts_with(&read) && read.len() < PREFACE.len() {
        let mut buffer = [0; PREFACE.len()];
        let room = buffer.get_mut(read.len()..)?;
        match timeout(limit, stream.read(room)).await {
            Ok(Ok(0) | Err(_)) => return None,
            Ok(Ok(count)) => read.extend_from_slice(room.get(..count)?),
            // A beginning of the preface and then nothing: HTTP/1 has its own limit for slow heads.
            Err(_) if read.is_empty() => return None,
            Err(_) => return Some((false, read)),
        }
        limit = PREFACE_TIME;
    }
    Some((read == PREFACE, read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn check(sent: &[&[u8]], expect: Option<(bool, &[u8])>) {
        let (mut caller, mut server) = Stream::pair(64);
        for part in sent {
            caller.write_all(part).await.unwrap();
        }
        drop(caller);
        let found = sniff(&mut server, Duration::from_secs(5)).await;
        assert_eq!(found.as_ref().map(|(http2, read)| (*http2, read.as_slice())), expect);
    }

    #[tokio::test]
    async fn the_preface_is_told_from_every_request() {
        check(&[PREFACE], Some((true, PREFACE))).await;
        check(&[b"GET / HTTP/1.1\r\n"], Some((false, b"GET / HTTP/1.1\r\n"))).await;
        check(&[b"PRIDE / HTTP/1.1\r\n"], Some((false, b"PRIDE / HTTP/1.1\r\n"))).await;
        check(&[], None).await;
    }
}
