//! A caller that sends exactly the bytes it is told and shows exactly what came back.
//!
//! It reads responses just well enough for tests: a head, then a body by length, by chunks, or until the close. It is
//! no HTTP client; what it cannot read makes the test fail.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_net::stream::Stream;

use crate::wait::within;

/// One connection; every wait has a deadline.
#[derive(Debug)]
pub struct RawClient<S = Stream> {
    /// The connection, for what the methods do not cover.
    pub stream: S,
    unread: Vec<u8>,
}

/// A response as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawResponse {
    /// Its status code.
    pub status: u16,
    /// The whole head, from the status line to the empty line.
    pub head: String,
    /// Its headers in their order, names as sent.
    pub headers: Vec<(String, String)>,
    /// Its body, with chunks put together.
    pub body: Vec<u8>,
    /// Its trailers.
    pub trailers: Vec<(String, String)>,
}

impl RawResponse {
    /// The first value of a header, whatever its name's case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl RawClient {
    /// Connects over TCP.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = within("a connection", TcpStream::connect(address)).await.unwrap();
        Self::over(Stream::tcp(socket))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawClient<S> {
    /// Uses a connection that exists.
    pub fn over(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within("the peer to read", self.stream.write_all(bytes.as_ref())).await.unwrap();
        within("the peer to read", self.stream.flush()).await.unwrap();
    }

    /// Sends a `GET` of `target` with this `Host`.
    pub async fn get(&mut self, host: &str, target: &str) -> RawResponse {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        self.response().await
    }

    /// Reads one response to anything but `HEAD`, without interim (1xx) responses other than 101.
    pub async fn response(&mut self) -> RawResponse {
        loop {
            let response = self.response_to("GET").await;
            if response.status >= 200 || response.status == 101 {
                return response;
            }
        }
    }

    /// Reads one response, interim responses included, to a request with this method.
    pub async fn response_to(&mut self, method: &str) -> RawResponse {
        let head = self.until(b"\r\n\r\n").await;
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap();
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.unwrap_or_else(|| panic!("not a status line: {status_line}"));
        let headers = fields(lines);
        let mut response = RawResponse {
            status,
            headers,
            head: head.clone(),
            body: Vec::new(),
            trailers: Vec::new(),
        };
        let is_without_body = method == "HEAD" || status < 200 || status == 204 || status == 304;
        if is_without_body {
            return response;
        }
        if response.header("transfer-encoding").is_some_and(|coding| coding.ends_with("chunked")) {
            self.chunks(&mut response).await;
        } else if let Some(length) = response.header("content-length") {
            let length = length.parse().unwrap();
            response.body = self.exactly(length).await;
        } else {
            response.body = self.rest().await;
        }
        response
    }

    /// Reads exactly `length` bytes.
    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            self.more().await.unwrap_or_else(|| panic!("closed after {:?}", self.unread_text()));
        }
        self.unread.drain(..length).collect()
    }

    /// Reads everything until the peer closes or resets the connection.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await.is_some() {}
        std::mem::take(&mut self.unread)
    }

    /// Reads up to and including `end`.
    pub async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return self.unread.drain(..at + end.len()).collect();
            }
            self.more().await.unwrap_or_else(|| panic!("closed after {:?}", self.unread_text()));
        }
    }

    async fn chunks(&mut self, response: &mut RawResponse) {
        loop {
            let line = self.until(b"\r\n").await;
            let line = String::from_utf8_lossy(&line).into_owned();
            let size = line.trim_end().split(';').next().unwrap();
            let size =
                usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("not a chunk: {line}"));
            if size == 0 {
                break;
            }
            response.body.extend(self.exactly(size).await);
            assert_eq!(self.exactly(2).await, b"\r\n", "a chunk without its end");
        }
        loop {
            let line = self.until(b"\r\n").await;
            if line == b"\r\n" {
                return;
            }
            response
                .trailers
                .extend(fields([String::from_utf8_lossy(&line).trim_end()].into_iter()));
        }
    }

    async fn more(&mut self) -> Option<()> {
        match within("bytes from the peer", self.stream.read_buf(&mut self.unread)).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }

    fn unread_text(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }
}

fn fields<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}
