//! `tcp` and `proxy_protocol` as they are written. Doc comments of the keys are the reference
//! documentation and the descriptions of the JSON Schema.

use trunkline_config_derive::Decode;
use trunkline_model::Network;

use crate::decode::{Entries, Period, Spanned};
use crate::defaults;
use crate::native::forms::{Address, Targets};
use crate::native::raw::RawDrain;

/// Who tells addresses of callers by the PROXY protocol.
#[derive(Debug, Clone, Decode)]
#[config(what = "`proxy_protocol`")]
pub struct RawProxyProtocol {
    /// Their networks.
    pub from: Vec<Network>,
}

/// An address whose connections are passed on as they are.
#[derive(Debug, Clone, Decode)]
#[config(what = "an entry of `tcp`")]
pub struct RawTcp {
    /// Address: a port, or `addr:port`.
    pub listen: Spanned<Address>,
    /// Its name in logs and metrics; without it, `tcp-` and the port.
    pub name: Option<Spanned<String>>,
    /// The service, or a list of `{ service, weight }`. With `sni`, it is for callers whose name is
    /// none of those; without it, they are turned away.
    pub to: Option<Spanned<Targets>>,
    /// Where callers go by the host name that they ask TLS for. `*.example.com` takes one or more
    /// labels. TLS is not ended here: the service shows its own certificate.
    pub sni: Entries<Spanned<Targets>>,
    /// How long `sni` waits for a caller to name a host.
    #[config(default = defaults::TCP_GREETING)]
    pub greeting: Period,
    /// A connection without a byte in either direction is closed after this long.
    #[config(default = defaults::TCP_IDLE)]
    pub idle: Period,
    /// Load balancers in front that tell by the PROXY protocol who called.
    pub proxy_protocol: Option<Spanned<RawProxyProtocol>>,
    /// How connections end when the listener or the process goes.
    pub drain: Option<RawDrain>,
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ProxyWord {
    /// A line of text.
    V1,
    /// Binary, with the host name that the caller asked TLS for.
    V2,
}

/// An address whose datagrams are passed on as they are.
#[derive(Debug, Clone, Decode)]
#[config(what = "an entry of `udp`")]
pub struct RawUdp {
    /// Address: a port, or `addr:port`.
    pub listen: Spanned<Address>,
    /// Its name in logs and metrics; without it, `udp-` and the port.
    pub name: Option<Spanned<String>>,
    /// The service, or a list of `{ service, weight }`.
    pub to: Spanned<Targets>,
    /// The datagrams of one source are a session, which ends after this long without any.
    #[config(default = defaults::UDP_IDLE)]
    pub idle: Period,
    /// So many answers end a session; without it, time alone does.
    pub responses: Option<Spanned<u32>>,
    /// How sessions end when the listener or the process goes.
    pub drain: Option<RawDrain>,
}
