//! The record of one relayed session, told when it ends.

use std::rc::Rc;
use std::time::{Duration, Instant};

use trunkline_model::reason::Reason;
use trunkline_model::record::{Attempt, End, ExchangeRecord, Timings};
use trunkline_model::relay::Carrier;
use trunkline_model::trace::TraceContext;

use crate::carry::Carried;
use crate::context;
use crate::decode::Connection;

/// The words for what is relayed, where HTTP has scheme, and method and version.
const TCP: (&str, &str) = ("tcp", "TCP");
const UDP: (&str, &str) = ("udp", "UDP");

/// Collects what is known of a session, and tells it when dropped.
pub(super) struct Recording {
    connection: Rc<Connection>,
    words: (&'static str, &'static str),
    start: Instant,
    start_unix_nanos: u64,
    trace: TraceContext,
    pub(super) asked: String,
    pub(super) carried: Rc<Carried>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) reason: Option<Reason>,
    pub(super) end: End,
}

impl Recording {
    pub(super) fn begin(connection: &Rc<Connection>) -> Self {
        let worker = &connection.worker;
        let words = match connection.listening.plan().listener.carrier() {
            Carrier::Tcp => TCP,
            Carrier::Udp => UDP,
        };
        // A session has a trace's id to be found by; nobody can be told it within the bytes.
        let trace = context::fresh(&mut worker.random.borrow_mut());
        Self {
            start: worker.clock.now(),
            start_unix_nanos: worker.clock.wall_nanos(),
            connection: Rc::clone(connection),
            words,
            trace,
            asked: String::new(),
            carried: Rc::default(),
            attempts: Vec::new(),
            reason: None,
            // Unless it comes to another end, its task was dropped.
            end: End::Cut,
        }
    }

    /// How long it has lasted.
    pub(super) fn age(&self) -> Duration {
        self.connection.worker.clock.now().saturating_duration_since(self.start)
    }

    /// A span for an attempt.
    pub(super) fn span(&self) -> trunkline_model::trace::SpanId {
        context::span_id(&mut self.connection.worker.random.borrow_mut())
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let duration = self.age();
        let connection = &self.connection;
        let (received, sent) = (self.carried.to_service.get(), self.carried.to_caller.get());
        let plan = connection.listening.plan();
        let cell = plan.counters.of(connection.worker.index);
        cell.relayed_received.add(received);
        cell.relayed_sent.add(sent);
        let mut attempts = std::mem::take(&mut self.attempts);
        if let Some(last) = attempts.last_mut().filter(|last| last.outcome.is_ok()) {
            last.duration = duration.saturating_sub(last.offset);
        }
        let connect = attempts.last().map(|last| last.connect);
        let record = ExchangeRecord {
            start_unix_nanos: self.start_unix_nanos,
            duration,
            trace: self.trace,
            correlation: String::new(),
            peer: connection.peer.address,
            client: connection.peer.client,
            listener: plan.listener.id.clone(),
            route: None,
            method: self.words.1.to_owned(),
            scheme: self.words.0,
            host: std::mem::take(&mut self.asked),
            target: String::new(),
            protocol: self.words.1,
            user_agent: String::new(),
            referer: String::new(),
            bytes_received: received,
            bytes_sent: sent,
            status: 0,
            reason: self.reason.take(),
            timings: Timings { connect, ..Timings::default() },
            attempts,
            end: self.end,
        };
        connection.worker.records.tell(Box::new(record));
    }
}
