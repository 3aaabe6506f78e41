//! Every bound of what comes in, in one place.

use std::time::Duration;

use trunkline_net::{coding, grpc};

/// Bounds of what comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body or message as it is sent, in bytes.
    pub body_bytes_max: usize,
    /// What may come out of a compressed one.
    pub decoded: coding::Limits,
    /// Bytes of all bodies and messages under way, compressed, decompressed and translated.
    pub memory_bytes_max: usize,
    /// How long a body may take to arrive.
    pub read_limit: Duration,
    /// How long keeping a batch may take, when its sender sets no time.
    pub call_limit: Duration,
    /// How long a connection of HTTP/1 may be silent between requests.
    pub idle: Duration,
    /// Connections of one surface at a time.
    pub connections_max: usize,
    /// Datagrams under way at a time; more are dropped and counted.
    pub datagrams_max: usize,
}

impl Default for Limits {
    /// 16 MiB on the wire, 64 MiB and 100:1 decompressed, 192 MiB in all; 30 s to arrive, a minute
    /// to be kept.
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 20,
            decoded: coding::Limits { bytes_max: 64 << 20, ratio_max: 100 },
            memory_bytes_max: 192 << 20,
            read_limit: Duration::from_secs(30),
            call_limit: Duration::from_secs(60),
            idle: Duration::from_secs(120),
            connections_max: 512,
            datagrams_max: 256,
        }
    }
}

impl Limits {
    /// The part that concerns gRPC.
    pub(crate) const fn grpc(&self) -> grpc::Limits {
        grpc::Limits {
            message_bytes_max: self.body_bytes_max,
            decoded: self.decoded,
            read_limit: self.read_limit,
            call_limit: self.call_limit,
        }
    }
}
