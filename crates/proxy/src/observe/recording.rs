//! The record of one exchange while it runs.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_model::RouteId;
use trunkline_model::reason::{Kind, Reason};
use trunkline_model::record::{Attempt, End, ExchangeRecord, Timings, without_credentials};
use trunkline_model::trace::{SpanId, TraceContext};
use trunkline_net::http::Exchange;

use super::text::{fill, fill_plain};
use super::{PerWorker, Requests};
use crate::balance::{LiveEndpoint, LiveService};
use crate::decode::{Busy, Connection};
use crate::forward::{RequestBody, Spent};
use crate::worker::{Ticket, Worker};

/// Collects what is known of an exchange, and tells it when dropped.
#[derive(Debug)]
pub(crate) struct Recording {
    worker: Rc<Worker>,
    start: Instant,
    /// `None` once it was told.
    record: Option<Box<ExchangeRecord>>,
    /// The route's, or those of requests that no route took.
    route: Arc<PerWorker<Requests>>,
    service: Option<Toward>,
    attempt: Option<Open>,
    /// Attempts of the same request that run beside it.
    beside: Vec<Open>,
    body: Option<RequestBody>,
    /// Its place among the open requests.
    ticket: Ticket,
    /// Ends the connection's being busy.
    _busy: Busy,
}

/// The service that an exchange goes to.
#[derive(Debug)]
struct Toward {
    live: Arc<LiveService>,
    since: Instant,
}

/// An attempt that is under way, or whose body is.
#[derive(Debug)]
struct Open {
    endpoint: Arc<LiveEndpoint>,
    span: SpanId,
    since: Instant,
    connect: Duration,
    /// Status, once it answered.
    status: Option<u16>,
}

impl Recording {
    /// Begins with the request's head, as it was received.
    pub(crate) fn begin(
        connection: &Connection,
        exchange: &Exchange,
        unrouted: &Arc<PerWorker<Requests>>,
        start: Instant,
        busy: Busy,
    ) -> Self {
        let worker = Rc::clone(&connection.worker);
        let request = &exchange.request;
        let host = request.get("host").unwrap_or_default();
        let target = without_credentials(request.target());
        let mut record = worker.records.spare().unwrap_or_else(|| blank(exchange));
        write(&mut record, exchange, &target);
        record.start_unix_nanos = worker.clock.wall_nanos();
        let asked = (request.method(), host, &*target);
        let ticket = worker.requests.enter(connection.open.number(), asked, start);
        Self {
            start,
            ticket,
            record: Some(record),
            route: Arc::clone(unrouted),
            service: None,
            attempt: None,
            beside: Vec::new(),
            body: None,
            worker,
            _busy: busy,
        }
    }

    /// What is known of its trace by now.
    pub(crate) fn traced(&mut self, trace: TraceContext) {
        self.note(|record| record.trace = trace);
    }

    /// When the first byte of its head came, for a codec that knows.
    pub(crate) fn head_began(&mut self, first_byte: Instant) {
        let took = self.start.saturating_duration_since(first_byte);
        self.note(|record| record.timings.head = Some(took));
    }

    /// It waited so long for an endpoint that could take it; waits add up.
    pub(crate) fn queued(&mut self, waited: Duration) {
        self.note(|record| *record.timings.queue.get_or_insert_default() += waited);
    }

    /// The route that took it.
    pub(crate) fn routed(&mut self, id: &RouteId, counters: Option<&Arc<PerWorker<Requests>>>) {
        if let Some(counters) = counters {
            self.route = Arc::clone(counters);
        }
        self.note(|record| record.route = Some(id.clone()));
    }

    /// It goes to this service.
    pub(crate) fn toward(&mut self, live: &Arc<LiveService>, body: &RequestBody) {
        live.take();
        if let Some(former) = self.service.take() {
            former.live.leave();
            former.live.counters.of(self.worker.index).statuses.count(0);
        }
        self.worker.requests.note(self.ticket, |open| open.service = live.number);
        let since = self.worker.clock.now();
        self.service = Some(Toward { live: Arc::clone(live), since });
        self.body = Some(body.clone());
    }

