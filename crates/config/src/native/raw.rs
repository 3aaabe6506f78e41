//! The file as it is written. Doc comments of the keys are the reference documentation and the
//! descriptions of the JSON Schema: they speak to the person who writes the file.

use trunkline_config_derive::Decode;
use trunkline_model::Network;
use trunkline_model::log::Always;
use trunkline_model::units::{ByteSize, Share};

use super::calls::CallForm;
use super::cluster::ClusterForm;
use super::forms::{
    Address, CompressForm, FormatForm, HealthForm, LogForm, PassiveForm, RedirectForm, RewriteForm,
    Targets, TimeoutForm, TlsForm, ValueForm, WorkersForm,
};
use super::limits::raw::RawLimits;
use super::policies::forms::{
    AdaptiveForm, BreakerForm, BulkheadForm, Factor, RetryForm, ShedForm,
};
use super::policies::hedge::HedgeForm;
use super::policies::rate::RateLimiterForm;
use super::policies::raw::RawFallback;
use super::relays::raw::{ProxyWord, RawProxyProtocol, RawTcp, RawUdp};
use super::spreading::forms::{BalanceForm, EndpointForm, SlowStartForm};
use super::spreading::raw::{RawAffinity, RawQueue};
use super::telemetry::RawTelemetry;
use super::tracing::{RawRouteTrace, RawTrace};
use super::watching::WatchForm;
use crate::decode::{Entries, Period, Spanned};
use crate::defaults;
use crate::node::Node;
use crate::unserved;

/// `trunkline.yaml`: one project, its gateway, routes and services.
#[derive(Debug, Clone, Decode)]
#[config(what = "the file", unserved = unserved::FILE)]
pub struct RawFile {
    /// Version of the file format: `1`.
    pub version: Spanned<u32>,
    /// Name of the project: `shop` is reached at `https://shop.localhost` on a laptop.
    pub name: Option<Spanned<String>>,
    /// Further files, relative to this one; `*` stands for a part of a name, `**` for any folders.
    pub include: Vec<Spanned<String>>,
    /// The file whose `gateway` owns the listeners, when several files have one.
    pub edge: Option<Spanned<String>>,
    /// Files that share listeners, one behind the other: the first owns the listeners, and its
    /// routes win over those of the next, however specific they are.
    pub chain: Vec<Spanned<String>>,
    /// Worker threads: a number, or `auto` for one per CPU.
    pub workers: Option<Spanned<WorkersForm>>,
    /// The zone of this process, or `env:NAME` for the value of that variable: endpoints of the
    /// same `zone` are preferred as far as that does not overload them.
    pub zone: Option<Spanned<String>>,
    /// Where callers come in.
    pub gateway: Option<Spanned<RawGateway>>,
    /// Addresses whose connections are passed on as they are: any protocol over TCP, and TLS without
    /// ending it.
    pub tcp: Vec<Spanned<RawTcp>>,
    /// Addresses whose datagrams are passed on as they are, those of one source to one endpoint.
    pub udp: Vec<Spanned<RawUdp>>,
    /// Which requests go where. The most specific match wins, then the earlier one.
    pub routes: Vec<Spanned<RawRoute>>,
    /// The services, by name.
    pub services: Entries<RawService>,
    /// Traces.
    pub trace: Option<Spanned<RawTrace>>,
    /// Traces: what is kept on disk, where services send their spans, where all is sent on.
    pub telemetry: Option<Spanned<RawTelemetry>>,
    /// Where several processes keep the state of policies with `share: cluster`: the URL of a Redis,
    /// or `{ redis, timeout, fail, prefix }`.
    pub cluster: Option<Spanned<ClusterForm>>,
    /// The surfaces for people and tools.
    pub management: Option<Spanned<RawManagement>>,
    /// Moves the ports of Trunkline's own surfaces.
    pub ports: Option<Spanned<RawPorts>>,
    /// Overlays by name: what `--env production` puts over this file. Maps are merged, other
    /// values are replaced.
    pub env: Option<Overlays>,
}

