//! The columns of a segment: which there are, in which order, and what Parquet calls them.
//!
//! Columns that every span has come first. Attributes that many spans have get a column for each
//! key and type: `attributes.http.route` of texts, `attributes_int64.http.status_code` of whole
//! numbers, and so on; all others are in lists of `{key, type, value, raw}`, whose `raw` is OTLP's
//! protobuf where the text in `value` is not exact. A key of the span's own attributes is in its
//! column with its first value; further values of the same key are in the list.
//!
//! Columns of the process (`resource.*`) and the library (`scope*`) are there for others: rows
//! have numbers of both, and the index has what they stand for.

mod choose;
mod shape;

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Stored};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type as SchemaType, TypePtr};

use crate::table::Type;

pub(crate) use choose::Chooser;
pub(crate) use shape::{Physical, Shape};

/// Most columns of attributes; the least frequent keys beyond are in the list.
pub(crate) const DENSE_MAX: usize = 400;
/// Longer keys get no column.
const KEY_BYTES_MAX: usize = 200;

/// The columns that every span has, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(
    dead_code,
    reason = "the order is that of the file; some columns are for other readers alone"
)]
pub(crate) enum Fixed {
    TraceId,
    SpanId,
    ParentSpanId,
    TraceState,
    Flags,
    Name,
    Kind,
    Start,
    Duration,
    Status,
    StatusMessage,
    Service,
    DroppedAttributes,
    DroppedEvents,
    DroppedLinks,
    ResourceNumber,
    ScopeNumber,
    ResourceSchemaUrl,
    ResourceDropped,
    ScopeName,
    ScopeVersion,
    ScopeSchemaUrl,
    ScopeDropped,
}

/// How many there are.
pub(crate) const FIXED: usize = Fixed::ScopeDropped as usize + 1;

/// The lists, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    dead_code,
    reason = "the order is that of the file; some lists are for other readers alone"
)]
pub(crate) enum List {
    Attributes,
    Resource,
    Scope,
    Events,
    Links,
}

/// The columns of a pair in a list: key, type, value, raw.
pub(crate) const PAIR: usize = 4;
/// Columns of an event before its attributes: time, name, dropped.
pub(crate) const EVENT: usize = 3;
/// Columns of a link before its attributes: trace, span, state, flags, dropped.
pub(crate) const LINK: usize = 5;

/// A key whose values of one type have a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Dense {
    pub(crate) key: Arc<str>,
    pub(crate) kind: Type,
}

/// The columns of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    /// Of the span's own attributes.
    pub(crate) attributes: Vec<Dense>,
    /// Of the process.
    pub(crate) resource: Vec<Dense>,
}

impl Dense {
    /// Whether there may be a column of this name.
    pub(crate) fn may_be(key: &str, kind: Type) -> bool {
        matches!(kind, Type::Text | Type::Bool | Type::Int | Type::Double)
            && (1..=KEY_BYTES_MAX).contains(&key.len())
            && !key.chars().any(char::is_control)
    }
}

impl Layout {
    /// Where the column of the n-th dense attribute is.
    pub(crate) const fn dense(index: usize) -> usize {
        FIXED + index
    }

    /// Where the columns of a list begin.
    pub(crate) const fn list(&self, list: List) -> usize {
        let attributes = FIXED + self.attributes.len();
        let resource = attributes + PAIR + self.resource.len();
        match list {
            List::Attributes => attributes,
            List::Resource => resource,
            List::Scope => resource + PAIR,
            List::Events => resource + 2 * PAIR,
            List::Links => resource + 3 * PAIR + EVENT,
        }
    }

    /// Columns.
    pub(crate) const fn columns(&self) -> usize {
        self.list(List::Links) + LINK + PAIR
    }

    /// The schema of the file.
    pub(crate) fn schema(&self) -> Result<TypePtr, ParquetError> {
        let mut fields = fixed()?;
        for dense in &self.attributes {
            fields.push(dense_field("attributes", dense)?);
        }
        fields.push(list("attributes_rest", pair()?)?);
        for dense in &self.resource {
            fields.push(dense_field("resource", dense)?);
        }
        fields.push(list("resource_rest", pair()?)?);
        fields.push(list("scope_attributes", pair()?)?);
        fields.push(list("events", event()?)?);
        fields.push(list("links", link()?)?);
        let schema = SchemaType::group_type_builder("spans").with_fields(fields);
        Ok(Arc::new(schema.build()?))
    }
}

