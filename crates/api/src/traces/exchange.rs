//! From the record of an exchange to spans: one for what the caller saw, one for each attempt, and
//! one for what the callee did of it.
//!
//! A call between services is seen from its caller: its first span is the client side of that
//! service, which stands for the attempt as well where there was but one.
//!
//! Names and attributes follow OpenTelemetry's semantic conventions for HTTP spans (1.23 and later)
//! where they name one; ours begin with `trunkline.`.

mod callee;

use std::sync::Arc;
use std::time::Duration;

use trunkline_model::reason::{Fact, Reason};
use trunkline_model::record::{Attempt, End, ExchangeRecord};
use trunkline_model::route::{PathPattern, Route};
use trunkline_model::trace::{Attribute, Span, SpanId, SpanKind};

macro_rules! keys {
    ($($field:ident = $name:literal,)*) => {
        /// Names of attributes, each allocated once and shared by all spans.
        #[derive(Debug)]
        pub(super) struct Keys { $($field: Arc<str>,)* }

        impl Default for Keys {
            fn default() -> Self {
                Self { $($field: Arc::from($name),)* }
            }
        }
    };
}

keys! {
    method = "http.request.method",
    method_original = "http.request.method_original",
    resend_count = "http.request.resend_count",
    request_body = "http.request.body.size",
    response_body = "http.response.body.size",
    status = "http.response.status_code",
    route = "http.route",
    scheme = "url.scheme",
    path = "url.path",
    query = "url.query",
    server_address = "server.address",
    server_port = "server.port",
    client_address = "client.address",
    peer_address = "network.peer.address",
    peer_port = "network.peer.port",
    protocol_version = "network.protocol.version",
    user_agent = "user_agent.original",
    error = "error.type",
    peer_service = "peer.service",
    correlation = "trunkline.correlation_id",
    listener = "trunkline.listener",
    route_id = "trunkline.route",
    end = "trunkline.end",
    reason = "trunkline.reason",
    reason_service = "trunkline.reason.service",
    endpoint = "trunkline.endpoint",
    connect = "trunkline.connect_ms",
    recorded_by = "trunkline.recorded_by",
}

