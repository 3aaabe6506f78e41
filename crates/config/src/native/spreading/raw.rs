//! What may be written about how a service's requests are shared out. Doc comments of the keys are
//! the reference documentation and the descriptions of the JSON Schema.

use trunkline_config_derive::Decode;
use trunkline_model::units::Share;

use super::forms::HashForm;
use crate::decode::{Period, Spanned};
use crate::defaults;

/// How an endpoint is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum BalanceWord {
    /// In turn, by weight.
    RoundRobin,
    /// The one with the fewest requests in flight.
    LeastRequest,
    /// Of two at random, the one that is likely to answer sooner: by the peaks of its latency and
    /// its requests in flight.
    PeakEwma,
    /// Any, by weight.
    Random,
    /// The first in the order written that has fewer requests than its `max_connections`.
    First,
    /// By a hash of the request, on a ring: few move when endpoints come and go.
    RingHash,
    /// By a hash of the request, with a Maglev table: faster and more even than a ring.
    Maglev,
}

/// How an endpoint is picked, in parts.
#[derive(Debug, Clone, Decode)]
#[config(what = "`balance`")]
pub struct RawBalance {
    /// The algorithm.
    #[config(default = defaults::BALANCE)]
    pub by: BalanceWord,
    /// What is hashed, for `ring_hash` and `maglev`: `source`, `path`, or `{ on, name }`. A request
    /// that does not have it goes anywhere. Without it, `source`.
    pub hash: Option<Spanned<HashForm>>,
    /// Bounded load of a hash: an endpoint is given at most this percentage of the average number
    /// of requests in flight, and what is more goes elsewhere. At least 100.
    pub load_max: Option<Spanned<u32>>,
    /// When less than this part of the endpoints can serve, health is not asked any more: better
    /// some failures than all traffic on the few that are left.
    #[config(default = defaults::PANIC)]
    pub panic: Share,
}

/// What of a request is hashed.
#[derive(Debug, Clone, Decode)]
#[config(what = "`hash`")]
pub struct RawHash {
    /// What of the request.
    pub on: HashWord,
    /// Name of the header, cookie or query parameter.
    pub name: Option<Spanned<String>>,
}

/// What of a request is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum HashWord {
    /// The address that it comes from.
    Source,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
    /// The path, without query.
    Path,
    /// A query parameter.
    Query,
}

/// How endpoints that have just come up are given traffic.
#[derive(Debug, Clone, Decode)]
#[config(what = "`slow_start`")]
pub struct RawSlowStart {
    /// Until the full share.
    pub window: Period,
    /// 100 grows in proportion to time; above it faster at the beginning, below it slower.
    #[config(default = defaults::SLOW_START_AGGRESSION)]
    pub aggression: u32,
    /// The least share.
    #[config(default = defaults::SLOW_START_LEAST)]
    pub least: Share,
}

/// A cookie that keeps a caller with its endpoint while that serves or drains.
#[derive(Debug, Clone, Decode)]
#[config(what = "`affinity`")]
pub struct RawAffinity {
    /// Name of the cookie. It holds a digest, no address, and is `HttpOnly`; over HTTPS `Secure`.
    pub cookie: Spanned<String>,
    /// How long it lasts; without it, as long as the browser's session.
    pub ttl: Option<Period>,
    /// Below which path it is sent.
    #[config(default = defaults::AFFINITY_PATH)]
    pub path: String,
    /// Whether it goes with requests from other sites.
    #[config(default = defaults::AFFINITY_SAME_SITE)]
    pub same_site: SameSiteWord,
}

/// Whether a cookie goes with requests from other sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum SameSiteWord {
    /// When the user comes by a link.
    Lax,
    /// Never.
    Strict,
    /// Always; over HTTPS only.
    None,
}

/// Where requests wait while every endpoint has as many as its `max_connections`.
#[derive(Debug, Clone, Decode)]
#[config(what = "`queue`")]
pub struct RawQueue {
    /// How many may wait; more are answered 503 `queue_full`. 0 lets nobody wait.
    #[config(default = defaults::QUEUE_MAX)]
    pub max: u32,
    /// How long one may wait; then it is answered 503 `queue_timeout`.
    #[config(default = defaults::QUEUE_TIMEOUT)]
    pub timeout: Period,
    /// Header by which callers say how urgent a request is: from -10 (served first) to 10.
    /// It goes before the `priority` of the route.
    pub priority_header: Option<Spanned<String>>,
}

/// An address with its place among its siblings.
#[derive(Debug, Clone, Decode)]
#[config(what = "an endpoint")]
pub struct RawEndpoint {
    /// `host:port`.
    pub address: Spanned<String>,
    /// Its part of the traffic.
    #[config(default = defaults::WEIGHT)]
    pub weight: u32,
    /// 0 is used first; endpoints with a greater number help when less than about 70 % of those
    /// before them can serve.
    #[config(default = defaults::ENDPOINT_PRIORITY)]
    pub priority: u8,
    /// Only used when no endpoint that is not a backup can serve.
    #[config(default = defaults::BACKUP)]
    pub backup: bool,
    /// The zone it is in; see `zone` of the file.
    pub zone: Option<String>,
    /// Requests that it is given at one time, instead of the service's `max_connections`.
    #[config(alias = "maxconn")]
    pub max_connections: Option<Spanned<u32>>,
}