/// Where callers come in.
#[derive(Debug, Clone, Decode)]
#[config(what = "`gateway`", unserved = unserved::GATEWAY)]
pub struct RawGateway {
    /// Host name of the gateway, or a list of them. A laptop adds `<name>.localhost`. All are in the
    /// certificate, and `@` in a route's host stands for each.
    #[config(alias = "domains")]
    pub domain: Vec<Spanned<String>>,
    /// Address for HTTP: a port, `addr:port`, or `off`.
    pub http: Option<Spanned<Address>>,
    /// Address for HTTPS: a port, `addr:port`, or `off`. Without `http`, `https` and `tls` both
    /// are opened.
    pub https: Option<Spanned<Address>>,
    /// Certificates: `auto` for the project's own CA, `{ cert, key }` with PEM files, a list of them, a
    /// folder with such pairs, or a map with `acme` or further settings.
    pub tls: Option<Spanned<TlsForm>>,
    /// `secure` adds the response headers that protect the users of browsers.
    #[config(default = defaults::HEADERS)]
    pub headers: HeadersWord,
    /// Answers plain HTTP with a redirect to HTTPS.
    #[config(default = defaults::REDIRECT_HTTPS)]
    pub redirect_https: bool,
    /// Compresses responses that shrink: `true`, or a list of `zstd`, `br` and `gzip`, of which the
    /// first is taken that a caller likes no less than the others.
    pub compress: Option<CompressForm>,
    /// Time limits of a caller's connection.
    pub timeouts: Option<RawGatewayTimeouts>,
    /// How connections end when a listener or the process goes.
    pub drain: Option<RawDrain>,
    /// How much of a reason callers are told: `full`, or `id` for an edge to the internet.
    #[config(default = defaults::REASONS)]
    pub reasons: ReasonsWord,
    /// Access log: a format, `off`, or `{ format, path, sample, always }`.
    pub access_log: Option<LogForm>,
    /// Networks of proxies in front, whose `X-Forwarded-For` is believed. From everybody else such
    /// fields are replaced.
    pub trusted_proxies: Vec<Network>,
    /// Load balancers in front that tell by the PROXY protocol who called. Their connections must
    /// begin with a header of version 1 or 2; from everybody else none is taken.
    pub proxy_protocol: Option<Spanned<RawProxyProtocol>>,
    /// What the process may use and what each caller may ask of it.
    pub limits: Option<Spanned<RawLimits>>,
    /// Bytes of one request's body at most; the same as `body` of `limits`.
    pub body_max: Option<ByteSize>,
    /// The port of HTTP, where only the port is to be moved.
    pub port: Option<Spanned<u16>>,
}

/// Time limits of a caller's connection.
#[derive(Debug, Clone, Decode)]
#[config(what = "`timeouts` of the gateway")]
pub struct RawGatewayTimeouts {
    /// From accept to the end of the TLS handshake.
    #[config(default = defaults::HANDSHAKE_TIMEOUT)]
    pub handshake: Period,
    /// From the first byte of a request to the end of its head.
    #[config(default = defaults::HEAD_TIMEOUT)]
    pub head: Period,
    /// Between requests of a kept-alive connection.
    #[config(default = defaults::IDLE_TIMEOUT)]
    pub idle: Period,
}

/// How connections end.
#[derive(Debug, Clone, Decode)]
#[config(what = "`drain`")]
pub struct RawDrain {
    /// Keep accepting for this long: load balancers in front need time to see.
    #[config(default = defaults::DRAIN_MIN)]
    pub min: Period,
    /// What is still open after this long is closed.
    #[config(default = defaults::DRAIN_MAX)]
    pub max: Period,
}

/// Response headers of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum HeadersWord {
    /// None are added.
    None,
    /// HSTS, X-Content-Type-Options, X-Frame-Options, Referrer-Policy and their like.
    Secure,
}

/// How much callers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ReasonsWord {
    /// The whole reason.
    Full,
    /// An opaque id; the log has the rest.
    Id,
}

/// Format of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum LogWord {
    /// One JSON object per line.
    Json,
    /// Common Log Format with request and trace ids.
    Clf,
    /// Combined Log Format: with referer and user agent.
    Combined,
    /// The HTTP log format of HAProxy.
    Httplog,
    /// No access log.
    Off,
}

