//! A peer that sends exactly the HTTP/2 frames it is told, for tests of what no codec would send.
//!
//! Heads are written without compression state: literals, and indices of the static table.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wait::within;

/// Kinds of frames (RFC 9113 §6).
pub mod kind {
    /// A part of a body.
    pub const DATA: u8 = 0;
    /// A head.
    pub const HEADERS: u8 = 1;
    /// A priority.
    pub const PRIORITY: u8 = 2;
    /// The end of a stream before its end.
    pub const RST_STREAM: u8 = 3;
    /// Settings.
    pub const SETTINGS: u8 = 4;
    /// A ping.
    pub const PING: u8 = 6;
    /// The end of the connection.
    pub const GOAWAY: u8 = 7;
    /// Room for more.
    pub const WINDOW_UPDATE: u8 = 8;
    /// More of a head.
    pub const CONTINUATION: u8 = 9;
}

/// `END_STREAM`.
pub const END_STREAM: u8 = 1;
/// `END_HEADERS`.
pub const END_HEADERS: u8 = 4;

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its kind.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream.
    pub stream: u32,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// One connection; every wait has a deadline.
#[derive(Debug)]
pub struct FramePeer {
    socket: TcpStream,
    out: Vec<u8>,
}

impl FramePeer {
    /// Connects as a client and sends the preface with these settings.
    pub async fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let socket = within("a connection", TcpStream::connect(address)).await.unwrap();
        let mut peer = Self { socket, out: Vec::new() };
        peer.out.extend(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut payload = Vec::new();
        for (id, value) in settings {
            payload.extend(id.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        peer.frame(kind::SETTINGS, 0, 0, &payload);
        peer.flush().await;
        peer
    }

    /// Takes a connection as a server.
    pub fn over(socket: TcpStream) -> Self {
        Self { socket, out: Vec::new() }
    }

    /// Adds a frame to what is to be sent.
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.out.extend(&length[1..]);
        self.out.extend([kind, flags]);
        self.out.extend(stream.to_be_bytes());
        self.out.extend(payload);
    }

    /// Adds a `GET` without a body.
    pub fn get(&mut self, stream: u32, target: &str) {
        let head = head(target, &[]);
        self.frame(kind::HEADERS, END_STREAM | END_HEADERS, stream, &head);
    }

    /// Adds a reset.
    pub fn reset(&mut self, stream: u32, reason: u32) {
        self.frame(kind::RST_STREAM, 0, stream, &reason.to_be_bytes());
    }

    /// Sends what was added; a peer that reset the connection is no failure, its frames tell.
    pub async fn flush(&mut self) {
        let out = std::mem::take(&mut self.out);
        let _ = within("the peer to read", self.socket.write_all(&out)).await;
    }

    /// The next frame; `None` once the connection is closed.
    pub async fn read(&mut self) -> Option<Frame> {
        let mut header = [0; 9];
        within("a frame", self.socket.read_exact(&mut header)).await.ok()?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let mut payload = vec![0; length as usize];
        within("a payload", self.socket.read_exact(&mut payload)).await.ok()?;
        let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        Some(Frame { kind: header[3], flags: header[4], stream, payload })
    }

    /// The next frame of a kind; those between are passed over.
    pub async fn read_kind(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.read().await.expect("the connection closed");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// The reason of the GOAWAY that ends the connection; `None` if it closed without one.
    pub async fn farewell(&mut self) -> Option<u32> {
        let mut reason = None;
        while let Some(frame) = self.read().await {
            if frame.kind == kind::GOAWAY {
                reason = Some(u32::from_be_bytes(frame.payload[4..8].try_into().unwrap()));
            }
        }
        reason
    }
}

/// The head of a `GET` with more fields.
pub fn head(target: &str, more: &[(&str, &str)]) -> Vec<u8> {
    // Of the static table: `:method: GET`, `:scheme: http`; by name: `:authority`, `:path`.
    let mut head = vec![0x82, 0x86];
    head.push(0x01);
    text(&mut head, "shop.localhost");
    head.push(0x04);
    text(&mut head, target);
    for (name, value) in more {
        head.push(0);
        text(&mut head, name);
        text(&mut head, value);
    }
    head
}

fn text(head: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        head.push(u8::try_from(length).unwrap());
    } else {
        head.push(127);
        length -= 127;
        while length >= 128 {
            head.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        head.push(u8::try_from(length).unwrap());
    }
    head.extend(text.as_bytes());
}
