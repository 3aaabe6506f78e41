//! Every default of the configuration, in one place. The reference and the schema show these
//! values; nothing else in the workspace invents one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use trunkline_model::ports::Surface;
use trunkline_model::service::policies::HedgeDelay;
use trunkline_model::telemetry::{Durability, Keep, Retention};
use trunkline_model::trace::tracing::{Propagation, Sampling};
use trunkline_model::units::{ByteSize, Share};
use trunkline_model::{Management, Telemetry, Tracing};

use crate::decode::Period;
use crate::native::limits::raw::ActionWord;
use crate::native::policies::forms::{
    BackoffForm, BudgetForm, Factor, MethodsForm, Percent, WindowForm,
};
use crate::native::policies::hedge::DelayForm;
use crate::native::policies::rate::RateForm;
use crate::native::policies::raw::AlgorithmWord;
use crate::native::raw::{
    ChallengeWord, HeadersWord, InitialWord, LogWord, ProtocolWord, ReasonsWord, TlsVersionWord,
};
use crate::native::spreading::raw::{BalanceWord, SameSiteWord};
use crate::native::tracing::{ParentWord, PropagateForm, SampleForm};

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
/// The lowest version of TLS.
pub const TLS_MIN_VERSION: TlsVersionWord = TlsVersionWord::V12;
/// Whether callers that name no known host are refused.
pub const STRICT_SNI: bool = false;
/// The authority that certificates are ordered from.
pub const ACME_DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// How a name is shown to be ours.
pub const ACME_CHALLENGE: ChallengeWord = ChallengeWord::Http01;
/// From accept to the end of the TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first byte of a request to the end of its head.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Between requests of a kept-alive connection.
pub const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a caller of TCP may take to name the host it asks TLS for.
pub const TCP_GREETING: Duration = Duration::from_secs(3);
/// A connection of TCP without a byte in either direction is closed after so long.
pub const TCP_IDLE: Duration = Duration::from_hours(1);
/// A session of datagrams without any is over after so long.
pub const UDP_IDLE: Duration = Duration::from_secs(30);
/// Whether responses of a route are stored.
pub const CACHE: bool = false;
/// Bytes of all stored responses.
pub const LIMIT_CACHE: ByteSize = ByteSize(64 << 20);
/// Bytes of one head.
pub const LIMIT_HEAD: ByteSize = ByteSize(64 << 10);
/// Bytes of one target.
pub const LIMIT_URI: ByteSize = ByteSize(32 << 10);
/// Header fields of one request.
pub const LIMIT_FIELDS: u16 = 100;
/// Bytes in each second that a caller must send or take while it is waited for.
pub const LIMIT_PACE: ByteSize = ByteSize(500);
/// Waiting before the pace counts.
pub const LIMIT_GRACE: Duration = Duration::from_secs(20);
/// What happens to what one address sends too much.
pub const SOURCE_ACTION: ActionWord = ActionWord::Refuse;
/// Longest delay of it.
pub const SOURCE_DELAY: Duration = Duration::from_secs(1);
/// A removed listener keeps accepting so long.
pub const DRAIN_MIN: Duration = Duration::ZERO;
/// What is still open then is closed.
pub const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How much callers are told.
pub const REASONS: ReasonsWord = ReasonsWord::Full;
/// Format of the access log.
pub const ACCESS_LOG: LogWord = LogWord::Json;
/// Share of the requests that have a line in the access log.
pub const LOG_SAMPLE: Share = Share::ALL;
/// Requests that have a line however small the share is.
pub const LOG_ALWAYS: &str = "status >= 500 or failed";
/// Weight of an endpoint or target.
pub const WEIGHT: u32 = 1;
/// What is spoken to a service.
pub const PROTOCOL: ProtocolWord = ProtocolWord::Auto;
/// How an endpoint is picked.
pub const BALANCE: BalanceWord = BalanceWord::RoundRobin;
/// When less than this part of the endpoints can serve, health is not asked any more: never.
pub const PANIC: Share = Share::NONE;
/// How the share of an endpoint that has just come up grows: in proportion to time.
pub const SLOW_START_AGGRESSION: u32 = 100;
/// The share that it has at once: a tenth.
pub const SLOW_START_LEAST: Share = match Share::from_basis_points(1_000) {
    Some(share) => share,
    None => Share::NONE,
};
/// Below which path an affinity cookie is sent.
pub const AFFINITY_PATH: &str = "/";
/// Whether it goes with requests from other sites.
pub const AFFINITY_SAME_SITE: SameSiteWord = SameSiteWord::Lax;
/// Requests that may wait for an endpoint with room.
pub const QUEUE_MAX: u32 = 1_024;
/// How long one may wait.
pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// How urgent the requests of a route are.
pub const PRIORITY: i8 = 0;
/// The tier of an endpoint.
pub const ENDPOINT_PRIORITY: u8 = 0;
/// Whether an endpoint is for emergencies only.
pub const BACKUP: bool = false;
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
/// Method of a health check's request.
pub const HEALTH_METHOD: &str = "GET";
/// By up to so much, in percent, the time between two checks is lengthened: checks of many
/// processes do not march in step.
pub const HEALTH_JITTER: u8 = 10;
/// What an endpoint is taken for before its first check: a restart takes nobody out.
pub const HEALTH_INITIAL: InitialWord = InitialWord::Healthy;
/// Between two questions to an agent.
pub const AGENT_INTERVAL: Duration = Duration::from_secs(2);
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
/// Which traces are recorded: all that start here, and those that their callers record.
pub const SAMPLE: SampleForm = SampleForm(Sampling::share(Share::ALL));
/// How traces come in and go out.
pub const PROPAGATE: PropagateForm = PropagateForm(Propagation::AsCalled);
/// Share of what is decided here, in the long form.
pub const SAMPLE_SHARE: Share = Share::ALL;
/// What a caller's decision counts for, in the long form.
pub const SAMPLE_PARENT: ParentWord = ParentWord::Follow;
/// How long a reader of a management surface may wait.
pub const MANAGEMENT_IDLE: Duration = Duration::from_mins(1);
/// Status of a redirect.
pub const REDIRECT_STATUS: u16 = 308;
/// Status of an answer that Trunkline gives itself.
pub const RESPOND_STATUS: u16 = 200;
/// Media type of such an answer.
pub const RESPOND_TYPE: &str = "text/plain; charset=utf-8";
/// A breaker opens when every second call fails.
pub const BREAKER_OPEN_AT: Percent = Percent(percent(50));
/// It opens for slowness when all calls are slow.
pub const BREAKER_SLOW_AT: Percent = Percent(Share::ALL);
/// A call that takes longer is slow.
pub const BREAKER_SLOW_CALL: Duration = Duration::from_secs(60);
/// The calls that count for a breaker.
pub const BREAKER_WINDOW: WindowForm = WindowForm::Calls(100);
/// Without so many it does not judge.
pub const BREAKER_MIN_CALLS: u32 = 100;
/// How long it stays open.
pub const BREAKER_WAIT: BackoffForm = BackoffForm::Fixed(Period(Duration::from_secs(60)));
/// Calls that it is tried with.
pub const BREAKER_TRIALS: u32 = 10;
/// The longest time for them. Resilience4j waits for ever.
pub const BREAKER_TRIAL_TIME: Duration = Duration::from_secs(60);
/// Waits that do not vary.
pub const NO_JITTER: Share = Share::NONE;
/// Attempts of a retry in all.
pub const RETRY_ATTEMPTS: u32 = 3;
/// Requests that may be repeated.
pub const RETRY_METHODS: MethodsForm = MethodsForm::Idempotent;
/// The waits before. Resilience4j waits 500 ms, for people; a gateway has no such time.
pub const RETRY_BACKOFF: BackoffForm =
    BackoffForm::Range(Period(Duration::from_millis(25)), Period(Duration::from_millis(250)));