/// Methods that a span may be named by; others would let a caller make up operations without end.
const METHODS: &[&str] =
    &["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

/// What the conventions call any other method.
const METHOD_OTHER: &str = "_OTHER";

/// The low-cardinality text for a route: the path that it takes.
pub(super) fn route_name(route: &Route) -> Arc<str> {
    match &route.matching.path {
        PathPattern::Exact(path) | PathPattern::Glob(path) | PathPattern::Regex(path) => {
            Arc::from(path.as_str())
        }
        PathPattern::Prefix(path) => Arc::from(format!("{}/**", path.trim_end_matches('/'))),
    }
}

/// Whose side of an exchange is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side<'a> {
    /// The gateway's, which received it.
    Gateway(&'a Arc<str>),
    /// That of the service that called another one.
    Caller(&'a Arc<str>),
}

/// The spans of one exchange: the whole first, then attempts, each before its callee's.
pub(super) fn spans(
    record: &ExchangeRecord,
    route: Option<Arc<str>>,
    side: Side<'_>,
    keys: &Keys,
) -> Vec<Span> {
    let mut spans = Vec::with_capacity(1 + 2 * record.attempts.len());
    let service = match side {
        Side::Gateway(service) => {
            let route = route.or_else(|| record.route.as_ref().map(|id| Arc::from(id.as_str())));
            spans.push(server_span(record, route, service, keys));
            service
        }
        Side::Caller(service) => {
            spans.push(client_span(record, service, keys));
            service
        }
    };
    // A call that went well at once needs no second client span.
    let told = matches!((side, record.attempts.as_slice()), (Side::Caller(_), [only]) if only.outcome.is_ok());
    for (index, attempt) in record.attempts.iter().enumerate() {
        let mut parent = record.trace.span;
        if !told {
            let span = attempt_span(record, attempt, index, service, keys);
            parent = span.id;
            spans.push(span);
        }
        spans.extend(callee::span(record, attempt, parent, keys));
    }
    spans
}

/// What a service saw of its call to another.
fn client_span(record: &ExchangeRecord, service: &Arc<str>, keys: &Keys) -> Span {
    let callee = record.attempts.last().map(|attempt| attempt.service.as_str());
    let callee = callee
        .or_else(|| Some(record.reason.as_ref()?.service.as_ref()?.as_str()))
        .unwrap_or_default();
    let method = if METHODS.contains(&&*record.method) { &*record.method } else { "HTTP" };
    let mut attributes = Attributes::new(20);
    attributes.method(&record.method, keys);
    request(&mut attributes, record, keys);
    attributes.text(&keys.peer_service, callee);
    let failed = record.status >= 400 || failed(record);
    outcome(&mut attributes, record, failed, keys);
    attributes.text(&keys.recorded_by, "proxy");
    Span {
        trace: record.trace.trace,
        id: record.trace.span,
        parent: record.trace.parent,
        service: Arc::clone(service),
        name: Arc::from(format!("{method} {callee}").trim_end()),
        kind: SpanKind::Client,
        start_unix_nanos: record.start_unix_nanos,
        duration: record.duration,
        failed,
        attributes: attributes.0,
    }
}

fn server_span(
    record: &ExchangeRecord,
    route: Option<Arc<str>>,
    service: &Arc<str>,
    keys: &Keys,
) -> Span {
    let name = match (&route, METHODS.contains(&&*record.method)) {
        (Some(route), true) => format!("{} {route}", record.method),
        (Some(route), false) => format!("HTTP {route}"),
        (None, true) => record.method.clone(),
        (None, false) => "HTTP".to_owned(),
    };
    let mut attributes = Attributes::new(20);
    attributes.method(&record.method, keys);
    request(&mut attributes, record, keys);
    if let Some(route) = route {
        attributes.push(&keys.route, Attribute::Text(route));
    }
    if let Some(id) = &record.route {
        attributes.text(&keys.route_id, id.as_str());
    }
    outcome(&mut attributes, record, failed(record), keys);
    Span {
        trace: record.trace.trace,
        id: record.trace.span,
        parent: record.trace.parent,
        service: Arc::clone(service),
        name: Arc::from(name),
        kind: SpanKind::Server,
        start_unix_nanos: record.start_unix_nanos,
        duration: record.duration,
        failed: failed(record),
        attributes: attributes.0,
    }
}

/// A server span has failed when the server is to blame: not for a 4xx, and not because the caller
/// went away.
fn failed(record: &ExchangeRecord) -> bool {
    record.status >= 500 || matches!(record.end, End::ServiceBroke | End::Idle | End::Cut)
}

fn request(attributes: &mut Attributes, record: &ExchangeRecord, keys: &Keys) {
    attributes.text(&keys.scheme, record.scheme);
    let (path, query) = match record.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&*record.target, None),
    };
    attributes.text(&keys.path, path);
    if let Some(query) = query {
        attributes.text(&keys.query, query);
    }
    let (host, port) = split_port(&record.host);
    attributes.text(&keys.server_address, host);
    if let Some(port) = port {
        attributes.int(&keys.server_port, i64::from(port));
    }
    let peer = record.peer.ip().to_string();
    attributes.text(&keys.client_address, &peer);
    attributes.text(&keys.peer_address, &peer);
    attributes.int(&keys.peer_port, i64::from(record.peer.port()));
    attributes.text(&keys.protocol_version, protocol_version(record.protocol));
    if !record.user_agent.is_empty() {
        attributes.text(&keys.user_agent, &record.user_agent);
    }
    attributes.int(&keys.request_body, count(record.bytes_received));
    attributes.int(&keys.response_body, count(record.bytes_sent));
    attributes.text(&keys.correlation, &record.correlation);
    attributes.text(&keys.listener, record.listener.as_str());
}

fn outcome(attributes: &mut Attributes, record: &ExchangeRecord, failed: bool, keys: &Keys) {
    if record.status != 0 {
        attributes.int(&keys.status, i64::from(record.status));
    }
    if record.end != End::Complete {
        attributes.text(&keys.end, record.end.as_str());
    }
    if let Some(reason) = &record.reason {
        reason_facts(attributes, reason, keys);
    }
    if failed {
        match &record.reason {
            Some(reason) => attributes.text(&keys.error, reason.kind.as_str()),
            None if record.end == End::Complete => {
                attributes.text(&keys.error, &record.status.to_string());
            }
            None => attributes.text(&keys.error, record.end.as_str()),
        }
    }
}

