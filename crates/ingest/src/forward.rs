//! Spans go on, by OTLP, to a collector or a Jaeger that stays in use.
//!
//! A [`Forwarder`] reads a [`Backlog`] in its order and sends what it finds, several requests at a
//! time; what was sent is reported to the backlog in order, so that it can forget it. What fails is
//! tried again with a growing delay, for as long as the backlog keeps it: at least once, and after a
//! crash perhaps twice, which receivers of spans recognise by the ids. What the receiver rejects for
//! good is counted and passed over, so that one bad batch never stops the rest.
//!
//! Requests are put together from what waits, since two batches in a row are one batch in protobuf.
//! One that is too large for the receiver is cut in half.

mod memory;
mod run;
mod send;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Uri};
use trunkline_net::client::Client;
use trunkline_resilience::backoff;

pub use memory::Memory;
pub use run::Forwarder;

/// A place in a backlog. They are ordered; what they mean is the backlog's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u128);

/// A batch that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub mark: Mark,
    /// An `ExportTraceServiceRequest`.
    pub batch: Bytes,
}

/// What waits to be sent on: in memory, or in a log that is on disk anyway.
pub trait Backlog: Send + Sync + 'static {
    /// What waits after this place (from the beginning when there is none), oldest first: at least
    /// one, for which it waits, and no more than so many bytes unless the first alone is larger.
    fn read(&self, after: Option<Mark>, bytes_max: usize) -> BoxFuture<'static, Vec<Entry>>;

    /// Everything up to here was sent on or rejected for good.
    fn done(&self, upto: Mark);
}

/// How a receiver is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP, protobuf.
    Http,
}

/// Where to and how.
#[derive(Debug, Clone)]
pub struct Config {
    /// `http://host:port` or `https://host:port`; over HTTP a path, or none for `/v1/traces`.
    pub endpoint: Uri,
    /// How the receiver is spoken to.
    pub wire: Wire,
    /// Compress what is sent.
    pub gzip: bool,
    /// Sent with every request: a token, a tenant.
    pub headers: HeaderMap,
    /// How to connect, and the time limit of a request.
    pub client: Client,
    /// Requests at a time.
    pub in_flight: usize,
    /// Bytes that one request is put together to.
    pub request_bytes: usize,
    /// Delays between tries.
    pub backoff: backoff::Config,
    /// A receiver may ask for a longer delay, up to this.
    pub retry_after_max: Duration,
}

impl Config {
    /// The usual: gzip, 4 requests at a time of about 1 MiB, delays from 0.5 s to 30 s.
    pub fn new(endpoint: Uri, wire: Wire, client: Client) -> Self {
        Self {
            endpoint,
            wire,
            gzip: true,
            headers: HeaderMap::new(),
            client,
            in_flight: 4,
            request_bytes: 1 << 20,
            backoff: backoff::Config::new(Duration::from_millis(500), Duration::from_secs(30)),
            retry_after_max: Duration::from_secs(300),
        }
    }
}