    /// An attempt begins.
    pub(crate) fn attempt(&mut self, endpoint: &Arc<LiveEndpoint>, span: SpanId) {
        let since = self.worker.clock.now();
        self.worker.requests.note(self.ticket, |open| open.endpoint = endpoint.life());
        let endpoint = Arc::clone(endpoint);
        self.queued(Duration::ZERO);
        self.attempt = Some(Open { endpoint, span, since, connect: Duration::ZERO, status: None });
    }

    /// Another attempt begins beside the one under way.
    pub(crate) fn attempt_beside(&mut self, endpoint: &Arc<LiveEndpoint>, span: SpanId) {
        self.beside.extend(self.attempt.take());
        self.attempt(endpoint, span);
    }

    /// The attempt with this span is the one that counts; those beside it are cancelled.
    pub(crate) fn won(&mut self, span: SpanId) {
        let mut others = std::mem::take(&mut self.beside);
        others.extend(self.attempt.take());
        let now = self.worker.clock.now();
        for attempt in others {
            if attempt.span == span {
                self.attempt = Some(attempt);
            } else {
                self.close(&attempt, Err(Kind::Hedged), now);
            }
        }
    }

    /// The attempt with this span came to nothing, and another goes on.
    pub(crate) fn lost(&mut self, span: SpanId, outcome: Result<u16, Kind>) {
        let now = self.worker.clock.now();
        if let Some(at) = self.beside.iter().position(|attempt| attempt.span == span) {
            let attempt = self.beside.swap_remove(at);
            self.close(&attempt, outcome, now);
        } else if let Some(attempt) = self.attempt.take_if(|attempt| attempt.span == span) {
            self.close(&attempt, outcome, now);
            self.attempt = self.beside.pop();
        }
    }

    /// The attempt under way was answered; it ends with its body.
    pub(crate) fn answered(&mut self, status: u16, spent: &Spent) {
        let Some(attempt) = &mut self.attempt else { return };
        attempt.status = Some(status);
        attempt.connect = spent.connect;
        let took = self.worker.clock.now().saturating_duration_since(attempt.since);
        self.note(|record| {
            record.timings.connect = Some(spent.connect);
            record.timings.response = Some(took.saturating_sub(spent.connect));
        });
    }

    /// The answer of the attempt under way is not passed on: another attempt follows.
    pub(crate) fn repeated(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            let outcome = attempt.status.ok_or(Kind::UpstreamReset);
            self.close(&attempt, outcome, self.worker.clock.now());
        }
    }

    /// The attempt under way failed.
    pub(crate) fn failed(&mut self, kind: Kind, spent: &Spent) {
        if let Some(mut attempt) = self.attempt.take() {
            attempt.connect = spent.connect;
            let connecting =
                matches!(kind, Kind::Connect | Kind::ConnectTimeout | Kind::UpstreamTls);
            if connecting {
                let cell = attempt.endpoint.counters.of(self.worker.index);
                cell.connect_failures.increment();
            }
            self.note(|record| record.timings.connect = (!connecting).then_some(spent.connect));
            self.close(&attempt, Err(kind), self.worker.clock.now());
        }
    }

    /// The endpoint of the attempt under way.
    pub(crate) fn endpoint(&self) -> Option<&Arc<LiveEndpoint>> {
        self.attempt.as_ref().map(|attempt| &attempt.endpoint)
    }

    /// Trunkline answers itself.
    pub(crate) fn decided(&mut self, reason: &Reason) {
        self.note(|record| record.reason = Some(reason.clone()));
    }

    /// This status is sent.
    pub(crate) fn status(&mut self, status: u16) {
        self.note(|record| record.status = status);
    }

    /// So many bytes of the response's body were sent.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.note(|record| record.bytes_sent += bytes);
        let received = self.body.as_ref().map_or(0, RequestBody::received);
        self.worker.requests.note(self.ticket, |open| {
            open.bytes_sent += bytes;
            open.bytes_received = received;
        });
    }

    /// So many bytes of the request's body came on another way than through its body: a tunnel.
    pub(crate) fn received(&mut self, bytes: u64) {
        self.note(|record| record.bytes_received += bytes);
    }

    /// It ended so.
    pub(crate) fn end(&mut self, end: End) {
        self.note(|record| record.end = end);
    }

    fn note(&mut self, change: impl FnOnce(&mut ExchangeRecord)) {
        if let Some(record) = &mut self.record {
            change(record);
        }
    }

    fn close(&mut self, attempt: &Open, outcome: Result<u16, Kind>, now: Instant) {
        let duration = now.saturating_duration_since(attempt.since);
        let cell = attempt.endpoint.counters.of(self.worker.index);
        cell.statuses.count(outcome.unwrap_or(0));
        cell.latency.record_alone(duration);
        let Some(service) = &self.service else { return };
        let told = Attempt {
            service: service.live.name.clone(),
            endpoint: attempt.endpoint.id.clone(),
            span: attempt.span,
            offset: attempt.since.saturating_duration_since(self.start),
            duration,
            connect: attempt.connect,
            outcome,
        };
        self.note(|record| record.attempts.push(told));
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let now = self.worker.clock.now();
        let worker = self.worker.index;
        self.worker.requests.leave(self.ticket);
        for attempt in std::mem::take(&mut self.beside) {
            attempt.endpoint.counters.of(worker).statuses.count(0);
        }
        if let Some(attempt) = self.attempt.take() {
            match attempt.status {
                Some(status) => self.close(&attempt, Ok(status), now),
                // The caller left while it was under way: nothing is known of the endpoint.
                None => attempt.endpoint.counters.of(worker).statuses.count(0),
            }
        }
        let Some(mut record) = self.record.take() else {
            return;
        };
        record.duration = now.saturating_duration_since(self.start);
        record.bytes_received += self.body.as_ref().map_or(0, RequestBody::received);
        if let Some(service) = self.service.take() {
            service.live.leave();
            let cell = service.live.counters.of(worker);
            cell.statuses.count(record.status);
            cell.latency.record_alone(now.saturating_duration_since(service.since));
        }
        let cell = self.route.of(worker);
        cell.statuses.count(record.status);
        cell.latency.record_alone(record.duration);
        self.worker.records.tell(record);
    }
}