const REQUIRED: Repetition = Repetition::REQUIRED;
const OPTIONAL: Repetition = Repetition::OPTIONAL;

fn fixed() -> Result<Vec<TypePtr>, ParquetError> {
    Ok(vec![
        id("trace_id", 16, REQUIRED)?,
        id("span_id", 8, REQUIRED)?,
        id("parent_span_id", 8, OPTIONAL)?,
        text("trace_state", OPTIONAL)?,
        count("flags")?,
        text("name", REQUIRED)?,
        text("kind", REQUIRED)?,
        time("start_unix_nanos")?,
        field("duration_nanos", Stored::INT64, REQUIRED, None)?,
        text("status_code", REQUIRED)?,
        text("status_message", OPTIONAL)?,
        text("service_name", REQUIRED)?,
        count("dropped_attributes_count")?,
        count("dropped_events_count")?,
        count("dropped_links_count")?,
        count("resource_number")?,
        count("scope_number")?,
        text("resource_schema_url", OPTIONAL)?,
        count("resource_dropped_attributes_count")?,
        text("scope_name", OPTIONAL)?,
        text("scope_version", OPTIONAL)?,
        text("scope_schema_url", OPTIONAL)?,
        count("scope_dropped_attributes_count")?,
    ])
}

fn event() -> Result<Vec<TypePtr>, ParquetError> {
    Ok(vec![
        time("time_unix_nanos")?,
        text("name", REQUIRED)?,
        count("dropped_attributes_count")?,
        list("attributes", pair()?)?,
    ])
}

fn link() -> Result<Vec<TypePtr>, ParquetError> {
    Ok(vec![
        id("trace_id", 16, REQUIRED)?,
        id("span_id", 8, REQUIRED)?,
        text("trace_state", REQUIRED)?,
        count("flags")?,
        count("dropped_attributes_count")?,
        list("attributes", pair()?)?,
    ])
}

fn pair() -> Result<Vec<TypePtr>, ParquetError> {
    Ok(vec![
        text("key", REQUIRED)?,
        text("type", REQUIRED)?,
        text("value", OPTIONAL)?,
        field("raw", Stored::BYTE_ARRAY, OPTIONAL, None)?,
    ])
}

fn dense_field(of: &str, dense: &Dense) -> Result<TypePtr, ParquetError> {
    let key = &dense.key;
    match dense.kind {
        Type::Bool => field(&format!("{of}_bool.{key}"), Stored::BOOLEAN, OPTIONAL, None),
        Type::Int => field(&format!("{of}_int64.{key}"), Stored::INT64, OPTIONAL, None),
        Type::Double => field(&format!("{of}_float64.{key}"), Stored::DOUBLE, OPTIONAL, None),
        _ => text(&format!("{of}.{key}"), OPTIONAL),
    }
}

fn field(
    name: &str,
    physical: Stored,
    repetition: Repetition,
    logical: Option<LogicalType>,
) -> Result<TypePtr, ParquetError> {
    let builder = SchemaType::primitive_type_builder(name, physical);
    Ok(Arc::new(builder.with_repetition(repetition).with_logical_type(logical).build()?))
}

fn text(name: &str, repetition: Repetition) -> Result<TypePtr, ParquetError> {
    field(name, Stored::BYTE_ARRAY, repetition, Some(LogicalType::String))
}

fn count(name: &str) -> Result<TypePtr, ParquetError> {
    field(name, Stored::INT32, REQUIRED, Some(LogicalType::integer(32, false)))
}

fn time(name: &str) -> Result<TypePtr, ParquetError> {
    let logical = LogicalType::timestamp(true, TimeUnit::NANOS);
    field(name, Stored::INT64, REQUIRED, Some(logical))
}

fn id(name: &str, bytes: i32, repetition: Repetition) -> Result<TypePtr, ParquetError> {
    let builder = SchemaType::primitive_type_builder(name, Stored::FIXED_LEN_BYTE_ARRAY);
    Ok(Arc::new(builder.with_repetition(repetition).with_length(bytes).build()?))
}

/// A list of groups, never null, in the form of three levels that Parquet prescribes.
fn list(name: &str, fields: Vec<TypePtr>) -> Result<TypePtr, ParquetError> {
    let element =
        SchemaType::group_type_builder("element").with_repetition(REQUIRED).with_fields(fields);
    let inner = SchemaType::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element.build()?)]);
    let outer = SchemaType::group_type_builder(name)
        .with_repetition(REQUIRED)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(inner.build()?)]);
    Ok(Arc::new(outer.build()?))
}
