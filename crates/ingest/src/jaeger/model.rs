//! A span as Jaeger's clients describe it, whatever encoding it came in.

/// The value of a tag.
#[derive(Debug, Clone, PartialEq)]
pub enum TagValue {
    /// Text.
    Text(String),
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Of a type that Jaeger does not have.
    Unknown(i64),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: TagValue,
}

/// Something that happened within a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Log {
    /// When, nanoseconds since the Unix epoch.
    pub time_unix_nanos: u64,
    /// What.
    pub fields: Vec<Tag>,
}

/// How a span belongs to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// Whether the other one waits for this one.
    pub child_of: bool,
    /// Trace of the other.
    pub trace: u128,
    /// Id of the other.
    pub span: u64,
}

/// One span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Span {
    /// Its trace; 0 is none.
    pub trace: u128,
    /// Its id; 0 is none.
    pub id: u64,
    /// The span it is a child of, where that is told by itself; 0 is none.
    pub parent: u64,
    /// The operation.
    pub name: String,
    /// Other spans it belongs to.
    pub references: Vec<Reference>,
    /// Bit 0: sampled; bit 1: debug.
    pub flags: u32,
    /// When it began, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// How long it took.
    pub duration_nanos: u64,
    /// What is known of it.
    pub tags: Vec<Tag>,
    /// What happened within it.
    pub logs: Vec<Log>,
}

/// Who made spans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Process {
    /// The service.
    pub service: String,
    /// What is known of it.
    pub tags: Vec<Tag>,
}
