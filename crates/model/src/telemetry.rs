//! What is kept of telemetry, where it comes in, and where it is sent on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::ServiceName;
use crate::ports::Surface;
use crate::units::{ByteSize, Rate};

/// Traces, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Telemetry {
    /// What is kept on disk; `None` where traces are only remembered for a while, in memory.
    pub keep: Option<Keep>,
    /// Where spans of services come in.
    pub receive: Vec<(Surface, SocketAddr)>,
    /// Where everything is sent on to by OTLP.
    pub forward: Option<Forward>,
    /// What is taken out of spans before they are kept, in order.
    pub rules: Vec<Rule>,
    /// Jaeger's file of strategies, for services that ask how to sample; without it all are told the
    /// gateway's own share.
    pub strategies: Option<PathBuf>,
}

/// What is kept on disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Keep {
    /// The folder; `None` for the one that the process has for its data.
    pub path: Option<PathBuf>,
    /// When a batch counts as taken.
    pub durability: Durability,
    /// When it goes.
    pub retention: Retention,
    /// Memory of spans that are not in a segment yet, in bytes.
    pub memory: ByteSize,
    /// Which traces stay when more come than are wanted; all without it.
    pub sampling: Option<TailSampling>,
}

/// Which traces stay: those that failed, took long or are rare, and of the others a budget.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TailSampling {
    /// Spans that are kept of each service, about; traces are kept as a whole.
    pub budget: Rate,
    /// Traces with a span that took longer stay.
    pub slow: Option<Duration>,
    /// Traces with an operation that has fewer spans than this, among those that are decided on
    /// together, stay.
    pub rare: u32,
    /// Until traces are so old all of them are there.
    pub after: Duration,
}

/// When a batch counts as taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Durability {
    /// It is on the disk: survives the loss of power.
    Fsync,
    /// The operating system has it: survives the end of the process.
    Os,
    /// The process has it: survives nothing.
    None,
}

/// When what is kept goes: whichever of these comes first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Retention {
    /// It is older.
    pub age: Duration,
    /// All of it is larger: the oldest goes.
    pub size: ByteSize,
    /// The disk has less room than this: the oldest goes.
    pub free: ByteSize,
    /// Spans of these services are older.
    pub services: BTreeMap<ServiceName, Duration>,
}

/// Where everything is sent on to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Forward {
    /// `http://host:4317` for gRPC, `http://host:4318/v1/traces` for HTTP; `https` for TLS.
    pub url: String,
    /// Fields of every request, such as an API key: a name, and `env:NAME` or `file:path`.
    pub headers: BTreeMap<String, String>,
    /// What may wait to be sent on, in bytes of log: the oldest go beyond.
    pub buffer: ByteSize,
}

/// What is taken out of spans before they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Under which it counts.
    pub name: String,
    /// What it does.
    pub action: RuleAction,
}

/// What a rule does. In keys and names `*` is any text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RuleAction {
    /// These spans are not kept.
    Drop(Dropped),
    /// Attributes with these keys are deleted.
    Delete(Vec<String>),
    /// Values of these keys become a keyed hash.
    Hash(Vec<String>),
    /// Values of these keys become a text.
    Mask {
        /// The keys.
        keys: Vec<String>,
        /// What stands there instead.
        with: String,
    },
    /// What an expression finds in texts becomes another text.
    Replace {
        /// A regular expression.
        pattern: String,
        /// What stands there instead; `$1` is the first group.
        with: String,
    },
}

/// Spans that are not kept: those for which all of it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Dropped {
    /// Their service.
    pub service: Option<String>,
    /// Their name.
    pub operation: Option<String>,
    /// Their attributes, wherever they stand.
    pub attributes: BTreeMap<String, String>,
    /// They are shorter.
    pub shorter_than: Option<Duration>,
}

impl Telemetry {
    /// Nothing is kept and nothing comes in.
    pub const fn none() -> Self {
        Self { keep: None, receive: Vec::new(), forward: None, rules: Vec::new(), strategies: None }
    }
}
