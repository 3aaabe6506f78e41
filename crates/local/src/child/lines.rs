//! Lines of an output, each of bounded length; what they contain is not interpreted.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A longer line is handed out in pieces of this many bytes.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// Bytes asked for in one read.
const READ_BYTES: usize = 8 * 1024;

/// Splits an output into lines.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    pending: Vec<u8>,
    /// How much of `pending` is known to hold no line end.
    searched: usize,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, pending: Vec::new(), searched: 0, ended: false }
    }

    /// The next line, without its line end; `None` at the end of the output. A last line without
    /// an end counts. Cancel safe.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Some(line));
            }
            if self.ended {
                let rest = std::mem::take(&mut self.pending);
                self.searched = 0;
                return Ok((!rest.is_empty()).then_some(rest));
            }
            self.pending.reserve(READ_BYTES);
            self.ended = self.reader.read_buf(&mut self.pending).await? == 0;
        }
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let fresh = self.pending.get(self.searched..)?;
        let end = fresh.iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
        self.searched = self.pending.len();
        let (length, skipped) = match end {
            Some(end) if end <= LINE_BYTES_MAX => (end, 1),
            _ if self.pending.len() >= LINE_BYTES_MAX => (LINE_BYTES_MAX, 0),
            _ => return None,
        };
        let mut line: Vec<u8> = self.pending.drain(..length + skipped).take(length).collect();
        self.searched = 0;
        if skipped == 1 && line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(input);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(String::from_utf8(line).unwrap());
        }
        found
    }

    #[tokio::test]
    async fn lines_end_at_either_line_end_and_at_the_end() {
        assert_eq!(all(b"one\ntwo\r\n\nlast").await, ["one", "two", "", "last"]);
        assert_eq!(all(b"").await, [""; 0]);
    }

    #[tokio::test]
    async fn an_endless_line_comes_in_bounded_pieces() {
        let mut input = vec![b'x'; LINE_BYTES_MAX * 2 + 5];
        input.extend(b"\nnext\n");
        let lengths: Vec<_> = all(&input).await.iter().map(String::len).collect();
        assert_eq!(lengths, [LINE_BYTES_MAX, LINE_BYTES_MAX, 5, 4]);
    }
}