/// By which share such a wait varies: those that failed together do not come back together.
pub const RETRY_JITTER: Share = percent(50);
/// The longest wait that a service may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(1);
/// How much of a body is kept to be sent again.
pub const RETRY_BODY: ByteSize = ByteSize(64 << 10);
/// Repetitions: a fifth of all calls.
pub const RETRY_BUDGET: BudgetForm = BudgetForm::Share(RETRY_BUDGET_SHARE);
/// The same.
pub const RETRY_BUDGET_SHARE: Share = percent(20);
/// Repetitions in each second that need no calls.
pub const RETRY_BUDGET_FREE: u32 = 10;
/// For how long a call counts.
pub const RETRY_BUDGET_TTL: Duration = Duration::from_secs(10);
/// What a wait is multiplied by.
pub const BACKOFF_MULTIPLIER: Factor = Factor(1_500);
/// By which share a wait varies that is written long.
pub const BACKOFF_JITTER: Share = Share::NONE;
/// Requests at one time.
pub const BULKHEAD_CALLS: u32 = 25;
/// How long one waits for another to end: not at all.
pub const BULKHEAD_WAIT: Duration = Duration::ZERO;
/// How many may wait.
pub const BULKHEAD_QUEUE: u32 = 1_024;
/// How an adaptive limit is found.
pub const ADAPTIVE_ALGORITHM: AlgorithmWord = AlgorithmWord::Correlation;
/// Where it begins.
pub const ADAPTIVE_INITIAL: u32 = 20;
/// It does not fall below.
pub const ADAPTIVE_MIN: u32 = 1;
/// It does not rise above.
pub const ADAPTIVE_MAX: u32 = 200;
/// The header that says how important a request is.
pub const SHED_HEADER: &str = "x-priority";
/// Up to where ordinary requests pass.
pub const SHED_DEFAULT: Share = percent(90);
/// Up to where batch requests pass.
pub const SHED_BATCH: Share = percent(60);