/// A record of which nothing is known: there is none to be used again until the first come back.
fn blank(exchange: &Exchange) -> Box<ExchangeRecord> {
    Box::new(ExchangeRecord {
        start_unix_nanos: 0,
        duration: Duration::ZERO,
        trace: exchange.trace,
        correlation: String::new(),
        peer: exchange.peer.address,
        client: exchange.peer.client,
        listener: exchange.listener.clone(),
        route: None,
        method: String::new(),
        scheme: "",
        host: String::new(),
        target: String::new(),
        protocol: "",
        user_agent: String::new(),
        referer: String::new(),
        bytes_received: 0,
        bytes_sent: 0,
        status: 0,
        reason: None,
        attempts: Vec::new(),
        timings: Timings::default(),
        end: End::CallerGone,
    })
}

/// Writes what is known at the beginning into a record of another exchange, in the room of its texts.
fn write(record: &mut ExchangeRecord, exchange: &Exchange, target: &str) {
    let request = &exchange.request;
    let field = |room: &mut String, name| match request.get_plain(name) {
        Some(text) => fill_plain(room, text),
        None => fill(room, request.get(name).unwrap_or_default()),
    };
    record.trace = exchange.trace;
    record.peer = exchange.peer.address;
    record.client = exchange.peer.client;
    // Counts of references are shared by all workers.
    if record.listener != exchange.listener {
        record.listener = exchange.listener.clone();
    }
    record.scheme = exchange.scheme.as_str();
    record.protocol = request.version().as_str();
    fill(&mut record.correlation, exchange.correlation.as_bytes());
    if let Some((method, _)) = request.plain_line() {
        fill_plain(&mut record.method, method);
        fill_plain(&mut record.target, target);
    } else {
        fill(&mut record.method, request.method().as_bytes());
        fill(&mut record.target, target.as_bytes());
    }
    field(&mut record.host, "host");
    field(&mut record.user_agent, "user-agent");
    field(&mut record.referer, "referer");
    record.duration = Duration::ZERO;
    (record.route, record.reason) = (None, None);
    (record.bytes_received, record.bytes_sent, record.status) = (0, 0, 0);
    record.attempts.clear();
    record.timings = Timings::default();
    record.end = End::CallerGone;
}