/// Which requests go where.
#[derive(Debug, Clone, Decode)]
#[config(what = "a route", unserved = unserved::ROUTE)]
pub struct RawRoute {
    /// Short form: `[METHOD[,METHOD]] [host]/path`, such as `GET,POST /api/orders/**`. `*` stands
    /// for a part of one segment, `**` for any number of segments.
    #[config(rename = "match")]
    pub matching: Option<Spanned<String>>,
    /// Host, or a list of them; `*.example.com` takes one or more labels. `@` stands for each name of
    /// the gateway: `admin.@`.
    #[config(alias = "hosts")]
    pub host: Vec<Spanned<String>>,
    /// Exactly this path.
    pub path: Option<Spanned<String>>,
    /// This path and everything below it.
    pub prefix: Option<Spanned<String>>,
    /// A path with `*` and `**`.
    pub glob: Option<Spanned<String>>,
    /// A regular expression for the whole path.
    pub regex: Option<Spanned<String>>,
    /// Any of these methods.
    #[config(alias = "method")]
    pub methods: Vec<Spanned<String>>,
    /// Conditions on request headers: a value, `{ prefix }`, `{ regex }`, `present` as `true`,
    /// absent as `false`.
    pub headers: Entries<ValueForm>,
    /// Conditions on query parameters, as for `headers`.
    pub query: Entries<ValueForm>,
    /// The service, or a list of `{ service, weight }`.
    pub to: Option<Spanned<Targets>>,
    /// Sends the caller elsewhere: a URL or path, or `{ scheme, host, path, status }`.
    pub redirect: Option<Spanned<RedirectForm>>,
    /// Answers without a service.
    pub respond: Option<Spanned<RawRespond>>,
    /// Changes the path that the service sees: a new path, `{ prefix, to }` or `{ regex, to }`.
    pub rewrite: Option<Spanned<RewriteForm>>,
    /// Changes of the request's headers.
    pub request: Option<RawHeaderChanges>,
    /// Changes of the response's headers.
    pub response: Option<RawHeaderChanges>,
    /// Time limit of a request, all attempts together; or `{ request, attempt, idle }`.
    #[config(alias = "timeouts")]
    pub timeout: Option<TimeoutForm>,
    /// Stores responses that their service says may be stored, and answers from them; within
    /// `cache` of the gateway's `limits`.
    #[config(default = defaults::CACHE)]
    pub cache: bool,
    /// Compresses responses of this route, as `compress` of the gateway does for all.
    pub compress: Option<CompressForm>,
    /// Sends nobody to its service while that fails, for this route alone: a share such as `50%`, `true`, or a map.
    pub breaker: Option<Spanned<BreakerForm>>,
    /// Further attempts after a failure: how many in all, `true`, or a map.
    pub retry: Option<Spanned<RetryForm>>,
    /// A second attempt beside one that takes long: after how long, `true`, or a map.
    pub hedge: Option<Spanned<HedgeForm>>,
    /// So many calls in each period: `100/s`, `true`, or a map.
    #[config(alias = "ratelimiter")]
    pub rate_limiter: Option<Spanned<RateLimiterForm>>,
    /// A bound on requests at one time, over all endpoints: a number, `true`, or a map.
    pub bulkhead: Option<Spanned<BulkheadForm>>,
    /// A bound that finds its own height: its maximum, `true`, or a map.
    pub adaptive: Option<Spanned<AdaptiveForm>>,
    /// Refuses what is less important first, as `adaptive` or `bulkhead` fills: `true`, or a map.
    pub shed: Option<Spanned<ShedForm>>,
    /// What callers get instead of a refusal or a failure: `{ respond }`, `{ to }`, `{ stale }`.
    pub fallback: Option<Spanned<RawFallback>>,
    /// How urgent its requests are where they wait for a service that is full: from -10, which is
    /// served first, to 10.
    #[config(default = defaults::PRIORITY)]
    pub priority: i8,
    /// Its traces, where they are treated otherwise than those of other routes.
    pub trace: Option<RawRouteTrace>,
}

/// An answer that Trunkline gives itself.
#[derive(Debug, Clone, Decode)]
#[config(what = "`respond`")]
pub struct RawRespond {
    /// Status.
    #[config(default = defaults::RESPOND_STATUS)]
    pub status: u16,
    /// Body.
    #[config(default = "")]
    pub body: String,
    /// Media type of the body.
    #[config(rename = "type", default = defaults::RESPOND_TYPE)]
    pub content_type: String,
}

