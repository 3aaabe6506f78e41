//! How a service's requests are shared out beyond the choice of an algorithm.
//!
//! The default shares without limit, queue, affinity, slow start or zones.

use std::time::Duration;

use crate::filter::HeaderName;
use crate::units::Share;

/// How requests are shared out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Spread {
    /// What is hashed, for the algorithms that do.
    pub hash: Option<HashOn>,
    /// How endpoints that have just come up are given traffic.
    pub slow_start: Option<SlowStart>,
    /// Keeps a caller with its endpoint.
    pub affinity: Option<Affinity>,
    /// Requests that one endpoint is given at one time, unless it has a limit of its own.
    pub limit: Option<u32>,
    /// Where requests wait when all endpoints are at their limits.
    pub queue: Queue,
    /// The zone of this process; empty for none: then zones do not matter.
    pub zone: String,
    /// When less than this part of the endpoints can serve, health is not asked any more: better
    /// some failures than all traffic on the few that are left.
    pub panic: Share,
}

/// What is hashed, and how uneven the outcome may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HashOn {
    /// What of the request.
    pub key: HashKey,
    /// Requests in flight to one endpoint, of the average in percent, at least 100; more go
    /// elsewhere. `None` for no bound.
    pub load_percent_max: Option<u32>,
}

/// What of a request is hashed. One that does not have it goes anywhere, by weight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HashKey {
    /// The address that the request came from.
    Source,
    /// The value of this header.
    Header(HeaderName),
    /// The value of this cookie.
    Cookie(String),
    /// The path, without query.
    Path,
    /// The value of this query parameter, as written.
    Query(String),
}

/// How endpoints that have just come up are given traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlowStart {
    /// Until the full share.
    pub window: Duration,
    /// 100 grows in proportion to time; above it faster at the beginning, below it slower.
    pub aggression_percent: u32,
    /// The least share.
    pub least: Share,
}

/// A cookie that keeps a caller with its endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Affinity {
    /// Its name.
    pub cookie: String,
    /// How long it lasts; `None` ends it with the browser's session.
    pub ttl: Option<Duration>,
    /// Below which path it is sent.
    pub path: String,
    /// Whether it goes with requests from other sites.
    pub same_site: SameSite,
}

/// Whether a cookie goes with requests from other sites (RFC 6265bis).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// When the user comes by a link.
    Lax,
    /// Never.
    Strict,
    /// Always; over HTTPS only.
    None,
}

impl SameSite {
    /// The word in the cookie.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

/// Where requests wait while all endpoints are at their limits. The default lets nobody wait.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Queue {
    /// How many may wait.
    pub max: u32,
    /// How long one may wait.
    pub timeout: Duration,
    /// A header by which callers say how urgent a request is, from -10 (first) to 10. Only for
    /// callers that are trusted.
    pub priority_header: Option<HeaderName>,
}
