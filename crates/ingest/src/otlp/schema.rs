//! The messages of OTLP's traces as tables: the name of each field in JSON, its number, its type.
//!
//! Source: `trace/v1/trace.proto`, `common/v1/common.proto`, `resource/v1/resource.proto` and
//! `collector/trace/v1/trace_service.proto` of opentelemetry-proto 1.x.

/// A message: its fields.
pub(super) struct Schema(pub(super) &'static [Field]);

/// A field of a message.
pub(super) struct Field {
    /// Its name as JSON has it.
    pub(super) name: &'static str,
    /// Its name in the definition, which protobuf's JSON accepts as well.
    pub(super) original: &'static str,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
}

/// How a value stands in JSON, and how it is written.
pub(super) enum Kind {
    Text,
    /// Bytes as hex digits: ids, where OTLP departs from protobuf's JSON.
    Hex,
    Fixed64,
    Fixed32,
    U32,
    /// One of these names, or its number.
    Choice(&'static [(&'static str, u64)]),
    Message(&'static Schema),
    // Kinds of a value: written even when they are empty, since presence tells.
    ValueText,
    ValueBool,
    ValueInt,
    ValueDouble,
    /// Bytes as base64.
    ValueBytes,
}

const fn field(name: &'static str, original: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, original, number, kind, repeated: false }
}

const fn many(name: &'static str, original: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, original, number, kind, repeated: true }
}

pub(super) static REQUEST: Schema =
    Schema(&[many("resourceSpans", "resource_spans", 1, Kind::Message(&RESOURCE_SPANS))]);

static RESOURCE_SPANS: Schema = Schema(&[
    field("resource", "resource", 1, Kind::Message(&RESOURCE)),
    many("scopeSpans", "scope_spans", 2, Kind::Message(&SCOPE_SPANS)),
    field("schemaUrl", "schema_url", 3, Kind::Text),
]);

static RESOURCE: Schema = Schema(&[
    many("attributes", "attributes", 1, Kind::Message(&KEY_VALUE)),
    field("droppedAttributesCount", "dropped_attributes_count", 2, Kind::U32),
]);

static SCOPE_SPANS: Schema = Schema(&[
    field("scope", "scope", 1, Kind::Message(&SCOPE)),
    many("spans", "spans", 2, Kind::Message(&SPAN)),
    field("schemaUrl", "schema_url", 3, Kind::Text),
]);

static SCOPE: Schema = Schema(&[
    field("name", "name", 1, Kind::Text),
    field("version", "version", 2, Kind::Text),
    many("attributes", "attributes", 3, Kind::Message(&KEY_VALUE)),
    field("droppedAttributesCount", "dropped_attributes_count", 4, Kind::U32),
]);

static SPAN: Schema = Schema(&[
    field("traceId", "trace_id", 1, Kind::Hex),
    field("spanId", "span_id", 2, Kind::Hex),
    field("traceState", "trace_state", 3, Kind::Text),
    field("parentSpanId", "parent_span_id", 4, Kind::Hex),
    field("name", "name", 5, Kind::Text),
    field("kind", "kind", 6, Kind::Choice(KINDS)),
    field("startTimeUnixNano", "start_time_unix_nano", 7, Kind::Fixed64),
    field("endTimeUnixNano", "end_time_unix_nano", 8, Kind::Fixed64),
    many("attributes", "attributes", 9, Kind::Message(&KEY_VALUE)),
    field("droppedAttributesCount", "dropped_attributes_count", 10, Kind::U32),
    many("events", "events", 11, Kind::Message(&EVENT)),
    field("droppedEventsCount", "dropped_events_count", 12, Kind::U32),
    many("links", "links", 13, Kind::Message(&LINK)),
    field("droppedLinksCount", "dropped_links_count", 14, Kind::U32),
    field("status", "status", 15, Kind::Message(&STATUS)),
    field("flags", "flags", 16, Kind::Fixed32),
]);

static EVENT: Schema = Schema(&[
    field("timeUnixNano", "time_unix_nano", 1, Kind::Fixed64),
    field("name", "name", 2, Kind::Text),
    many("attributes", "attributes", 3, Kind::Message(&KEY_VALUE)),
    field("droppedAttributesCount", "dropped_attributes_count", 4, Kind::U32),
]);

static LINK: Schema = Schema(&[
    field("traceId", "trace_id", 1, Kind::Hex),
    field("spanId", "span_id", 2, Kind::Hex),
    field("traceState", "trace_state", 3, Kind::Text),
    many("attributes", "attributes", 4, Kind::Message(&KEY_VALUE)),
    field("droppedAttributesCount", "dropped_attributes_count", 5, Kind::U32),
    field("flags", "flags", 6, Kind::Fixed32),
]);

static STATUS: Schema = Schema(&[
    field("message", "message", 2, Kind::Text),
    field("code", "code", 3, Kind::Choice(CODES)),
]);

static KEY_VALUE: Schema = Schema(&[
    field("key", "key", 1, Kind::Text),
    field("value", "value", 2, Kind::Message(&ANY_VALUE)),
]);

static ANY_VALUE: Schema = Schema(&[
    field("stringValue", "string_value", 1, Kind::ValueText),
    field("boolValue", "bool_value", 2, Kind::ValueBool),
    field("intValue", "int_value", 3, Kind::ValueInt),
    field("doubleValue", "double_value", 4, Kind::ValueDouble),
    field("arrayValue", "array_value", 5, Kind::Message(&ARRAY)),
    field("kvlistValue", "kvlist_value", 6, Kind::Message(&MAP)),
    field("bytesValue", "bytes_value", 7, Kind::ValueBytes),
]);

static ARRAY: Schema = Schema(&[many("values", "values", 1, Kind::Message(&ANY_VALUE))]);
static MAP: Schema = Schema(&[many("values", "values", 1, Kind::Message(&KEY_VALUE))]);

const KINDS: &[(&str, u64)] = &[
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
];

const CODES: &[(&str, u64)] =
    &[("STATUS_CODE_UNSET", 0), ("STATUS_CODE_OK", 1), ("STATUS_CODE_ERROR", 2)];
