//! Every default of the configuration, in one place. The reference and the schema show these
//! values; nothing else in the workspace invents one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use trunkline_model::Management;
use trunkline_model::ports::Surface;

use crate::native::raw::{BalanceWord, HeadersWord, LogWord, ProtocolWord, ReasonsWord};

/// Name of the project when the file gives none.
pub const NAME: &str = "app";
/// Address of the gateway on a laptop: nobody else reaches it.
pub const GATEWAY_IP_LAPTOP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Address of the gateway in production: every IPv4 interface.
pub const GATEWAY_IP_PRODUCTION: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// Address of the management surfaces.
pub const MANAGEMENT_IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Response headers of the gateway.
pub const HEADERS: HeadersWord = HeadersWord::None;
/// `max-age` of Strict-Transport-Security in the `secure` set: two years.
pub const HSTS: Duration = Duration::from_hours(2 * 365 * 24);
/// The same on a laptop: none. A browser would remember it for every port of the host, and refuse
/// whatever else runs there without TLS.
pub const HSTS_LAPTOP: Duration = Duration::ZERO;
/// Whether plain HTTP is redirected to HTTPS.
pub const REDIRECT_HTTPS: bool = false;
/// Whether responses are compressed.
pub const COMPRESS: bool = false;
/// From accept to the end of the TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first byte of a request to the end of its head.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Between requests of a kept-alive connection.
pub const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// A removed listener keeps accepting so long.
pub const DRAIN_MIN: Duration = Duration::ZERO;
/// What is still open then is closed.
pub const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How much callers are told.
pub const REASONS: ReasonsWord = ReasonsWord::Full;
/// Format of the access log.
pub const ACCESS_LOG: LogWord = LogWord::Json;
/// Weight of an endpoint or target.
pub const WEIGHT: u32 = 1;
/// What is spoken to a service.
pub const PROTOCOL: ProtocolWord = ProtocolWord::Auto;
/// How an endpoint is picked.
pub const BALANCE: BalanceWord = BalanceWord::RoundRobin;
/// Whether the certificates of services are verified.
pub const VERIFY: bool = true;
/// To open a connection to a service.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// All attempts of a request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Without a byte while a body or tunnel is open.
pub const STREAM_IDLE_TIMEOUT: Duration = Duration::from_mins(5);
/// A pooled connection without a request.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Between two health checks of an endpoint.
pub const HEALTH_INTERVAL: Duration = Duration::from_secs(2);
/// Limit of one health check.
pub const HEALTH_TIMEOUT: Duration = Duration::from_secs(1);
/// Passes in a row that make an endpoint healthy.
pub const HEALTH_RISE: u32 = 1;
/// Failures in a row that make it unhealthy.
pub const HEALTH_FALL: u32 = 3;
/// Failures of live requests in a row that eject an endpoint.
pub const PASSIVE_CONSECUTIVE: u32 = 5;
/// First ejection.
pub const PASSIVE_BASE: Duration = Duration::from_secs(5);
/// Longest ejection.
pub const PASSIVE_MAX: Duration = Duration::from_mins(1);
/// Greatest part of a service that is ejected at one time, in percent.
pub const PASSIVE_PERCENT_MAX: u8 = 50;
/// How long a process may take to become ready.
pub const START_TIMEOUT: Duration = Duration::from_mins(1);
/// How long it may take to end.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Whether the callers of a service whose sources changed are started anew as well.
pub const WATCH_DEPENDANTS: bool = false;
/// Share of traces recorded.
pub const SAMPLE: trunkline_model::units::Share = trunkline_model::units::Share::ALL;
/// How long a reader of a management surface may wait.
pub const MANAGEMENT_IDLE: Duration = Duration::from_mins(1);
/// Status of a redirect.
pub const REDIRECT_STATUS: u16 = 308;
/// Status of an answer that Trunkline gives itself.
pub const RESPOND_STATUS: u16 = 200;
/// Media type of such an answer.
pub const RESPOND_TYPE: &str = "text/plain; charset=utf-8";

/// Management surfaces when no file says anything about them.
pub fn management() -> Management {
    let at = |surface: Surface| Some(SocketAddr::new(MANAGEMENT_IP, surface.port()));
    Management {
        control: at(Surface::Console),
        metrics: at(Surface::Metrics),
        jaeger: at(Surface::JaegerQuery),
        origins: Vec::new(),
        token: None,
        idle: MANAGEMENT_IDLE,
    }
}
