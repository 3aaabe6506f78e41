//! A span and what it carries, owned: OTLP's data model, field by field.

use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};

/// Keys and values, in the order in which they were sent. A key may stand more than once: what was
/// sent is kept.
pub type Attributes = Vec<(Arc<str>, Value)>;

/// The value of an attribute: OTLP's `AnyValue`.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// No value: OTLP allows it.
    #[default]
    Empty,
    /// Text.
    Text(Arc<str>),
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Raw bytes.
    Bytes(Arc<[u8]>),
    /// Several values.
    Array(Vec<Value>),
    /// Named values.
    Map(Attributes),
}

/// What a span is about, who made it: the process.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// Its attributes, `service.name` among them.
    pub attributes: Attributes,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
    /// Where the names of its attributes are defined.
    pub schema_url: Arc<str>,
}

/// The library that made a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Its name.
    pub name: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// Its attributes.
    pub attributes: Attributes,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
    /// Where the names of its attributes are defined.
    pub schema_url: Arc<str>,
}

/// Which part a span has in a call. Numbers are OTLP's `SpanKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Kind {
    /// Not told.
    #[default]
    Unspecified = 0,
    /// Neither end of a call.
    Internal = 1,
    /// The receiving end.
    Server = 2,
    /// The calling end.
    Client = 3,
    /// Sends a message.
    Producer = 4,
    /// Takes a message.
    Consumer = 5,
}

impl Kind {
    /// The kind of OTLP's number; unknown numbers are [`Kind::Unspecified`].
    pub const fn of(number: u64) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// The word of Jaeger's `span.kind`; empty when it was not told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// Whether a span did what it was for. Numbers are OTLP's `StatusCode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum StatusCode {
    /// Not told: taken as well.
    #[default]
    Unset = 0,
    /// Somebody says that it is well.
    Ok = 1,
    /// It failed.
    Error = 2,
}

impl StatusCode {
    /// The status of OTLP's number; unknown numbers are [`StatusCode::Unset`].
    pub const fn of(number: u64) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }
}

/// How a span ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Well or not.
    pub code: StatusCode,
    /// What its maker says about it.
    pub message: Arc<str>,
}

/// Something that happened within a span: a log line, an exception.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// When, nanoseconds since the Unix epoch.
    pub time_unix_nanos: u64,
    /// What.
    pub name: Arc<str>,
    /// Its attributes.
    pub attributes: Attributes,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
}

/// Another span that this one belongs to without being its child.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub span: SpanId,
    /// Its `tracestate`.
    pub trace_state: Arc<str>,
    /// Its attributes.
    pub attributes: Attributes,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
    /// W3C trace flags, and OTLP's bits for a remote context.
    pub flags: u32,
}

/// One span, with the process and the library that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub id: SpanId,
    /// The span it is a child of.
    pub parent: Option<SpanId>,
    /// `tracestate` as it was sent.
    pub trace_state: Arc<str>,
    /// W3C trace flags in the low eight bits; bits 8 and 9 tell whether the parent is remote.
    pub flags: u32,
    /// The operation.
    pub name: Arc<str>,
    /// Which part it has in a call.
    pub kind: Kind,
    /// Start, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// End, nanoseconds since the Unix epoch. Before the start where clocks or makers are broken.
    pub end_unix_nanos: u64,
    /// Attributes of its own.
    pub attributes: Attributes,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
    /// What happened within it.
    pub events: Vec<Event>,
    /// Events that its maker left out.
    pub dropped_events: u32,
    /// Other spans it belongs to.
    pub links: Vec<Link>,
    /// Links that its maker left out.
    pub dropped_links: u32,
    /// How it ended.
    pub status: Status,
    /// The process that made it.
    pub resource: Arc<Resource>,
    /// The library that made it.
    pub scope: Arc<Scope>,
}

/// The service of spans that name none, as OpenTelemetry's SDKs call it.
pub const UNKNOWN_SERVICE: &str = "unknown_service";

impl Resource {
    /// `service.name`; [`UNKNOWN_SERVICE`] where there is none.
    pub fn service(&self) -> &str {
        match get(&self.attributes, "service.name") {
            Some(Value::Text(name)) if !name.is_empty() => name,
            _ => UNKNOWN_SERVICE,
        }
    }
}

impl Span {
    /// The service that made it.
    pub fn service(&self) -> &str {
        self.resource.service()
    }

    /// Whether another span was made by the same process.
    pub fn same_resource(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.resource, &other.resource) || self.resource == other.resource
    }

    /// Whether another span was made by the same library.
    pub fn same_scope(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.scope, &other.scope) || self.scope == other.scope
    }

    /// How long it took, in nanoseconds; 0 where its end is before its start.
    pub fn duration_nanos(&self) -> u64 {
        self.end_unix_nanos.saturating_sub(self.start_unix_nanos)
    }

    /// Whether it failed.
    pub fn failed(&self) -> bool {
        self.status.code == StatusCode::Error
    }

    /// The first attribute of its own with this key.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        get(&self.attributes, key)
    }
}

/// The first value with this key.
pub fn get<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a Value> {
    attributes.iter().find(|(name, _)| **name == *key).map(|(_, value)| value)
}