/// Changes of headers.
#[derive(Debug, Clone, Decode)]
#[config(what = "header changes")]
pub struct RawHeaderChanges {
    /// Headers that are set, whatever was there.
    pub set: Entries<Spanned<String>>,
    /// Headers that are added to those that are there.
    #[config(alias = "append")]
    pub add: Entries<Spanned<String>>,
    /// Headers that are removed.
    pub remove: Vec<Spanned<String>>,
}

/// A target of a route with its weight.
#[derive(Debug, Clone, Decode)]
#[config(what = "a target")]
pub struct RawTarget {
    /// The service.
    pub service: Spanned<String>,
    /// Its part of the sum of all weights.
    #[config(default = defaults::WEIGHT)]
    pub weight: u32,
}

/// A service: what it calls, where it is, how Trunkline treats it.
#[derive(Debug, Clone, Decode)]
#[config(what = "a service", unserved = unserved::SERVICE)]
pub struct RawService {
    /// The services it calls: start order, injected addresses and the expected graph follow.
    /// A call is a name, or `{ service, timeout, breaker, retry, ... }` for policies that this
    /// caller has toward it.
    pub calls: Vec<Spanned<CallForm>>,
    /// Health check: a path such as `/healthz`, `tcp`, `off`, or a map.
    pub health: Option<Spanned<HealthForm>>,
    /// Time limit of a request, all attempts together; or
    /// `{ connect, request, attempt, idle, keep_alive }`.
    #[config(alias = "timeouts")]
    pub timeout: Option<TimeoutForm>,
    /// Address of a service that Trunkline does not run: `host:port`, or a name whose records tell
    /// hosts and ports, `srv:_http._tcp.orders.example`.
    pub external: Option<Spanned<String>>,
    /// Addresses of a service that Trunkline does not run: `host:port`, `srv:NAME`, or
    /// `{ address, weight, priority, backup, zone, max_connections }`.
    pub endpoints: Vec<EndpointForm>,
    /// Command that runs it, as in a shell.
    pub command: Option<Spanned<String>>,
    /// Command that builds it, as in a shell, in its folder and with its environment. It runs
    /// before the first start, and again when sources change, while the former instance serves;
    /// when it fails, the former instance goes on. Without it, `go run` and `cargo run` are
    /// preceded by `go build` and `cargo build` of the same program.
    pub build: Option<Spanned<String>>,
    /// Starts it anew when its sources change: `on`, `off`, a list of folders and files, or
    /// `{ paths, ignore, dependants }`. Without it, a service with `path` and `command` is watched
    /// unless its command is known to reload by itself, as `vite` and `node --watch` do.
    pub watch: Option<Spanned<WatchForm>>,
    /// Folder of the service, relative to the file; the command runs there.
    pub path: Option<Spanned<String>>,
    /// Port it listens on. Without it Trunkline chooses one and passes it as `PORT`.
    pub port: Option<Spanned<u16>>,
    /// Environment variables of the process.
    pub env: Entries<Spanned<String>>,
    /// Its language: `node`, `go`, `rust`. Where `command` is a script, the toolchain of this language
    /// must be installed, or the service is skipped.
    pub language: Option<String>,
    /// How long it may take to become ready.
    #[config(default = defaults::START_TIMEOUT)]
    pub start_timeout: Period,
    /// How long it may take to end.
    #[config(default = defaults::STOP_TIMEOUT)]
    pub stop_timeout: Period,
    /// What is spoken to it.
    #[config(default = defaults::PROTOCOL)]
    pub protocol: ProtocolWord,
    /// How an endpoint is picked.
    /// A word, or `{ by, hash, load_max, panic }`.
    pub balance: Option<Spanned<BalanceForm>>,
    /// An endpoint that has just come up is given its traffic bit by bit over this time; or
    /// `{ window, aggression, least }`.
    pub slow_start: Option<SlowStartForm>,
    /// Keeps a caller with its endpoint by a cookie.
    pub affinity: Option<Spanned<RawAffinity>>,
    /// Requests that each endpoint is given at one time; further ones wait in the `queue`.
    #[config(alias = "maxconn")]
    pub max_connections: Option<Spanned<u32>>,
    /// Where requests wait while every endpoint has as many as it may.
    pub queue: Option<RawQueue>,
    /// TLS towards it: `true`, or `{ server_name, ca, verify }`.
    pub tls: Option<Spanned<super::forms::UpstreamTlsForm>>,
    /// Tells each endpoint who called, in front of the bytes of a connection, by this version of the
    /// PROXY protocol. A connection then serves one caller only.
    pub proxy_protocol: Option<ProxyWord>,
    /// Sends nobody to the service while it fails: a share such as `50%`, `true`, or a map.
    pub breaker: Option<Spanned<BreakerForm>>,
    /// Further attempts after a failure: how many in all, `true`, or a map.
    pub retry: Option<Spanned<RetryForm>>,
    /// A second attempt beside one that takes long: after how long, `true`, or a map.
    pub hedge: Option<Spanned<HedgeForm>>,
    /// So many calls in each period: `100/s`, `true`, or a map.
    #[config(alias = "ratelimiter")]
    pub rate_limiter: Option<Spanned<RateLimiterForm>>,
    /// A bound on requests at one time, over all endpoints: a number, `true`, or a map.
    pub bulkhead: Option<Spanned<BulkheadForm>>,
    /// A bound that finds its own height: its maximum, `true`, or a map.
    pub adaptive: Option<Spanned<AdaptiveForm>>,
    /// Refuses what is less important first, as `adaptive` or `bulkhead` fills: `true`, or a map.
    pub shed: Option<Spanned<ShedForm>>,
    /// What callers get instead of a refusal or a failure: `{ respond }`, `{ to }`, `{ stale }`.
    pub fallback: Option<Spanned<RawFallback>>,
    /// Ejects endpoints that fail live requests: `true`, `false`, or
    /// `{ consecutive, base, max, percent_max }`.
    pub passive: Option<Spanned<PassiveForm>>,
}

