//! One request with its response, from its first byte to its last: what filters and steps share.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use trunkline_model::ListenerId;
use trunkline_model::trace::TraceContext;

use super::head::Head;

/// Whether the caller used TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The word in URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Who is on the other end of a downstream connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// From where.
    pub address: SocketAddr,
    /// Where it had connected to, where somebody has to be told.
    pub local: Option<SocketAddr>,
    /// Who called first, as far as trusted proxies say; else its own address.
    pub client: IpAddr,
    /// Whether it is a proxy whose word about its callers counts.
    pub trusted: bool,
    /// The name it asked for by SNI.
    pub server_name: Option<Arc<str>>,
    /// The verified identity of its certificate, if it showed one.
    pub identity: Option<Arc<str>>,
    /// What services are told of that certificate: an element of `x-forwarded-client-cert`.
    pub certificate: Option<Arc<str>>,
}

/// Longest id of a request, in bytes.
const CORRELATION_BYTES_MAX: usize = 128;

/// The id that people search logs by; held in place, because every request has one.
#[derive(Clone, Copy)]
pub struct Correlation {
    bytes: [u8; CORRELATION_BYTES_MAX],
    length: u8,
}

impl Correlation {
    /// An id of these bytes; `None` if they are more than 128.
    pub fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; CORRELATION_BYTES_MAX];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { bytes, length: u8::try_from(id.len()).ok()? })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl Default for Correlation {
    fn default() -> Self {
        Self { bytes: [0; CORRELATION_BYTES_MAX], length: 0 }
    }
}

impl std::fmt::Debug for Correlation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        String::from_utf8_lossy(self.as_bytes()).fmt(f)
    }
}

/// What a step or filter tells later ones. An enum vector, not a type map: what can be told is
/// listed here.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// The path before a rewrite.
    OriginalTarget(Box<str>),
    /// The stream may stay open without a byte for this long, whatever the service says.
    IdleLimit(Duration),
}

/// The notes of an exchange.
#[derive(Debug, Clone, Default)]
pub struct Notes(Vec<Note>);

impl Notes {
    /// Adds a note.
    pub fn add(&mut self, note: Note) {
        self.0.push(note);
    }

    /// The notes, oldest first.
    pub fn all(&self) -> &[Note] {
        &self.0
    }
}

/// One request with its response. Bodies travel apart, so that hooks can hold the exchange while a
/// body moves.
#[derive(Debug)]
pub struct Exchange {
    /// The request's head, as edited so far.
    pub request: Head,
    /// The response's head, once there is one.
    pub response: Option<Head>,
    /// Who called.
    pub peer: Peer,
    /// Where it arrived.
    pub listener: ListenerId,
    /// Whether it arrived by TLS.
    pub scheme: Scheme,
    /// Host that routing uses: lower case, no port, no trailing dot.
    pub host: Arc<str>,
    /// Its trace.
    pub trace: TraceContext,
    /// Its correlation id.
    pub correlation: Correlation,
    /// What steps told each other.
    pub notes: Notes,
    /// Whether a filter asked for routing once more; allowed once.
    rerouted: bool,
}

impl Exchange {
    /// An exchange that begins with this request.
    pub fn begin(
        request: Head,
        peer: Peer,
        arrival: (ListenerId, Scheme),
        host: Arc<str>,
        identity: (TraceContext, Correlation),
    ) -> Self {
        Self {
            request,
            response: None,
            peer,
            listener: arrival.0,
            scheme: arrival.1,
            host,
            trace: identity.0,
            correlation: identity.1,
            notes: Notes::default(),
            rerouted: false,
        }
    }

    /// Asks for the route to be picked again. Returns whether that is still allowed: once.
    pub fn reroute(&mut self) -> bool {
        !std::mem::replace(&mut self.rerouted, true)
    }
}
