//! What can be asked of whoever keeps spans: traces by id, searches, and what there is to ask for.
//!
//! Answers are computed where they are asked, on the caller's thread: call this on a pool for work
//! that blocks, never on a worker. Every question has a [`Budget`].

mod budget;
mod filter;
mod order;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use trunkline_model::trace::TraceId;
use trunkline_otlp::span::get;
use trunkline_otlp::{Attributes, Kind, Span, Value};

pub use budget::{Budget, Limits, Spent};
pub use filter::{Field, Filter, Level, Pattern, Test, as_text};
pub use order::{arrange, type_name};

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It would cost more than it may.
    #[error("the query was ended: {0}")]
    Budget(#[from] Spent),
    /// A file of the store cannot be read.
    #[error("{file} cannot be read")]
    Unreadable {
        /// Which, below the store's folder.
        file: String,
        /// What the system or the format says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Which traces are wanted: those with a span that began in this time and satisfies the filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// What one and the same span satisfies.
    pub filter: Filter,
    /// When that span began, nanoseconds since the Unix epoch.
    pub start_unix_nanos: RangeInclusive<u64>,
    /// At most so many traces.
    pub limit: usize,
    /// Only what comes after the last hit of the page before.
    pub after: Option<Hit>,
}

/// A trace that was found. Hits are ordered by the start of their newest matching span, then by
/// id, newest first: pages of one search neither repeat nor skip what was there when it began. As
/// text it is the cursor of the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// When its newest matching span began, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// Its id.
    pub trace: TraceId,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start_unix_nanos, self.trace)
    }
}

/// A text is not a cursor that a search gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the cursor of a page")]
pub struct InvalidCursor;

impl FromStr for Hit {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (start, trace) = text.split_once('-').ok_or(InvalidCursor)?;
        let start_unix_nanos = start.parse().map_err(|_| InvalidCursor)?;
        Ok(Self { start_unix_nanos, trace: trace.parse().map_err(|_| InvalidCursor)? })
    }
}

/// A page of traces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Newest first.
    pub hits: Vec<Hit>,
    /// Whether there are more: ask again after the last hit.
    pub more: bool,
    /// The budget ended before everything was seen: there may be more, of any time, that is not
    /// shown. What is shown is right.
    pub partial: bool,
}

/// What a list tells of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub trace: TraceId,
    /// Service of its root, or of the span that began first when the root is not there.
    pub root_service: Arc<str>,
    /// Operation of that span.
    pub root_operation: Arc<str>,
    /// What that span says of its HTTP response, where it had one: see [`http_status`].
    pub root_status: Option<u16>,
    /// Earliest start of a span, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// Latest end of a span, nanoseconds since the Unix epoch.
    pub end_unix_nanos: u64,
    /// Spans.
    pub spans: usize,
    /// Spans that failed.
    pub failed: usize,
    /// Spans whose parent is not there.
    pub orphans: usize,
    /// Who took part, by name.
    pub services: Vec<ServiceCount>,
}

/// Part of one service in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCount {
    /// Its name.
    pub service: Arc<str>,
    /// Its spans.
    pub spans: usize,
    /// Its spans that failed.
    pub failed: usize,
}

/// An operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operation {
    /// Its name.
    pub name: Arc<str>,
    /// The kind of its spans.
    pub kind: Kind,
}

/// A key of attributes that spans have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// Its name.
    pub key: Arc<str>,
    /// Where it stands.
    pub level: Level,
    /// The type of its values, as [`type_name`] has it. A key with values of several types is listed
    /// once for each.
    pub kind: &'static str,
    /// How often it stands there: of resources and scopes, in how many spans.
    pub count: u64,
}

/// Who keeps spans and answers questions about them.
pub trait SpanSource: Send + Sync {
    /// The services that have spans, by name.
    fn services(&self, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError>;

    /// The operations of a service, by name; of all services when none is given.
    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError>;

    /// The keys of attributes, by name.
    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError>;

    /// Values of a key that begin with `prefix`, written as text, by name; at most `limit`.
    fn values(
        &self,
        level: Level,
        key: &str,
        prefix: &str,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, QueryError>;

    /// The spans of each of these traces, in the order of `ids`; empty for one that is not there.
    /// They come as [`arrange`] puts them: by start, attributes by key, none twice.
    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError>;

    /// A summary of each of these traces that is there, in the order of `ids`.
    fn summaries(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Summary>, QueryError> {
        let traces = self.traces(ids, budget)?;
        Ok(traces.iter().filter_map(|spans| Summary::of(spans)).collect())
    }

    /// The traces that a search finds. Where the budget ends, what was found is a partial answer
    /// and no error.
    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError>;
}

/// The status of an HTTP response, by OpenTelemetry's semantic conventions: the name of today, else
/// the one before 1.21; as a number or as a text.
pub fn http_status(attributes: &Attributes) -> Option<u16> {
    let status = get(attributes, "http.response.status_code");
    match status.or_else(|| get(attributes, "http.status_code"))? {
        Value::Int(status) => u16::try_from(*status).ok(),
        Value::Text(status) => status.parse().ok(),
        _ => None,
    }
}

impl Summary {
    /// The summary of the spans of one trace; `None` when there are none.
    pub fn of(spans: &[Span]) -> Option<Self> {
        let first = spans.iter().min_by_key(|span| span.start_unix_nanos)?;
        let root = spans.iter().filter(|span| span.parent.is_none());
        let root = root.min_by_key(|span| span.start_unix_nanos).unwrap_or(first);
        let ids: std::collections::HashSet<_> = spans.iter().map(|span| span.id).collect();
        let orphans = spans.iter().filter_map(|span| span.parent);
        let mut services = std::collections::BTreeMap::<&str, (usize, usize)>::new();
        for span in spans {
            let (count, failed) = services.entry(span.service()).or_default();
            *count += 1;
            *failed += usize::from(span.failed());
        }
        let services = services.into_iter().map(|(service, (spans, failed))| ServiceCount {
            service: service.into(),
            spans,
            failed,
        });
        Some(Self {
            trace: first.trace,
            root_service: root.service().into(),
            root_operation: Arc::clone(&root.name),
            root_status: http_status(&root.attributes),
            start_unix_nanos: first.start_unix_nanos,
            end_unix_nanos: spans.iter().map(|span| span.end_unix_nanos).max().unwrap_or(0),
            spans: spans.len(),
            failed: spans.iter().filter(|span| span.failed()).count(),
            orphans: orphans.filter(|parent| !ids.contains(parent)).count(),
            services: services.collect(),
        })
    }
}