/// Which changes of sources start a service anew. Dependencies, build output, temporary files of
/// editors and what `.gitignore` names never do.
#[derive(Debug, Clone, Decode)]
#[config(what = "`watch`")]
pub struct RawWatch {
    /// Folders and files, relative to the service's folder. Without it, that folder.
    pub paths: Vec<Spanned<String>>,
    /// What does not matter, as in a `.gitignore`: `*.md`, `/fixtures/`.
    pub ignore: Vec<String>,
    /// Whether the services that call it are started anew as well.
    #[config(default = defaults::WATCH_DEPENDANTS)]
    pub dependants: bool,
}

/// What is spoken to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ProtocolWord {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    #[config(alias = "grpc", alias = "h2c")]
    Http2,
    /// HTTP/2 for gRPC and where it is offered, else HTTP/1.1.
    Auto,
}

/// TLS towards a service.
#[derive(Debug, Clone, Decode)]
#[config(what = "`tls` of a service")]
pub struct RawUpstreamTls {
    /// Name to ask for and verify, when it is not the host.
    pub server_name: Option<Spanned<String>>,
    /// PEM file with the roots to trust instead of the system's.
    pub ca: Option<Spanned<String>>,
    /// Whether the certificate is verified.
    #[config(default = defaults::VERIFY)]
    pub verify: bool,
    /// PEM file with the certificate chain that is shown to a service that asks for one.
    pub client_cert: Option<Spanned<String>>,
    /// PEM file with the private key of `client_cert`.
    pub client_key: Option<Spanned<String>>,
}

