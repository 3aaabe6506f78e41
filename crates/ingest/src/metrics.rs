//! What came in, by protocol; what was refused, and why; what rules took out.
//!
//! Counters are exact and belong to one [`Metrics`], made once and shared. [`Metrics::samples`]
//! gives them with the names and labels under which they are published.

use trunkline_rt::metrics::{Counter, Gauge};

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Protocol {
    /// OTLP over gRPC.
    OtlpGrpc,
    /// OTLP over HTTP.
    OtlpHttp,
    /// Jaeger, Thrift compact over UDP.
    JaegerCompact,
    /// Jaeger, Thrift binary over UDP.
    JaegerBinary,
    /// Jaeger, Thrift over HTTP.
    JaegerHttp,
    /// Jaeger over gRPC.
    JaegerGrpc,
    /// Zipkin over HTTP.
    Zipkin,
    /// The proxy's own spans.
    Own,
}

impl Protocol {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::OtlpGrpc,
        Self::OtlpHttp,
        Self::JaegerCompact,
        Self::JaegerBinary,
        Self::JaegerHttp,
        Self::JaegerGrpc,
        Self::Zipkin,
        Self::Own,
    ];

    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "otlp_grpc",
            Self::OtlpHttp => "otlp_http",
            Self::JaegerCompact => "jaeger_compact",
            Self::JaegerBinary => "jaeger_binary",
            Self::JaegerHttp => "jaeger_http",
            Self::JaegerGrpc => "jaeger_grpc",
            Self::Zipkin => "zipkin",
            Self::Own => "own",
        }
    }
}

/// Why a batch was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Reason {
    /// It cannot be read.
    Malformed,
    /// It is larger than it may be, compressed or not, or too deep.
    TooLarge,
    /// A content type, encoding, path or method that is not served.
    Unsupported,
    /// A page of a foreign origin, or a caller without token.
    Forbidden,
    /// It took too long to arrive, or broke off.
    Unfinished,
    /// More came than could be held or written.
    Busy,
    /// The store is full or cannot write.
    Unavailable,
}

impl Reason {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Malformed,
        Self::TooLarge,
        Self::Unsupported,
        Self::Forbidden,
        Self::Unfinished,
        Self::Busy,
        Self::Unavailable,
    ];

    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
            Self::Forbidden => "forbidden",
            Self::Unfinished => "unfinished",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Counters of one protocol.
#[derive(Debug, Default)]
pub struct OfProtocol {
    /// Batches that were kept.
    pub batches: Counter,
    /// Their bytes as they came, decompressed.
    pub bytes: Counter,
    /// Their spans that were kept.
    pub spans: Counter,
    /// Spans without valid ids, which were left out.
    pub rejected_spans: Counter,
    /// Spans that a rule dropped.
    pub dropped_spans: Counter,
    refused: [Counter; Reason::ALL.len()],
}

/// Counters of everything that came in and was sent on.
#[derive(Debug, Default)]
pub struct Metrics {
    protocols: [OfProtocol; Protocol::ALL.len()],
    /// Requests for a sampling strategy.
    pub sampling_requests: Counter,
    /// Batches that were sent on.
    pub forwarded_batches: Counter,
    /// Spans that were sent on.
    pub forwarded_spans: Counter,
    /// Spans that the receiver rejected for good.
    pub forward_rejected_spans: Counter,
    /// Tries to send on that failed and are repeated.
    pub forward_failures: Counter,
    /// Batches that were dropped because too much waited to be sent on.
    pub forward_dropped_batches: Counter,
    /// Bytes that wait to be sent on.
    pub forward_waiting_bytes: Gauge,
}

/// A value to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its family.
    pub name: &'static str,
    /// Values of the family's labels.
    pub labels: Vec<(&'static str, &'static str)>,
    /// The value.
    pub value: u64,
}

/// How to read a counter of a protocol.
type Get = fn(&OfProtocol) -> &Counter;

impl Metrics {
    /// The counters of a protocol.
    pub fn of(&self, protocol: Protocol) -> &OfProtocol {
        self.protocols.get(protocol as usize).unwrap_or(&self.protocols[0])
    }

    /// Counts a refused batch.
    pub fn refused(&self, protocol: Protocol, reason: Reason) {
        if let Some(counter) = self.of(protocol).refused.get(reason as usize) {
            counter.increment();
        }
    }

    /// Refused batches so far.
    pub fn refused_batches(&self, protocol: Protocol, reason: Reason) -> u64 {
        self.of(protocol).refused.get(reason as usize).map_or(0, Counter::get)
    }

    /// Everything, by family.
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        let by_protocol: [(&'static str, Get); 5] = [
            ("trunkline_ingest_batches", |counters| &counters.batches),
            ("trunkline_ingest_bytes", |counters| &counters.bytes),
            ("trunkline_ingest_spans", |counters| &counters.spans),
            ("trunkline_ingest_rejected_spans", |counters| &counters.rejected_spans),
            ("trunkline_ingest_dropped_spans", |counters| &counters.dropped_spans),
        ];
        for (name, counter) in by_protocol {
            samples.extend(Protocol::ALL.iter().map(|protocol| Sample {
                name,
                labels: vec![("protocol", protocol.as_str())],
                value: counter(self.of(*protocol)).get(),
            }));
        }
        for protocol in Protocol::ALL {
            samples.extend(Reason::ALL.iter().map(|reason| Sample {
                name: "trunkline_ingest_refused_batches",
                labels: vec![("protocol", protocol.as_str()), ("reason", reason.as_str())],
                value: self.refused_batches(protocol, *reason),
            }));
        }
        let waiting = u64::try_from(self.forward_waiting_bytes.get()).unwrap_or(0);
        samples.extend(
            [
                ("trunkline_sampling_requests", self.sampling_requests.get()),
                ("trunkline_forward_batches", self.forwarded_batches.get()),
                ("trunkline_forward_spans", self.forwarded_spans.get()),
                ("trunkline_forward_rejected_spans", self.forward_rejected_spans.get()),
                ("trunkline_forward_failures", self.forward_failures.get()),
                ("trunkline_forward_dropped_batches", self.forward_dropped_batches.get()),
                ("trunkline_forward_waiting_bytes", waiting),
            ]
            .map(|(name, value)| Sample { name, labels: Vec::new(), value }),
        );
        samples
    }
}
