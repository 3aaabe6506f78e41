//! `limits` as it is written. Doc comments of the keys are the reference documentation and the
//! descriptions of the JSON Schema.

use trunkline_config_derive::Decode;
use trunkline_model::Network;
use trunkline_model::units::{ByteSize, Rate};

use crate::decode::{Period, Spanned};
use crate::defaults;

/// What the process may use and what each caller may ask of it.
#[derive(Debug, Clone, Decode)]
#[config(what = "`limits`")]
pub struct RawLimits {
    /// Open connections of callers, all together. Without it, as many as descriptors allow.
    pub connections: Option<Spanned<u32>>,
    /// Memory. Without it, what the control group of the process allows.
    pub memory: Option<ByteSize>,
    /// Memory for stored responses, of all routes with `cache`.
    #[config(default = defaults::LIMIT_CACHE)]
    pub cache: ByteSize,
    /// Bytes of one head, first line included.
    #[config(default = defaults::LIMIT_HEAD)]
    pub head: ByteSize,
    /// Bytes of one target: path and query.
    #[config(default = defaults::LIMIT_URI)]
    pub uri: ByteSize,
    /// Header fields of one request.
    #[config(default = defaults::LIMIT_FIELDS)]
    pub header_count: u16,
    /// Bytes of one request's body. Without it, any number.
    pub body: Option<ByteSize>,
    /// Bytes that a caller must send of a body, and take of an answer, in each second on average
    /// while it is waited for; `0` for any pace.
    #[config(default = defaults::LIMIT_PACE)]
    pub pace: ByteSize,
    /// Waiting for a caller before its pace counts.
    #[config(default = defaults::LIMIT_GRACE)]
    pub grace: Period,
    /// What one address may do; of IPv6, one network of 64 bits.
    pub per_source: Option<Spanned<RawPerSource>>,
}

/// What one address may do.
#[derive(Debug, Clone, Decode)]
#[config(what = "`per_source`")]
pub struct RawPerSource {
    /// Connections open at one time.
    pub connections: Option<Spanned<u32>>,
    /// New connections: `50/s`.
    pub connection_rate: Option<Rate>,
    /// Requests: `200/s`.
    pub request_rate: Option<Rate>,
    /// How many of either may come at once after a rest. Without it, what the rate allows in its
    /// span.
    pub burst: Option<Spanned<u32>>,
    /// What happens to what is too much: `refuse` it with 429 or a reset, `delay` it until it is in
    /// time, `tarpit` its sender for a while and refuse it then, or `drop` its connection silently.
    #[config(default = defaults::SOURCE_ACTION)]
    pub action: ActionWord,
    /// Longest delay; what would have to wait longer is refused.
    #[config(default = defaults::SOURCE_DELAY)]
    pub delay_max: Period,
    /// Networks without limits.
    pub except: Vec<Network>,
}

/// What happens to what is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ActionWord {
    /// It is refused at once.
    Refuse,
    /// It waits until it is in time.
    #[config(alias = "throttle")]
    Delay,
    /// It is refused after a while.
    Tarpit,
    /// Its connection is closed without a word.
    #[config(alias = "silent-drop")]
    Drop,
}