const fn percent(percent: u16) -> Share {
    match Share::from_basis_points(percent * 100) {
        Some(share) => share,
        None => Share::ALL,
    }
}

/// Traces when no file says anything about them.
pub fn tracing() -> Tracing {
    Tracing { sample: SAMPLE.0, propagate: PROPAGATE.0 }
}

/// Management surfaces when no file says anything about them.
pub fn management() -> Management {
    let at = |surface: Surface| Some(SocketAddr::new(MANAGEMENT_IP, surface.port()));
    Management {
        control: at(Surface::Console),
        metrics: at(Surface::Metrics),
        jaeger: at(Surface::JaegerQuery),
        jaeger_grpc: at(Surface::JaegerQueryGrpc),
        origins: Vec::new(),
        token: None,
        idle: MANAGEMENT_IDLE,
    }
}
/// After how long a hedge is made: when most calls have ended.
pub const HEDGE_DELAY: DelayForm = DelayForm(HedgeDelay::Quantile(percent(95)));
/// Further attempts.
pub const HEDGE_MAX: u32 = 1;
/// Hedges: a twentieth of all calls.
pub const HEDGE_BUDGET: BudgetForm = BudgetForm::Share(percent(5));
/// Hedges in each second that need no calls.
pub const HEDGE_BUDGET_FREE: u32 = 1;
/// Resilience4j has 50 calls in each 500 ns, which is no limit.
pub const RATE_LIMIT: RateForm = RateForm { count: 50, period: None };
/// The period of a rate that says none.
pub const RATE_PERIOD: Duration = Duration::from_secs(1);
/// The longest period.
pub const RATE_PERIOD_MAX: Duration = Duration::from_hours(24);
/// The longest wait for a period with calls left.
pub const RATE_WAIT: Duration = Duration::from_secs(5);
/// How often endpoints are compared.
pub const COMPARE_INTERVAL: Duration = Duration::from_secs(10);
/// Endpoints that a comparison needs.
pub const COMPARE_HOSTS: u32 = 5;
/// Requests without which an endpoint is not compared.
pub const COMPARE_REQUESTS: u32 = 100;
/// The shortest time between comparisons.
pub const COMPARE_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// The longest wait for the store that several processes share.
pub const CLUSTER_TIMEOUT: Period = Period(Duration::from_millis(50));
/// Memory of spans that are not in a file yet.
pub const STORE_MEMORY: ByteSize = ByteSize(128 << 20);
/// Disk of what waits to be sent on.
pub const FORWARD_BUFFER: ByteSize = ByteSize(1 << 30);
/// Fewer spans of an operation are rare.
pub const SAMPLING_RARE: u32 = 10;
/// Until traces are so old all of them are there.
pub const SAMPLING_AFTER: Period = Period(Duration::from_secs(600));
/// How long spans are kept.
pub const RETENTION_AGE: Period = Period(Duration::from_secs(7 * 86_400));
/// How large the store may become.
pub const RETENTION_SIZE: ByteSize = ByteSize(10 << 30);
/// Room that the store leaves on its disk.
pub const RETENTION_FREE: ByteSize = ByteSize(1 << 30);

/// When spans go, when no file says anything about it.
pub fn retention() -> Retention {
    Retention {
        age: RETENTION_AGE.0,
        size: RETENTION_SIZE,
        free: RETENTION_FREE,
        services: std::collections::BTreeMap::new(),
    }
}

/// Telemetry when no file says anything about it: OTLP is taken on loopback and kept.
pub fn telemetry() -> Telemetry {
    let at = |surface: Surface| (surface, SocketAddr::new(MANAGEMENT_IP, surface.port()));
    Telemetry {
        keep: Some(Keep {
            path: None,
            durability: Durability::Fsync,
            retention: retention(),
            memory: STORE_MEMORY,
            sampling: None,
        }),
        receive: vec![at(Surface::OtlpGrpc), at(Surface::OtlpHttp)],
        forward: None,
        rules: Vec::new(),
        strategies: None,
    }
}
