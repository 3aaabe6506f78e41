//! HTTP/1.1 as plain values: a request's head is read from bytes, a response is written to bytes (RFC 9112).
//!
//! It knows nothing of sockets, so its tests need none. What it does not understand it refuses.

use serde_json::{json, Value};

const HEADERS_MAX: usize = 64;

#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    pub method: String,
    pub path: String,
    pub query: String,
    /// The client wants to ask again over the same connection.
    pub keep_alive: bool,
    /// Names in small letters.
    headers: Vec<(String, String)>,
}

/// How a body ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Framing {
    Length(usize),
    Chunked,
}

impl Head {
    /// Reads what stands before the empty line. `None` is a request that is not well formed.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        let method_is_token = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphabetic());
        if words.next().is_some() || !method_is_token || !target.starts_with('/') {
            return None;
        }
        let mut headers = Vec::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            if name.is_empty() || name.contains([' ', '\t']) || headers.len() == HEADERS_MAX {
                return None;
            }
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut head = Self {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            keep_alive: false,
            headers,
        };
        let connection = head.header("connection").unwrap_or_default().to_ascii_lowercase();
        head.keep_alive = match version {
            "HTTP/1.1" => !connection.contains("close"),
            "HTTP/1.0" => connection.contains("keep-alive"),
            _ => return None,
        };
        Some(head)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn set_header(&mut self, name: &str, value: String) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value));
    }

    /// How the body ends, or `None` if the headers contradict each other: that is how requests are smuggled.
    pub fn framing(&self) -> Option<Framing> {
        let all = |name: &str| {
            self.headers
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
        };
        match (all("transfer-encoding").as_slice(), all("content-length").as_slice()) {
            ([], []) => Some(Framing::Length(0)),
            ([], [length]) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                length.parse().ok().map(Framing::Length)
            }
            ([encoding], []) if encoding.eq_ignore_ascii_case("chunked") => Some(Framing::Chunked),
            _ => None,
        }
    }

    /// The value of a name in the query; values here need no decoding.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

pub struct Response {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }

    /// What went wrong (RFC 9457).
    pub fn problem(status: u16, detail: &str) -> Self {
        let body = json!({ "type": "about:blank", "title": reason(status), "status": status, "detail": detail });
        Self {
            content_type: "application/problem+json",
            ..Self::json(status, &body)
        }
    }

    /// The bytes to send; to HEAD the body is not sent, only announced.
    pub fn to_bytes(&self, keep_alive: bool, with_body: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        head += &format!(
            "content-type: {}\r\ncontent-length: {}\r\n",
            self.content_type,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += if keep_alive {
            "\r\n"
        } else {
            "connection: close\r\n\r\n"
        };
        let mut bytes = head.into_bytes();
        if with_body {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let head = Head::parse(b"GET /summary?minutes=5&x=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id:  r1 \r\n").unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str()), ("GET", "/summary"));
        assert_eq!(
            (head.header("x-request-id"), head.query_value("minutes")),
            (Some("r1"), Some("5"))
        );
        assert!(head.keep_alive);
        assert!(
            !Head::parse(b"GET / HTTP/1.1\r\nConnection: Close\r\n")
                .unwrap()
                .keep_alive
        );
        assert!(!Head::parse(b"GET / HTTP/1.0\r\n").unwrap().keep_alive);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "",
            "GET",
            "GET /",
            "GET / HTTP/2",
            "GET / HTTP/1.1 x",
            "GET a HTTP/1.1",
            "G=T / HTTP/1.1",
            "GET / HTTP/1.1\r\nnonsense",
            "GET / HTTP/1.1\r\nA : b",
            "GET / HTTP/1.1\r\n folded: line",
        ] {
            assert_eq!(Head::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_body_has_one_end() {
        let framing = |headers: &str| {
            Head::parse(format!("POST / HTTP/1.1\r\n{headers}").as_bytes())
                .unwrap()
                .framing()
        };
        assert_eq!(framing(""), Some(Framing::Length(0)));
        assert_eq!(framing("Content-Length: 12\r\n"), Some(Framing::Length(12)));
        assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), Some(Framing::Chunked));
        for contradiction in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: \r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
        ] {
            assert_eq!(framing(contradiction), None, "{contradiction}");
        }
    }
}