/// Active health checks.
#[derive(Debug, Clone, Decode)]
#[config(what = "`health`")]
pub struct RawHealth {
    /// How an endpoint is checked; without it, `http` where there is a `path`, else `tcp`.
    pub kind: Option<Spanned<ProbeWord>>,
    /// Path that is asked for.
    pub path: Option<Spanned<String>>,
    /// Method of the request.
    #[config(default = defaults::HEALTH_METHOD.to_owned())]
    pub method: String,
    /// `Host` of the request; without it, the endpoint's own.
    pub host: Option<Spanned<String>>,
    /// Further header fields of the request.
    pub headers: Entries<Spanned<String>>,
    /// Statuses that pass: `200`, or ranges such as `200-299`; without it, all below 400.
    pub status: Vec<Spanned<String>>,
    /// What the body of the answer must contain.
    pub contains: Option<String>,
    /// With `kind: grpc`, the service that is asked for; without it, the server as a whole.
    pub service: Option<Spanned<String>>,
    /// Port that is checked, when it is not the one that requests go to.
    pub port: Option<Spanned<u16>>,
    /// Whether the check is made over TLS, when it is not made as requests are.
    pub tls: Option<bool>,
    /// Between two checks.
    #[config(default = defaults::HEALTH_INTERVAL)]
    pub interval: Period,
    /// The same while a verdict is changing; without it, `interval`.
    pub fast_interval: Option<Period>,
    /// The same while the endpoint is unhealthy; without it, `interval`.
    pub down_interval: Option<Period>,
    /// By up to so much of itself, in percent, an interval is lengthened at random.
    #[config(default = defaults::HEALTH_JITTER)]
    pub jitter: u8,
    /// Limit of one check.
    #[config(default = defaults::HEALTH_TIMEOUT)]
    pub timeout: Period,
    /// Passes in a row that make an endpoint healthy.
    #[config(default = defaults::HEALTH_RISE)]
    pub rise: u32,
    /// Failures in a row that make it unhealthy.
    #[config(default = defaults::HEALTH_FALL)]
    pub fall: u32,
    /// What an endpoint is taken for before its first check.
    #[config(default = defaults::HEALTH_INITIAL)]
    pub initial: InitialWord,
    /// An agent beside the service that tells its state and weight: `{ port, interval, timeout, send }`.
    pub agent: Option<Spanned<RawAgent>>,
}

/// How an endpoint is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ProbeWord {
    /// The port accepts.
    Tcp,
    /// A TLS handshake succeeds.
    Tls,
    /// A request is answered as expected.
    Http,
    /// `grpc.health.v1.Health/Check` says that it serves.
    Grpc,
    /// Redis answers a `PING`.
    Redis,
    /// PostgreSQL answers.
    Postgres,
    /// A mail server greets.
    Smtp,
}

/// What an endpoint is taken for before its first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum InitialWord {
    /// It takes requests until checks fail.
    Healthy,
    /// It takes none until its first check passes.
    Unhealthy,
}

/// An agent beside the service, in the way of HAProxy's agent check.
#[derive(Debug, Clone, Decode)]
#[config(what = "`agent`")]
pub struct RawAgent {
    /// Its port, on the endpoint's host.
    pub port: Spanned<u16>,
    /// Between two questions.
    #[config(default = defaults::AGENT_INTERVAL)]
    pub interval: Period,
    /// Limit of one question.
    #[config(default = defaults::HEALTH_TIMEOUT)]
    pub timeout: Period,
    /// What it is sent first.
    pub send: Option<String>,
}

/// Passive health: what live requests say.
#[derive(Debug, Clone, Decode)]
#[config(what = "`passive`")]
pub struct RawPassive {
    /// Failures in a row that eject an endpoint.
    #[config(default = defaults::PASSIVE_CONSECUTIVE)]
    pub consecutive: u32,
    /// For how long at first; each further ejection adds this again.
    #[config(default = defaults::PASSIVE_BASE)]
    pub base: Period,
    /// Longest ejection.
    #[config(default = defaults::PASSIVE_MAX)]
    pub max: Period,
    /// Greatest part of the endpoints that is ejected at one time, in percent.
    #[config(default = defaults::PASSIVE_PERCENT_MAX)]
    pub percent_max: u8,
    /// Ejects the endpoint whose success rate is so many standard deviations below the mean of all:
    /// `1.9`.
    pub success_rate: Option<Factor>,
    /// Ejects the endpoint whose average latency is so many times the median of all: `3`.
    pub latency: Option<Factor>,
    /// How often endpoints are compared by `success_rate` and `latency`.
    #[config(default = defaults::COMPARE_INTERVAL)]
    pub interval: Period,
    /// Endpoints with enough requests that a comparison needs.
    #[config(default = defaults::COMPARE_HOSTS)]
    pub hosts_min: u32,
    /// Requests of an interval without which an endpoint is not compared.
    #[config(default = defaults::COMPARE_REQUESTS)]
    pub requests_min: u32,
}

/// Time limits towards a service, or of a route.
#[derive(Debug, Clone, Decode)]
#[config(what = "`timeout`")]
pub struct RawTimeouts {
    /// To open a connection, TLS included. Services only.
    pub connect: Option<Spanned<Period>>,
    /// All attempts together, to the head of the response.
    pub request: Option<Period>,
    /// One attempt.
    #[config(alias = "try")]
    pub attempt: Option<Period>,
    /// Without a byte while a body or tunnel is open.
    pub idle: Option<Period>,
    /// A pooled connection without a request. Services only.
    pub keep_alive: Option<Spanned<Period>>,
}