fn reason_facts(attributes: &mut Attributes, reason: &Reason, keys: &Keys) {
    attributes.text(&keys.reason, reason.kind.as_str());
    if let Some(service) = &reason.service {
        attributes.text(&keys.reason_service, service.as_str());
    }
    for (name, fact) in &reason.facts {
        let value = match fact {
            Fact::Token(token) => Attribute::Text(Arc::from(*token)),
            Fact::Text(text) => Attribute::Text(Arc::from(text.as_str())),
            Fact::Number(number) => Attribute::Int(*number),
            Fact::Decimal(thousandths) => Attribute::Float(decimal(*thousandths)),
        };
        attributes.0.push((Arc::from(format!("trunkline.reason.{name}")), value));
    }
}

fn attempt_span(
    record: &ExchangeRecord,
    attempt: &Attempt,
    index: usize,
    service: &Arc<str>,
    keys: &Keys,
) -> Span {
    let method = if METHODS.contains(&&*record.method) { &*record.method } else { "HTTP" };
    let mut attributes = Attributes::new(10);
    attributes.method(&record.method, keys);
    if index > 0 {
        attributes.int(&keys.resend_count, i64::try_from(index).unwrap_or(i64::MAX));
    }
    attributes.text(&keys.peer_service, attempt.service.as_str());
    attributes.text(&keys.endpoint, attempt.endpoint.as_str());
    // The id of an endpoint is `service@address`.
    let address = attempt.endpoint.as_str().split_once('@').map(|(_, address)| address);
    if let Some((host, port)) = address.map(split_port) {
        attributes.text(&keys.server_address, host);
        if let Some(port) = port {
            attributes.int(&keys.server_port, i64::from(port));
        }
    }
    attributes.push(&keys.connect, Attribute::Float(attempt.connect.as_secs_f64() * 1_000.0));
    let failed = match attempt.outcome {
        Ok(status) => {
            attributes.int(&keys.status, i64::from(status));
            // A client span has failed for every 4xx and 5xx, says the convention.
            if status >= 400 {
                attributes.text(&keys.error, &status.to_string());
            }
            status >= 400
        }
        Err(kind) => {
            attributes.text(&keys.error, kind.as_str());
            true
        }
    };
    let answered = attempt.outcome.is_ok();
    Span {
        trace: record.trace.trace,
        // The callee's span has the id that the callee was given.
        id: if answered { beside(attempt.span) } else { attempt.span },
        parent: Some(record.trace.span),
        service: Arc::clone(service),
        name: Arc::from(format!("{method} {}", attempt.service)),
        kind: SpanKind::Client,
        start_unix_nanos: record.start_unix_nanos.saturating_add(nanos(attempt.offset)),
        duration: attempt.duration,
        failed,
        attributes: attributes.0,
    }
}

/// Another id for the caller's side of an attempt, the same each time.
fn beside(id: SpanId) -> SpanId {
    SpanId::new(id.bytes().map(|byte| byte ^ 0x5a)).unwrap_or(id)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Attributes under construction.
struct Attributes(Vec<(Arc<str>, Attribute)>);

impl Attributes {
    fn new(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    fn push(&mut self, key: &Arc<str>, value: Attribute) {
        self.0.push((Arc::clone(key), value));
    }

    fn text(&mut self, key: &Arc<str>, value: &str) {
        self.push(key, Attribute::Text(Arc::from(value)));
    }

    fn int(&mut self, key: &Arc<str>, value: i64) {
        self.push(key, Attribute::Int(value));
    }

    fn method(&mut self, method: &str, keys: &Keys) {
        if METHODS.contains(&method) {
            self.text(&keys.method, method);
        } else {
            self.text(&keys.method, METHOD_OTHER);
            self.text(&keys.method_original, method);
        }
    }
}

fn count(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// `HTTP/1.1` is version `1.1`, `HTTP/2` is `2`.
fn protocol_version(protocol: &str) -> &str {
    protocol.strip_prefix("HTTP/").unwrap_or(protocol)
}

/// Host and port of an authority; brackets of IPv6 are taken off.
fn split_port(authority: &str) -> (&str, Option<u16>) {
    let unbracketed = |host: &str| -> Option<usize> {
        (host.starts_with('[') && host.ends_with(']')).then_some(host.len())
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok())
        }
        _ => (authority, None),
    };
    match unbracketed(host) {
        Some(length) => (host.get(1..length - 1).unwrap_or(host), port),
        None => (host, port),
    }
}

#[expect(clippy::cast_precision_loss, reason = "facts are small numbers")]
fn decimal(thousandths: i64) -> f64 {
    thousandths as f64 / 1_000.0
}
