//! HTTP/1.1 on one connection, for callers and backends of the soak: heads, bodies, nothing else.
//!
//! Whatever is not as it should be is an error with words for the report: the soak counts every one of them.

use std::io;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// More than any head or body of the soak.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// The first line and the fields of a message.
pub(super) struct Head {
    first: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// Second word of the first line: the status of a response, the path of a request.
    pub(super) fn second(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    }
}

/// A connection, and what was read of it beyond the last message.
pub(super) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(super) async fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        Ok(Self::new(stream))
    }

    /// A connection from this address of the machine. It leaves nothing behind when it is dropped:
    /// thousands a second would use up the ports of an address in a minute.
    pub(super) async fn connect_from(address: Ipv4Addr, port: u16) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((address, 0).into())?;
        socket.set_zero_linger()?;
        Ok(Self::new(socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?))
    }

    pub(super) fn new(stream: TcpStream) -> Self {
        // Without it the soak is slower, not wrong.
        let _ = stream.set_nodelay(true);
        Self { stream, buffer: Vec::new() }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next head; `None` when the connection ended in order.
    pub(super) async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Ok(Some(parse(&String::from_utf8_lossy(&head))));
            }
            if !self.fill().await? {
                return match self.buffer.len() {
                    0 => Ok(None),
                    _ => Err(short("head")),
                };
            }
        }
    }

    /// The body that belongs to a head.
    pub(super) async fn body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        if !head.has("transfer-encoding", "chunked") {
            let length = head.get("content-length").and_then(|text| text.parse().ok());
            return self.exactly(length.unwrap_or(0)).await;
        }
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(|_| short("chunk size"))?;
            body.extend(self.exactly(size).await?);
            self.line().await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    /// So many bytes.
    pub(super) async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            if !self.fill().await? {
                return Err(short("body"));
            }
        }
        Ok(self.buffer.drain(..count).collect())
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if !self.fill().await? {
                return Err(short("chunked body"));
            }
        }
    }

    async fn fill(&mut self) -> io::Result<bool> {
        if self.buffer.len() > MESSAGE_BYTES_MAX {
            return Err(io::Error::other("a message is too long"));
        }
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

fn short(what: &str) -> io::Error {
    let text = format!("the connection ended within a {what}");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

fn parse(text: &str) -> Head {
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let fields = lines.filter_map(|line| line.split_once(':'));
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.trim().to_owned());
    Head { first, fields: fields.map(own).collect() }
}
