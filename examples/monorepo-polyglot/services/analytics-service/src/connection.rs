//! One client's connection: requests are read within limits of size and time, and answered one after the other.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::http::{Framing, Head, Response};

const HEAD_BYTES_MAX: usize = 16 * 1024;
const BODY_BYTES_MAX: usize = 64 * 1024;
/// The line that tells a chunk's size.
const CHUNK_LINE_BYTES_MAX: usize = 128;
/// How long a client may take to send a request it has begun.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a client may think between two requests.
const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// How long, and how much, we listen to a client that we have refused, so that it reads our answer first.
const LINGER_TIME_MAX: Duration = Duration::from_millis(500);
const LINGER_BYTES_MAX: usize = 1024 * 1024;

pub struct Connection {
    stream: TcpStream,
    /// What was read and is not used yet.
    unread: Vec<u8>,
    deadline: Instant,
}

/// What reading a request came to.
pub enum Incoming {
    Request(Head, Vec<u8>),
    /// Answer this and close: what follows cannot be understood.
    Refused(Response),
    /// The client is gone, or never came.
    Nothing,
}

/// Why a request could not be read to its end.
enum Broken {
    Gone,
    Refused(u16, &'static str),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                Broken::Refused(408, "the request took too long to arrive")
            }
            _ => Broken::Gone,
        }
    }
}

impl Connection {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(REQUEST_TIME_MAX))?;
        Ok(Self {
            stream,
            unread: Vec::new(),
            deadline: Instant::now(),
        })
    }

    /// Waits until a request begins. False: the client is gone, or has thought for too long.
    pub fn wait(&mut self) -> bool {
        self.deadline = Instant::now() + IDLE_TIME_MAX;
        !self.unread.is_empty() || matches!(self.fill(), Ok(()))
    }

    pub fn read(&mut self) -> Incoming {
        self.deadline = Instant::now() + REQUEST_TIME_MAX;
        match self.read_request() {
            Ok((head, body)) => Incoming::Request(head, body),
            Err(Broken::Gone) => Incoming::Nothing,
            Err(Broken::Refused(status, detail)) => Incoming::Refused(Response::problem(status, detail)),
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Closes our side and hears the client out: closing at once would destroy an answer that is still on its way.
    pub fn close_gently(mut self) {
        self.deadline = Instant::now() + LINGER_TIME_MAX;
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut heard = 0;
        while heard < LINGER_BYTES_MAX && self.fill().is_ok() {
            heard += std::mem::take(&mut self.unread).len();
        }
    }

    fn read_request(&mut self) -> Result<(Head, Vec<u8>), Broken> {
        let text = self.take_until(b"\r\n\r\n", HEAD_BYTES_MAX, (431, "the headers are too large"))?;
        let head = Head::parse(&text).ok_or(Broken::Refused(400, "this is not an HTTP/1.1 request"))?;
        let framing = head
            .framing()
            .ok_or(Broken::Refused(400, "how the body ends is not clear"))?;
        if head
            .header("expect")
            .is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue"))
        {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = match framing {
            Framing::Length(length) => self.take(length, 0)?,
            Framing::Chunked => self.take_chunks()?,
        };
        Ok((head, body))
    }

    fn take_chunks(&mut self) -> Result<Vec<u8>, Broken> {
        let wrong = (400, "the chunks are not well formed");
        let mut body = Vec::new();
        loop {
            let line = self.take_until(b"\r\n", CHUNK_LINE_BYTES_MAX, wrong)?;
            let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            let size = std::str::from_utf8(size)
                .ok()
                .filter(|size| size.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let size = size
                .and_then(|size| usize::from_str_radix(size, 16).ok())
                .ok_or(Broken::Refused(wrong.0, wrong.1))?;
            if size == 0 {
                // Trailers are read and not used.
                while !self.take_until(b"\r\n", HEAD_BYTES_MAX, wrong)?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size, body.len())?);
            if !self.take_until(b"\r\n", CHUNK_LINE_BYTES_MAX, wrong)?.is_empty() {
                return Err(Broken::Refused(wrong.0, wrong.1));
            }
        }
    }

    /// The next `length` bytes of a body of which there are `already` some.
    fn take(&mut self, length: usize, already: usize) -> Result<Vec<u8>, Broken> {
        if length > BODY_BYTES_MAX - already.min(BODY_BYTES_MAX) {
            return Err(Broken::Refused(413, "the body has more than 65536 bytes"));
        }
        while self.unread.len() < length {
            self.fill()?;
        }
        let rest = self.unread.split_off(length);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    /// What stands before an end, which is taken too.
    fn take_until(&mut self, end: &[u8], most: usize, too_long: (u16, &'static str)) -> Result<Vec<u8>, Broken> {
        let mut searched = 0;
        loop {
            let found = self.unread[searched..]
                .windows(end.len())
                .position(|window| window == end);
            if let Some(at) = found.map(|at| at + searched).filter(|at| *at <= most) {
                let rest = self.unread.split_off(at + end.len());
                let mut taken = std::mem::replace(&mut self.unread, rest);
                taken.truncate(at);
                return Ok(taken);
            }
            if self.unread.len() > most {
                return Err(Broken::Refused(too_long.0, too_long.1));
            }
            searched = self.unread.len().saturating_sub(end.len() - 1);
            self.fill()?;
        }
    }

    /// Reads once, within what is left of the time.
    fn fill(&mut self) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut piece = [0; 8192];
        match self.stream.read(&mut piece) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.unread.extend_from_slice(&piece[..count]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}
