//! What of Jaeger's query API, versions 1 and 3, is served: one table, which a test walks row by
//! row against the running surface, and which `docs/reference/jaeger.md` is made of.

use std::fmt::Write as _;

/// How a part of the API is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// As Jaeger does.
    Served,
    /// It may be sent and changes nothing.
    Ignored,
    /// With status 400 and a message in the envelope.
    Refused,
    /// With status 404 in the envelope.
    Absent,
    /// With status 501 in the envelope.
    Lacking,
}

impl Support {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Ignored => "ignored",
            Self::Refused => "refused (400)",
            Self::Absent => "absent (404)",
            Self::Lacking => "not here (501)",
        }
    }

    /// The status of an answer to its probe.
    pub const fn status(self) -> u16 {
        match self {
            Self::Served | Self::Ignored => 200,
            Self::Refused => 400,
            Self::Absent => 404,
            Self::Lacking => 501,
        }
    }
}

/// One part of the API.
#[derive(Debug)]
pub struct Row {
    /// The path, as Jaeger's documentation writes it.
    pub path: &'static str,
    /// The parameter or the case; empty for the path itself.
    pub part: &'static str,
    /// How it is answered.
    pub support: Support,
    /// What there is to know about it.
    pub note: &'static str,
    /// A target that shows it, after `GET`, or after `POST` where that is written before it.
    /// `{trace}` is the id of a kept trace.
    pub probe: &'static str,
    /// The test that looks at the answer's content; empty where the status says all.
    pub test: &'static str,
}

const fn row(
    path: &'static str,
    part: &'static str,
    support: Support,
    probe: &'static str,
    test: &'static str,
    note: &'static str,
) -> Row {
    Row { path, part, support, note, probe, test }
}

const LISTED: &str = "services_and_operations_are_listed_in_the_envelope";
const FOUND: &str = "traces_are_found_by_search_and_by_id";
const READ: &str = "a_search_reads_every_parameter";
const TAGS: &str = "a_tag_may_mean_what_opentelemetry_keeps_elsewhere";
const DEFAULTS: &str = "a_search_has_jaegers_defaults";
const IDS: &str = "ids_need_no_service_may_be_short_and_count_once";
const ERRORS: &str = "errors_come_in_the_envelope";
const UNREADABLE: &str = "what_cannot_be_read_is_a_400";
const PRETTY: &str = "pretty_print_indents";
const RAW: &str = "a_raw_trace_is_told_as_it_was_stored";
const LINKS: &str = "dependencies_are_counted_from_spans";
const MONITOR: &str = "the_monitor_is_answered_from_rollups";
const OPENED: &str = "a_file_of_otlp_is_shown_as_a_trace";
const DEEP: &str = "a_way_ends_where_no_other_service_is_called";
const THREE: &str = "version_3_has_the_shapes_that_the_ui_demands";
const NAMES_OF_3: &str = "parameters_of_version_3_have_two_spellings";
const FILTERS: &str = "a_filter_is_read_with_all_its_parts";
const PAGES: &str = "pages_neither_repeat_nor_skip";
const ERRORS_OF_3: &str = "errors_of_version_3_have_their_own_shape";
const HEALTH: &str = "health_is_told_to_whoever_asks";
const GRPC: &str = "grpc_answers_what_http_answers";

