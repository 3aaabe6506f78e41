//! What of Jaeger's query API, version 1, is served: one table, which a test walks row by row
//! against the running surface, and which `docs/reference/jaeger.md` is made of.

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
}

impl Support {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Ignored => "ignored",
            Self::Refused => "refused (400)",
            Self::Absent => "absent (404)",
        }
    }

    /// The status of an answer to its probe.
    pub const fn status(self) -> u16 {
        match self {
            Self::Served | Self::Ignored => 200,
            Self::Refused => 400,
            Self::Absent => 404,
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
    /// A target that shows it, after `GET`. `{trace}` is the id of a kept trace.
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
const DEFAULTS: &str = "a_search_has_jaegers_defaults";
const IDS: &str = "ids_need_no_service_may_be_short_and_count_once";
const ERRORS: &str = "errors_come_in_the_envelope";
const UNREADABLE: &str = "what_cannot_be_read_is_a_400";
const PRETTY: &str = "pretty_print_indents";

/// Every part of the API that clients are known to use.
#[rustfmt::skip]
pub const TABLE: &[Row] = {
    use Support::{Absent, Ignored, Refused, Served};
    const SERVICES: &str = "/api/services";
    const NAMES: &str = "/api/services/{service}/operations";
    const OPERATIONS: &str = "/api/operations";
    const SEARCH: &str = "/api/traces";
    const TRACE: &str = "/api/traces/{id}";
    &[
        row("/jaeger/…", "", Served, "/jaeger/api/services", LISTED, "every path below, for clients with that base path"),
        row(SERVICES, "", Served, "/api/services", LISTED, ""),
        row(NAMES, "", Served, "/api/services/shop/operations", LISTED, "names only, each once"),
        row(OPERATIONS, "`service`", Served, "/api/operations?service=shop", LISTED, ""),
        row(OPERATIONS, "without `service`", Refused, "/api/operations", ERRORS, ""),
        row(OPERATIONS, "`spanKind`", Served, "/api/operations?service=shop&spanKind=client", LISTED, "in either case"),
        row(SEARCH, "`service`", Served, "/api/traces?service=shop", FOUND, ""),
        row(SEARCH, "without `service` and `traceID`", Refused, "/api/traces", ERRORS, ""),
        row(SEARCH, "`operation`", Served, "/api/traces?service=shop&operation=all", READ, "`all` is no choice"),
        row(SEARCH, "`tag=key:value`", Served, "/api/traces?service=shop&tag=error:true", READ, "any number of times; `error` and `span.kind` count as tags"),
        row(SEARCH, "`tag` without a colon", Refused, "/api/traces?service=shop&tag=x", UNREADABLE, ""),
        row(SEARCH, "`tags={\"key\":\"value\"}`", Served, "/api/traces?service=shop&tags=%7B%22k%22%3A%22v%22%7D", READ, ""),
        row(SEARCH, "`tags` of other JSON", Refused, "/api/traces?service=shop&tags=%5B%5D", UNREADABLE, ""),
        row(SEARCH, "`start`, `end`", Served, "/api/traces?service=shop&start=1000&end=2000", READ, "microseconds since 1970; the last 48 hours when not given"),
        row(SEARCH, "`start` as text", Refused, "/api/traces?service=shop&start=yesterday", UNREADABLE, ""),
        row(SEARCH, "`minDuration`, `maxDuration`", Served, "/api/traces?service=shop&minDuration=1.2ms&maxDuration=2s", READ, "a number with a unit"),
        row(SEARCH, "`maxDuration` below `minDuration`", Refused, "/api/traces?service=shop&minDuration=2s&maxDuration=1s", UNREADABLE, ""),
        row(SEARCH, "`limit`", Served, "/api/traces?service=shop&limit=5", DEFAULTS, "100 when not given, 10 000 at most"),
        row(SEARCH, "`limit` of zero", Refused, "/api/traces?service=shop&limit=0", UNREADABLE, ""),
        row(SEARCH, "`traceID`", Served, "/api/traces?traceID={trace}", IDS, "any number of times, each trace once; a missing one is an entry of `errors`"),
        row(SEARCH, "`traceID` that is no id", Refused, "/api/traces?traceID=xyz", UNREADABLE, ""),
        row(SEARCH, "`lookback`", Ignored, "/api/traces?service=shop&lookback=1h", FOUND, "Jaeger's UI sends it beside `start` and `end`, which count"),
        row(TRACE, "", Served, "/api/traces/{trace}", FOUND, "leading zeros of the id may be left out"),
        row(TRACE, "a trace that is not kept", Absent, "/api/traces/1", ERRORS, ""),
        row(TRACE, "an id that is none", Refused, "/api/traces/xyz", UNREADABLE, ""),
        row(TRACE, "`raw`", Ignored, "/api/traces/{trace}?raw=true", FOUND, "spans are never adjusted"),
        row(TRACE, "`start`, `end`", Ignored, "/api/traces/{trace}?start=1", "", "a trace is found without them"),
        row("all", "`prettyPrint`", Served, "/api/services?prettyPrint=true", PRETTY, ""),
        row("/api/dependencies", "", Absent, "/api/dependencies?endTs=1000", "", "there is no service graph yet"),
        row("/api/archive/{id}", "", Absent, "/api/archive/{trace}", "", "nothing is archived: the buffer is bounded"),
        row("/api/metrics/{kind}", "", Absent, "/api/metrics/calls?service=shop", "", "ask `/metrics` of port 9090"),
        row("/api/quality-metrics", "", Absent, "/api/quality-metrics", "", ""),
        row("/api/transform", "", Absent, "/api/transform", "", ""),
        row("/api/v3/…", "", Absent, "/api/v3/services", "", "version 3, over HTTP and gRPC"),
        row("/", "the web UI", Absent, "/", "", "point a Jaeger UI of your own at this API"),
    ]
};

/// `docs/reference/jaeger.md`.
pub fn reference() -> String {
    let mut page = String::from(
        "# Jaeger compatibility\n\n\
         The query API of Jaeger, version 1, on port 16686: paths, parameters, envelope, documents and errors \
         are Jaeger's.\nGenerated from `crates/api/src/jaeger/compatibility.rs`; a test asks the running \
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
