//! As much of HTTP/1.1 as a load generator and its backend need: find the end of a message.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Room for one head; bodies pass through in pieces of this size and are forgotten.
const BUFFER_BYTES: usize = 64 * 1024;

/// Reads messages one after the other from a connection.
pub(crate) struct Messages {
    buffer: Vec<u8>,
    filled: usize,
}

impl Messages {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; BUFFER_BYTES], filled: 0 }
    }

    /// Reads one message whole and forgets it. Returns its first line's status when it is a response, `None` when
    /// the connection ended before a message began.
    pub(crate) async fn next(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<u16>> {
        let head = loop {
            let seen = self.buffer.get(..self.filled).unwrap_or_default();
            if let Some(length) = head_len(seen) {
                break seen.get(..length).unwrap_or_default();
            }
            if self.filled == self.buffer.len() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            match from.read(room).await? {
                0 if self.filled == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.filled += count,
            }
        };
        let status = status(head);
        let mut left = head.len() + content_length(head);
        while left > self.filled {
            left -= self.filled;
            self.filled = from.read(&mut self.buffer).await?;
            if self.filled == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.buffer.copy_within(left..self.filled, 0);
        self.filled -= left;
        Ok(Some(status))
    }
}

fn head_len(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let mut lines = head.split(|byte| *byte == b'\n');
    let named =
        |line: &&[u8]| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
    let value = lines.find(named).and_then(|line| line.get(NAME.len()..));
    value.and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok()).unwrap_or(0)
}

fn status(message: &[u8]) -> u16 {
    let digits = message.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{BUFFER_BYTES, Messages};

    #[tokio::test]
    async fn messages_end_where_their_length_says() {
        let text =
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 503 No\r\n\r\nHTTP/1.1 2";
        let (mut messages, mut from) = (Messages::new(), &text[..]);
        assert_eq!(messages.next(&mut from).await.unwrap(), Some(200));
        assert_eq!(messages.next(&mut from).await.unwrap(), Some(503));
        assert!(messages.next(&mut from).await.is_err());
    }

    #[tokio::test]
    async fn a_body_may_be_longer_than_the_buffer() {
        let body = vec![b'x'; BUFFER_BYTES * 3 + 7];
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let next = b"HTTP/1.1 404 No\r\n\r\n".to_vec();
        let text = [head.into_bytes(), body, next].concat();
        let (mut messages, mut from) = (Messages::new(), &text[..]);
        assert_eq!(messages.next(&mut from).await.unwrap(), Some(200));
        assert_eq!(messages.next(&mut from).await.unwrap(), Some(404));
        assert_eq!(messages.next(&mut from).await.unwrap(), None);
    }
}