/// Every part of the API that clients are known to use.
#[rustfmt::skip]
pub const TABLE: &[Row] = {
    use Support::{Absent, Ignored, Lacking, Refused, Served};
    const SERVICES: &str = "/api/services";
    const NAMES: &str = "/api/services/{service}/operations";
    const OPERATIONS: &str = "/api/operations";
    const SEARCH: &str = "/api/traces";
    const TRACE: &str = "/api/traces/{id}";
    const METRICS: &str = "/api/metrics/{latencies,calls,errors}";
    const SEARCH_3: &str = "/api/v3/traces";
    const SUMMARIES: &str = "/api/v3/trace-summaries";
    const TRACE_3: &str = "/api/v3/traces/{id}";
    &[
        row("/jaeger/…", "", Served, "/jaeger/api/services", LISTED, "every path below, for clients with that base path"),
        row(SERVICES, "", Served, "/api/services", LISTED, ""),
        row(NAMES, "", Served, "/api/services/shop/operations", LISTED, "names only, each once"),
        row(OPERATIONS, "`service`", Served, "/api/operations?service=shop", LISTED, ""),
        row(OPERATIONS, "without `service`", Refused, "/api/operations", ERRORS, ""),
        row(OPERATIONS, "`spanKind`", Served, "/api/operations?service=shop&spanKind=client", LISTED, "in either case"),
        row(SEARCH, "`service`", Served, "/api/traces?service=shop", FOUND, ""),
        row(SEARCH, "without `service` and `traceID`", Served, "/api/traces", DEFAULTS, "traces of all services; Jaeger refuses it"),
        row(SEARCH, "`operation`", Served, "/api/traces?service=shop&operation=all", READ, "`all` is no choice"),
        row(SEARCH, "`tag=key:value`", Served, "/api/traces?service=shop&tag=error:true", TAGS, "any number of times; on the span, its process, library, events and links; what OpenTelemetry keeps in fields counts as tags; a value with `.*` or a backslash is a pattern as well"),
        row(SEARCH, "`tag` without a colon", Refused, "/api/traces?service=shop&tag=x", UNREADABLE, ""),
        row(SEARCH, "`tags={\"key\":\"value\"}`", Served, "/api/traces?service=shop&tags=%7B%22k%22%3A%22v%22%7D", READ, ""),
        row(SEARCH, "`tags` of other JSON", Refused, "/api/traces?service=shop&tags=%5B%5D", UNREADABLE, ""),
        row(SEARCH, "`start`, `end`", Served, "/api/traces?service=shop&start=1000&end=2000", READ, "microseconds since 1970; the last 48 hours when not given"),
        row(SEARCH, "`start` as text", Refused, "/api/traces?service=shop&start=yesterday", UNREADABLE, ""),
        row(SEARCH, "`minDuration`, `maxDuration`", Served, "/api/traces?service=shop&minDuration=1.2ms&maxDuration=2s", READ, "a number with a unit"),
        row(SEARCH, "`maxDuration` below `minDuration`", Refused, "/api/traces?service=shop&minDuration=2s&maxDuration=1s", UNREADABLE, ""),
        row(SEARCH, "`limit`", Served, "/api/traces?service=shop&limit=5", DEFAULTS, "100 when not given, 10 000 at most; an answer ends at 50 000 spans and says so in `errors`"),
        row(SEARCH, "`limit` of zero", Refused, "/api/traces?service=shop&limit=0", UNREADABLE, ""),
        row(SEARCH, "`traceID`", Served, "/api/traces?traceID={trace}", IDS, "any number of times, each trace once; a missing one is an entry of `errors`"),
        row(SEARCH, "`traceID` that is no id", Refused, "/api/traces?traceID=xyz", UNREADABLE, ""),
        row(SEARCH, "`lookback`", Ignored, "/api/traces?service=shop&lookback=1h", FOUND, "Jaeger's UI sends it beside `start` and `end`, which count"),
        row(TRACE, "", Served, "/api/traces/{trace}", FOUND, "hex or base64; leading zeros of the id may be left out"),
        row(TRACE, "a trace that is not kept", Absent, "/api/traces/1", ERRORS, ""),
        row(TRACE, "an id that is none", Refused, "/api/traces/xyz", UNREADABLE, ""),
        row(TRACE, "`raw`", Served, "/api/traces/{trace}?raw=true", RAW, "without corrections of clocks, ids and attributes"),
        row(TRACE, "`start`, `end`", Ignored, "/api/traces/{trace}?start=1", "", "a trace is found without them"),
        row("all", "`prettyPrint`", Served, "/api/services?prettyPrint=true", PRETTY, ""),
        row("/api/dependencies", "`endTs`, `lookback`, `service`", Served, "/api/dependencies?endTs=1000", LINKS, "milliseconds; the last 24 hours when not given"),
        row("/analytics/v1/dependencies", "`service`, `operation`, `start`, `end`", Served, "/analytics/v1/dependencies?service=shop&start=0&end=0", LINKS, "the path that the UI asks for the same"),
        row("/api/deep-dependencies", "`service`, `operation`, `start`, `end`", Served, "/api/deep-dependencies?service=shop", DEEP, "of the newest 200 traces; Jaeger answers an example"),
        row("POST /api/transform", "", Served, "POST /api/transform", OPENED, "OTLP's JSON, up to 4 MiB"),
        row("POST /api/archive/{id}", "", Lacking, "POST /api/archive/{trace}", ERRORS, "all traces are kept by the same rules"),
        row(METRICS, "", Served, "/api/metrics/calls?service=shop", MONITOR, "the Monitor; 501 where no rates are kept"),
        row(METRICS, "`quantile`, `groupByOperation`, `endTs`, `lookback`, `step`, `ratePer`, `spanKind`", Served, "/api/metrics/latencies?service=shop&quantile=0.95&groupByOperation=true", MONITOR, "at most 11 000 points"),
        row(METRICS, "without `service`", Refused, "/api/metrics/calls", ERRORS, ""),
        row("/api/metrics/minstep", "", Served, "/api/metrics/minstep", MONITOR, ""),
        row("/api/quality-metrics", "", Lacking, "/api/quality-metrics", ERRORS, ""),
        row("/api/v3/services", "", Served, "/api/v3/services", THREE, ""),
        row("/api/v3/operations", "`service`, `spanKind`", Served, "/api/v3/operations?service=shop&spanKind=server", THREE, ""),
        row(SEARCH_3, "`query.serviceName`, `query.operationName`, `query.startTimeMin`, `query.startTimeMax`, `query.durationMin`, `query.durationMax`, `query.attributes`, `query.searchDepth`, `query.rawTraces`", Served, "/api/v3/traces?query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z", THREE, "`GET`, and `POST` with `{\"query\":{…}}`; without a service too; in snake case too"),
        row(SEARCH_3, "no trace found", Absent, "/api/v3/traces?query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2020-01-02T00:00:00Z", ERRORS_OF_3, ""),
        row(SEARCH_3, "without a time", Refused, "/api/v3/traces", ERRORS_OF_3, ""),
        row(SEARCH_3, "snake case", Served, "/api/v3/traces?query.start_time_min=2020-01-01T00:00:00Z&query.start_time_max=2100-01-01T00:00:00Z&query.num_traces=5", NAMES_OF_3, ""),
        row(SEARCH_3, "`query.filter`", Served, "/api/v3/traces?query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z&query.filter=%7B%22op%22%3A%22exists%22%2C%22args%22%3A%5B%7B%22attr%22%3A%7B%22key%22%3A%22http.route%22%7D%7D%5D%7D", FILTERS, "structured filters (RFC 0005): every operator, level and field of it; always on"),
        row(SUMMARIES, "as above", Served, "/api/v3/trace-summaries?query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z", THREE, "an empty list when nothing is found"),
        row(SEARCH_3, "`query.pagination.pageSize`, `query.pagination.pageToken`", Served, "/api/v3/traces?query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z&query.pagination.pageSize=1", PAGES, "`nextPageToken` stands beside `result`; over gRPC, where there is no place for it, pages are refused"),
        row(SUMMARIES, "`query.pagination.pageSize`, `query.pagination.pageToken`", Served, "/api/v3/trace-summaries?query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z&query.pagination.pageSize=1", PAGES, "pages (RFC 0014) of at most 1 000"),
        row(TRACE_3, "`startTime`, `endTime`, `rawTraces`", Served, "/api/v3/traces/{trace}?rawTraces=true", THREE, "a trace is found without its time"),
        row(TRACE_3, "a trace that is not kept", Absent, "/api/v3/traces/1", ERRORS_OF_3, ""),
        row("/api/v3/dependencies", "`startTime`, `endTime`", Served, "/api/v3/dependencies?startTime=2020-01-01T00:00:00Z&endTime=2100-01-01T00:00:00Z", THREE, ""),
        row("/api/v3/capabilities", "", Served, "/api/v3/capabilities", THREE, ""),
        row("/api/v3/spans", "", Absent, "/api/v3/spans", "", "a search for spans (RFC 0016) is a draft"),
        row("port 16685, gRPC", "`grpc.health.v1.Health`: `Check`, `Watch`", Served, "/api/v3/services", HEALTH, "for the server and for each of its services; without a token"),
        row("port 16685, gRPC", "`jaeger.api_v3.QueryService`: `GetTrace`, `FindTraces`, `FindTraceSummaries`, `GetServices`, `GetOperations`, `GetDependencies`; `jaeger.api_v3.Capabilities`", Served, "/api/v3/services", GRPC, "traces are streamed in parts of about 1 MiB"),
        row("/", "the web UI", Absent, "/", "", "point a Jaeger UI of your own at this API"),
    ]
};

/// `docs/reference/jaeger.md`.
pub fn reference() -> String {
    let mut page = String::from(
        "# Jaeger compatibility\n\n\
         The query API of Jaeger, versions 1 and 3, on port 16686, and version 3 over gRPC on port 16685: paths, \
         parameters, envelopes, documents and errors are Jaeger's.\nGenerated from `crates/api/src/jaeger/compatibility.rs`; a test asks the running \
         surface for every row, and the test that is named looks at the content.\n\n\
         | path | parameter or case | answer | note | test |\n|---|---|---|---|---|\n",
    );
    for row in TABLE {
        let test = if row.test.is_empty() { String::new() } else { format!("`{}`", row.test) };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {test} |",
            row.path,
            row.part,
            row.support.as_str(),
            row.note,
        );
    }
    page
}