/// TLS with callers.
#[derive(Debug, Clone, Default, Decode)]
#[config(what = "`tls` of the gateway", unserved = unserved::TLS)]
pub struct RawTls {
    /// PEM file with the certificate chain, leaf first.
    #[config(alias = "certificate")]
    pub cert: Option<Spanned<String>>,
    /// PEM file with the private key of `cert`.
    pub key: Option<Spanned<String>>,
    /// File with the proof that `cert` is not revoked, an OCSP response in DER form; callers are given
    /// it (stapling). It is read again when it changes.
    pub ocsp: Option<Spanned<String>>,
    /// Certificates by SNI: a list of `{ cert, key }`. An exact name wins over a wildcard; the first
    /// certificate is the default.
    pub certificates: Vec<Spanned<RawCertificate>>,
    /// Folder with certificates: `NAME.pem` or `NAME.crt` with `NAME.key`, or both in one `NAME.pem`.
    pub folder: Option<Spanned<String>>,
    /// Orders certificates from an ACME authority.
    pub acme: Option<Spanned<RawAcme>>,
    /// PEM file with the roots that sign callers' certificates; callers are then asked for one.
    pub client_ca: Option<Spanned<String>>,
    /// File with lists of revoked client certificates, PEM or DER.
    pub client_crl: Option<Spanned<String>>,
    /// Whether a caller without a certificate is refused: `required` or `optional`.
    pub client_certificate: Option<Spanned<ClientCertificateWord>>,
    /// The lowest version of TLS: `"1.2"` or `"1.3"`.
    #[config(default = defaults::TLS_MIN_VERSION)]
    pub min_version: TlsVersionWord,
    /// What ALPN offers, most wanted first: `h2`, `http/1.1`.
    pub alpn: Vec<AlpnWord>,
    /// Refuses a caller that names no host or one that no certificate has. Else it is shown the first
    /// certificate.
    #[config(default = defaults::STRICT_SNI)]
    pub strict_sni: bool,
}

/// A certificate in files.
#[derive(Debug, Clone, Decode)]
#[config(what = "a certificate")]
pub struct RawCertificate {
    /// PEM file with the certificate chain, leaf first.
    #[config(alias = "certificate")]
    pub cert: Spanned<String>,
    /// PEM file with the private key; without it, `cert` holds both.
    pub key: Option<Spanned<String>>,
    /// File with the proof that it is not revoked, an OCSP response in DER form.
    pub ocsp: Option<Spanned<String>>,
}

/// Certificates from an ACME authority (RFC 8555). Using it means that you agree to the authority's
/// terms of service.
#[derive(Debug, Clone, Decode)]
#[config(what = "`acme`")]
pub struct RawAcme {
    /// Host name, or a list of them; without any, those of the gateway. Each gets a certificate of its own.
    #[config(alias = "domain")]
    pub domains: Vec<Spanned<String>>,
    /// Whom the authority may write to.
    pub email: Option<Spanned<String>>,
    /// URL of the authority's directory.
    #[config(default = defaults::ACME_DIRECTORY)]
    pub directory: String,
    /// PEM file with the roots to trust for the directory instead of the system's.
    pub ca: Option<Spanned<String>>,
    /// How a name is shown to be ours: `http-01` on the HTTP listener (port 80 from outside), or
    /// `tls-alpn-01` on the HTTPS listener (port 443 from outside).
    #[config(default = defaults::ACME_CHALLENGE)]
    pub challenge: ChallengeWord,
}

/// Whether callers must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ClientCertificateWord {
    /// A caller without one is refused.
    Required,
    /// A caller without one is let in; a bad one is refused.
    Optional,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Decode)]
pub enum TlsVersionWord {
    /// TLS 1.2 and later.
    #[default]
    #[config(rename = "1.2")]
    V12,
    /// TLS 1.3 only.
    #[config(rename = "1.3")]
    V13,
}

/// A protocol of ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum AlpnWord {
    /// HTTP/2.
    H2,
    /// HTTP/1.1.
    #[config(rename = "http/1.1", alias = "http1")]
    Http11,
}

/// How a name is shown to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ChallengeWord {
    /// By HTTP.
    #[config(rename = "http-01")]
    Http01,
    /// By a TLS handshake.
    #[config(rename = "tls-alpn-01")]
    TlsAlpn01,
}

/// Where a caller is sent. What is not given stays as it was requested.
#[derive(Debug, Clone, Decode)]
#[config(what = "`redirect`")]
pub struct RawRedirect {
    /// `http` or `https`.
    pub scheme: Option<Spanned<String>>,
    /// Host, with a port if it needs one.
    pub host: Option<Spanned<String>>,
    /// Path; the query stays.
    pub path: Option<Spanned<String>>,
    /// 301, 302, 303, 307 or 308.
    #[config(default = defaults::REDIRECT_STATUS)]
    pub status: u16,
}

/// How a path is rewritten.
#[derive(Debug, Clone, Decode)]
#[config(what = "`rewrite`")]
pub struct RawRewrite {
    /// Prefix that is taken away.
    pub prefix: Option<Spanned<String>>,
    /// Regular expression whose matches are replaced.
    pub regex: Option<Spanned<String>>,
    /// What takes its place; `$1` and `$name` refer to groups of `regex`.
    pub to: Spanned<String>,
}

/// Condition on a value.
#[derive(Debug, Clone, Decode)]
#[config(what = "a condition")]
pub struct RawValue {
    /// Exactly this value.
    pub exact: Option<String>,
    /// A value that starts so.
    pub prefix: Option<String>,
    /// A regular expression for the whole value.
    pub regex: Option<Spanned<String>>,
    /// Whether it is there at all.
    pub present: Option<bool>,
}

/// A file for the access log.
#[derive(Debug, Clone, Decode)]
#[config(what = "`access_log`")]
pub struct RawLog {
    /// Format of a line.
    #[config(default = defaults::ACCESS_LOG)]
    pub format: FormatForm,
    /// File, relative to the configuration; standard output without it.
    pub path: Option<Spanned<String>>,
    /// Share of the requests that have a line.
    #[config(default = defaults::LOG_SAMPLE)]
    pub sample: Share,
    /// Requests that have a line whatever the share: `status`, `duration` or `failed`, joined by
    /// `or`.
    pub always: Option<Always>,
}

/// The surfaces for people and tools.
#[derive(Debug, Clone, Decode)]
#[config(what = "`management`", unserved = unserved::MANAGEMENT)]
pub struct RawManagement {
    /// Control API: a port, `addr:port`, or `off`.
    pub control: Option<Spanned<Address>>,
    /// Own metrics: a port, `addr:port`, or `off`.
    pub metrics: Option<Spanned<Address>>,
    /// Jaeger-compatible query API: a port, `addr:port`, or `off`.
    pub jaeger: Option<Spanned<Address>>,
    /// The same over gRPC: a port, `addr:port`, or `off`.
    pub jaeger_grpc: Option<Spanned<Address>>,
    /// Origins of web pages that may call them, such as `https://tools.example.com`.
    pub origins: Vec<Spanned<String>>,
    /// Where the token is found that callers must send: `env:NAME` or `file:path`.
    pub token: Option<Spanned<String>>,
    /// How long a reader may wait before its connection is closed.
    #[config(default = defaults::MANAGEMENT_IDLE)]
    pub idle: Period,
}

/// Ports of Trunkline's own surfaces.
#[derive(Debug, Clone, Decode)]
#[config(what = "`ports`")]
pub struct RawPorts {
    /// Added to every port of the table, to run Trunkline beside what runs today.
    pub shift: Option<Spanned<u16>>,
    /// Gateway, HTTP.
    pub http: Option<Spanned<u16>>,
    /// Gateway, HTTPS.
    pub https: Option<Spanned<u16>>,
    /// Own metrics.
    pub metrics: Option<Spanned<u16>>,
    /// Jaeger-compatible query API.
    pub jaeger: Option<Spanned<u16>>,
    /// Console and control API.
    pub console: Option<Spanned<u16>>,
}

/// Overlays; they were merged before decoding, so that only their being a map of maps is checked.
#[derive(Debug, Clone)]
pub struct Overlays(pub Vec<(String, Node)>);
